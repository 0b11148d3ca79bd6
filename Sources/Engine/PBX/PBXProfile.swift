// SPDX-License-Identifier: Apache-2.0

/// Whose way of challenging and answering the server takes on (F6).
///
/// Facts of the products as they come: what their challenges look like and how they call themselves, nothing of their behaviour.
public enum PBXProfile: String, Hashable, Sendable, CaseIterable {
    /// The server's own.
    case callmeter
    /// Asterisk with PJSIP: two spaces, no space behind commas, an opaque, the algorithm in small letters.
    case asterisk
    /// FreeSWITCH with mod_sofia: `stale` before the algorithm, User-Agent instead of Server.
    case freeswitch
    /// Kamailio with its default configuration: no algorithm for MD5, no qop.
    case kamailio

    /// How it calls itself in answers; nil says nothing.
    var banner: (name: StaticString, value: StaticString)? {
        switch self {
        case .callmeter: nil
        case .asterisk: ("Server", "Asterisk PBX 20.9.3")
        case .freeswitch: ("User-Agent", "FreeSWITCH-mod_sofia/1.10.12-release~64bit")
        case .kamailio: ("Server", "kamailio (5.6.3 (x86_64/linux))")
        }
    }

    var scheme: StaticString { self == .asterisk ? "Digest  " : "Digest " }
    var separator: StaticString { self == .asterisk ? "," : ", " }
    var hasOpaque: Bool { self == .asterisk }
    var offersQop: Bool { self != .kamailio }
    var stalesEarly: Bool { self == .freeswitch }
}
