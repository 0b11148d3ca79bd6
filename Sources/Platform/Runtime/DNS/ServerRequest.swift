// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import SIP
public import UserAgent

/// A request to find servers: the next hop's host, what is fixed about it, and whom to ask.
public struct ServerRequest: Hashable, Sendable {
    /// The port of DNS servers (RFC 1035 §4.2).
    public static let dnsPort: UInt16 = 53

    /// The host: a name or a numeric address, IPv6 with or without brackets.
    public var host: String
    /// The port, where one is said; the DNS is asked for addresses only then.
    public var port: UInt16?
    /// The transport, where one is said.
    public var transport: Transport?
    /// Whether only encrypted transports will do (SIPS).
    public var isSecure: Bool
    /// The DNS server to ask; nil for the system's.
    public var dns: TransportAddress?

    /// A request from its parts.
    public init(
        host: String, port: UInt16? = nil, transport: Transport? = nil, isSecure: Bool = false,
        dns: TransportAddress? = nil
    ) {
        self.host = host
        self.port = port
        self.transport = transport
        self.isSecure = isSecure
        self.dns = dns
    }

    /// A request in the words of test files.
    ///
    /// - Parameters:
    ///   - place: `host`, `host:port`, or a SIP URI, whose port and transport then count.
    ///   - port: the port where `place` has none.
    ///   - transport: `udp`, `tcp`, `tls`, `ws`, `wss`; any other word leaves the choice to the DNS.
    ///   - dns: the DNS server's address, with or without a port; nil for the system's.
    public init(place: String, port: UInt16?, transport: String, dns: String?) throws(ResolutionError) {
        self.init(host: place, port: port, transport: Transport(word: transport))
        if let dns {
            guard let address = TransportAddress(dns, usualPort: Self.dnsPort) else {
                throw ResolutionError(host: place, reason: "the DNS server '\(dns)' is no ADDRESS:PORT")
            }
            self.dns = address
        }
        let lower = place.lowercased()
        if lower.hasPrefix("sip:") || lower.hasPrefix("sips:") {
            guard take(uri: place) else { throw ResolutionError(host: place, reason: "it is no SIP URI") }
        } else if let colon = place.lastIndex(of: ":"), let port = UInt16(place[place.index(after: colon)...]) {
            let host = place[..<colon]
            guard !host.contains(":") || host.hasPrefix("[") else { return }
            self.host = String(host)
            self.port = port
        }
    }

    private mutating func take(uri: String) -> Bool {
        var bytes = Array(uri.utf8)
        return bytes.withUnsafeMutableBytes { buffer in
            let bytes = UnsafeRawBufferPointer(buffer)
            guard let uri = SIPURI(bytes, at: Slice(offset: 0, length: bytes.count)) else { return false }
            func words(_ slice: Slice) -> String { String(decoding: bytes[slice.range], as: UTF8.self) }
            host = words(uri.host)
            port = uri.port ?? port
            isSecure = uri.scheme == .sips
            for parameter in words(uri.parameters).lowercased().split(separator: ";")
            where parameter.hasPrefix("transport=") {
                transport = Transport(word: String(parameter.dropFirst(10))) ?? transport
            }
            return true
        }
    }

    /// The same for the procedure of RFC 3263.
    var target: LocationTarget {
        LocationTarget(host: host, port: port, transport: transport, isSecure: isSecure)
    }
}

extension Transport {
    /// The transport of a word; nil for "auto" and for words that name none.
    public init?(word: String) {
        switch word {
        case "udp": self = .udp
        case "tcp": self = .tcp
        case "tls": self = .tls
        case "ws": self = .ws
        case "wss": self = .wss
        default: return nil
        }
    }
}

/// The servers found for a request; never without one.
public struct FoundServers: Sendable {
    private let servers: LocatedServers

    /// The servers; those that this machine has no route to are left out, unless it has none to any.
    init(_ servers: LocatedServers) {
        self.servers =
            servers.filtered { address in
                (try? Resolver.localAddress(toward: address)) != nil
            } ?? servers
    }

    /// The servers in the order in which one endpoint tries them; drawn by weight at each call, so that many endpoints spread.
    public func order(random: inout SeededRandom) -> [ServerTarget] {
        servers.order(random: &random).map { ServerTarget(address: $0.address, transport: $0.transport) }
    }

    /// The one of the highest priority, without drawing.
    public var first: ServerTarget { all[0] }

    /// Every server once.
    public var all: [ServerTarget] {
        servers.all.map { ServerTarget(address: $0.address, transport: $0.transport) }
    }
}
