// SPDX-License-Identifier: Apache-2.0

extension TransportAddress.IP: CustomStringConvertible {
    /// The address in text, IPv6 as RFC 5952 recommends (lower case, longest run of zeros as `::`), without brackets.
    public var text: String {
        switch self {
        case .v4(let value):
            return "\(value >> 24).\(value >> 16 & 255).\(value >> 8 & 255).\(value & 255)"
        case .v6(let high, let low):
            let groups = (0..<8).map { group in
                UInt16(truncatingIfNeeded: (group < 4 ? high : low) >> UInt64((3 - group % 4) * 16))
            }
            var best = 0..<0
            var start = 0
            while start < 8 {
                var end = start
                while end < 8, groups[end] == 0 { end += 1 }
                if end - start > max(1, best.count) { best = start..<end }
                start = end + 1
            }
            func join(_ part: Range<Int>) -> String {
                part.map { String(groups[$0], radix: 16) }.joined(separator: ":")
            }
            return best.isEmpty ? join(0..<8) : join(0..<best.lowerBound) + "::" + join(best.upperBound..<8)
        }
    }

    /// The address in text, without brackets.
    public var description: String { text }

    /// Reads an address without brackets or scope: a dotted quad, or IPv6 in any RFC 4291 §2.2 form. Nil for anything else.
    public init?(_ text: some StringProtocol) {
        if text.utf8.contains(0x3A) {
            guard let halves = Self.parseV6(text) else { return nil }
            self = .v6(high: halves.0, low: halves.1)
        } else {
            guard let value = Self.parseV4(text) else { return nil }
            self = .v4(value)
        }
    }

    private static func parseV4(_ text: some StringProtocol) -> UInt32? {
        var value: UInt32 = 0
        var octet: UInt32 = 0
        var digits = 0
        var dots = 0
        for byte in text.utf8 {
            if byte == 0x2E {
                guard digits > 0, dots < 3 else { return nil }
                value = value << 8 | octet
                (octet, digits, dots) = (0, 0, dots + 1)
            } else {
                guard (0x30...0x39).contains(byte), digits < 3 else { return nil }
                octet = octet * 10 + UInt32(byte - 0x30)
                digits += 1
                guard octet < 256 else { return nil }
            }
        }
        guard dots == 3, digits > 0 else { return nil }
        return value << 8 | octet
    }

    private static func parseV6(_ text: some StringProtocol) -> (UInt64, UInt64)? {
        func groups(_ part: some StringProtocol) -> [UInt16]? {
            if part.isEmpty { return [] }
            var result: [UInt16] = []
            let pieces = part.split(separator: ":", omittingEmptySubsequences: false)
            for (index, piece) in pieces.enumerated() {
                if piece.contains(".") {
                    guard index == pieces.count - 1, let tail = parseV4(piece) else { return nil }
                    result += [UInt16(tail >> 16), UInt16(tail & 0xFFFF)]
                } else {
                    guard (1...4).contains(piece.utf8.count), piece.utf8.allSatisfy({ $0 != 0x2B && $0 != 0x2D }),
                        let group = UInt16(piece, radix: 16)
                    else { return nil }
                    result.append(group)
                }
            }
            return result
        }
        var all: [UInt16]
        if let gap = text.firstIndex(of: ":"), let double = firstDoubleColon(text, from: gap) {
            guard let left = groups(text[..<double]), let right = groups(text[text.index(double, offsetBy: 2)...]),
                left.count + right.count < 8
            else { return nil }
            all = left + [UInt16](repeating: 0, count: 8 - left.count - right.count) + right
        } else {
            guard let whole = groups(text) else { return nil }
            all = whole
        }
        guard all.count == 8 else { return nil }
        let halves = [all[0..<4], all[4..<8]].map { $0.reduce(UInt64(0)) { $0 << 16 | UInt64($1) } }
        return (halves[0], halves[1])
    }

    private static func firstDoubleColon<T: StringProtocol>(_ text: T, from start: T.Index) -> T.Index? {
        var index = start
        while index < text.endIndex {
            let next = text.index(after: index)
            if next < text.endIndex, text[index] == ":", text[next] == ":" { return index }
            index = next
        }
        return nil
    }
}

extension TransportAddress.IP {
    /// The numeric address in a host of a message, without brackets; nil for a name. IPv4 is read without making a string.
    public init?(host: UnsafeRawBufferPointer) {
        if host.contains(UInt8(ascii: ":")) {
            self.init(String(decoding: host, as: UTF8.self))
            return
        }
        var value: UInt32 = 0
        var part: UInt32 = 0
        var digits = 0
        var dots = 0
        for byte in host {
            switch byte {
            case UInt8(ascii: "."):
                guard digits > 0 else { return nil }
                value = value << 8 | part
                (part, digits, dots) = (0, 0, dots + 1)
            case 0x30...0x39 where digits < 3:
                part = part * 10 + UInt32(byte - 0x30)
                digits += 1
                guard part < 256 else { return nil }
            default: return nil
            }
        }
        guard dots == 3, digits > 0 else { return nil }
        self = .v4(value << 8 | part)
    }
}

extension TransportAddress: CustomStringConvertible {
    /// `host:port`, IPv6 in brackets.
    public var description: String {
        switch ip {
        case .v4: "\(ip.text):\(port)"
        case .v6: "[\(ip.text)]:\(port)"
        }
    }

    /// Reads `host:port` with a numeric host, IPv6 in brackets. Nil for anything else.
    public init?(_ text: some StringProtocol) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        guard let ip = IP(host) else { return nil }
        self.init(ip: ip, port: port)
    }
}
