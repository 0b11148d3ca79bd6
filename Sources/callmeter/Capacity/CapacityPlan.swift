// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain

/// What of a test is varied to find a target's capacity, and within which bounds.
struct CapacityPlan {
    /// What a test without thresholds is judged by.
    private static let callThresholds = [
        "call.success_rate >= 99%", "registration.success_rate >= 99%", "p95(post_dial_delay) < 3s", "mos.avg >= 3.6",
    ]
    private static let registrationThresholds = ["registration.success_rate >= 99%", "p95(registration_delay) < 2s"]
    /// A rate that is over sooner was not held.
    private static let shortestHold = Interval.seconds(10)
    /// All endpoints registering within less than this would be a burst, not a rate.
    private static let shortestRegistrations = 2.0

    private let base: TestDefinition
    let settings: CapacitySearch.Settings
    /// How long a rate is held.
    let hold: Interval
    /// Whether calls are counted; else registrations.
    let hasCalls: Bool
    /// What a hold is judged by.
    let thresholds: [Threshold]
    /// Whether those are the usual ones, for want of the test's own.
    let isJudgedByUsual: Bool

    /// What is counted, in words.
    var unit: String { hasCalls ? "calls/s" : "registrations/s" }

    init(_ test: TestDefinition, _ options: CapacityOptions) {
        let plan = RunPlan(test).endpoints
        let callers = plan.count { $0.role == .caller }
        hasCalls = callers > 0
        isJudgedByUsual = test.thresholds.isEmpty
        let usual = hasCalls ? Self.callThresholds : Self.registrationThresholds
        thresholds = isJudgedByUsual ? usual.compactMap { try? Threshold($0) } : test.thresholds
        hold =
            options.capacityHold.flatMap(Units.duration)
            ?? max(Self.shortestHold, hasCalls ? .seconds(test.talkTime.seconds * 1.5) : .zero)
        var (ceiling, reason) =
            hasCalls
            ? (
                Double(callers) / test.callCycle.seconds,
                "\(callers) callers, each busy for \(Units.text(test.callCycle)) a call; give the test more endpoints"
            )
            : (Double(plan.count) / Self.shortestRegistrations, "\(plan.count) endpoints; give the test more")
        if let limit = options.capacityLimit.flatMap({ Units.rate($0) }), limit < ceiling {
            (ceiling, reason) = (limit, "--capacity-limit")
        }
        let start = options.capacityStart.flatMap { Units.rate($0) } ?? Self.rate(of: test, hasCalls, ceiling)
        settings = CapacitySearch.Settings(start: start, ceiling: ceiling, ceilingReason: "the test itself: " + reason)
        base = test
    }

    private static func rate(of test: TestDefinition, _ hasCalls: Bool, _ ceiling: Double) -> Double {
        // A ramp's own rates are no place to begin: a sixteenth of the ceiling is four doublings below it.
        if hasCalls, case .rate(let rate) = test.pacing.calls, rate < ceiling { return rate }
        if !hasCalls, case .rate(let rate) = test.pacing.registrations, rate < ceiling { return rate }
        return ceiling / 16
    }

    /// The test that holds a rate.
    func test(at rate: Double) -> TestDefinition {
        var test = base
        test.thresholds = thresholds
        if hasCalls {
            test.pacing.calls = .stages([.hold(rate, for: hold)])
            test.pacing.repeats = nil
        } else {
            test.pacing.registrations = .rate(rate)
            test.duration = min(test.duration, .seconds(1))
        }
        return test
    }

    /// Calls or registrations that a hold of this rate plans.
    func planned(at rate: Double) -> Double {
        hasCalls ? rate * hold.seconds : Double(base.groups.reduce(0) { $0 + $1.endpoints })
    }
}
