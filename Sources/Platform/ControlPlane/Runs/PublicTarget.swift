// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain

/// Load goes to private ranges by itself; anything else is confirmed once per registrar (H5).
enum PublicTarget {
    /// Names that never leave a private network (RFC 2606, 6761, 6762, 8375, and what routers use).
    private static let privateSuffixes = [
        "localhost", ".localhost", ".local", ".lan", ".internal", ".test", ".invalid", ".example", ".home.arpa",
    ]

    /// Throws `confirmationRequired` for a public target that was not confirmed.
    static func check(_ registrar: Registrar) throws(ControlPlaneError) {
        let target = registrar.outboundProxy ?? registrar.domain
        guard isPublic(target) else { return }
        guard registrar.confirmedPublic else {
            throw ControlPlaneError(
                .confirmationRequired,
                "registrar \(registrar.name): \(target) is outside private address ranges; confirm that you may send load "
                    + "to it (confirmedPublic)", details: ["registrar": registrar.name, "target": target])
        }
    }

    /// Whether a host, or host and port, or a SIP URI of them, may be outside private ranges. A name with a dot may be; a bare name is not.
    static func isPublic(_ target: String) -> Bool {
        let target =
            ["sips:", "sip:"].first(where: target.lowercased().hasPrefix).map { target.dropFirst($0.utf8.count) }
            ?? target[...]
        if let address = TransportAddress(target) ?? TransportAddress(target + ":0")
            ?? TransportAddress("[\(target)]:0")
        {
            return !isPrivate(address.ip)
        }
        let host = target.lowercased().prefix { $0 != ":" }
        return host.contains(".") && !privateSuffixes.contains { host.hasSuffix($0) }
    }

    private static func isPrivate(_ ip: TransportAddress.IP) -> Bool {
        switch ip {
        case .v4(let value):
            switch value {
            case 0x0A00_0000...0x0AFF_FFFF, 0xAC10_0000...0xAC1F_FFFF, 0xC0A8_0000...0xC0A8_FFFF: true  // RFC 1918
            case 0x7F00_0000...0x7FFF_FFFF, 0xA9FE_0000...0xA9FE_FFFF: true  // loopback, link-local
            case 0x6440_0000...0x647F_FFFF: true  // RFC 6598, shared address space
            case 0xC000_0200...0xC000_02FF, 0xC633_6400...0xC633_64FF, 0xCB00_7100...0xCB00_71FF: true  // RFC 5737
            case 0xC612_0000...0xC613_FFFF: true  // RFC 2544, benchmarks
            default: false
            }
        case .v6(let high, let low):
            high >> 57 == 0x7E  // fc00::/7
                || high >> 54 == 0x3FA  // fe80::/10
                || high == 0 && low == 1
                || high >> 32 == 0x2001_0DB8  // RFC 3849
        }
    }
}
