// SPDX-License-Identifier: Apache-2.0

import Domain
import RunMetrics

/// The results of a run as they come in; each endpoint once.
struct ResultLedger: Sendable {
    private var byIndex: [UInt32: EndpointResult] = [:]
    /// How many of them failed.
    private(set) var failed = 0

    /// Endpoints with a result.
    var count: Int { byIndex.count }

    /// All results in order of the endpoints.
    var all: [EndpointResult] { byIndex.values.sorted { $0.index < $1.index } }

    /// Takes results; a second one of the same endpoint is dropped.
    mutating func add(_ batch: [EndpointResult]) {
        for result in batch where byIndex[result.index] == nil {
            byIndex[result.index] = result
            if result.outcome.severity >= 10 { failed += 1 }
        }
    }

    /// Gives each endpoint without a result one that says so: not attempted when the segment never began, else lost with its
    /// worker.
    mutating func fillGaps(of job: RunJob, neverBegan: Bool) {
        guard byIndex.count < job.leases.count else { return }
        let plan = RunPlan(job.definition).endpoints
        for lease in job.leases where byIndex[lease.endpoint] == nil {
            let planned = plan[Int(lease.endpoint)]
            var result = EndpointResult(
                index: lease.endpoint, group: job.definition.groups[planned.group].name, username: lease.username)
            result.partner = planned.partner
            result.outcome = neverBegan ? .notAttempted : .osError
            add([result])
        }
    }
}
