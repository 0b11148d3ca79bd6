// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Testing

@Suite struct CapacitySearchTests {
    /// Plays a search against a target and gives the outcome, with the rates that were held.
    private static func play(
        _ settings: CapacitySearch.Settings, _ target: (Double) -> CapacitySearch.Verdict
    ) -> (CapacitySearch.Outcome, held: [Double]) {
        var search = CapacitySearch(settings)
        var held: [Double] = []
        while true {
            switch search.step {
            case .over(let outcome): return (outcome, held)
            case .hold(let rate, _):
                held.append(rate)
                search.report(target(rate))
            }
        }
    }

    private static func settings(start: Double = 5, ceiling: Double = 10_000) -> CapacitySearch.Settings {
        .init(start: start, ceiling: ceiling, ceilingReason: "the test has 100 callers")
    }

    @Test(arguments: 1...200 as ClosedRange<UInt64>)
    func `the knee of a target is found within one step, in few holds, and never named too high`(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let knee = Double.random(in: 1...5_000, using: &random)
        let start = knee * Double.random(in: 0.02...40, using: &random)
        let (outcome, held) = Self.play(Self.settings(start: start, ceiling: 1_000_000)) {
            $0 <= knee ? .carried : .broken("the server answers 503")
        }
        let rate = try #require(outcome.rate, "seed \(seed): nothing found for a knee of \(knee) from \(start)")
        #expect(rate <= knee && rate >= knee / 1.1 * 0.999, "seed \(seed): \(rate) for a knee of \(knee)")
        #expect(outcome.limit == .target("the server answers 503"))
        #expect(held.count <= 22, "seed \(seed): \(held)")
        #expect(held.last == rate, "seed \(seed): it was not confirmed")
    }

    @Test func `what is carried to the end is said to be the test's limit, not the target's`() {
        let (outcome, held) = Self.play(Self.settings(start: 5, ceiling: 30)) { _ in .carried }
        #expect(held == [5, 10, 20, 30, 30])
        #expect(outcome == .init(rate: 30, limit: .ceiling("the test has 100 callers")))
    }

    @Test func `a generator at its end is not blamed on the target`() {
        let (outcome, _) = Self.play(Self.settings()) { $0 < 100 ? .carried : .void("its sends were 80 ms late") }
        #expect((outcome.rate ?? 0) >= 90)
        #expect(outcome.limit == .generator("its sends were 80 ms late"))
    }

    @Test func `the reason named is that of the lowest rate that broke`() {
        let (outcome, _) = Self.play(Self.settings()) { rate in
            rate < 50 ? .carried : rate < 120 ? .broken("slow answers") : .void("no CPU left")
        }
        #expect(outcome.limit == .target("slow answers"))
    }

    @Test func `a target that carries nothing is said to, after a few lower rates`() {
        let (outcome, held) = Self.play(Self.settings(start: 8)) { _ in .broken("403") }
        #expect(outcome == .init(rate: nil, limit: .target("403")))
        #expect(held == [8, 4, 2, 1, 0.5, 0.25, 0.125])
    }

    @Test func `a rate that is carried once and not again is stepped back from`() throws {
        var tries: [Double: Int] = [:]
        let (outcome, held) = Self.play(Self.settings()) { rate in
            tries[rate, default: 0] += 1
            if rate > 40 { return .broken("408") }
            return rate > 30 && tries[rate] == 2 ? .broken("408") : .carried
        }
        let rate = try #require(outcome.rate)
        #expect(rate < 40 && rate > 25, "\(held)")
        #expect(held.last == rate)
    }

    @Test(arguments: 1...200 as ClosedRange<UInt64>)
    func `a target without any rule is searched in bounded time all the same`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let (_, held) = Self.play(Self.settings(start: Double.random(in: 0...1_000, using: &random))) { _ in
            random.chance(0.5) ? .carried : random.chance(0.8) ? .broken("x") : .void("y")
        }
        #expect(held.count <= 60)
        #expect(held.allSatisfy { $0 > 0 && $0 <= 10_000 })
    }
}
