// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics
import Runtime
import SIP
import UserAgent

/// When a server gave no answer over one transport: does it answer over another? A REGISTER without credentials asks.
struct TransportSearch {
    /// A server that lives answers a first REGISTER well within this.
    private static let patience = Interval.seconds(2)

    let plan: EndpointPlan
    let security: SecurityProfile
    let secrets: SecretArena

    /// The transports of the same address and port that brought any SIP answer.
    func answering() async -> [Transport] {
        var found: [Transport] = []
        for transport in [Transport.udp, .tcp, .tls, .ws, .wss] where transport != plan.transport {
            if await answers(transport) { found.append(transport) }
        }
        return found
    }

    private func answers(_ transport: Transport) async -> Bool {
        var plan = plan
        plan.transport = transport
        // No secret is offered to whoever listens there, and nobody's certificate matters for the question.
        plan.credential = nil
        plan.fallbacks = []
        var security = security
        security.trust = .anybody
        let attempt = SingleEndpoint(plan: plan, security: security, secrets: secrets)
        guard let result = try? await attempt.play(.register, patience: Self.patience) else { return false }
        return result.registration.firstResponseAt != nil
    }

    /// What the user should know, in words; nil when nothing answers over the others either.
    static func advice(_ found: [Transport], instead: Transport) -> String? {
        guard let first = found.first else { return nil }
        let names = found.map(\.title).joined(separator: " and ")
        return
            "This server does not answer over \(instead.title), but it does over \(names): try --transport \(first.parameterName)"
    }
}
