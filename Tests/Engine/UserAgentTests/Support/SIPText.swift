// SPDX-License-Identifier: Apache-2.0

/// A SIP message taken apart as text by the plainest means, so that tests do not trust the parser that they test with.
struct SIPText: CustomStringConvertible {
    let description: String
    let startLine: String
    let headers: [(name: String, value: String)]
    let body: String

    init(_ text: String) {
        description = text
        let scalars = Array(text.utf8)
        var split = scalars.count
        for place in scalars.indices.dropLast(3) where scalars[place..<place + 4].elementsEqual([13, 10, 13, 10]) {
            split = place
            break
        }
        let head = String(decoding: scalars[..<split], as: UTF8.self)
        body = String(decoding: scalars.dropFirst(split + 4), as: UTF8.self)
        let lines = head.split(separator: "\r\n", omittingEmptySubsequences: false).map(String.init)
        startLine = lines[0]
        headers = lines.dropFirst().map { line in
            let parts = line.split(separator: ":", maxSplits: 1).map(String.init)
            return (parts[0], parts.count > 1 ? String(parts[1].drop { $0 == " " }) : "")
        }
    }

    subscript(_ name: String) -> String? { headers.first { $0.name == name }?.value }

    func all(_ name: String) -> [String] { headers.filter { $0.name == name }.map(\.value) }

    var isRequest: Bool { !startLine.hasPrefix("SIP/2.0") }
    var method: String { String(startLine.split(separator: " ")[0]) }
    var status: Int { isRequest ? 0 : Int(startLine.split(separator: " ")[1]) ?? 0 }
    var requestURI: String { String(startLine.split(separator: " ")[1]) }
    var cSeqNumber: Int { Int(self["CSeq"]?.split(separator: " ").first ?? "") ?? -1 }
    var cSeqMethod: String { String(self["CSeq"]?.split(separator: " ").last ?? "") }
    var branch: String { Self.parameter("branch", in: self["Via"] ?? "") ?? "" }
    var fromTag: String? { Self.parameter("tag", in: self["From"] ?? "") }
    var toTag: String? { Self.parameter("tag", in: self["To"] ?? "") }

    /// A parameter of an Authorization value.
    func credential(_ name: String, proxy: Bool = false) -> String? {
        guard let value = self[proxy ? "Proxy-Authorization" : "Authorization"], value.hasPrefix("Digest ") else {
            return nil
        }
        for part in value.dropFirst(7).split(separator: ",") {
            let pair = part.split(separator: "=", maxSplits: 1).map { $0.trimmed }
            if pair.count == 2, pair[0] == name { return pair[1].filter { $0 != "\"" } }
        }
        return nil
    }

    static func parameter(_ name: String, in value: String) -> String? {
        for part in value.split(separator: ";").dropFirst() {
            let pair = part.split(separator: "=", maxSplits: 1).map { $0.trimmed }
            if pair[0] == name { return pair.count > 1 ? pair[1] : "" }
        }
        return nil
    }

    /// A response to this request: the headers of RFC 3261 §8.2.6, the given ones, and a body.
    func response(
        _ status: Int, _ reason: String = "Whatever", toTag: String = "srv1", _ more: [String] = [], body: String = ""
    )
        -> String
    {
        var lines = ["SIP/2.0 \(status) \(reason)"]
        lines += all("Via").map { "Via: \($0)" }
        lines += all("Record-Route").map { "Record-Route: \($0)" }
        lines.append("From: \(self["From"] ?? "")")
        let to = self["To"] ?? ""
        lines.append("To: \(to)" + (self.toTag == nil && status > 100 ? ";tag=\(toTag)" : ""))
        lines += ["Call-ID: \(self["Call-ID"] ?? "")", "CSeq: \(self["CSeq"] ?? "")"]
        lines += more
        lines.append("Content-Length: \(body.utf8.count)")
        return lines.joined(separator: "\r\n") + "\r\n\r\n" + body
    }
}

extension StringProtocol {
    var trimmed: String { String(drop { $0 == " " }).reversedTrimmed }
    private var reversedTrimmed: String { String(String(reversed().drop { $0 == " " }).reversed()) }
}
