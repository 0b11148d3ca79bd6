// SPDX-License-Identifier: Apache-2.0

import Bedrock
import CCrypto
import Glibc
import SIP
import Simulation

/// Runs worlds from seeds: `simulate [SEED ...] [--endpoints N] [--once]`. Each world runs twice, to show that the same seed gives
/// the same trace; `--once` leaves that out. The last line is `N passed, N failed`; the exit code is 1 when something failed.
@main struct Simulate {
    private struct Options {
        var seeds: [UInt64] = []
        var endpoints = 10_000
        var runsTwice = true
    }

    private static func options() -> Options? {
        var options = Options()
        var arguments = CommandLine.arguments.dropFirst()
        while let argument = arguments.popFirst() {
            if argument == "--endpoints" {
                guard let count = arguments.popFirst().flatMap({ Int($0) }), count > 0, count <= 1_000_000,
                    count % 2 == 0
                else { return nil }
                options.endpoints = count
            } else if argument == "--once" {
                options.runsTwice = false
            } else {
                guard let seed = UInt64(argument) else { return nil }
                options.seeds.append(seed)
            }
        }
        if options.seeds.isEmpty { options.seeds = [3261] }
        return options
    }

    private static var hashes: HashFunctions {
        HashFunctions { algorithm, input, output in
            precondition(
                callmeter_digest(Int32(algorithm.rawValue), input.baseAddress, input.count, output.baseAddress) == 1,
                "libcrypto does not offer the hash functions of SIP")
        }
    }

    static func main() {
        guard let options = options() else {
            print("usage: simulate [SEED ...] [--endpoints N (even)] [--once]")
            exit(2)
        }
        var passed = 0
        var failed = 0
        func check(_ holds: Bool, _ what: String) {
            print("\(holds ? "PASS" : "FAIL") \(what)")
            if holds { passed += 1 } else { failed += 1 }
        }
        let clock = ContinuousClock()
        for seed in options.seeds {
            let plan = SimulationPlan(seed: seed, endpoints: options.endpoints)
            var report = SimulationReport()
            let real = clock.measure { report = Simulation(plan, hashes: hashes).run() }
            let seconds = Double(real.components.seconds) + Double(real.components.attoseconds) / 1e18
            print(
                "seed \(seed): \(options.endpoints) endpoints, \(report.events) events, \(report.delivered) datagrams delivered, "
                    + "\(report.lost) lost, \(report.duplicated) twice, \(tenths(report.virtualTime.seconds)) s of virtual time in "
                    + "\(tenths(seconds)) s, trace \(String(report.traceHash, radix: 16))")
            check(report.registered == options.endpoints, "seed \(seed): \(report.registered) endpoints registered")
            check(
                report.callsSucceeded == options.endpoints / 2, "seed \(seed): \(report.callsSucceeded) calls succeeded"
            )
            check(report.violations.isEmpty, "seed \(seed): every table empty, no credential went astray")
            for violation in report.violations { print("     \(violation)") }
            check(seconds < 60, "seed \(seed): took \(tenths(seconds)) s of real time, a minute is too long")
            if options.runsTwice {
                let again = Simulation(plan, hashes: hashes).run()
                check(again == report, "seed \(seed): the same seed gave the same trace again")
            }
        }
        print("\(passed) passed, \(failed) failed")
        if failed > 0 { exit(1) }
    }

    private static func tenths(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
}
