// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import RunMetrics
import Testing

@Suite struct ThresholdTests {
    static func result(_ index: UInt32, delayMs: Int?, outcome: EndpointOutcome = .success) -> EndpointResult {
        var result = EndpointResult(index: index, group: "g", username: "u\(index)")
        result.outcome = outcome
        result.registration.attempts = 2
        result.registration.sentAt = .zero
        result.registration.firstResponseAt = .milliseconds(1)
        result.registration.registeredAt = delayMs.map { .milliseconds($0) }
        return result
    }

    static func verdict(_ conditions: [String], _ results: [EndpointResult]) throws -> [RunSummary.ThresholdResult] {
        let thresholds = try conditions.map { try Threshold($0) }
        return RunSummary(status: .completed, results: results, thresholds: thresholds, diagnoses: []).thresholds
    }

    @Test func `H4: conditions pass and fail at their boundary`() throws {
        let results = (1...10).map { Self.result(UInt32($0), delayMs: $0 * 10) }
        let outcome = try Self.verdict(
            [
                "p50(registration_delay) <= 50ms", "p50(registration_delay) < 50ms", "registration_delay.max == 100ms",
                "registration.success_rate >= 100%", "registration_delay.avg > 0.055s", "mos.avg >= 1.0",
            ], results)
        #expect(outcome.map(\.passed) == [true, false, true, true, false, false])
        #expect(outcome.map(\.value) == [50, 50, 100, 100, 55, nil])
    }

    @Test(arguments: [
        ("mos.avg", "no comparison"), ("mos.agv >= 4", "did you mean 'mos.avg'"),
        ("registration.success_rate >= 99", "percentage"),
        ("p95(setup_time) < 800", "duration"), ("mos.avg >= nan", "number"),
    ])
    func `a condition that cannot be meant is explained`(text: String, message: String) {
        #expect {
            _ = try Threshold(text)
        } throws: { error in
            (error as? Threshold.Problem)?.message.contains(message) == true
        }
    }

    @Test func `a run without thresholds passes only when no endpoint failed`() {
        let good = Self.result(0, delayMs: 5)
        let bad = Self.result(1, delayMs: nil, outcome: .registrationFailed)
        #expect(RunSummary(status: .completed, results: [good], thresholds: [], diagnoses: []).verdict == .passed)
        #expect(RunSummary(status: .completed, results: [good, bad], thresholds: [], diagnoses: []).verdict == .failed)
        #expect(RunSummary(status: .failed, results: [good], thresholds: [], diagnoses: []).verdict == .failed)
    }
}
