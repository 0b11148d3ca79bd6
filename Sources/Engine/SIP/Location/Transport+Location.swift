// SPDX-License-Identifier: Apache-2.0

extension Transport {
    /// The port where nothing says another (RFC 3261 §19.1.2, RFC 7118 §5.5).
    public var defaultPort: UInt16 {
        switch self {
        case .udp, .tcp, .other: 5060
        case .tls: 5061
        case .ws: 80
        case .wss: 443
        }
    }

    /// Whether the connection is encrypted, as a SIPS URI demands.
    var isSecure: Bool { self == .tls || self == .wss }

    /// What stands before the domain in an SRV query; nil for a transport without one (RFC 3263 §4.1 and §4.2).
    var servicePrefix: String? {
        switch self {
        case .udp: "_sip._udp."
        case .tcp: "_sip._tcp."
        case .tls: "_sips._tcp."
        case .ws: "_sip._ws."
        case .wss: "_sips._ws."
        case .other: nil
        }
    }

    /// The transport that a NAPTR service field names; nil for other services (RFC 3263 §4.1, RFC 7118 §5.5).
    init?(naptrService: String) {
        switch naptrService.uppercased() {
        case "SIP+D2U": self = .udp
        case "SIP+D2T": self = .tcp
        case "SIPS+D2T": self = .tls
        case "SIP+D2W": self = .ws
        case "SIPS+D2W": self = .wss
        default: return nil
        }
    }
}
