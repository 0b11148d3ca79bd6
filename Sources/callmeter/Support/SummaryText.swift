// SPDX-License-Identifier: Apache-2.0

import Domain
import Reports
import RunMetrics

/// A run's summary as people read it: the verdict and what decided it, the figures, and last, where the eye rests, what failed, why,
/// and what to do.
struct SummaryText {
    /// Endpoints named under a diagnosis; the JSON has all.
    private static let mostEndpoints = 8

    /// Messages of the ladder under a diagnosis; the trace has all.
    private static let mostMessages = 12

    let summary: RunSummary
    let terminal: Terminal
    /// The messages of the endpoints that are shown as examples, as far as they were kept.
    let traces: [UInt32: EndpointTrace]

    init(_ summary: RunSummary, terminal: Terminal, traces: [UInt32: EndpointTrace] = [:]) {
        self.summary = summary
        self.terminal = terminal
        self.traces = traces
    }

    /// The lines to print.
    func lines(title: String, seconds: Double?) -> [String] {
        var lines = [headline(title, seconds)]
        if !summary.thresholds.isEmpty, summary.endpoints.total > 0 { lines += [""] + thresholds() }
        if let failure = summary.failure {
            lines += [""] + terminal.wrapped(failure, indent: 0).map { terminal.styled($0, .red) }
        }
        if summary.endpoints.total > 0 { lines += [""] + figures() }
        if !summary.diagnoses.isEmpty { lines += ["", terminal.styled(causesHeading, .bold)] }
        for diagnosis in summary.diagnoses { lines += [""] + self.lines(of: diagnosis) }
        if summary.endpoints.total > 0 { lines += [""] + generator() }
        return lines.map(terminal.fit)
    }

    private func headline(_ title: String, _ seconds: Double?) -> String {
        let word =
            switch summary.verdict {
            case .passed: terminal.styled("PASSED", .green)
            case .void: terminal.styled("VOID", .yellow)
            case .failed: terminal.styled("FAILED", .red)
            }
        let time = seconds.map { ", \(Self.number($0, 1)) s" } ?? ""
        let status = summary.status == .completed ? "" : ", \(summary.status.rawValue)"
        let endpoints = summary.endpoints.total
        let size = endpoints == 0 ? "nothing was sent" : "\(endpoints) endpoint\(endpoints == 1 ? "" : "s")"
        return "\(word)  \(terminal.styled(title, .bold))  \(size)\(time)\(status)"
    }

    private func thresholds() -> [String] {
        let names = summary.thresholds.map(\.threshold)
        let values = summary.thresholds.map(ThresholdText.measured)
        let nameWidth = names.map(\.count).max() ?? 0
        let valueWidth = values.map(\.count).max() ?? 0
        return summary.thresholds.indices.map { index in
            let result = summary.thresholds[index]
            let mark = result.passed ? terminal.styled("✓", .green) : terminal.styled("✗", .red)
            let name = names[index].padding(to: nameWidth)
            let value = String(repeating: " ", count: valueWidth - values[index].count) + values[index]
            let place = ThresholdText.place(result)
            return "  \(mark)  \(name)  \(value)" + (place.isEmpty ? "" : "  \(terminal.styled(place, .dim))")
        }
    }

    private func figures() -> [String] {
        var lines = counts() + [""] + delays()
        if summary.media.streams > 0 { lines += [""] + media() }
        lines.append("")
        let outcomes = summary.endpoints.byOutcome.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        if !outcomes.isEmpty {
            lines += named("outcomes", outcomes.map { "\($0.value) \($0.key)" })
        }
        for (name, statuses) in [("REGISTER", summary.registration.byStatus), ("INVITE", summary.calls.byStatus)]
        where !statuses.isEmpty {
            lines += named(name, statuses.sorted { $0.key < $1.key }.map { "\($0.value) × \($0.key)" })
        }
        return lines
    }

    private func named(_ name: String, _ parts: [String]) -> [String] {
        terminal.wrapped(name.padding(to: 10) + parts.joined(separator: ", "), indent: 10)
    }

    private func counts() -> [String] {
        var table = Table(["", "attempted", "succeeded", "failed", "not begun"], right: [1, 2, 3, 4])
        func add(_ name: String, _ attempted: Int, _ succeeded: Int, _ failed: Int, _ missed: Int) {
            table.add([name, "\(attempted)", "\(succeeded)", "\(failed)", missed == 0 ? "–" : "\(missed)"])
        }
        let registration = summary.registration
        let calls = summary.calls
        if registration.attempted + registration.notAttempted > 0 {
            add(
                "registrations", registration.attempted, registration.succeeded, registration.failed,
                registration.notAttempted)
        }
        if calls.attempted + calls.notAttempted > 0 {
            add("calls", calls.attempted, calls.established, calls.failed, calls.notAttempted)
        }
        return table.rows.isEmpty ? [] : table.lines(terminal)
    }

