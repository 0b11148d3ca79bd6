// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import RunMetrics
import Testing

/// What a generator says of itself, at its limits and on both sides of them.
@Suite struct GeneratorVerdictTests {
    /// So many sends of which some were late.
    static func window(sends: Int, late: Int, by lateness: Interval) -> Window {
        var window = Window(second: 0)
        for place in 0..<sends {
            window.tally.record(place < late ? lateness : .milliseconds(1), as: \.lateness)
        }
        window.messagesReceived = 10_000
        return window
    }

    static func generator(_ window: Window, results: [EndpointResult] = []) -> RunSummary {
        var review = WindowReview([])
        review.add(window)
        return RunSummary(status: .completed, results: results, thresholds: [], diagnoses: [], windows: review)
    }

    @Test func `a run whose sends left in time is valid`() {
        let summary = Self.generator(Self.window(sends: 1_000, late: 0, by: .zero))
        #expect(summary.generator.verdict == .valid)
        #expect(summary.generator.reasons == [])
        #expect(summary.verdict == .passed)
        #expect(summary.generator.latenessMs.p99 == 1)
    }

    @Test func `more than one send in a hundred over the limit is void, exactly one in a hundred is not`() throws {
        let void = Self.generator(Self.window(sends: 1_000, late: 11, by: .milliseconds(150)))
        #expect(void.generator.verdict == .void)
        #expect(void.verdict == .void)
        let reason = try #require(void.generator.reasons.first)
        #expect(reason.contains("11 of 1000") && reason.contains("100 ms"))
        #expect(Self.generator(Self.window(sends: 1_000, late: 10, by: .milliseconds(150))).generator.verdict == .valid)
        let qualified = Self.generator(Self.window(sends: 1_000, late: 11, by: .milliseconds(50)))
        #expect(qualified.generator.verdict == .qualified)
        #expect(qualified.verdict == .passed)
    }

    @Test func `a hiccup or two of a short run are no judgement, but a long stall is told`() {
        #expect(Self.generator(Self.window(sends: 20, late: 9, by: .milliseconds(150))).generator.verdict == .valid)
        #expect(Self.generator(Self.window(sends: 20, late: 10, by: .milliseconds(150))).generator.verdict == .void)
        #expect(
            Self.generator(Self.window(sends: 1_000, late: 1, by: .milliseconds(600))).generator.verdict == .qualified)
    }

    @Test func `a machine that lets its threads wait is void once the stalls add up to half a second over the limit`() {
        func verdict(late: Int) -> GeneratorVerdict {
            var window = Self.window(sends: 100, late: 0, by: .zero)
            var wakes = Histogram()
            for place in 0..<1_000 { wakes.record(place < late ? .milliseconds(300) : .zero) }
            window.generator = GeneratorSample()
            window.generator?.wakes = wakes
            return Self.generator(window).generator.verdict
        }
        #expect(verdict(late: 0) == .valid)
        #expect(verdict(late: 24) == .valid)
        #expect(verdict(late: 25) == .void)
    }

    @Test func `drops at our own sockets void from one in a thousand on`() {
        func verdict(drops: UInt64) -> GeneratorVerdict {
            var window = Self.window(sends: 100, late: 0, by: .zero)
            window.generator = GeneratorSample()
            window.generator?.socketDrops = drops
            return Self.generator(window).generator.verdict
        }
        #expect(verdict(drops: 0) == .valid)
        #expect(verdict(drops: 1) == .qualified)
        #expect(verdict(drops: 10) == .qualified)
        #expect(verdict(drops: 11) == .void)
    }

    @Test func `frames left out void from one in twenty on, but not for a hiccup in a short call`() {
        func verdict(skipped: UInt64, of due: UInt64 = 100_000) -> GeneratorVerdict {
            var result = EndpointResult(index: 0, group: "g", username: "u")
            var call = CallEvidence(role: .caller, target: "sip:a@b")
            call.media = MediaResult(codec: "PCMA")
            call.media?.packetsSent = due - skipped
            call.media?.skippedFrames = skipped
            result.calls = [call]
            return Self.generator(Self.window(sends: 1, late: 0, by: .zero), results: [result]).generator.verdict
        }
        #expect(verdict(skipped: 10) == .valid)
        #expect(verdict(skipped: 11) == .qualified)
        #expect(verdict(skipped: 5_000) == .qualified)
        #expect(verdict(skipped: 5_001) == .void)
        #expect(verdict(skipped: 24, of: 50) == .qualified)
        #expect(verdict(skipped: 25, of: 50) == .void)
    }

    @Test func `calls that were due and not made qualify a run, and are counted`() {
        var result = EndpointResult(index: 0, group: "g", username: "u")
        result.calls = [CallEvidence](repeating: CallEvidence(role: .caller, target: "sip:a@b"), count: 90)
        result.notAttempted = 10
        let summary = Self.generator(Self.window(sends: 90, late: 0, by: .zero), results: [result])
        #expect(summary.generator.verdict == .qualified)
        #expect(summary.generator.notAttempted == 10)
        #expect(summary.calls.notAttempted == 10)
        #expect(summary.groups.first?.calls.notAttempted == 10)
    }

    @Test func `a registration that was never begun is counted, one whose partner failed is not`() {
        var never = EndpointResult(index: 0, group: "g", username: "u")
        never.outcome = .notAttempted
        var partner = ThresholdTests.result(1, delayMs: 5, outcome: .notAttempted)
        partner.partner = 0
        let summary = Self.generator(Self.window(sends: 1, late: 0, by: .zero), results: [never, partner])
        #expect(summary.registration.notAttempted == 1)
        #expect(summary.generator.notAttempted == 1)
        #expect(!summary.generator.reasons.contains { $0.contains("planned calls") }, "a partner is not the generator")
    }

    @Test func `a void run's conditions are shown but do not count`() throws {
        var review = WindowReview([])
        review.add(Self.window(sends: 100, late: 50, by: .seconds(1)))
        let summary = RunSummary(
            status: .completed, results: [ThresholdTests.result(0, delayMs: 5)],
            thresholds: [try Threshold("registration.success_rate >= 100%")], diagnoses: [], windows: review)
        #expect(summary.thresholds.first?.passed == true)
        #expect(summary.verdict == .void)
    }
}
