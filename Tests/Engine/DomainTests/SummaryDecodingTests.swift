// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Foundation
import RunMetrics
import Testing

@Suite struct SummaryDecodingTests {
    @Test func `a summary reads back as it was written`() throws {
        var review = WindowReview([])
        review.add(GeneratorVerdictTests.window(sends: 100, late: 50, by: .seconds(1)))
        var result = ThresholdTests.result(0, delayMs: 5)
        result.calls = [StandardsTests.call(status: 200)]
        let summary = RunSummary(
            status: .completed, results: [result], thresholds: [try Threshold("call.failed < 1 of g")], diagnoses: [],
            windows: review, abort: .init(threshold: "call.failed < 1 of g", second: 3, value: 2))
        let data = try JSONEncoder().encode(summary)
        #expect(try JSONDecoder().decode(RunSummary.self, from: data) == summary)
        #expect(summary.thresholds.first?.abortedAt == 3)
        #expect(summary.groups.map(\.name) == ["g"])
    }

    @Test func `a summary of an earlier release is read, with nothing for what it did not know`() throws {
        let old = #"""
            {"schemaVersion":1,"status":"COMPLETED","verdict":"passed",
            "thresholds":[{"threshold":"mos.avg >= 4.0","value":4.2,"passed":true}],
            "endpoints":{"total":1,"byOutcome":{"SUCCESS":1}},
            "registration":{"attempted":1,"succeeded":1,"failed":0,"delayMs":{"p50":1},"byStatus":{"200":1}},
            "calls":{"attempted":0,"established":0,"failed":0,"postDialDelayMs":{},"setupTimeMs":{},"byStatus":{}},
            "media":{"streams":0,"packetsSent":0,"packetsReceived":0,"packetsLost":0,"mos":{},"jitterMs":{},
            "lossPercent":{},"rttMs":{}},"diagnoses":[],"generator":{"lateSends":3,"skippedFrames":0}}
            """#
        let summary = try JSONDecoder().decode(RunSummary.self, from: Data(old.utf8))
        #expect(summary.thresholds == [.init(threshold: "mos.avg >= 4.0", value: 4.2, passed: true)])
        #expect(summary.generator == .init(lateSends: 3))
        #expect(summary.groups.isEmpty)
        #expect(summary.standards == .init())
        #expect(summary.registration.notAttempted == 0)
    }
}
