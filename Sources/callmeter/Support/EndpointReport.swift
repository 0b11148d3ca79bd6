// SPDX-License-Identifier: Apache-2.0

import API
import Bedrock
import Domain
import RunMetrics
import SIP
import UserAgent

/// What `register --json` and `call --json` print.
struct EndpointReport: Encodable {
    var steps: [Step]
    var result: API.Endpoint
    var diagnoses: [Diagnosis]
    /// Transports over which the same server did answer, where the one asked for brought nothing.
    var answersOver: [String]
}

/// Shows one endpoint's life on a terminal: steps as they happen, then what became of it, why, and what to do.
struct EndpointScreen {
    private static let messageWidth = 34

    let terminal: Terminal

    func open(_ plan: EndpointPlan, _ title: String, isUnchecked: Bool) {
        Output.line("\(title) at \(plan.registrar) over \(plan.transport.title)")
        if isUnchecked {
            let warning = "The server's certificate is NOT checked: anybody on the path can read and answer."
            Output.line(terminal.styled(warning, .yellow))
        }
        Output.line()
    }

    func show(_ step: Step) {
        let time = SummaryText.number(step.ms, 1)
        let message = step.message.padding(to: Self.messageWidth)
        let line =
            String(repeating: " ", count: max(0, 9 - time.count)) + time + " ms  " + (step.sent ? "→" : "←") + "  "
            + (step.notes.isEmpty
                ? step.message : message + "  " + terminal.styled(step.notes.joined(separator: "; "), .dim))
        Output.line(line)
    }

    func show(_ diagnoses: [Diagnosis]) {
        for diagnosis in diagnoses {
            Output.line("\n" + terminal.styled(diagnosis.title, .red))
            for line in diagnosis.evidence.map({ "  seen    \($0)" }) + ["  do      \(diagnosis.remedy)"] {
                for part in terminal.wrapped(line, indent: 10) { Output.line(part) }
            }
        }
    }

    func show(_ registration: RegistrationEvidence) {
        guard let delay = registration.delay else { return Output.line(terminal.styled("NOT REGISTERED", .red)) }
        let expiry = registration.grantedExpires.map { ", granted for \($0) s" } ?? ""
        Output.line(
            terminal.styled("REGISTERED", .green) + " after \(SummaryText.milliseconds(delay.milliseconds))\(expiry)")
        let others = registration.otherBindings
        if others > 0 {
            Output.line(
                "The account is registered from \(others) other \(others == 1 ? "place" : "places") as well; "
                    + "calls may go there.")
        }
        for note in registration.notes ?? [] { Output.line("Seen on the way: \(note.sentence).") }
        if registration.unregistered == false { Output.line("The un-REGISTER at the end was not confirmed.") }
    }
}

extension EndpointScreen {
    /// What became of a call: how far it came, its times, and what was heard.
    func showCall(_ result: EndpointResult, registers: Bool) {
        guard let call = result.calls.last else {
            if registers { show(result.registration) }
            return Output.line(terminal.styled("NO CALL", .red) + " was placed")
        }
        if call.establishedAt == nil {
            let answer = call.finalStatus.map { ": \($0.code) \($0.reason)" } ?? ""
            return Output.line(terminal.styled("NOT ESTABLISHED", .red) + answer)
        }
        let isGood = result.outcome.severity < 10
        var times = call.postDialDelay.map { ["rang after \(SummaryText.milliseconds($0.milliseconds))"] } ?? []
        times += call.setupTime.map { ["answered after \(SummaryText.milliseconds($0.milliseconds))"] } ?? []
        if let up = call.establishedAt, let end = call.endedAt {
            times.append("up for \(SummaryText.number((end - up).seconds, 1)) s")
        }
        Output.line(
            terminal.styled(isGood ? "ESTABLISHED" : "ESTABLISHED, BUT IT FAILED", isGood ? .green : .red) + "  "
                + times.joined(separator: ", "))
        if call.endedByPeer { Output.line("The other side hung up first.") }
        if let media = call.media { Output.line(media.line) }
    }
}

extension MediaResult {
    /// What was sent and heard, in one line; what was not measured is left out.
    fileprivate var line: String {
        var parts = ["\(codec)", "\(packetsSent) packets sent, \(packetsReceived) received"]
        if let lost = packetsLost { parts.append("\(lost) lost") }
        if let jitter = jitterMeanMs { parts.append("jitter \(SummaryText.milliseconds(jitter))") }
        if let mos = mosCq ?? mosLq { parts.append("MOS \(SummaryText.number(mos, 2))") }
        return parts.joined(separator: ", ")
    }
}
