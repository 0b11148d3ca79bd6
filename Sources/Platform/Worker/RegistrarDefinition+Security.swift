// SPDX-License-Identifier: Apache-2.0

public import Domain
public import Runtime

extension RegistrarDefinition {
    /// How its TLS and WebSocket connections are made. The certificate must be for the proxy where one is set, with AUTO and
    /// without a proxy for the domain (RFC 5922 §7).
    public var security: SecurityProfile {
        let host = transport == .auto ? domain : Self.host(of: proxy ?? domain)
        let trust: SecurityProfile.Trust =
            switch tls {
            case let tls? where !tls.verify: .anybody
            case let tls?: tls.ca.map { .authorities(file: $0) } ?? .system
            case nil: .system
            }
        var profile = SecurityProfile(
            serverName: host, trust: trust, certificateFile: tls?.cert, keyFile: tls?.key)
        if let webSocketPath { profile.webSocketPath = webSocketPath }
        return profile
    }

    /// What must be said loudly before a run that uses it; nil where there is nothing.
    public var warning: String? {
        transport == .udp || transport == .tcp || transport == .ws ? nil : security.warning
    }

    /// `host`, `host:port`, `[v6]:port`, bare IPv6: the host without its port.
    private static func host(of place: String) -> String {
        guard let colon = place.lastIndex(of: ":"), UInt16(place[place.index(after: colon)...]) != nil else { return place }
        let host = place[..<colon]
        return host.contains(":") && !host.hasPrefix("[") ? place : String(host)
    }
}
