// SPDX-License-Identifier: Apache-2.0

import Bedrock
import ControlPlane
import Domain
import FoundationEssentials

/// Where a run's summary goes: a table for people, JSON for programs.
struct ResultOutput {
    var terminal: Terminal
    /// A file, `-` for standard output, nil for no JSON.
    var json: String?
    var isQuiet: Bool

    /// Prints what was asked for.
    func print(_ ended: RunWatcher.Ended) throws {
        let record = ended.view.record
        guard let summary = ended.view.summary else {
            throw CommandFailure(
                .endpointsFailed, "the run ended without a summary: \(record.failure?.text ?? "see the log")")
        }
        if let json {
            let text = try JSONOutput.text(summary) + "\n"
            if json == "-" {
                Output.write(text, to: 1)
            } else {
                try Self.write(text, to: json)
            }
        }
        guard !isQuiet, json != "-" else {
            if isQuiet, let failure = summary.failure { Output.error("callmeter: " + failure) }
            return
        }
        var seconds: Double?
        if let start = record.startedAt, let end = record.endedAt { seconds = (end - start).seconds }
        for line in SummaryText(summary, terminal: terminal).lines(title: record.testName, seconds: seconds) {
            Output.line(line)
        }
    }

    private static func write(_ text: String, to path: String) throws(CommandFailure) {
        do {
            try Data(text.utf8).write(to: URL(filePath: path))
        } catch {
            throw .usage("'\(path)' cannot be written")
        }
    }
}
