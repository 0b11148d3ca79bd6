// SPDX-License-Identifier: Apache-2.0

public import Domain
import Logging
public import RunMetrics
import Store

extension RunUseCases {
    /// Seconds that one answer holds at most: an hour.
    public static let mostWindows = 3_600

    /// What was counted in the seconds of a run, in order; at most `mostWindows` of them from the first on. Seconds in which nobody
    /// was at work are left out; the newest one of a run that goes on may still grow. Needs viewer.
    public func windows(
        of id: RunID, in seconds: ClosedRange<UInt32> = 0...UInt32.max, by principal: Principal
    ) async throws(ControlPlaneError) -> [Window] {
        _ = try await get(id, by: principal)
        return try await services.perform("windows") {
            try await services.store.windows(of: id, in: seconds, limit: Self.mostWindows)
        }
    }
}

extension Services {
    /// What the kept seconds of a run add up to; nil when they cannot be read, for a run's end must not wait for them.
    func review(of run: RunID, _ definition: TestDefinition) async -> WindowReview? {
        var review = WindowReview(definition.thresholds, groups: definition.groups.count)
        var next: UInt32 = 0
        do {
            while true {
                let windows = try await store.windows(of: run, in: next...UInt32.max, limit: RunUseCases.mostWindows)
                for window in windows { review.add(window) }
                guard windows.count == RunUseCases.mostWindows, let last = windows.last, last.second < .max else {
                    return review
                }
                next = last.second + 1
            }
        } catch {
            logger.error("the seconds of a run cannot be read", metadata: ["run": "\(run)", "cause": "\(error)"])
            return nil
        }
    }
}
