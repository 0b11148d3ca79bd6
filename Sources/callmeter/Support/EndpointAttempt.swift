// SPDX-License-Identifier: Apache-2.0

import API
import Bedrock
import Domain
import RunMetrics
import Runtime
import SIP
import UserAgent
import Web

/// One endpoint played in front of a person or a program: every step, the outcome, the diagnosis.
struct EndpointAttempt {
    /// The endpoint in the first line.
    let title: String
    let plan: EndpointPlan
    let security: SecurityProfile
    let secrets: SecretArena
    let json: Bool

    /// Plays it and prints everything; `outcome` prints what became of it.
    func play(
        _ errand: SingleEndpoint.Errand, outcome: (EndpointScreen, EndpointResult) -> Void
    ) async throws -> EndpointResult {
        let screen = EndpointScreen(terminal: .current())
        if !json { screen.open(plan, title, isUnchecked: plan.transport.isSecured && security.trust == .anybody) }
        var steps: [Step] = []
        let endpoint = SingleEndpoint(plan: plan, security: security, secrets: secrets)
        let result = try await endpoint.play(errand) { step in
            if json { steps.append(step) } else { screen.show(step) }
        }
        let diagnoses = Diagnosis.explain([result], registrars: [plan.group: "\(plan.registrar)"])
        if !json {
            Output.line()
            outcome(screen, result)
            if diagnoses.isEmpty { result.path?.sentences.forEach { Output.line($0) } }
            screen.show(diagnoses)
        }
        let others = await otherTransports(result)
        if json {
            Output.line(
                try JSONOutput.text(
                    EndpointReport(
                        steps: steps, result: API.Endpoint(result, diagnosis: diagnoses.first?.cause.rawValue),
                        diagnoses: diagnoses, answersOver: others.map { "\($0.parameterName)" })))
        } else if let advice = TransportSearch.advice(others, instead: plan.transport) {
            Output.line("\n" + advice)
        }
        return result
    }

    /// The transports over which the server answers, when over this one nothing came.
    private func otherTransports(_ result: EndpointResult) async -> [Transport] {
        guard result.registration.firstResponseAt == nil, result.calls.allSatisfy({ $0.finalStatus == nil }) else {
            return []
        }
        return await TransportSearch(plan: plan, security: security, secrets: secrets).answering()
    }
}
