// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// One question to the DNS.
public struct DNSQuestion: Hashable, Sendable {
    /// What is asked for; the raw value is the number in messages (RFC 1035 §3.2.2, RFC 3596, RFC 2782, RFC 3403).
    public enum Kind: UInt16, Hashable, Sendable {
        case a = 1
        case aaaa = 28
        case srv = 33
        case naptr = 35

        /// The name of the record type.
        public var name: String {
            switch self {
            case .a: "A"
            case .aaaa: "AAAA"
            case .srv: "SRV"
            case .naptr: "NAPTR"
            }
        }
    }

    /// The name asked about: lower case, no dot at its end.
    public let name: String
    /// The type of record wanted.
    public let kind: Kind

    /// A question; the name is brought into its one form, so that equal questions compare equal.
    public init(_ name: some StringProtocol, _ kind: Kind) {
        self.name = Self.canonical(name)
        self.kind = kind
    }

    /// A name in lower case and without the dot of the root at its end (RFC 4343).
    static func canonical(_ name: some StringProtocol) -> String {
        let lower = name.lowercased()
        return lower.hasSuffix(".") ? String(lower.dropLast()) : lower
    }

    /// Whether a name can be asked about: labels of 1 to 63 bytes, 253 in all (RFC 1035 §2.3.4), visible ASCII.
    public static func isName(_ text: some StringProtocol) -> Bool {
        let name = canonical(text)
        guard !name.isEmpty, name.utf8.count <= 253, name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            return false
        }
        return name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy {
            (1...63).contains($0.utf8.count)
        }
    }
}

/// One NAPTR record (RFC 3403 §4.1).
public struct NAPTRRecord: Hashable, Sendable {
    /// Lower ones first; once one matches, those of a higher order are not looked at.
    public var order: UInt16
    /// Among those of one order, lower ones first.
    public var preference: UInt16
    /// `s`: an SRV query of the replacement follows; `a`: an address query.
    public var flags: String
    /// The service, as `SIP+D2U`.
    public var service: String
    /// A rewriting expression; empty for SIP (RFC 3263 §4.1).
    public var regexp: String
    /// The name to ask next.
    public var replacement: String

    /// A record from its fields.
    public init(
        order: UInt16, preference: UInt16, flags: String, service: String, regexp: String = "", replacement: String
    ) {
        self.order = order
        self.preference = preference
        self.flags = flags
        self.service = service
        self.regexp = regexp
        self.replacement = replacement
    }
}

/// One SRV record (RFC 2782).
public struct SRVRecord: Hashable, Sendable {
    /// Lower ones are tried first.
    public var priority: UInt16
    /// The share among those of one priority.
    public var weight: UInt16
    /// The port of the service.
    public var port: UInt16
    /// The host; empty (the root) says that the service is not offered.
    public var target: String

    /// A record from its fields.
    public init(priority: UInt16, weight: UInt16, port: UInt16, target: some StringProtocol) {
        self.priority = priority
        self.weight = weight
        self.port = port
        self.target = DNSQuestion.canonical(target)
    }
}

/// What a question brought.
public struct DNSAnswer: Hashable, Sendable {
    /// What came back; `none` and `noSuchName` are good answers too.
    public enum Content: Hashable, Sendable {
        case naptr([NAPTRRecord])
        case srv([SRVRecord])
        case addresses([TransportAddress.IP])
        /// The name has no record of this type.
        case none
        /// There is no such name (NXDOMAIN).
        case noSuchName
        /// There was no usable answer.
        case failed(DNSFailure)
    }

    /// What came back.
    public var content: Content
    /// How long it may be kept, seconds (RFC 1035 §3.2.1, RFC 2308 §5); 0 where nothing said so.
    public var ttl: UInt32

    /// An answer from its parts.
    public init(_ content: Content, ttl: UInt32 = 0) {
        self.content = content
        self.ttl = ttl
    }
}

/// Why a question has no usable answer.
public enum DNSFailure: Hashable, Sendable {
    /// No answer came in time.
    case silent
    /// Nothing listens at the server's address.
    case refusedConnection
    /// The server answered with an error: its response code (RFC 1035 §4.1.1), 2 SERVFAIL, 5 REFUSED.
    case serverError(UInt8)
    /// The answer breaks the rules of RFC 1035.
    case malformed
    /// The question was given up by who asked.
    case cancelled
    /// Something on this machine, in the system's words.
    case local(String)
}
