// SPDX-License-Identifier: Apache-2.0

import Bedrock
public import Domain

/// A run as monitoring sees it.
public struct MonitoredRun: Sendable {
    /// What is kept of it.
    public var record: RunRecord
    /// Its figures; nil while it goes.
    public var summary: RunSummary?
    /// Endpoints registered now, failed, done, and calls up now.
    public var registered = 0
    /// Endpoints whose outcome is a failure.
    public var failed = 0
    /// Endpoints that are done.
    public var done = 0
    /// Calls up now.
    public var callsUp = 0
    /// Calls established so far.
    public var callsEstablished = 0
    /// Calls failed so far.
    public var callsFailed = 0

    /// A run of which nothing is known but its record.
    public init(record: RunRecord, summary: RunSummary? = nil) {
        self.record = record
        self.summary = summary
    }

    var labels: [(name: String, value: String)] {
        [("project", record.projectName), ("test", record.testName), ("run", record.id.description)]
    }
}

extension PrometheusText {
    /// Adds what monitoring is told of runs. Labels are project, test and run, of as many runs as are given; never an account, an
    /// endpoint or a call.
    public mutating func add(_ runs: [MonitoredRun]) {
        func all(_ value: (MonitoredRun) -> Int) -> [Sample] { runs.map { Sample($0.labels, Double(value($0))) } }
        add("callmeter_run_endpoints", .gauge, "Endpoints of the run.", all(\.record.endpoints))
        add("callmeter_run_endpoints_registered", .gauge, "Endpoints registered now.", all(\.registered))
        add("callmeter_run_endpoints_failed", .gauge, "Endpoints whose outcome is a failure.", all(\.failed))
        add("callmeter_run_endpoints_done", .gauge, "Endpoints that are done.", all(\.done))
        add("callmeter_run_calls_up", .gauge, "Calls up now.", all(\.callsUp))
        add("callmeter_run_calls_established_total", .counter, "Calls established so far.", all(\.callsEstablished))
        add("callmeter_run_calls_failed_total", .counter, "Calls failed so far.", all(\.callsFailed))
        addStates(runs)
        addFigures(runs.filter { $0.summary != nil })
    }

    private mutating func addStates(_ runs: [MonitoredRun]) {
        add(
            "callmeter_run_info", .gauge, "1 for each run, with its status and, once it has ended, its verdict.",
            runs.map { run in
                let states = [("status", run.record.status.rawValue), ("verdict", run.record.verdict?.rawValue ?? "")]
                return Sample(run.labels + states.map { (name: $0.0, value: $0.1) }, 1)
            })
        add(
            "callmeter_run_start_time_seconds", .gauge, "When the run's endpoints began, in Unix time.",
            runs.compactMap { run in run.record.startedAt.map { Sample(run.labels, Double($0.milliseconds) / 1_000) } })
        add(
            "callmeter_run_duration_seconds", .gauge, "How long the run took.",
            runs.compactMap { run in
                guard let start = run.record.startedAt, let end = run.record.endedAt else { return nil }
                return Sample(run.labels, (end - start).seconds)
            })
    }

    private mutating func addFigures(_ runs: [MonitoredRun]) {
        func delays(_ delay: (RunSummary) -> RunSummary.Delay) -> [Sample] {
            runs.flatMap { run -> [Sample] in
                guard let figures = run.summary.map(delay) else { return [] }
                return [("0.5", figures.p50), ("0.95", figures.p95), ("0.99", figures.p99), ("1", figures.max)]
                    .compactMap { quantile, value in
                        value.map { Sample(run.labels + [(name: "quantile", value: quantile)], $0 / 1_000) }
                    }
            }
        }
        func ratios(_ counts: (RunSummary) -> (part: Int, whole: Int)) -> [Sample] {
            runs.compactMap { run in
                guard let (part, whole) = run.summary.map(counts), whole > 0 else { return nil }
                return Sample(run.labels, Double(part) / Double(whole))
            }
        }
        add(
            "callmeter_run_registration_success_ratio", .gauge, "Registrations that succeeded, of those begun.",
            ratios { ($0.registration.succeeded, $0.registration.attempted) })
        add(
            "callmeter_run_call_success_ratio", .gauge, "Calls that were established, of those begun.",
            ratios { ($0.calls.established, $0.calls.attempted) })
        add(
            "callmeter_run_registration_delay_seconds", .gauge, "First REGISTER to its 200, over the whole run.",
            delays(\.registration.delayMs))
        add(
            "callmeter_run_post_dial_delay_seconds", .gauge, "First INVITE to the first ringing, over the whole run.",
            delays(\.calls.postDialDelayMs))
        add(
            "callmeter_run_mos", .gauge, "Mean opinion score over all streams (ITU-T G.107).",
            runs.flatMap { run -> [Sample] in
                let mos = run.summary?.media.mos
                return [("mean", mos?.avg), ("min", mos?.min), ("p5", mos?.p5)].compactMap { name, value in
                    value.map { Sample(run.labels + [(name: "statistic", value: name)], $0) }
                }
            })
        add(
            "callmeter_run_packet_loss_ratio", .gauge, "RTP packets lost, of those expected, mean over all streams.",
            runs.compactMap { run in run.summary?.media.lossPercent.avg.map { Sample(run.labels, $0 / 100) } })
        add(
            "callmeter_run_generator_void", .gauge, "Whether the load generator itself was the limit.",
            runs.map { Sample($0.labels, $0.summary?.verdict == .void ? 1 : 0) })
    }
}
