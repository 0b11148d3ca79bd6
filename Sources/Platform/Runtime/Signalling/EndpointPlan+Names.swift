// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import Media
import SIP
public import UserAgent

extension EndpointPlan {
    /// A plan from words: for workers, which know neither SIP nor media.
    ///
    /// - Parameters:
    ///   - secret: the account's password in the engine's arena.
    ///   - transport: `udp`, `tcp`; what the engine does not carry is refused by `SignallingEngine.add`.
    ///   - codec: `PCMU` or `PCMA`, offered first; the other one is offered too.
    public init(
        index: UInt32, group: String, username: [UInt8], secret: SecretHandle, domain: [UInt8],
        registrar: TransportAddress, localAddress: TransportAddress, transport: String, codec: String
    ) {
        self.init(
            index: index, group: group, username: username, credential: .password(secret), domain: domain,
            registrar: registrar, localAddress: localAddress, flow: FlowID(raw: 0))
        self.transport =
            switch transport {
            case "udp": .udp
            case "tcp": .tcp
            case "tls": .tls
            case "ws": .ws
            case "wss": .wss
            default: .other
            }
        codecs = codec == "PCMU" ? [.pcmu, .pcma] : [.pcma, .pcmu]
    }
}
