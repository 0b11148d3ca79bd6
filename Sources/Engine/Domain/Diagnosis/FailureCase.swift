// SPDX-License-Identifier: Apache-2.0

import Bedrock
public import RunMetrics

/// One endpoint that failed or warns, with all that a rule may look at.
struct FailureCase {
    let result: EndpointResult
    let view: RunView

    var registration: RegistrationEvidence { result.registration }
    var isRegistered: Bool { result.registration.registeredAt != nil }
    /// The call that failed: the last one that was not established, else the last.
    var call: CallEvidence? { result.calls.last { $0.establishedAt == nil } ?? result.calls.last }
    /// The endpoints that use the same server.
    var side: RunView.Side { view.side(of: result) }
    /// Where its requests went, in words.
    var server: String { view.registrars[result.group] ?? "the server" }
    /// The endpoint it called, or was to be called by.
    var partner: EndpointResult? { result.partner.flatMap { view.endpoint($0) } }
    /// Which product answers: as it told this endpoint, or else the others.
    var family: ServerFamily {
        let own = ServerFamily(banner: registration.server ?? call?.server)
        return own == .other ? side.family : own
    }
    /// What the registration met on its way, each note a line.
    var notes: [String] { (registration.notes ?? []).map(\.sentence) }
    /// How the server calls itself.
    var banner: [String] {
        (registration.server ?? call?.server).map { ["the server calls itself \($0)"] } ?? []
    }
    /// When something of it got no answer last.
    var lastFault: Step? { result.steps?.last { $0.status == 0 } }

}

extension EndpointResult {
    /// What happened, in order: requests with their answers as far as they are known, for a failure that no rule recognises.
    public var ladder: [String] {
        var lines: [(at: Interval, text: String)] = []
        if let at = registration.sentAt { lines.append((at, "REGISTER sent")) }
        if let at = registration.registeredAt { lines.append((at, "REGISTER 200")) }
        for call in calls {
            let name = call.role == .caller ? "INVITE to \(call.target)" : "INVITE from \(call.target)"
            if let at = call.invitedAt { lines.append((at, name)) }
            if let at = call.ringingAt { lines.append((at, "INVITE 180")) }
            if let at = call.answeredAt { lines.append((at, "INVITE 200")) }
            if let at = call.endedAt { lines.append((at, "call ended")) }
        }
        for step in steps ?? [] {
            let answer =
                step.status == 0 ? "no answer" + (step.fault.map { " (\($0.rawValue))" } ?? "") : "\(step.status)"
            lines.append((step.at, "\(step.method.rawValue) \(answer)"))
        }
        return lines.sorted { $0.at < $1.at }.map { "\($0.at.secondsText) \($0.text)" }
    }
}

extension Interval {
    /// Seconds with milliseconds, "1.250 s".
    var secondsText: String {
        let milliseconds = Int((seconds * 1000).rounded())
        let rest = String(1000 + abs(milliseconds % 1000)).dropFirst()
        return "\(milliseconds / 1000).\(rest) s"
    }
}
