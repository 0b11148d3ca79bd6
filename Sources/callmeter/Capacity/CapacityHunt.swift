// SPDX-License-Identifier: Apache-2.0

import ControlPlane
import Domain
import Reports
import Synchronization

/// `run --find-capacity`: plays the test at one rate after the other, each a run of its own, as the search asks for.
struct CapacityHunt {
    let plane: ControlPlane
    let plan: CapacityPlan
    let progress: ProgressLine
    let interrupts: Interrupts
    /// Told after each hold.
    let tell: (CapacityHold) -> Void

    /// Searches to the end, or until a signal; the run that is going then is stopped properly first.
    func play(_ test: TestID) async throws -> CapacityReport {
        var search = CapacitySearch(plan.settings)
        var holds: [CapacityHold] = []
        while true {
            switch search.step {
            case .over(let outcome): return CapacityReport(outcome, holds, plan: plan)
            case .hold(let rate, let isConfirmation):
                let (ended, peak) = try await run(test, at: rate)
                if ended.isInterrupted { return CapacityReport(nil, holds, plan: plan) }
                guard let summary = ended.view.summary, ended.view.record.status == .completed else {
                    let status = ended.status == .allWell ? ExitStatus.endpointsFailed : ended.status
                    throw CommandFailure(status, ended.view.record.failure?.text ?? "a run ended without a summary")
                }
                let hold = CapacityHold(
                    rate: rate, isConfirmation: isConfirmation, peak: peak, summary: summary, plan: plan)
                holds.append(hold)
                tell(hold)
                search.report(hold.verdict)
            }
        }
    }

    private func run(_ test: TestID, at rate: Double) async throws -> (RunWatcher.Ended, peak: Int) {
        _ = try await plane.tests.update(test, to: plan.test(at: rate).document, by: .commandLine)
        let peak = Peak()
        var watcher = RunWatcher(plane: plane, progress: progress, interrupts: interrupts)
        let place = "\(NumberText.plain(rate)) \(plan.unit): "
        watcher.prefix = place
        watcher.observe = { peak.see($0.callsUp) }
        return (try await watcher.run(test), peak.value)
    }

    /// The most calls that were up at once.
    private final class Peak: Sendable {
        private let most = Mutex(0)

        var value: Int { most.withLock { $0 } }

        func see(_ now: Int) { most.withLock { $0 = max($0, now) } }
    }
}
