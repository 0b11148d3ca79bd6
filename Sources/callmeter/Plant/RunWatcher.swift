// SPDX-License-Identifier: Apache-2.0

import ControlPlane
import Domain
import Glibc
import RunMetrics
import Synchronization
import WorkerLink

/// Starts a test and stays with its run: progress on standard error, Ctrl-C stops it properly, then what it found.
struct RunWatcher {
    /// A run that ended.
    struct Ended {
        var view: RunView
        /// Whether Ctrl-C or a signal stopped it.
        var isInterrupted: Bool
        /// Whether any endpoint got any answer.
        var isAnswered: Bool

        /// How the process ends.
        var status: ExitStatus {
            ExitStatus.of(view, isInterrupted: isInterrupted, isAnswered: isAnswered)
        }
    }

    let plane: ControlPlane
    let progress: ProgressLine
    let interrupts: Interrupts
    /// What stands before the line of progress.
    var prefix = ""
    /// Hears of the progress too.
    var observe: @Sendable (RunProgress) -> Void = { _ in }

    /// Runs a test to its end.
    func run(_ test: TestID) async throws -> Ended {
        let interrupts = interrupts.stream()
        let started = try await plane.runs.start(test, by: .commandLine)
        let isInterrupted = Flag()
        let view = try await withThrowingTaskGroup { tasks -> RunView in
            tasks.addTask { [plane, progress, prefix, observe] in
                for await event in try await plane.runs.events(of: started.id, by: .commandLine) {
                    guard case .progress(let now) = event.kind else { continue }
                    progress.show(prefix + Self.line(now))
                    observe(now)
                }
            }
            let stopper = Task { [plane] in
                for await _ in interrupts {
                    if isInterrupted.raise() {
                        _exit(ExitStatus.interrupted.rawValue)
                    }
                    progress.show("stopping: hanging up and unregistering; Ctrl-C again ends at once")
                    _ = try await plane.runs.stop(started.id, by: .commandLine)
                }
            }
            defer { stopper.cancel() }
            let view = try await plane.runs.waitForEnd(of: started.id, by: .commandLine)
            try await tasks.waitForAll()
            return view
        }
        progress.clear()
        return Ended(
            view: view, isInterrupted: isInterrupted.isRaised, isAnswered: try await isAnswered(started.id))
    }

    private func isAnswered(_ run: RunID) async throws -> Bool {
        var number = 1
        while true {
            let request = PageRequest(page: number, perPage: PageRequest.largestPage)
            let page = try await plane.runs.endpoints(of: run, EndpointQuery(page: request), by: .commandLine)
            if page.items.contains(where: \.result.isAnswered) { return true }
            guard page.items.count == request.perPage else { return false }
            number += 1
        }
    }

    /// Whether somebody asked the run to stop.
    private final class Flag: Sendable {
        private let state = Mutex(false)

        var isRaised: Bool { state.withLock { $0 } }

        /// Raises it and says whether it was up already.
        func raise() -> Bool {
            state.withLock { state in
                defer { state = true }
                return state
            }
        }
    }

    static func line(_ now: RunProgress) -> String {
        var text = "\(now.second) s  registered \(now.registered)/\(now.endpoints)"
        if now.callsEstablished + now.callsUp > 0 {
            text += "  calls up \(now.callsUp)  established \(now.callsEstablished)"
        }
        if now.callsFailed > 0 { text += "  calls failed \(now.callsFailed)" }
        if now.failed > 0 { text += "  endpoints failed \(now.failed)" }
        if now.closed > 0 { text += "  done \(now.closed)" }
        return text
    }
}

extension EndpointResult {
    /// Whether the other side answered anything at all.
    fileprivate var isAnswered: Bool {
        registration.firstResponseAt != nil
            || calls.contains { $0.ringingAt != nil || $0.answeredAt != nil || $0.finalStatus != nil }
    }
}

extension ExitStatus {
    /// How a command ends that ran a test. Of all that applies, the first in `precedence`.
    static func of(_ view: RunView, isInterrupted: Bool, isAnswered: Bool) -> ExitStatus {
        var found: Set<ExitStatus> = []
        if view.record.failure?.code == InsufficientAccounts.code { found.insert(.insufficientAccounts) }
        if view.record.failure?.code == SegmentFailure.targetUnresolved { found.insert(.unreachable) }
        if isInterrupted { found.insert(.interrupted) }
        if view.record.status == .cannotRunForNow || view.summary?.verdict == .void { found.insert(.generatorLimited) }
        let thresholds = view.summary?.thresholds ?? []
        if thresholds.contains(where: { !$0.passed }) { found.insert(.thresholdFailed) }
        if !isAnswered, (view.summary?.endpoints.total ?? 0) > 0 { found.insert(.unreachable) }
        if view.summary?.verdict != .passed { found.insert(.endpointsFailed) }
        return first(of: found)
    }
}
