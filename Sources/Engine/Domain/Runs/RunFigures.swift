// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics

/// Everything a run's summary and thresholds are computed from, of the whole run or of one group, gathered endpoint by
/// endpoint.
struct RunFigures {
    /// What is measured many times; the number is its place among the values.
    enum Sample: Int, CaseIterable {
        case registrationDelay, registrationDelayFromIntended, postDialDelay, postDialDelayFromIntended, setupTime
        case setupTimeFromIntended, rrd, srd, srdFailed, sdd, sdt, mos, jitter, loss, rtt

        /// Finds it by its name in thresholds; nil for what is not measured per call or registration.
        init?(named name: String) {
            guard let place = Self.names.firstIndex(of: name) else { return nil }
            self.init(rawValue: place)
        }

        private static let names = [
            "registration_delay", "registration_delay_from_intended", "post_dial_delay",
            "post_dial_delay_from_intended", "setup_time", "setup_time_from_intended", "rrd", "srd", "srd_failed",
            "sdd", "sdt", "mos", "jitter", "loss", "rtt",
        ]
    }

    var endpoints = 0
    var outcomes: [EndpointOutcome: Int] = [:]
    var registrationsAttempted = 0
    var registrationsSucceeded = 0
    var registrationsNotAttempted = 0
    var registrationStatuses: [UInt16: Int] = [:]
    var callsAttempted = 0
    var callsEstablished = 0
    var callsNotAttempted = 0
    /// Of those, the ones of callers that had come to call; what kept the others from it is no matter of load.
    var callsMissed = 0
    var callStatuses: [UInt16: Int] = [:]
    var streams = 0
    var packetsSent: UInt64 = 0
    var packetsReceived: UInt64 = 0
    var packetsLost: Int64 = 0
    var lateSends: UInt64 = 0
    var skippedFrames: UInt64 = 0
    var standards = StandardCounts()
    private var values = [[Double]](repeating: [], count: Sample.allCases.count)

    init() {}

    init(_ results: some Sequence<EndpointResult>) {
        for result in results { add(result) }
    }

    /// The figures of a run, and of each of its groups in order of appearance.
    static func gather(_ results: some Sequence<EndpointResult>) -> (run: RunFigures, groups: [(String, RunFigures)]) {
        var run = RunFigures()
        var groups: [(String, RunFigures)] = []
        var place = 0
        for result in results {
            run.add(result)
            // Endpoints of a group stand together.
            if place >= groups.count || groups[place].0 != result.group {
                place = groups.firstIndex { $0.0 == result.group } ?? groups.count
                if place == groups.count { groups.append((result.group, RunFigures())) }
            }
            groups[place].1.add(result)
        }
        return (run, groups)
    }

    mutating func add(_ result: EndpointResult) {
        endpoints += 1
        outcomes[result.outcome, default: 0] += 1
        callsNotAttempted += Int(result.notAttempted)
        if result.calls.contains(where: { $0.role == .caller }) { callsMissed += Int(result.notAttempted) }
        if result.registration.attempts > 0 {
            add(result.registration)
        } else if result.outcome == .notAttempted {
            registrationsNotAttempted += 1
        }
        for call in result.calls {
            add(call)
            if let media = call.media { add(media) }
        }
    }

    private mutating func add(_ registration: RegistrationEvidence) {
        registrationsAttempted += 1
        if registration.registeredAt != nil { registrationsSucceeded += 1 }
        if let status = registration.finalStatus { registrationStatuses[status.code, default: 0] += 1 }
        note(.registrationDelay, registration.delay)
        note(.registrationDelayFromIntended, registration.delayFromIntended)
        note(.rrd, registration.requestDelay)
    }

