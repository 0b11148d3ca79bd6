// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import Media
import SIP
public import UserAgent

/// What an account's secret is.
public enum SecretForm: Hashable, Sendable {
    /// The password.
    case password
    /// Its digest keys in one realm (`HashFunctions.writeDigestKeys`).
    case digestKeys
}

extension EndpointPlan {
    /// A plan from words: for workers, which know neither SIP nor media.
    ///
    /// - Parameters:
    ///   - secret: the account's secret in the engine's arena.
    ///   - form: what that secret is.
    ///   - servers: where its requests go, the first one first; at least one.
    ///   - names: codecs by their names, `PCMU` and `PCMA`, the preferred one first; others are passed over.
    public init(
        index: UInt32, group: String, username: [UInt8], secret: SecretHandle, form: SecretForm, domain: [UInt8],
        servers: [ServerTarget], codecs names: [String]
    ) {
        self.init(
            index: index, group: group, username: username,
            credential: form == .password ? .password(secret) : .digestKeys(secret), domain: domain,
            registrar: servers[0].address, localAddress: servers[0].address, flow: FlowID(raw: 0))
        use(servers)
        codecs = names.compactMap { name in
            switch name {
            case "PCMU": .pcmu
            case "PCMA": .pcma
            default: nil
            }
        }
    }

    /// Takes servers in the order in which they are to be tried, and leaves the local address to the system.
    ///
    /// - Parameter servers: at least one; what the engine does not carry is refused by `SignallingEngine.add`.
    public mutating func use(_ servers: [ServerTarget]) {
        registrar = servers[0].address
        transport = servers[0].transport
        fallbacks = Array(servers.dropFirst())
        switch registrar.ip {
        case .v4: localAddress = TransportAddress(ip: .v4(0), port: 0)
        case .v6: localAddress = TransportAddress(ip: .v6(high: 0, low: 0), port: 0)
        }
    }
}
