// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics

/// Everything a run's summary and thresholds are computed from, gathered once from the endpoints' results.
struct RunFigures {
    var endpoints = 0
    var outcomes: [EndpointOutcome: Int] = [:]
    var registrationsAttempted = 0
    var registrationsSucceeded = 0
    var registrationStatuses: [UInt16: Int] = [:]
    var callsAttempted = 0
    var callsEstablished = 0
    var callStatuses: [UInt16: Int] = [:]
    var streams = 0
    var packetsSent: UInt64 = 0
    var packetsReceived: UInt64 = 0
    var packetsLost: Int64 = 0
    var lateSends: UInt64 = 0
    var skippedFrames: UInt64 = 0
    private(set) var distributions: [String: Distribution] = [:]

    init(_ results: [EndpointResult]) {
        var values: [String: [Double]] = [:]
        func note(_ key: String, _ value: Double?) {
            if let value { values[key, default: []].append(value) }
        }
        endpoints = results.count
        for result in results {
            outcomes[result.outcome, default: 0] += 1
            if result.registration.attempts > 0 {
                registrationsAttempted += 1
                if result.registration.registeredAt != nil { registrationsSucceeded += 1 }
                if let status = result.registration.finalStatus { registrationStatuses[status.code, default: 0] += 1 }
                note("registration_delay", result.registration.delay?.milliseconds)
            }
            for call in result.calls {
                addCall(call, note)
                if let media = call.media { addMedia(media, note) }
            }
        }
        distributions = values.mapValues(Distribution.init)
    }

    /// Calls are counted at the caller; a call from outside has only a callee here and is counted there.
    private mutating func addCall(_ call: CallEvidence, _ note: (String, Double?) -> Void) {
        guard call.role == .caller else { return }
        callsAttempted += 1
        if call.establishedAt != nil { callsEstablished += 1 }
        if let status = call.finalStatus { callStatuses[status.code, default: 0] += 1 }
        note("post_dial_delay", call.postDialDelay?.milliseconds)
        note("setup_time", call.setupTime?.milliseconds)
    }

    private mutating func addMedia(_ media: MediaResult, _ note: (String, Double?) -> Void) {
        streams += 1
        packetsSent += media.packetsSent
        packetsReceived += media.packetsReceived
        packetsLost += media.packetsLost ?? 0
        lateSends += media.lateSends
        skippedFrames += media.skippedFrames
        note("mos", media.mosCq ?? media.mosLq)
        note("jitter", media.jitterMeanMs)
        note("loss", media.lossPercent)
        note("rtt", media.rttMs)
    }

    func distribution(_ key: String) -> Distribution { distributions[key] ?? Distribution([]) }

    /// The value of a threshold's metric; nil when nothing of the kind was measured.
    func value(of metric: SummaryMetric) -> Double? {
        switch metric.base {
        case "registration.success_rate": rate(registrationsSucceeded, of: registrationsAttempted)
        case "registration.failed": Double(registrationsAttempted - registrationsSucceeded)
        case "call.success_rate": rate(callsEstablished, of: callsAttempted)
        case "call.failed": Double(callsAttempted - callsEstablished)
        case "endpoint.success_rate": rate(succeeded, of: endpoints)
        case "endpoint.failed": Double(endpoints - succeeded)
        default: distribution(metric.base).value(of: metric.aggregate)
        }
    }

    var succeeded: Int { outcomes[.success, default: 0] + outcomes[.completedWithWarnings, default: 0] }

    private func rate(_ part: Int, of whole: Int) -> Double? {
        whole == 0 ? nil : 100 * Double(part) / Double(whole)
    }
}
