// SPDX-License-Identifier: Apache-2.0

public import Domain

/// What the load generator said of itself, as names and values for people.
public enum GeneratorFacts {
    /// The lines, in the order of their weight.
    public static func lines(_ generator: RunSummary.Generator) -> [(String, String)] {
        var lines = [("verdict", generator.verdict.rawValue)]
        lines += generator.reasons.map { ("because", $0) }
        func add(_ name: String, _ delay: RunSummary.Delay) {
            guard delay.max != nil else { return }
            let figures = [("p50", delay.p50), ("p99", delay.p99), ("max", delay.max)]
            lines.append((name, figures.map { "\($0.0) \(milliseconds($0.1))" }.joined(separator: ", ")))
        }
        add("requests left after their moment", generator.latenessMs)
        add("RTP left after its moment", generator.rtpLatenessMs)
        add("threads woke after their moment", generator.wakeLatenessMs)
        if let percent = generator.cpuPercent { lines.append(("processor", NumberText.fixed(percent, 0) + " %")) }
        if let percent = generator.stealPercent {
            lines.append(("processor taken by the host", NumberText.fixed(percent, 1) + " %"))
        }
        lines.append(("datagrams dropped at our sockets", "\(generator.socketDrops)"))
        lines.append(("RTP packets over 2 ms late, and skipped", "\(generator.lateSends), \(generator.skippedFrames)"))
        lines.append(("due, but not begun", "\(generator.notAttempted)"))
        return lines
    }

    /// Lateness is often far below a millisecond, which still says something.
    private static func milliseconds(_ value: Double?) -> String {
        value.map { NumberText.fixed($0, $0 < 10 ? 2 : 0) + " ms" } ?? NumberText.nothing
    }
}
