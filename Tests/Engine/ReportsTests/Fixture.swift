// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import RunMetrics

@testable import Reports

/// A run that was not played: 3 endpoints that called, 1 that was refused.
enum Fixture {
    static func record(_ name: String = "Smoke") -> RunRecord {
        var record = RunRecord(
            id: RunID(high: 1, low: 2), project: nil, test: nil, testName: name, definition: [], endpoints: 4,
            status: .completed, requestedBy: "tests", createdAt: UnixTime(nanoseconds: 1_795_417_064_437_142_000))
        record.startedAt = UnixTime(nanoseconds: 1_795_417_064_437_142_000)
        record.endedAt = UnixTime(nanoseconds: 1_795_417_067_937_142_000)
        return record
    }

    static func caller(_ index: UInt32, at second: Int = 0, ringing: Int = 40) -> EndpointResult {
        var result = EndpointResult(index: index, group: "callers", username: "user\(index)")
        result.phase = .closed
        result.registration.attempts = 2
        result.registration.sentAt = .milliseconds(10)
        result.registration.firstResponseAt = .milliseconds(11)
        result.registration.registeredAt = .milliseconds(22)
        result.registration.finalStatus = SIPStatus(code: 200, reason: "OK")
        var call = CallEvidence(role: .caller, target: "sip:b@pbx")
        let start = Interval.seconds(second)
        call.invitedAt = start
        call.ringingAt = start + .milliseconds(ringing)
        call.answeredAt = start + .milliseconds(ringing + 10)
        call.establishedAt = start + .milliseconds(ringing + 10)
        call.endedAt = start + .milliseconds(1_500)
        call.finalStatus = SIPStatus(code: 200, reason: "OK")
        var media = MediaResult(codec: "PCMA")
        media.packetsSent = 75
        media.packetsReceived = 74
        media.packetsLost = 1
        media.lossPercent = 1.333
        media.jitterMeanMs = 1.25
        media.mosLq = 4.4
        call.media = media
        result.calls = [call]
        return result
    }

    static func refused(_ index: UInt32, username: String? = nil) -> EndpointResult {
        var result = EndpointResult(index: index, group: "callers", username: username ?? "user\(index)")
        result.outcome = .registrationFailed
        result.phase = .closed
        result.registration.attempts = 2
        result.registration.credentialsSent = true
        result.registration.sentAt = .milliseconds(10)
        result.registration.firstResponseAt = .milliseconds(12)
        result.registration.finalStatus = SIPStatus(code: 401, reason: "Unauthorized")
        return result
    }

    static var usual: [EndpointResult] {
        [caller(0, ringing: 40), caller(1, at: 1, ringing: 80), caller(2, at: 1, ringing: 120), refused(3)]
    }

    static func report(
        _ results: [EndpointResult] = usual, thresholds: [String] = [], name: String = "Smoke",
        status: RunStatus = .completed, failure: String? = nil
    ) throws -> RunReport {
        let summary = RunSummary(
            status: status, failure: failure, results: results, thresholds: try thresholds.map { try Threshold($0) },
            diagnoses: Diagnosis.explain(results))
        var report = RunReport(
            record: record(name), summary: summary,
            definition: .object([("name", .text(name)), ("groups", .list([.object([("endpoints", .text("4"))])]))]))
        report.add(results.map { EndpointRecord(run: record().id, result: $0, diagnosis: nil) })
        report.add(windows: windows)
        return report
    }

    static var windows: [Window] {
        (0..<3).map { second in
            var window = Window(second: UInt32(second))
            window.registrationsStarted = second == 0 ? 4 : 0
            window.registrationsFailed = second == 0 ? 1 : 0
            window.registered = 3
            window.callsStarted = [1, 2, 0][second]
            window.callsEstablished = [1, 2, 0][second]
            window.callsUp = [1, 2, 0][second]
            window.callsEnded = [0, 1, 2][second]
            window.retransmissions = second == 1 ? 5 : 0
            return window
        }
    }
}
