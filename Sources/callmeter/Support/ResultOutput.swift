// SPDX-License-Identifier: Apache-2.0

import Bedrock
import ControlPlane
import Domain
import Web

/// Where a run's results go: a picture for people, files for programs.
struct ResultOutput {
    var terminal: Terminal
    var files: OutputFiles
    var isQuiet: Bool

    /// Writes and prints what was asked for.
    func print(_ ended: RunWatcher.Ended, in plane: ControlPlane) async throws {
        let record = ended.view.record
        guard let summary = ended.view.summary else {
            throw CommandFailure(
                .endpointsFailed, "the run ended without a summary: \(record.failure?.text ?? "see the log")")
        }
        if !files.all.isEmpty {
            try await files.write(RunExport(of: record.id, in: plane, by: .commandLine))
        }
        guard !isQuiet, files.json != "-" else {
            if isQuiet, let failure = summary.failure { Output.error("callmeter: " + failure) }
            return
        }
        var seconds: Double?
        if let start = record.startedAt, let end = record.endedAt { seconds = (end - start).seconds }
        for line in SummaryText(summary, terminal: terminal).lines(title: record.testName, seconds: seconds) {
            Output.line(line)
        }
        let written = files.all.map(\.path)
        if !written.isEmpty { Output.line("\nWritten: " + written.joined(separator: ", ")) }
    }
}
