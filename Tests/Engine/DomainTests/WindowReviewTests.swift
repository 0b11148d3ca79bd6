// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import RunMetrics
import Testing

/// Conditions over the seconds of a run.
@Suite struct WindowReviewTests {
    /// One second with so many calls established and failed, each set up in `setupMs`.
    static func window(
        _ second: UInt32, established: UInt32 = 0, failed: UInt32 = 0, setupMs: Int? = nil, group: String? = nil
    ) -> Window {
        var window = Window(second: second)
        window.tally.callsStarted = established + failed
        window.tally.callsEstablished = established
        window.tally.callsFailed = failed
        if let setupMs {
            for _ in 0..<established { window.tally.record(.milliseconds(setupMs), as: \.setup) }
        }
        if let group { window.groups = [GroupTally(name: group, tally: window.tally)] }
        return window
    }

    static func result(
        _ text: String, _ windows: [Window], groups: Int = 1
    ) throws -> RunSummary.ThresholdResult {
        let threshold = try Threshold(text)
        var review = WindowReview([threshold], groups: groups)
        for window in windows { review.add(window) }
        let summary = RunSummary(
            status: .completed, results: [], thresholds: [threshold], diagnoses: [], windows: review,
            abort: review.firstBreak)
        return try #require(summary.thresholds.first)
    }

    @Test func `a sliding condition holds in every full window, and fails by the worst, at the boundary too`() throws {
        // 9 of 10 in seconds 2 and 3 together; 100 % elsewhere.
        let windows = [
            Self.window(0, established: 5), Self.window(1, established: 5), Self.window(2, established: 4, failed: 1),
            Self.window(3, established: 5), Self.window(4, established: 5),
        ]
        let passed = try Self.result("call.success_rate >= 90% over 2s", windows)
        #expect(passed.passed)
        #expect(passed.window == .init(worstSecond: 2, value: 90))
        let failed = try Self.result("call.success_rate > 90% over 2s", windows)
        #expect(!failed.passed)
        #expect(failed.value == 90)
        #expect(try Self.result("call.success_rate >= 80% over 1s", windows).passed)
        #expect(try !Self.result("call.success_rate > 80% over 1s", windows).passed)
        #expect(try Self.result("call.success_rate >= 96% over 5s", windows).passed)
        #expect(try !Self.result("call.success_rate > 96% over 5s", windows).passed)
    }

    @Test func `the sum of a window of any length is the sum of its seconds`() throws {
        let setups = [10, 40, 20, 80, 30, 10, 50, 60, 20, 10, 90, 30]
        let windows = setups.enumerated().map { Self.window(UInt32($0), established: 1, setupMs: $1) }
        for length in 1...setups.count {
            let worst = (0...(setups.count - length)).map { start in
                Double(setups[start..<(start + length)].reduce(0, +)) / Double(length)
            }.max()
            let value = try Self.result("setup_time.avg < 1ms over \(length)s", windows).value
            #expect(abs((value ?? 0) - (worst ?? -1)) < 0.001, "\(length)")
        }
    }

    @Test func `a percentile of a window passes at the bound and fails below it`() throws {
        let windows = (0..<4).map { Self.window(UInt32($0), established: 3, setupMs: 800) }
        #expect(try Self.result("p95(setup_time) <= 800ms over 2s", windows).passed)
        #expect(try !Self.result("p95(setup_time) < 800ms over 2s", windows).passed)
        #expect(try Self.result("setup_time.max <= 800ms over 2s", windows).passed)
    }

    @Test func `seconds without anything belong to a window, and a window without anything breaks nothing`() throws {
        let windows = [Self.window(0, established: 1, failed: 1), Self.window(9, established: 2)]
        let result = try Self.result("call.success_rate >= 60% over 3s", windows)
        #expect(!result.passed)
        #expect(result.window == .init(worstSecond: 2, value: 50))
        #expect(try Self.result("call.success_rate >= 50% over 3s", windows).passed)
        #expect(try Self.result("call.success_rate >= 60% over 10s", windows).value == 75)
    }

    @Test func `a run shorter than the window is one window, and one that measured nothing fails`() throws {
        let windows = [Self.window(0, established: 3, failed: 1)]
        #expect(try Self.result("call.success_rate >= 75% over 10s", windows).passed)
        #expect(try !Self.result("call.success_rate > 75% over 10s", windows).passed)
        let nothing = try Self.result("call.success_rate >= 75% over 10s", [Window(second: 0)])
        #expect(!nothing.passed)
        #expect(nothing.value == nil)
    }

    @Test func `a rate that must be kept is judged between the first and the last call, not before and after`() throws {
        var windows = [Window(second: 0)]
        windows += (1...6).map { Self.window(UInt32($0), established: 2) }
        windows += [Window(second: 7), Window(second: 8)]
        #expect(try Self.result("rate(call.established) >= 2/s over 2s", windows).passed)
        #expect(try !Self.result("rate(call.established) > 2/s over 2s", windows).passed)
        #expect(try Self.result("call.established >= 4 over 2s", windows).passed)
        #expect(try Self.result("rate(call.established) >= 2/s", windows).passed)
        #expect(try !Self.result("rate(call.established) > 2/s", windows).passed)
        windows[3] = Window(second: 3)
        #expect(try !Self.result("rate(call.established) >= 2/s over 2s", windows).passed)
    }

    @Test func `a group's seconds are judged apart`() throws {
        var window = Self.window(0, established: 1, failed: 1, group: "a")
        window.merge(Self.window(0, established: 2, group: "b"))
        #expect(try !Self.result("call.success_rate >= 60% of a over 1s", [window], groups: 2).passed)
        #expect(try Self.result("call.success_rate >= 60% of b over 1s", [window], groups: 2).passed)
        #expect(try Self.result("call.success_rate >= 75% over 1s", [window], groups: 2).passed)
        // With one group the seconds do not tell it apart: the whole is the group.
        #expect(
            try Self.result("call.success_rate >= 50% of a over 1s", [Self.window(0, established: 1, failed: 1)]).passed
        )
    }

    @Test func `a broken condition ends the run from its delay on, and the summary says which and when`() throws {
        let windows = (0..<6).map { Self.window(UInt32($0), established: 1, failed: 1) }
        let at = try Self.result("call.success_rate > 50% abort after 3s", windows)
        #expect(at.abortedRun)
        #expect(at.abortedAt == 2)
        #expect(!at.passed)
        #expect(at.value == 50)
        #expect(try Self.result("call.success_rate > 50% abort", windows).abortedAt == 0)
        #expect(try Self.result("call.failed <= 3 abort", windows).abortedAt == 3)
        #expect(try Self.result("call.failed < 2 over 2s abort", windows).abortedAt == 1)
        #expect(try Self.result("call.success_rate >= 50% abort", windows).abortedRun == false)
        #expect(try Self.result("call.success_rate > 50% abort after 10s", windows).abortedRun == false)
    }
}
