// SPDX-License-Identifier: Apache-2.0

/// One message of RFC 4475 or RFC 5118, by its section and the short name that the RFC gives it.
public struct TortureMessage: Sendable, CustomStringConvertible {
    /// The section that shows it.
    public let section: String
    /// Its short name.
    public let name: String
    /// The message as it stands on the wire.
    public let bytes: [UInt8]

    /// Section and name.
    public var description: String { "\(section) \(name)" }

    /// A message in the notation of RFC 4475 §2: one line each, `<allOneLine>`, `<hex>` and `<repeat count=n>` expanded.
    init(_ section: String, _ name: String, _ text: String) {
        self.section = section
        self.name = name
        bytes = Notation.expand(text)
    }
}

/// The notation of RFC 4475 §2, turned into bytes.
enum Notation {
    static func expand(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        var joined: String?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            switch line {
            case "<allOneLine>":
                joined = ""
            case "</allOneLine>":
                bytes += expandLine(joined ?? "") + [0x0D, 0x0A]
                joined = nil
            default:
                if joined == nil { bytes += expandLine(String(line)) + [0x0D, 0x0A] } else { joined! += line }
            }
        }
        return bytes
    }

    private static func expandLine(_ line: String) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = Substring(line)
        while let mark = rest.firstRange(of: /<hex>([0-9A-Fa-f]*)<\/hex>|<repeat count=(\d+)>(.*?)<\/repeat>/) {
            bytes += rest[..<mark.lowerBound].utf8
            let marked = rest[mark]
            if let match = marked.wholeMatch(of: /<hex>(.*)<\/hex>/) {
                bytes += octets(match.1)
            } else if let match = marked.wholeMatch(of: /<repeat count=(\d+)>(.*)<\/repeat>/), let count = Int(match.1)
            {
                for _ in 0..<count { bytes += match.2.utf8 }
            }
            rest = rest[mark.upperBound...]
        }
        return bytes + rest.utf8
    }

    private static func octets(_ digits: Substring) -> [UInt8] {
        var bytes: [UInt8] = []
        var start = digits.startIndex
        while start < digits.endIndex {
            let end = digits.index(start, offsetBy: 2)
            bytes.append(UInt8(digits[start..<end], radix: 16)!)
            start = end
        }
        return bytes
    }
}

/// The session description that most messages of RFC 4475 carry.
func sdp(_ address: String, time: String = "0 0") -> String {
    """
    v=0
    o=mhandley 29739 7272939 IN IP4 \(address)
    s=-
    c=IN IP4 \(address)
    t=\(time)
    m=audio 49217 RTP/AVP 0 12
    m=video 3227 RTP/AVP 31
    a=rtpmap:31 LPC
    """
}
