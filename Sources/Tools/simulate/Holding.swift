// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Glibc
import Simulation

extension Simulate {
    /// Very many endpoints that register, refresh twice and go, with what they cost.
    static func runHolding(endpoints: Int, _ tally: inout Tally) {
        var plan = SimulationPlan(seed: 1_000_000, endpoints: endpoints)
        plan.callsPerPair = 0
        // The server keeps each answer for 32 s to absorb copies: the slower they come, the fewer it holds at a time.
        plan.registrationsPerSecond = 4000
        // Refreshed after about 540 s, twice.
        plan.expires = 600
        plan.hold = .seconds(1200)
        plan.limit = .seconds(3600)
        plan.watchesClosely = false
        var memory: [SimulationMilestone: Int] = [:]
        var report = SimulationReport()
        var simulation: Simulation?
        let before = residentBytes
        let building = time {
            simulation = Simulation(plan, hashes: hashes) { milestone in memory[milestone] = residentBytes }
        }
        let processorBefore = processorSeconds
        let running = time { report = simulation?.run() ?? report }
        let processor = processorSeconds - processorBefore
        simulation = nil

        print(
            "\(endpoints) endpoints: \(report.events) events, \(report.delivered) datagrams in "
                + "\(tenths(report.virtualTime.seconds)) s of virtual time; built in \(tenths(building)) s, run in \(tenths(running)) s "
                + "(\(tenths(processor)) s of processor time), \(Int(Double(report.events) / processor)) events a second, trace \(String(report.traceHash, radix: 16))"
        )
        func each(_ from: SimulationMilestone?, _ to: SimulationMilestone) -> Int {
            ((memory[to] ?? 0) - (from.map { memory[$0] ?? 0 } ?? before)) / endpoints
        }
        print(
            "bytes for each endpoint: \(each(nil, .secretsStored)) of secrets, \(each(.secretsStored, .serverBuilt)) of the server, "
                + "\(each(.serverBuilt, .endpointsBuilt)) of the user agent built; \(each(nil, .registered)) of everything, "
                + "server, user agent and links, once registered")
        print("most memory: \(peakBytes >> 20) MiB, \(peakBytes / endpoints) bytes for each endpoint")
        tally.check(report.registered == endpoints, "\(report.registered) endpoints registered")
        tally.check(
            report.bindings >= 3 * UInt64(endpoints),
            "\(report.bindings) REGISTERs accepted: each endpoint registered, refreshed twice or more and was removed")
        tally.check(report.closed == endpoints, "\(report.closed) endpoints gave their result")
        tally.check(report.violations.isEmpty, "every table empty, no credential went astray")
        for violation in report.violations { print("     \(violation)") }
        tally.check(peakBytes < 10 << 30, "took less than 10 GiB")
    }

    /// Memory of this process that is in use now.
    private static var residentBytes: Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [UInt8](repeating: 0, count: 128)
        let count = fread(&line, 1, line.count, file)
        let fields = String(decoding: line[..<count], as: UTF8.self).split(separator: " ")
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE))) : 0
    }

    /// Processor time of this process so far: unlike real time it does not depend on what else the machine does.
    private static var processorSeconds: Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }

    /// The most it has had.
    private static var peakBytes: Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss * 1024
    }
}
