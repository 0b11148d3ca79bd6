// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// A transport protocol as named in Via and in a URI's `transport` parameter.
public enum Transport: UInt8, Hashable, Sendable {
    case udp, tcp, tls, ws, wss
    /// One that this program does not speak (SCTP, say).
    case other

    /// The name in Via (RFC 3261 §20.42, RFC 7118 §5.2); empty for `other`.
    public var viaName: StaticString {
        switch self {
        case .udp: "UDP"
        case .tcp: "TCP"
        case .tls: "TLS"
        case .ws: "WS"
        case .wss: "WSS"
        case .other: ""
        }
    }

    /// The name in a URI parameter; empty for `other`. A secured WebSocket is `ws` there too (RFC 7118 §5.3).
    public var parameterName: StaticString {
        switch self {
        case .udp: "udp"
        case .tcp: "tcp"
        case .tls: "tls"
        case .ws, .wss: "ws"
        case .other: ""
        }
    }

    /// Whether the transport itself brings bytes in order and without loss, so that requests are not repeated (RFC 3261 §17).
    public var isReliable: Bool { self != .udp && self != .other }

    /// Whether it runs over TLS.
    public var isSecured: Bool { self == .tls || self == .wss }

    /// The transport of a Via, its name compared without case.
    init(_ bytes: UnsafeRawBufferPointer, _ name: Slice) {
        if bytes.matchesIgnoringCase(name, "udp") {
            self = .udp
        } else if bytes.matchesIgnoringCase(name, "tcp") {
            self = .tcp
        } else if bytes.matchesIgnoringCase(name, "tls") {
            self = .tls
        } else if bytes.matchesIgnoringCase(name, "ws") {
            self = .ws
        } else if bytes.matchesIgnoringCase(name, "wss") {
            self = .wss
        } else {
            self = .other
        }
    }
}

/// One element of Via (RFC 3261 §20.42).
public struct Via: Hashable, Sendable {
    /// The transport.
    public let transport: Transport
    /// The sent-by host, IPv6 without brackets.
    public let host: Slice
    /// The sent-by port, nil when not written.
    public let port: UInt16?
    /// The parameters, from the first `;` on.
    public let parameters: Slice
    /// The branch, nil when there is none (RFC 2543).
    public let branch: Slice?
    /// The address the request came from, as the next hop saw it, IPv6 without brackets (RFC 5118 §4.5); nil when not written.
    public let received: Slice?
    /// Whether `rport` is there (RFC 3581).
    public let hasRPort: Bool
    /// The value of `rport`, nil when it has none.
    public let rport: UInt16?
    /// The whole element.
    public let whole: Slice

    /// Reads one Via element. Nil when it is malformed.
    public init?(_ bytes: UnsafeRawBufferPointer, at slice: Slice) {
        var scanner = Scanner(bytes, slice)
        self.init(&scanner)
        guard scanner.isAtEnd else { return nil }
    }

    /// Reads the element where the scanner stands and moves it to the comma behind, or to the end.
    init?(_ scanner: inout Scanner) {
        let bytes = scanner.bytes
        scanner.skipWhitespace()
        let start = scanner.position
        guard bytes.matchesIgnoringCase(scanner.token(), "sip"), scanner.consumeSeparator(UInt8(ascii: "/")),
            !scanner.token().isEmpty, scanner.consumeSeparator(UInt8(ascii: "/"))
        else { return nil }
        let name = scanner.token()
        guard !name.isEmpty, let byte = scanner.next, ASCII.isWhitespace(byte) else { return nil }
        transport = Transport(bytes, name)
        scanner.skipWhitespace()
        guard let sentBy = HostPort(&scanner) else { return nil }
        host = sentBy.host
        port = sentBy.port
        scanner.skipWhitespace()
        let list = scanner.position
        var end = list
        var branch: Slice?
        var received: Slice?
        var hasRPort = false
        var rport: UInt16?
        while let (name, value) = scanner.parameter() {
            end = scanner.position
            if branch == nil, bytes.matchesIgnoringCase(name, "branch") {
                branch = value
            } else if bytes.matchesIgnoringCase(name, "received") {
                received = bytes.withoutBrackets(value)
            } else if bytes.matchesIgnoringCase(name, "rport") {
                hasRPort = true
                rport = bytes.decimal(value, maximum: 65_535).map { UInt16($0) }
            }
        }
        scanner.skipWhitespace()
        guard scanner.isAtEnd || scanner.next == UInt8(ascii: ",") else { return nil }
        parameters = Slice(list, end)
        (self.branch, self.received, self.hasRPort, self.rport) = (branch, received, hasRPort, rport)
        whole = Slice(start, end > list ? end : sentBy.end)
    }

    /// The port that a response goes to when nothing else is known: the one written, or the transport's own.
    public var sentByPort: UInt16 { port ?? (transport == .tls || transport == .wss ? 5061 : 5060) }
}

extension UnsafeRawBufferPointer {
    /// A host without the brackets of an IPv6 reference.
    fileprivate func withoutBrackets(_ host: Slice) -> Slice {
        guard host.length > 2, self[host.start] == UInt8(ascii: "["), self[host.end - 1] == UInt8(ascii: "]") else {
            return host
        }
        return Slice(host.start + 1, host.end - 1)
    }
}

extension Message {
    /// The topmost Via, nil when missing or malformed.
    public var topVia: Via? {
        guard let value = first(.via) else { return nil }
        return withBytes { bytes in
            var scanner = Scanner(bytes, value)
            while scanner.consumeSeparator(UInt8(ascii: ",")) {}
            return Via(&scanner)
        }
    }

    /// Visits all Via elements from the top until `visit` answers false; a malformed one comes as nil.
    public func forEachVia(_ visit: (Via?) -> Bool) {
        forEachElement(.via) { element in visit(withBytes { Via($0, at: element) }) }
    }

    /// Where a response to this request goes over an unreliable transport (RFC 3261 §18.2.2, RFC 3581 §4): `source`'s address,
    /// and its port when rport was asked for, else the port of sent-by.
    public func responseAddress(source: TransportAddress) -> TransportAddress {
        guard let via = topVia, !via.hasRPort else { return source }
        return TransportAddress(ip: source.ip, port: via.sentByPort)
    }
}
