// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Testing

@Suite struct CallScheduleTests {
    private static let cycle = Interval.seconds(10)

    @Test func `at a rate each caller's first call has its place, and the next comes a period later`() {
        let pacing = Pacing(registrationsPerSecond: 1, callsPerSecond: 4, repeats: 3)
        let schedule = CallSchedule(pacing, callers: 8, cycle: Self.cycle)
        #expect(schedule.count == 24)
        #expect(schedule.moment(of: 0) == .zero && schedule.moment(of: 7) == .milliseconds(1_750))
        #expect(schedule.moment(of: 8) == .seconds(10) && schedule.moment(of: 23) == .milliseconds(21_750))
        #expect(schedule.length == .milliseconds(21_750))
    }

    @Test func `more callers than a cycle has room for wait until all have had their turn: the rate is never passed`() {
        let pacing = Pacing(registrationsPerSecond: 1, callsPerSecond: 4, repeats: 2)
        let schedule = CallSchedule(pacing, callers: 100, cycle: Self.cycle)
        #expect(schedule.moment(of: 100) == .seconds(25) && schedule.moment(of: 199) == .milliseconds(49_750))
    }

    @Test func `stages hold, ramp and pause, and a call never falls into a pause`() {
        let pacing = Pacing(
            calls: .stages([
                .hold(5, for: .seconds(30)), .hold(0, for: .seconds(10)), .ramp(5, to: 15, for: .seconds(10)),
            ]))
        let schedule = CallSchedule(pacing, callers: 7, cycle: Self.cycle)
        #expect(schedule.count == 250)
        #expect(schedule.moment(of: 149) == .milliseconds(29_800))
        #expect(schedule.moment(of: 150) == .seconds(40))
        // 5·t + t²/2 = 12: t = 2.
        #expect(schedule.moment(of: 162) == .seconds(42))
        #expect(schedule.caller(of: 162) == 162 % 7)
    }

    /// Whatever the stages are: as many calls as their areas say, in order, each where the area up to it is its number.
    @Test(arguments: 1...200 as ClosedRange<UInt64>)
    func `the n-th call is where the rate's integral is n`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let stages = (0..<Int.random(in: 1...6, using: &random)).map { _ in
            let from = random.chance(0.2) ? 0 : Double.random(in: 0...50, using: &random)
            let to = random.chance(0.5) ? from : Double.random(in: 0...50, using: &random)
            return CallStage.ramp(from, to: to, for: .milliseconds(Int.random(in: 100...60_000, using: &random)))
        }
        let schedule = CallSchedule(Pacing(calls: .stages(stages)), callers: 3, cycle: Self.cycle)
        let total = stages.reduce(0) { $0 + $1.calls }
        #expect(abs(Double(schedule.count) - total) <= 1, "seed \(seed)")
        var before = Interval.zero
        for call in 0..<schedule.count {
            let moment = schedule.moment(of: call)
            #expect(moment >= before)
            before = moment
            let area = Self.calls(stages, until: moment.seconds)
            #expect(abs(area - Double(call)) < 1e-4, "seed \(seed): call \(call) at \(moment), area \(area)")
        }
    }

    private static func calls(_ stages: [CallStage], until time: Double) -> Double {
        var (area, begin) = (0.0, 0.0)
        for stage in stages {
            let length = stage.length.seconds
            let part = min(max(0, time - begin), length)
            area += stage.from * part + (stage.to - stage.from) / length * part * part / 2
            begin += length
        }
        return area
    }

    @Test(arguments: 1...50 as ClosedRange<UInt64>)
    func `the turns of all callers are all calls`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let callers = Int.random(in: 1...9, using: &random)
        let pacing = Pacing(
            calls: .stages([.hold(Double.random(in: 0.5...9, using: &random), for: .seconds(20))]),
            repeats: random.chance(0.5) ? Int.random(in: 1...5, using: &random) : nil)
        let schedule = CallSchedule(pacing, callers: callers, cycle: Self.cycle)
        let from = Int.random(in: 0...schedule.count, using: &random)
        #expect((0..<callers).reduce(0) { $0 + schedule.turns(of: $1, from: from) } == schedule.count - from)
        for caller in 0..<callers {
            let own = (from..<max(from, schedule.count)).count { schedule.caller(of: $0) == caller }
            #expect(schedule.turns(of: caller, from: from) == own, "seed \(seed)")
        }
    }

    @Test func `nobody to call and rates beyond all bounds end in a schedule, not in a crash`() {
        let none = CallSchedule(Pacing(), callers: 0, cycle: Self.cycle)
        #expect(none.count == 0 && none.length == .zero && none.turns(of: 0, from: 0) == 0)
        let stages = Array(repeating: CallStage.hold(1_000_000, for: .seconds(31_536_000)), count: 1_000)
        let huge = CallSchedule(Pacing(calls: .stages(stages)), callers: 1_000_000, cycle: Self.cycle)
        #expect(huge.count == 2_000_000_000)
        let slow = CallSchedule(Pacing(calls: .rate(1e-9), repeats: 1_000_000), callers: 1_000_000, cycle: Self.cycle)
        #expect(slow.length > .seconds(1_000_000_000))
    }

    @Test func `registrations come at a rate or spread over a time`() {
        let rate = Pacing(registrations: .rate(50))
        #expect(rate.registrationMoment(75, of: 1_000) == .milliseconds(1_500))
        let spread = Pacing(registrations: .over(.seconds(60)))
        #expect(spread.registrationMoment(0, of: 120) == .zero)
        #expect(spread.registrationMoment(119, of: 120) == .milliseconds(59_500))
    }
}
