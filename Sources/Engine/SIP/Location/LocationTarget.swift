// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// Whose servers are looked for: the parts of a SIP URI that RFC 3263 §4 looks at.
public struct LocationTarget: Hashable, Sendable {
    /// The families of addresses to look for.
    public enum Families: Hashable, Sendable {
        /// Both, a host's IPv4 addresses before its IPv6 addresses.
        case both
        case v4
        case v6
    }

    /// The transports of this program; without NAPTR records, servers of the earlier ones are preferred.
    public static let allTransports: [Transport] = [.udp, .tcp, .tls, .ws, .wss]

    /// The host: a name or a numeric address, IPv6 with or without brackets.
    public var host: String
    /// The port, where one is said.
    public var port: UInt16?
    /// The transport, where one is said.
    public var transport: Transport?
    /// Whether it is a SIPS URI: only encrypted transports then.
    public var isSecure: Bool
    /// The transports that may be chosen when none is said.
    public var supported: [Transport]
    /// The families of addresses to look for.
    public var families: Families

    /// A target; without port and transport everything is left to the DNS.
    public init(
        host: String, port: UInt16? = nil, transport: Transport? = nil, isSecure: Bool = false,
        supported: [Transport] = LocationTarget.allTransports, families: Families = .both
    ) {
        self.host = host
        self.port = port
        self.transport = transport
        self.isSecure = isSecure
        self.supported = supported
        self.families = families
    }

    /// The address, when the host is a numeric one.
    public var numeric: TransportAddress.IP? {
        let bare = host.hasPrefix("[") && host.hasSuffix("]") ? host.dropFirst().dropLast() : host[...]
        return TransportAddress.IP(bare)
    }

    /// The transport that was said; over SIPS its encrypted form (RFC 3261 §26.2.2).
    var chosen: Transport? {
        switch transport {
        case .tcp where isSecure: .tls
        case .ws where isSecure: .wss
        default: transport
        }
    }

    /// What is used where nothing says another: UDP, or TLS for SIPS (RFC 3263 §4.1).
    var defaultTransport: Transport { isSecure ? .tls : .udp }

    /// The transports among which the DNS may choose.
    var candidates: [Transport] {
        supported.filter { $0 != .other && (!isSecure || $0.isSecure) }
    }

    /// The types of address records to ask for.
    var addressKinds: [DNSQuestion.Kind] {
        switch families {
        case .both: [.a, .aaaa]
        case .v4: [.a]
        case .v6: [.aaaa]
        }
    }
}
