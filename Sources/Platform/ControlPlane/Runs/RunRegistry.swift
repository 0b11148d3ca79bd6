// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import WorkerLink

/// The runs of this process that are not over, each with its coordinator's inbox and task.
actor RunRegistry {
    private struct Entry {
        let inbox: Mailbox<CoordinatorInput>
        let task: Task<Void, Never>
    }

    private var runs: [RunID: Entry] = [:]
    private var isClosing = false

    /// Begins to coordinate a run; throws `shuttingDown` once `stopAll` was called.
    func begin(_ run: RunID, _ coordinator: RunCoordinator) throws(ControlPlaneError) {
        guard !isClosing else { throw ControlPlaneError(.shuttingDown, "the program is shutting down") }
        let task = Task {
            await coordinator.coordinate()
            self.forget(run)
        }
        runs[run] = Entry(inbox: coordinator.inbox, task: task)
    }

    private func forget(_ run: RunID) { runs[run] = nil }

    /// Asks a run to stop; one that is over is passed over.
    func stop(_ run: RunID) { runs[run]?.inbox.put(.stopRequested) }

    /// Tells a run that the database ended its leases; one that is over is passed over.
    func revoke(_ run: RunID) { runs[run]?.inbox.put(.leaseLost) }

    /// Waits for the end of a run; returns at once for one that is over.
    func wait(_ run: RunID) async { await runs[run]?.task.value }

    /// Stops every run, waits for their ends, and lets none begin any more.
    func stopAll() async {
        isClosing = true
        for entry in runs.values { entry.inbox.put(.stopRequested) }
        for entry in Array(runs.values) { await entry.task.value }
    }
}
