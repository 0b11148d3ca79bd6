// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import RunMetrics
import Testing

@testable import Reports

@Suite struct ComparisonTests {
    // The tables of the normal distribution.
    @Test(arguments: [(0.05, 1.959964), (0.01, 2.575829), (0.001, 3.290527), (0.3173105, 1.0)])
    func `deviations are those of the normal distribution`(alpha: Double, z: Double) {
        #expect((Statistics.deviations(alpha: alpha) - z).magnitude < 1e-5)
    }

    // Newcombe 1998, Statistics in Medicine 17:857 (81 of 263) and 17:873 (56/70 and 48/80, method 10).
    @Test func `intervals of shares and of their differences are Newcombe's`() throws {
        let one = try #require(Statistics.share(81, of: 263, deviations: 1.959964))
        #expect((one.low - 0.2553).magnitude < 1e-4 && (one.high - 0.3662).magnitude < 1e-4)
        let a = try #require(Statistics.share(48, of: 80, deviations: 1.959964))
        let b = try #require(Statistics.share(56, of: 70, deviations: 1.959964))
        let difference = Statistics.difference(a, b)
        #expect((difference.low - 0.0524).magnitude < 1e-4 && (difference.high - 0.3339).magnitude < 1e-4)
    }

    /// A run of `count` endpoints: delays with a long tail round 100 ms, times `factor`; of 100 calls `failing` fail.
    private static func side(
        _ count: Int, factor: Double = 1, failing: Double = 2, _ random: inout SeededRandom
    ) -> Comparison.Side {
        var results: [EndpointResult] = []
        for index in 0..<count {
            func delay() -> Double {
                let roll = Double.random(in: 0..<1, using: &random)
                return factor * (60 + 40 * roll + 60 * roll * roll * roll * roll * roll * roll)
            }
            var result = EndpointResult(index: UInt32(index), group: "g", username: "u")
            result.registration.attempts = 1
            result.registration.sentAt = .zero
            result.registration.registeredAt = .microseconds(Int(delay() * 1_000))
            var call = CallEvidence(role: .caller, target: "sip:b@pbx")
            call.invitedAt = .zero
            if Double.random(in: 0..<100, using: &random) >= failing {
                call.ringingAt = .microseconds(Int(delay() * 1_000))
                call.establishedAt = call.ringingAt
            }
            result.calls = [call]
            results.append(result)
        }
        var samples = RunSamples()
        for result in results { samples.add(result) }
        let summary = RunSummary(status: .completed, results: results, thresholds: [], diagnoses: [])
        return Comparison.Side(name: "run", summary: summary, samples: samples)
    }

    @Test(arguments: [40, 200, 500]) func `chance alone is called a change in at most 5 of 100 comparisons`(
        count: Int
    ) {
        let trials = 200
        var random = SeededRandom(seed: 7)
        var alarms = 0
        for _ in 0..<trials {
            let comparison = Comparison(Self.side(count, &random), Self.side(count, &random), tolerancePercent: 0)
            if comparison.rows.contains(where: { [.regression, .improvement].contains($0.judgement) }) { alarms += 1 }
        }
        #expect(Double(alarms) / Double(trials) <= 0.05, "\(alarms) of \(trials)")
    }

    @Test func `delays a fifth longer are found, and the same the other way is better`() throws {
        var random = SeededRandom(seed: 11)
        var found = 0
        for _ in 0..<50 {
            let a = Self.side(200, &random)
            let b = Self.side(200, factor: 1.2, &random)
            let worse = Comparison(a, b)
            let row = try #require(worse.rows.first { $0.figure == "p50(post_dial_delay)" })
            if row.judgement == .regression { found += 1 }
            #expect(!worse.rows.contains { $0.judgement == .improvement })
            let better = Comparison(b, a)
            #expect(!better.isRegression)
        }
        #expect(found >= 48, "\(found) of 50")
    }

    @Test func `a tail that doubles while the median stays is found at p95`() throws {
        var random = SeededRandom(seed: 3)
        let a = Self.side(2_000, &random)
        var b = Self.side(2_000, &random)
        for _ in 0..<300 { b.samples.postDialDelay.add(400) }
        let rows = Comparison(a, b).rows
        #expect(rows.first { $0.figure == "p95(post_dial_delay)" }?.judgement == .regression)
        #expect(rows.first { $0.figure == "p50(post_dial_delay)" }?.judgement != .improvement)
    }

    @Test func `more failed calls are a regression, a few more among few are not`() {
        var random = SeededRandom(seed: 5)
        let good = Self.side(1_000, failing: 1, &random)
        let bad = Self.side(1_000, failing: 8, &random)
        let row = Comparison(good, bad).rows.first { $0.figure == "call.success_rate" }
        #expect(row?.judgement == .regression)
        let few = Comparison(Self.side(20, failing: 0, &random), Self.side(20, failing: 10, &random))
        #expect(few.rows.first { $0.figure == "call.success_rate" }?.judgement == .noise)
    }

    @Test func `a difference too small to matter is noise, however sure it is`() {
        var random = SeededRandom(seed: 9)
        let a = Self.side(5_000, &random)
        let b = Self.side(5_000, factor: 1.03, &random)
        let row = Comparison(a, b).rows.first { $0.figure == "p50(registration_delay)" }
        #expect(row?.judgement == .noise)
        #expect((row?.low ?? 0) > 0)
    }

    @Test func `of too few values nothing is said of their tail`() {
        var random = SeededRandom(seed: 1)
        let comparison = Comparison(Self.side(20, &random), Self.side(20, factor: 3, &random))
        #expect(comparison.rows.first { $0.figure == "p95(post_dial_delay)" }?.judgement == .tooFew)
        #expect(comparison.rows.first { $0.figure == "p95(post_dial_delay)" }?.low == nil)
    }

    @Test func `a void run judges nothing`() {
        var random = SeededRandom(seed: 2)
        let a = Self.side(500, &random)
        var b = Self.side(500, factor: 2, &random)
        b.summary.verdict = .void
        let comparison = Comparison(a, b)
        #expect(comparison.isVoid)
        #expect(!comparison.isRegression)
        #expect(comparison.cautions.contains { $0.contains("void") })
    }
}
