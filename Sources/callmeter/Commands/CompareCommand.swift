// SPDX-License-Identifier: Apache-2.0

import API
import ArgumentParser
import Bedrock
import Domain
import FoundationEssentials
import Reports
import Web

/// `callmeter compare A B`: whether the second run is worse than the first, or only another throw of the dice.
struct CompareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Compare two runs: regression, improvement or noise.",
        discussion: """
            A and B are files of 'run --json', or runs of a server (--server) or a data folder (--data). The confidence is that of the \
            whole comparison: 95 of 100 comparisons of runs that differ by chance alone say that nothing changed. Exit codes: \
            0 no regression, 99 regression, 5 a run is void, 2 wrong usage, 4 server unreachable.
            """)

    @Argument(help: "The run to compare with: a file, or a run's identifier.")
    var a: String

    @Argument(help: "The run to judge.")
    var b: String

    @Option(help: ArgumentHelp("Delays that differ by less than this do not count.", valueName: "percent"))
    var tolerance = Comparison.usualTolerance

    @OptionGroup var place: Place

    func validate() throws {
        guard tolerance >= 0, tolerance <= 1_000 else { throw ValidationError("--tolerance is 0 to 1000 percent") }
    }

    mutating func run() async throws {
        var sides: [Comparison.Side] = []
        for (name, run) in zip([a, b], try await load([a, b])) {
            guard let summary = run.detail.summary else {
                throw CommandFailure.usage("\(name) has no summary: the run is not over")
            }
            sides.append(Comparison.Side(name: name, summary: summary, samples: run.samples))
        }
        let comparison = Comparison(sides[0], sides[1], tolerancePercent: tolerance)
        try place.print(comparison) { ComparisonText($0, terminal: .current()).lines }
        if comparison.isVoid { throw CommandFailure(.generatorLimited) }
        if comparison.isRegression { throw CommandFailure(.thresholdFailed) }
    }

    /// Files where there are some of these names, else runs; the workplace is opened once, and only for runs.
    private func load(_ names: [String]) async throws -> [ExportedRun] {
        let files = try names.map(file)
        if files.allSatisfy({ $0 != nil }) { return files.compactMap(\.self) }
        for (name, file) in zip(names, files) where file == nil {
            guard place.server != nil || place.data != nil else {
                throw CommandFailure.usage("there is no file '\(name)'; a run's identifier needs --server or --data")
            }
            guard RunID(name) != nil else {
                throw CommandFailure.usage("'\(name)' is neither a file nor a run's identifier")
            }
        }
        return try await place.with { workplace in
            var runs: [ExportedRun] = []
            for (name, file) in zip(names, files) {
                if let file { runs.append(file) } else { runs.append(try await workplace.exportedRun(name)) }
            }
            return runs
        }
    }

    private func file(_ name: String) throws -> ExportedRun? {
        guard let data = try? Data(contentsOf: URL(filePath: name)) else { return nil }
        do {
            return try JSONDecoder().decode(ExportedRun.self, from: data)
        } catch {
            throw CommandFailure.usage("'\(name)' is no file of 'run --json' of this release")
        }
    }
}

/// A comparison as people read it.
struct ComparisonText {
    let comparison: Comparison
    let terminal: Terminal

    init(_ comparison: Comparison, terminal: Terminal) {
        self.comparison = comparison
        self.terminal = terminal
    }

    var lines: [String] {
        var lines = [headline, ""]
        var table = Table(["", "A", "B", "difference", "n", ""], right: [1, 2, 3, 4])
        for row in comparison.rows {
            table.add([
                row.figure, figure(row.a, row.unit), figure(row.b, row.unit), difference(row),
                "\(row.countA), \(row.countB)", word(row.judgement),
            ])
        }
        lines += table.lines(terminal)
        lines += ["", "A  \(comparison.names[0])", "B  \(comparison.names[1])"]
        if !comparison.newCauses.isEmpty {
            lines.append("new causes of failure: " + comparison.newCauses.joined(separator: ", "))
        }
        if !comparison.goneCauses.isEmpty {
            lines.append("causes that are gone: " + comparison.goneCauses.joined(separator: ", "))
        }
        lines += comparison.cautions.flatMap { terminal.wrapped("caution: \($0)", indent: 9) }.map {
            terminal.styled($0, .yellow)
        }
        let confidence = NumberText.plain(comparison.confidence * 100)
        lines += terminal.wrapped(
            "In brackets the range that holds the true difference; all ranges together hold with a confidence of \(confidence) %. "
                + "Delays that differ by less than \(NumberText.plain(comparison.tolerancePercent)) % or 1 ms count as noise.",
            indent: 0)
        return lines.map(terminal.fit)
    }

    private var headline: String {
        if comparison.isVoid { return terminal.styled("VOID", .yellow) + "  nothing can be said of these runs" }
        let worse = comparison.rows.count { $0.judgement == .regression }
        let better = comparison.rows.count { $0.judgement == .improvement }
        func figures(_ count: Int) -> String { "\(count) figure\(count == 1 ? "" : "s")" }
        if worse > 0 { return terminal.styled("REGRESSION", .red) + "  \(figures(worse)) became worse" }
        if better > 0 { return terminal.styled("IMPROVED", .green) + "  \(figures(better)) became better, none worse" }
        return terminal.styled("NO CHANGE", .green) + "  the differences are noise"
    }

    private func figure(_ value: Double, _ unit: String) -> String {
        NumberText.fixed(value, value.magnitude < 100 ? 2 : 0) + (unit.isEmpty ? "" : " " + unit)
    }

    private func difference(_ row: Comparison.Row) -> String {
        func signed(_ value: Double) -> String {
            (value > 0 ? "+" : "") + NumberText.fixed(value, value.magnitude < 100 ? 2 : 0)
        }
        guard let low = row.low, let high = row.high else { return signed(row.difference) }
        return "\(signed(row.difference)) [\(signed(low)), \(signed(high))]"
    }

    private func word(_ judgement: Comparison.Judgement) -> String {
        switch judgement {
        case .regression: terminal.styled("WORSE", .red)
        case .improvement: terminal.styled("better", .green)
        case .noise: "noise"
        case .tooFew: "too few"
        }
    }
}
