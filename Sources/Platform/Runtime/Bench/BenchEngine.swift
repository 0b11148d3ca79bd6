// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP
import UserAgent

/// What the benchmarks have in common: one thread, events without delay, no audio.
enum BenchEngine {
    static func make(
        _ flow: FlowMode, secrets: SecretArena, sink: SignallingSink
    ) async throws -> SignallingEngine {
        var configuration = SignallingEngine.Configuration(loops: 1, flowMode: flow)
        configuration.eventDelay = .zero
        configuration.mediaThreads = 0
        return try await SignallingEngine(configuration: configuration, secrets: secrets, sink: sink)
    }

    static func plan(
        _ index: Int, username: [UInt8], credential: Credential?, domain: [UInt8], target: TransportAddress,
        transport: Transport
    ) -> EndpointPlan {
        var plan = EndpointPlan(
            index: UInt32(index), group: "bench", username: username, credential: credential, domain: domain,
            registrar: target, localAddress: target.anyLocal, flow: FlowID(raw: 0))
        plan.transport = transport
        return plan
    }
}

extension TransportAddress {
    /// "Any address of this machine" of the same family, port not chosen.
    var anyLocal: TransportAddress {
        switch ip {
        case .v4: TransportAddress(0, 0, 0, 0, port: 0)
        case .v6: TransportAddress(ip: .v6(high: 0, low: 0), port: 0)
        }
    }
}