    private func delays() -> [String] {
        var table = Table(["", "p50", "p95", "p99", "max"], right: [1, 2, 3, 4])
        for (name, delay) in [
            ("registration delay", summary.registration.delayMs), ("post-dial delay", summary.calls.postDialDelayMs),
            ("setup time", summary.calls.setupTimeMs),
        ] where delay.max != nil {
            table.add([name] + [delay.p50, delay.p95, delay.p99, delay.max].map(Self.milliseconds))
        }
        return table.rows.isEmpty ? ["no delay was measured: nothing succeeded"] : table.lines(terminal)
    }

    private func media() -> [String] {
        let media = summary.media
        var table = Table(["", "avg", "min", "p5", "p95", "max"], right: [1, 2, 3, 4, 5])
        func add(_ name: String, _ spread: RunSummary.Spread, _ digits: Int) {
            table.add(
                [name] + [spread.avg, spread.min, spread.p5, spread.p95, spread.max].map { Self.figure($0, digits) })
        }
        add("MOS", media.mos, 2)
        add("loss %", media.lossPercent, 2)
        add("jitter ms", media.jitterMs, 2)
        add("round trip ms", media.rttMs, 2)
        let packets =
            "\(media.streams) streams, \(media.packetsSent) RTP packets sent, \(media.packetsReceived) received, "
            + "\(media.packetsLost) lost"
        return table.lines(terminal) + terminal.wrapped(packets, indent: 0)
    }

    /// `612 endpoints failed: one cause`.
    private var causesHeading: String {
        let failed = summary.diagnoses.reduce(0) { $0 + $1.count }
        let causes = summary.diagnoses.count
        return "\(failed) endpoint\(failed == 1 ? "" : "s") failed: \(causes == 1 ? "one cause" : "\(causes) causes")"
    }

    private func lines(of diagnosis: Diagnosis) -> [String] {
        let count = "\(diagnosis.count) endpoint\(diagnosis.count == 1 ? "" : "s")"
        var lines = terminal.wrapped(diagnosis.title, indent: 0).map { terminal.styled($0, .red) }
        lines.append(terminal.styled("  \(count), \(diagnosis.cause.rawValue)", .dim))
        lines += diagnosis.evidence.flatMap { terminal.wrapped("  seen    \($0)", indent: 10) }
        lines += terminal.wrapped("  do      \(diagnosis.remedy)", indent: 10)
        let named = diagnosis.endpoints.prefix(Self.mostEndpoints).map(String.init).joined(separator: ", ")
        let more = diagnosis.count > Self.mostEndpoints ? " and \(diagnosis.count - Self.mostEndpoints) more" : ""
        if !named.isEmpty { lines.append("  where   endpoint\(diagnosis.count == 1 ? "" : "s") \(named)\(more)") }
        if let example = diagnosis.endpoints.first, let trace = traces[UInt32(example)], !trace.messages.isEmpty {
            lines += ["", terminal.styled("  messages of endpoint \(example)", .dim)]
            lines += Ladder.text(
                trace, columns: min(terminal.width, 110), isASCII: !terminal.symbols, mostMessages: Self.mostMessages
            )
            .split(separator: "\n").map(String.init)
        }
        return lines
    }

    /// One line where all is well, the reasons where it is not.
    private func generator() -> [String] {
        let generator = summary.generator
        var facts: [String] = []
        if let late = generator.latenessMs.p99 { facts.append("p99 lateness \(Self.milliseconds(late))") }
        if let percent = generator.cpuPercent { facts.append("processor \(Self.number(percent, 0)) %") }
        if generator.socketDrops > 0 { facts.append("\(generator.socketDrops) datagrams dropped") }
        if generator.lateSends > 0 { facts.append("\(generator.lateSends) RTP packets over 2 ms late") }
        if generator.skippedFrames > 0 { facts.append("\(generator.skippedFrames) RTP frames skipped") }
        if generator.notAttempted > 0 { facts.append("\(generator.notAttempted) due and not begun") }
        let text = facts.isEmpty ? "" : ": " + facts.joined(separator: ", ")
        let style: Terminal.Style? =
            switch generator.verdict {
            case .valid: nil
            case .qualified: .yellow
            case .void: .red
            }
        let lines =
            terminal.wrapped("generator \(generator.verdict.rawValue)\(text)", indent: 10)
            + generator.reasons.flatMap { terminal.wrapped("          \($0)", indent: 10) }
        return lines.map { line in style.map { terminal.styled(line, $0) } ?? line }
    }

    /// `12.3 ms`, or `–` where nothing was measured.
    static func milliseconds(_ value: Double?) -> String { NumberText.milliseconds(value) }

    /// A figure with so many digits after the point, or `–` where nothing was measured.
    static func figure(_ value: Double?, _ digits: Int) -> String { NumberText.figure(value, digits) }

    /// A number with exactly so many digits after the point, rounded half away from zero.
    static func number(_ value: Double, _ digits: Int) -> String { NumberText.fixed(value, digits) }
}

extension String {
    /// The text with spaces behind it up to this width.
    func padding(to width: Int) -> String { self + String(repeating: " ", count: Swift.max(0, width - count)) }
}
