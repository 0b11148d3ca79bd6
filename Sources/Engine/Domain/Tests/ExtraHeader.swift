// SPDX-License-Identifier: Apache-2.0

/// A header line that the requests of a group carry besides those that SIP makes them carry (F7).
public struct ExtraHeader: Hashable, Sendable {
    /// More lines than this would make a request that no server takes.
    static let most = 32

    /// Its name, a token (RFC 3261 §25.1).
    public let name: String
    /// Its value, without control characters and spaces around it.
    public let value: String

    /// A line from name and value; nil where they are none, or where the endpoint writes that header itself.
    public init?(name: String, value: String) {
        let (name, value) = (trim(name), trim(value))
        guard Self.problem(name: name) == nil, !value.isEmpty else { return nil }
        self.name = name
        self.value = value
    }

    /// The line without its end.
    public var text: String { "\(name): \(value)" }

    /// Why a name cannot be used; nil when it can.
    static func problem(name: String) -> String? {
        guard !name.isEmpty, name.utf8.allSatisfy(isTokenByte) else { return "'\(name)' is no header name" }
        guard !own.contains(name.lowercased()) else {
            let other = name.lowercased() == "user-agent" ? "; use the key 'userAgent'" : ""
            return "\(name) is written by the endpoint itself\(other)"
        }
        return nil
    }

    /// What transactions, dialogs, authentication and sessions are made of; and their compact forms.
    private static let own: Set<String> = [
        "via", "from", "to", "call-id", "cseq", "contact", "max-forwards", "content-length", "content-type",
        "authorization", "proxy-authorization", "route", "record-route", "expires", "user-agent", "allow", "supported",
        "require", "proxy-require", "session-expires", "min-se", "rack", "rseq", "v", "f", "t", "i", "m", "l", "c", "k",
        "x", "content-encoding", "e",
    ]

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case 0x2D, 0x2E, 0x21, 0x25, 0x2A, 0x5F, 0x2B, 0x60, 0x27, 0x7E: true
        default: false
        }
    }
}

extension DocumentReader {
    /// A mapping from name to value, or a list of lines `Name: value`, where order matters or a name stands twice.
    mutating func headers(_ node: DocumentNode?, _ path: String) -> [ExtraHeader] {
        guard let node else { return [] }
        var headers: [ExtraHeader] = []
        switch node {
        case .mapping(let entries, _):
            for entry in entries {
                guard let value = text(entry.value, path + "." + entry.key) else { continue }
                header(entry.key, value, entry.position, path, &headers)
            }
        case .sequence(let items, _):
            for (index, item) in items.enumerated() {
                guard let line = text(item, "\(path)[\(index)]") else { continue }
                guard let colon = line.firstIndex(of: ":") else {
                    report(item, "\(path)[\(index)]", "a header line like 'X-Customer: 42' is expected")
                    continue
                }
                header(
                    String(line[..<colon]), String(line[line.index(after: colon)...]), item.position,
                    "\(path)[\(index)]", &headers)
            }
        case .scalar, .null:
            report(node, path, "a mapping from header name to value, or a list of header lines, is expected")
        }
        if headers.count > ExtraHeader.most { report(node, path, "at most \(ExtraHeader.most) headers are sent") }
        return headers
    }

    private mutating func header(
        _ name: String, _ value: String, _ position: DocumentNode.Position, _ path: String,
        _ headers: inout [ExtraHeader]
    ) {
        if let problem = ExtraHeader.problem(name: trim(name)) {
            report(position, path, problem)
        } else if let header = ExtraHeader(name: name, value: value) {
            headers.append(header)
        } else {
            report(position, path, "the header \(name) has no value")
        }
    }
}
