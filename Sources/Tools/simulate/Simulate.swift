// SPDX-License-Identifier: Apache-2.0

import Bedrock
import CCrypto
import Glibc
import SIP
import Simulation
import Synchronization

/// Runs worlds from seeds.
///
///     simulate                      10,000 endpoints from seed 3261, and the small worlds of 500 seeds
///     simulate SEED ...             10,000 endpoints from each seed
///     simulate SEED ... --small     the small world of each seed, with all it draws; a violation comes with the last messages
///     simulate --seeds N [--from S] the small worlds of N seeds, on every processor
///     simulate --million            1,000,000 endpoints registered, refreshed and removed
///
/// `--endpoints N` sets another size, `--once` leaves out the second run that shows that the same seed gives the same trace. The last
/// line is `N passed, N failed`; the exit code is 1 when something failed.
@main struct Simulate {
    static func main() async {
        guard let options = Options(CommandLine.arguments.dropFirst()) else {
            print(
                "usage: simulate [SEED ...] [--small] [--seeds N [--from S]] [--million] [--endpoints N (even)] [--once]"
            )
            exit(2)
        }
        announceCrashes()
        var tally = Tally()
        if options.isMillion {
            runHolding(endpoints: options.endpoints ?? 1_000_000, &tally)
        } else if let count = options.seedCount {
            await runSmall(from: options.firstSeed, count: count, &tally)
        } else if options.isSmall {
            for seed in options.seeds { replay(seed, &tally) }
        } else {
            for seed in options.seeds.isEmpty ? [3261] : options.seeds {
                runBig(seed, endpoints: options.endpoints ?? 10_000, runsTwice: options.runsTwice, &tally)
            }
            if options.seeds.isEmpty, options.endpoints == nil { await runSmall(from: 1, count: 500, &tally) }
        }
        print("\(tally.passed) passed, \(tally.failed) failed")
        if tally.failed > 0 { exit(1) }
    }

    static var hashes: HashFunctions {
        HashFunctions { algorithm, input, output in
            precondition(
                callmeter_digest(Int32(algorithm.rawValue), input.baseAddress, input.count, output.baseAddress) == 1,
                "libcrypto does not offer the hash functions of SIP")
        }
    }

    // MARK: Worlds

    /// Many endpoints that register and call.
    private static func runBig(_ seed: UInt64, endpoints: Int, runsTwice: Bool, _ tally: inout Tally) {
        let plan = SimulationPlan(seed: seed, endpoints: endpoints)
        var report = SimulationReport()
        let seconds = time { report = Simulation(plan, hashes: hashes).run() }
        print(
            "seed \(seed): \(endpoints) endpoints, \(report.events) events, \(report.delivered) datagrams delivered, "
                + "\(report.lost) lost, \(report.duplicated) twice, \(tenths(report.virtualTime.seconds)) s of virtual time in "
                + "\(tenths(seconds)) s, trace \(String(report.traceHash, radix: 16))")
        tally.check(report.registered == endpoints, "seed \(seed): \(report.registered) endpoints registered")
        tally.check(report.callsSucceeded == endpoints / 2, "seed \(seed): \(report.callsSucceeded) calls succeeded")
        tally.check(report.violations.isEmpty, "seed \(seed): every table empty, no credential went astray")
        for violation in report.violations { print("     \(violation)") }
        tally.check(seconds < 60, "seed \(seed): took \(tenths(seconds)) s of real time, a minute is too long")
        if runsTwice {
            tally.check(
                Simulation(plan, hashes: hashes).run() == report,
                "seed \(seed): the same seed gave the same trace again")
        }
    }

    /// A small world with everything told about it.
    private static func replay(_ seed: UInt64, _ tally: inout Tally) {
        PresentSeed.all[0].value.store(seed, ordering: .relaxed)
        var plan = SimulationPlan.small(seed: seed)
        plan.keepsLog = true
        print("seed \(seed): \(plan.endpoints) endpoints; \(plan.faultLine)")
        print("     \(plan)")
        let report = Simulation(plan, hashes: hashes).run()
        print(
            "     \(report.events) events in \(tenths(report.virtualTime.seconds)) s of virtual time; \(report.registered) registered, "
                + "\(report.registrationsFailed) did not, \(report.callsSucceeded) calls succeeded, \(report.closed) closed, "
                + "trace \(String(report.traceHash, radix: 16))")
        tally.check(report.violations.isEmpty, "seed \(seed): no invariant broken")
        for violation in report.violations { print("     \(violation)") }
        for line in report.lastMessages { print("       \(line)") }
        let again = Simulation(plan, hashes: hashes).run()
        tally.check(again == report, "seed \(seed): the same seed gave the same trace again")
    }

    /// The small worlds of many seeds, on every processor.
    private static func runSmall(from first: UInt64, count: Int, _ tally: inout Tally) async {
        let workers = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        var total = SmallWorlds()
        let clock = ContinuousClock()
        let start = clock.now
        await withTaskGroup(of: SmallWorlds.self) { group in
            for worker in 0..<workers {
                group.addTask { SmallWorlds.run(from: first, count: count, worker: worker, of: workers) }
            }
            for await part in group { total.add(part) }
        }
        let seconds =
            Double((clock.now - start).components.seconds) + Double((clock.now - start).components.attoseconds) / 1e18
        print(
            "seeds \(first)…\(first + UInt64(count) - 1): \(count) small worlds (\(total.calm) calm), \(total.endpoints) endpoints, "
                + "\(total.events) events, \(total.registered) registered, \(total.registrationsFailed) registrations failed, "
                + "\(total.calls) calls succeeded, \(total.forged) forged challenges, \(total.pranks) unexpected messages, "
                + "\(tenths(total.virtualSeconds / 3600)) h of virtual time in \(tenths(seconds)) s")
        tally.check(
            total.broken.isEmpty, "\(count) small worlds: no invariant broken in \(count - total.broken.count) of them")
        for seed in total.broken.sorted().prefix(20) { replay(seed, &tally) }
        if total.broken.count > 20 {
            print(
                "     and seeds \(total.broken.sorted().dropFirst(20).prefix(200).map { "\($0)" }.joined(separator: " "))"
            )
        }
        tally.check(total.unsteady.isEmpty, "every twentieth world gave the same trace again \(total.unsteady)")
    }
}
