// SPDX-License-Identifier: Apache-2.0

public import Domain
public import Runtime

extension RegistrarDefinition {
    /// How its TLS and WebSocket connections are made. The certificate must be for the next hop's name as it is written, whatever
    /// hosts the DNS names for it (RFC 5922 §7).
    public var security: SecurityProfile {
        let trust: SecurityProfile.Trust =
            switch tls {
            case let tls? where !tls.verify: .anybody
            case let tls?: tls.ca.map { .authorities(file: $0) } ?? .system
            case nil: .system
            }
        var profile = SecurityProfile(
            serverName: nextHop, trust: trust, certificateFile: tls?.cert, keyFile: tls?.key)
        if let webSocketPath { profile.webSocketPath = webSocketPath }
        return profile
    }

    /// What must be said loudly before a run that uses it; nil where there is nothing.
    public var warning: String? {
        transport == .udp || transport == .tcp || transport == .ws ? nil : security.warning
    }

    private var nextHop: String {
        let request = try? ServerRequest(
            place: proxy ?? domain, port: port, transport: transport.rawValue, dns: nil)
        return request?.host ?? domain
    }
}
