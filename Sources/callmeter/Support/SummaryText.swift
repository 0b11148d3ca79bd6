// SPDX-License-Identifier: Apache-2.0

import Domain

/// A run's summary as people read it: the verdict, the figures, and last, where the eye rests, what failed, why, and what to do.
struct SummaryText {
    /// Endpoints named under a diagnosis; the JSON has all.
    private static let mostEndpoints = 8

    let summary: RunSummary
    let terminal: Terminal

    init(_ summary: RunSummary, terminal: Terminal) {
        self.summary = summary
        self.terminal = terminal
    }

    /// The lines to print.
    func lines(title: String, seconds: Double?) -> [String] {
        var lines = [headline(title, seconds)]
        if summary.endpoints.total > 0 {
            lines += [""] + figures()
            if !summary.thresholds.isEmpty { lines += [""] + thresholds() }
        }
        for diagnosis in summary.diagnoses { lines += [""] + self.lines(of: diagnosis) }
        if let failure = summary.failure {
            lines += [""] + terminal.wrapped(failure, indent: 0).map { terminal.styled($0, .red) }
        }
        if let note = generatorNote {
            lines += [""] + terminal.wrapped(note, indent: 0).map { terminal.styled($0, .yellow) }
        }
        return lines
    }

    private func headline(_ title: String, _ seconds: Double?) -> String {
        let good = summary.verdict == .passed
        let word = terminal.styled(
            summary.verdict == .void ? "VOID" : good ? "PASSED" : "FAILED", good ? .green : .red)
        let time = seconds.map { ", \(Self.number($0, 1)) s" } ?? ""
        let status = summary.status == .completed ? "" : ", \(summary.status.rawValue)"
        let endpoints = summary.endpoints.total
        let size = endpoints == 0 ? "nothing was sent" : "\(endpoints) endpoint\(endpoints == 1 ? "" : "s")"
        return "\(word)  \(terminal.styled(title, .bold))  \(size)\(time)\(status)"
    }

    private func figures() -> [String] {
        var delays = Table(["", "count", "failed", "p50", "p95", "p99", "max"], right: [1, 2, 3, 4, 5, 6])
        func add(_ name: String, _ count: Int, _ failed: Int, _ delay: RunSummary.Delay) {
            delays.add(
                [name, "\(count)", "\(failed)"] + [delay.p50, delay.p95, delay.p99, delay.max].map(Self.milliseconds))
        }
        let registration = summary.registration
        let calls = summary.calls
        add("registration delay", registration.succeeded, registration.failed, registration.delayMs)
        if calls.attempted > 0 {
            add("post-dial delay", calls.established, calls.failed, calls.postDialDelayMs)
            add("setup time", calls.established, calls.failed, calls.setupTimeMs)
        }
        var lines = delays.lines(terminal)
        if summary.media.streams > 0 { lines += [""] + media() }
        let outcomes = summary.endpoints.byOutcome.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        if !outcomes.isEmpty {
            lines += ["", "outcomes  " + outcomes.map { "\($0.value) \($0.key)" }.joined(separator: ", ")]
        }
        for (name, statuses) in [("REGISTER", registration.byStatus), ("INVITE", calls.byStatus)]
        where !statuses.isEmpty {
            let words = statuses.sorted { $0.key < $1.key }.map { "\($0.value) × \($0.key)" }
            lines.append("\(name)  final answers \(words.joined(separator: ", "))")
        }
        return lines
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
        return table.lines(terminal) + [packets]
    }

    private func thresholds() -> [String] {
        var table = Table(["threshold", "measured", ""])
        for result in summary.thresholds {
            table.add([
                result.threshold, Self.figure(result.value, 2),
                result.passed ? terminal.styled("passed", .green) : terminal.styled("FAILED", .red),
            ])
        }
        return table.lines(terminal)
    }

    private func lines(of diagnosis: Diagnosis) -> [String] {
        let count = "\(diagnosis.count) endpoint\(diagnosis.count == 1 ? "" : "s")"
        var lines = [terminal.styled(diagnosis.title, .red) + "  (\(count), \(diagnosis.cause.rawValue))"]
        lines += diagnosis.evidence.flatMap { terminal.wrapped("  seen    \($0)", indent: 10) }
        lines += terminal.wrapped("  do      \(diagnosis.remedy)", indent: 10)
        let named = diagnosis.endpoints.prefix(Self.mostEndpoints).map(String.init).joined(separator: ", ")
        let more = diagnosis.count > Self.mostEndpoints ? " and \(diagnosis.count - Self.mostEndpoints) more" : ""
        if !named.isEmpty { lines.append("  where   endpoint\(diagnosis.count == 1 ? "" : "s") \(named)\(more)") }
        return lines
    }

    private var generatorNote: String? {
        let generator = summary.generator
        guard generator.lateSends + generator.skippedFrames > 0 else { return nil }
        return
            "This machine was late: \(generator.lateSends) RTP packets left over 2 ms late, \(generator.skippedFrames) were skipped."
    }

    /// `12.3 ms`, or `–` where nothing was measured.
    static func milliseconds(_ value: Double?) -> String {
        value.map { "\(number($0, $0 < 100 ? 1 : 0)) ms" } ?? "–"
    }

    /// A figure with so many digits after the point, or `–` where nothing was measured.
    static func figure(_ value: Double?, _ digits: Int) -> String { value.map { number($0, digits) } ?? "–" }

    /// A number with exactly so many digits after the point, rounded half away from zero.
    static func number(_ value: Double, _ digits: Int) -> String {
        guard value.isFinite else { return "–" }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = (value * scale).rounded()
        guard scaled.magnitude < 1e15 else { return "\(value)" }
        let text = String(Int64(scaled.magnitude))
        let padded = String(repeating: "0", count: max(0, digits + 1 - text.count)) + text
        let sign = scaled < 0 ? "-" : ""
        return digits == 0 ? sign + padded : sign + padded.dropLast(digits) + "." + padded.suffix(digits)
    }
}
