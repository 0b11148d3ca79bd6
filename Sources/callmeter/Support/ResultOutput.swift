// SPDX-License-Identifier: Apache-2.0

import Bedrock
import ControlPlane
import Domain
import RunMetrics
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
        try await files.writeCapture(of: record.id, in: plane)
        guard !isQuiet, files.json != "-" else {
            if isQuiet, let failure = summary.failure { Output.error("callmeter: " + failure) }
            return
        }
        var seconds: Double?
        if let start = record.startedAt, let end = record.endedAt { seconds = (end - start).seconds }
        let traces = await traces(of: summary.diagnoses, record.id, plane)
        for line in SummaryText(summary, terminal: terminal, traces: traces).lines(
            title: record.testName, seconds: seconds)
        {
            Output.line(line)
        }
        let written = files.all.map(\.path) + [files.pcap].compactMap(\.self)
        if !written.isEmpty { Output.line("\nWritten: " + written.joined(separator: ", ")) }
    }

    /// The messages of the first endpoint of each group of failures, where they were kept.
    private func traces(of diagnoses: [Diagnosis], _ run: RunID, _ plane: ControlPlane) async -> [UInt32: EndpointTrace]
    {
        var traces: [UInt32: EndpointTrace] = [:]
        for diagnosis in diagnoses {
            guard let endpoint = diagnosis.endpoints.first else { continue }
            // A picture that is missing is no failure of the run.
            traces[UInt32(endpoint)] = try? await plane.runs.trace(of: UInt32(endpoint), of: run, by: .commandLine)
        }
        return traces
    }
}