    /// Calls are counted at the caller; a call from outside has only a callee here and is counted there.
    private mutating func add(_ call: CallEvidence) {
        guard call.role == .caller else { return }
        callsAttempted += 1
        if call.establishedAt != nil { callsEstablished += 1 }
        if let status = call.finalStatus { callStatuses[status.code, default: 0] += 1 }
        note(.postDialDelay, call.postDialDelay)
        note(.postDialDelayFromIntended, call.postDialDelayFromIntended)
        note(.setupTime, call.setupTime)
        note(.setupTimeFromIntended, call.setupTimeFromIntended)
        standards.add(call)
        note(.srd, call.sessionRequestDelay)
        note(.srdFailed, call.failedSessionRequestDelay)
        note(.sdd, call.disconnectDelay)
        note(.sdt, call.sessionDuration)
    }

    private mutating func add(_ media: MediaResult) {
        streams += 1
        packetsSent += media.packetsSent
        packetsReceived += media.packetsReceived
        packetsLost += media.packetsLost ?? 0
        lateSends += media.lateSends
        skippedFrames += media.skippedFrames
        note(.mos, media.mosCq ?? media.mosLq)
        note(.jitter, media.jitterMeanMs)
        note(.loss, media.lossPercent)
        note(.rtt, media.rttMs)
    }

    private mutating func note(_ sample: Sample, _ value: Interval?) { note(sample, value?.milliseconds) }

    private mutating func note(_ sample: Sample, _ value: Double?) {
        if let value { values[sample.rawValue].append(value) }
    }

    func distribution(_ sample: Sample) -> Distribution { Distribution(values[sample.rawValue]) }

    /// The value of a threshold's metric; nil when nothing of the kind was measured, or when it is not measured per endpoint.
    func value(of metric: SummaryMetric) -> Double? {
        if let count = count(metric.base) { return metric.aggregate == .whole ? count : nil }
        if let sample = Sample(named: metric.base) { return distribution(sample).value(of: metric.aggregate) }
        return share(metric.base)
    }

    /// A counted figure; nil for what is not counted.
    func count(_ name: String) -> Double? {
        switch name {
        case "registration.attempted": Double(registrationsAttempted)
        case "registration.succeeded": Double(registrationsSucceeded)
        case "registration.failed": Double(registrationsAttempted - registrationsSucceeded)
        case "registration.not_attempted": Double(registrationsNotAttempted)
        case "call.attempted": Double(callsAttempted)
        case "call.established": Double(callsEstablished)
        case "call.failed": Double(callsAttempted - callsEstablished)
        case "call.not_attempted": Double(callsNotAttempted)
        case "endpoint.total": Double(endpoints)
        case "endpoint.succeeded": Double(succeeded)
        case "endpoint.failed": Double(endpoints - succeeded)
        case "endpoint.not_attempted": Double(outcomes[.notAttempted, default: 0])
        case "media.streams": Double(streams)
        case "media.packets_sent": Double(packetsSent)
        case "media.packets_received": Double(packetsReceived)
        case "media.packets_lost": Double(packetsLost)
        case "generator.late_sends": Double(lateSends)
        case "generator.skipped_frames": Double(skippedFrames)
        default: nil
        }
    }

    private func share(_ name: String) -> Double? {
        switch name {
        case "registration.success_rate": rate(registrationsSucceeded, of: registrationsAttempted)
        case "registration.failure_rate", "ira":
            rate(registrationsAttempted - registrationsSucceeded, of: registrationsAttempted)
        case "call.success_rate": rate(callsEstablished, of: callsAttempted)
        case "call.failure_rate": rate(callsAttempted - callsEstablished, of: callsAttempted)
        case "endpoint.success_rate": rate(succeeded, of: endpoints)
        case "endpoint.failure_rate": rate(endpoints - succeeded, of: endpoints)
        case "ser": rate(standards.answered, of: standards.base)
        case "seer": rate(standards.effective, of: standards.base)
        case "isa": rate(standards.ineffective, of: callsAttempted)
        case "scr": rate(standards.completed, of: callsAttempted)
        default: nil
        }
    }

    var succeeded: Int { outcomes[.success, default: 0] + outcomes[.completedWithWarnings, default: 0] }

    private func rate(_ part: Int, of whole: Int) -> Double? {
        whole == 0 ? nil : 100 * Double(part) / Double(whole)
    }
}
