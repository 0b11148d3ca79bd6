// SPDX-License-Identifier: Apache-2.0

public import Domain
public import RunMetrics

/// What was counted in each second of a run.
public protocol WindowStore: Sendable {
    /// Keeps seconds of a run, replacing what was kept of the same ones; `late` are parts of seconds that were kept already and
    /// are added to them. Throws `notFound` for the run, and `leaseLost` when a fence is given and its leases are over.
    func save(_ windows: [Window], late: [Window], of run: RunID, under fence: LeaseFence?) async throws
    /// The kept seconds of a run in order, of those in `seconds`, at most `limit` from the first on.
    func windows(of run: RunID, in seconds: ClosedRange<UInt32>, limit: Int) async throws -> [Window]
}
