// SPDX-License-Identifier: Apache-2.0

public import Domain
public import Reports
import RunMetrics
import Store

extension RunUseCases {
    /// A run that is over, ready to be turned into reports; its endpoints pass by in pages. Throws `notFound`, and `wrongStatus`
    /// while it goes on.
    public func report(of id: RunID, by principal: Principal) async throws(ControlPlaneError) -> RunReport {
        let view = try await get(id, by: principal)
        guard let summary = view.summary else {
            throw ControlPlaneError(
                .wrongStatus,
                "run \(id) is \(view.record.status.rawValue) and has no results yet; wait until it has ended")
        }
        // A definition of an older release that cannot be read any more is left out rather than in the way.
        let definition = try? DefinitionText.decode(view.record.definition).document
        var report = RunReport(record: view.record, summary: summary, definition: definition)
        var number = 1
        while true {
            let request = PageRequest(page: number, perPage: PageRequest.largestPage)
            let page = try await endpoints(of: id, EndpointQuery(page: request), by: principal).items
            report.add(page)
            guard page.count == request.perPage else { break }
            number += 1
        }
        report.add(windows: try await seconds(of: id, by: principal))
        for endpoint in report.traced {
            // Not all messages are kept, and a picture that is missing is no reason to have no report.
            if let trace = try? await trace(of: endpoint, of: id, by: principal) { report.add(trace: trace) }
        }
        return report
    }

    /// All seconds of a run.
    private func seconds(of id: RunID, by principal: Principal) async throws(ControlPlaneError) -> [Window] {
        var seconds: [Window] = []
        var next: UInt32 = 0
        while true {
            let some = try await windows(of: id, in: next...UInt32.max, by: principal)
            seconds += some
            guard some.count == Self.mostWindows, let last = some.last, last.second < .max else { return seconds }
            next = last.second + 1
        }
    }

    /// The runs that go on and those that ended lately, for monitoring: at most as many as the hub keeps.
    public func monitored() async throws(ControlPlaneError) -> [MonitoredRun] {
        let standing = await hub.standing()
        return try await services.perform("monitoredRuns") {
            var runs: [MonitoredRun] = []
            for (id, progress) in standing.sorted(by: { $0.key.bytes.lexicographicallyPrecedes($1.key.bytes) }) {
                guard let record = try await services.store.run(id) else { continue }
                var run = MonitoredRun(record: record, summary: try record.summary.map { try SummaryText.decode($0) })
                let isOver = record.status.isFinal
                run.registered = isOver ? 0 : progress.registered
                run.callsUp = isOver ? 0 : progress.callsUp
                run.failed = progress.failed
                run.done = progress.closed
                run.callsEstablished = run.summary?.calls.established ?? progress.callsEstablished
                run.callsFailed = run.summary?.calls.failed ?? progress.callsFailed
                runs.append(run)
            }
            return runs
        }
    }
}
