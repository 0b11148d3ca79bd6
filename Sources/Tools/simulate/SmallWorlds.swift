// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Glibc
import Simulation
import Synchronization

/// What the small worlds of some seeds came to.
struct SmallWorlds: Sendable {
    var calm = 0
    var endpoints = 0
    var events: UInt64 = 0
    var registered = 0
    var registrationsFailed = 0
    var calls = 0
    var forged: UInt64 = 0
    var pranks: UInt64 = 0
    var virtualSeconds = 0.0
    /// Seeds whose worlds broke an invariant.
    var broken: [UInt64] = []
    /// Seeds whose worlds did not come out the same twice.
    var unsteady: [UInt64] = []

    /// Runs every `workers`-th seed, beginning with the `worker`-th.
    static func run(from first: UInt64, count: Int, worker: Int, of workers: Int) -> SmallWorlds {
        var result = SmallWorlds()
        for number in stride(from: worker, to: count, by: workers) {
            let seed = first + UInt64(number)
            PresentSeed.all[worker % PresentSeed.all.count].value.store(seed, ordering: .relaxed)
            let plan = SimulationPlan.small(seed: seed)
            let report = Simulation(plan, hashes: Simulate.hashes).run()
            result.add(plan, report)
            if !report.violations.isEmpty {
                result.broken.append(seed)
                say("seed \(seed) broke an invariant: \(report.violations[0])\n")
            }
            if number / workers % 20 == 0, Simulation(plan, hashes: Simulate.hashes).run() != report {
                result.unsteady.append(seed)
            }
            if worker == 0, number / workers % 250 == 249 { say("\(number + 1) of \(count) small worlds\n") }
        }
        return result
    }

    private mutating func add(_ plan: SimulationPlan, _ report: SimulationReport) {
        calm += plan.isCalm ? 1 : 0
        endpoints += plan.endpoints
        events += report.events
        registered += report.registered
        registrationsFailed += report.registrationsFailed
        calls += report.callsSucceeded
        forged += report.forgedChallenges
        pranks += report.pranks
        virtualSeconds += report.virtualTime.seconds
    }

    mutating func add(_ other: SmallWorlds) {
        calm += other.calm
        endpoints += other.endpoints
        events += other.events
        registered += other.registered
        registrationsFailed += other.registrationsFailed
        calls += other.calls
        forged += other.forged
        pranks += other.pranks
        virtualSeconds += other.virtualSeconds
        broken += other.broken
        unsteady += other.unsteady
    }

    private static func say(_ line: String) {
        let bytes = Array(line.utf8)
        _ = write(2, bytes, bytes.count)
    }
}
