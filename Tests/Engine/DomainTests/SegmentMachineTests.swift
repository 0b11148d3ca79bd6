// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Testing

@Suite struct SegmentMachineTests {
    static func pair(callers: Int, callees: Int) -> TestDefinition {
        TestDefinition(
            name: "t",
            groups: [
                GroupDefinition(name: "a", registrar: "r", endpoints: callers, callee: .group("b")),
                GroupDefinition(name: "b", registrar: "r", endpoints: callees, callee: .receive),
            ], duration: .seconds(10), pacing: Pacing(registrationsPerSecond: 10, callsPerSecond: 5))
    }

    static func machine(_ definition: TestDefinition) -> SegmentMachine {
        SegmentMachine(plan: RunPlan(definition), of: definition)
    }

    private func time(_ ms: Int) -> Instant { .zero + .milliseconds(ms) }

    @Test
    func `H3: receivers register first, callers after the last of them is confirmed, calls after the last caller`() {
        var machine = Self.machine(Self.pair(callers: 2, callees: 2))
        #expect(
            machine.start(at: .zero) == [.register(endpoint: 2, at: time(0)), .register(endpoint: 3, at: time(100))])
        #expect(machine.handle(.registered(endpoint: 2), now: time(20)).isEmpty)
        #expect(
            machine.handle(.registered(endpoint: 3), now: time(130)) == [
                .register(endpoint: 0, at: time(200)), .register(endpoint: 1, at: time(300)),
            ])
        #expect(machine.handle(.registered(endpoint: 1), now: time(240)).isEmpty)
        #expect(
            machine.handle(.registered(endpoint: 0), now: time(300)) == [
                .call(endpoint: 0, callee: .endpoint(2), at: time(300)),
                .call(endpoint: 1, callee: .endpoint(3), at: time(500)),
            ])
        #expect(
            machine.handle(.callEnded(endpoint: 0, established: true), now: time(10_300)) == [
                .finish(endpoint: 0), .finish(endpoint: 2),
            ])
        #expect(
            machine.handle(.callEnded(endpoint: 1, established: false), now: time(10_400)) == [
                .finish(endpoint: 1), .finish(endpoint: 3),
            ])
        #expect(machine.phase == .closing)
        for endpoint in [0, 2, 1] as [UInt32] { _ = machine.handle(.closed(endpoint: endpoint), now: time(10_500)) }
        #expect(machine.phase == .closing && machine.openEndpoints == 1)
        _ = machine.handle(.closed(endpoint: 3), now: time(10_600))
        #expect(machine.phase == .done)
    }

    @Test func `H2: the partner of an endpoint that could not register is abandoned and linked to it`() {
        var machine = Self.machine(Self.pair(callers: 2, callees: 2))
        _ = machine.start(at: .zero)
        _ = machine.handle(.registered(endpoint: 3), now: time(10))
        let commands = machine.handle(.registrationFailed(endpoint: 2), now: time(20))
        #expect(
            commands == [
                .finish(endpoint: 2), .abandon(endpoint: 0, partner: 2), .register(endpoint: 1, at: time(200)),
            ])
        let second = machine.handle(.registrationFailed(endpoint: 1), now: time(30))
        #expect(second == [.finish(endpoint: 1), .abandon(endpoint: 3, partner: 1)])
        #expect(machine.phase == .closing)
        for endpoint in 0..<4 as Range<UInt32> { _ = machine.handle(.closed(endpoint: endpoint), now: time(40)) }
        #expect(machine.phase == .done)
    }

    @Test func `endpoints that only register are held for the duration, and leave as slowly as they came`() {
        let definition = TestDefinition(
            name: "t", groups: [GroupDefinition(name: "a", registrar: "r", endpoints: 2, callee: .none)],
            duration: .seconds(3))
        var machine = Self.machine(definition)
        _ = machine.start(at: .zero)
        _ = machine.handle(.registered(endpoint: 0), now: time(5))
        _ = machine.handle(.registered(endpoint: 1), now: time(10))
        #expect(machine.nextDeadline == time(3_010))
        #expect(machine.advance(to: time(3_009)).isEmpty)
        #expect(machine.advance(to: time(3_019)) == [.finish(endpoint: 0)])
        #expect(machine.advance(to: time(3_020)) == [.finish(endpoint: 1)])
    }

    @Test func `a caller repeats its call on schedule before it leaves, and unpaired callees leave last`() {
        var definition = Self.pair(callers: 1, callees: 2)
        definition.pacing.repeats = 2
        definition.pacing.idle = .seconds(2)
        var machine = Self.machine(definition)
        _ = machine.start(at: .zero)
        _ = machine.handle(.registered(endpoint: 1), now: .zero)
        _ = machine.handle(.registered(endpoint: 2), now: .zero)
        #expect(
            machine.handle(.registered(endpoint: 0), now: .zero) == [
                .call(endpoint: 0, callee: .endpoint(1), at: .zero)
            ])
        // The call lasted longer than it was to, which does not move the next one: ten seconds of talk, two of pause.
        #expect(machine.handle(.callEnded(endpoint: 0, established: true), now: time(11_500)).isEmpty)
        #expect(machine.nextDeadline == time(11_750))
        #expect(
            machine.advance(to: time(11_760)) == [.call(endpoint: 0, callee: .endpoint(1), at: time(12_000))])
        #expect(
            machine.handle(.callEnded(endpoint: 0, established: true), now: time(22_000)) == [
                .finish(endpoint: 0), .finish(endpoint: 1), .finish(endpoint: 2),
            ])
    }

    @Test func `callers take turns while the rate climbs, and who misses a turn has the next one all the same`() {
        var definition = Self.pair(callers: 2, callees: 2)
        definition.pacing.calls = .stages([.ramp(0, to: 2, for: .seconds(4))])
        var machine = Self.machine(definition)
        _ = machine.start(at: .zero)
        for endpoint in [2, 3, 0] as [UInt32] { _ = machine.handle(.registered(endpoint: endpoint), now: .zero) }
        var commands = machine.handle(.registered(endpoint: 1), now: .zero)
        commands += machine.handle(.callMissed(endpoint: 0), now: .zero)
        while let next = machine.nextDeadline { commands += machine.advance(to: next) }
        // t²/4 calls are due by t: the n-th at 2·√n seconds.
        let calls: [SegmentCommand] = [0, 1, 2, 3].map { (number: Int) in
            let at = Instant.zero + .seconds(2 * Double(number).squareRoot())
            return .call(endpoint: UInt32(number % 2), callee: .endpoint(UInt32(2 + number % 2)), at: at)
        }
        #expect(commands == calls)
        #expect(machine.handle(.callEnded(endpoint: 1, established: true), now: time(4_000)).isEmpty)
        #expect(
            machine.handle(.callEnded(endpoint: 1, established: true), now: time(5_000)) == [
                .finish(endpoint: 1), .finish(endpoint: 3),
            ])
        #expect(machine.untoldCalls(of: 0) == 0)
    }

    @Test func `the turns of a caller that is gone are not attempted, and the others do not wait for them`() {
        var definition = Self.pair(callers: 2, callees: 2)
        definition.pacing.calls = .stages([.hold(1, for: .seconds(10))])
        var machine = Self.machine(definition)
        _ = machine.start(at: .zero)
        for endpoint in [2, 3, 0, 1] as [UInt32] { _ = machine.handle(.registered(endpoint: endpoint), now: .zero) }
        // Of its five turns the first was told.
        #expect(machine.untoldCalls(of: 0) == 4 && machine.untoldCalls(of: 1) == 5)
        #expect(machine.handle(.closed(endpoint: 0), now: time(1)) == [.finish(endpoint: 2)])
        #expect(machine.untoldCalls(of: 0) == 4)
        let last = machine.handle(.closed(endpoint: 1), now: time(2))
        #expect(last == [.finish(endpoint: 3)])
        #expect(machine.phase == .closing, "a schedule without callers is waited for")
    }

    @Test func `H1: stop ends what began, and what did not is not attempted`() {
        var machine = Self.machine(Self.pair(callers: 1, callees: 1))
        _ = machine.start(at: .zero)
        #expect(machine.stop() == [.abandon(endpoint: 0, partner: nil), .abandon(endpoint: 1, partner: 0)])
        #expect(machine.untoldCalls(of: 0) == 1 && machine.untoldCalls(of: 1) == 0)
        #expect(machine.stop().isEmpty)
        #expect(machine.handle(.registered(endpoint: 1), now: time(1)).isEmpty)
        _ = machine.handle(.closed(endpoint: 0), now: time(1))
        _ = machine.handle(.closed(endpoint: 1), now: time(2))
        #expect(machine.phase == .done)
    }

    @Test func `stop during calls hangs up those that began and leaves out those to come`() {
        let definition = Self.pair(callers: 3, callees: 3)
        var machine = Self.machine(definition)
        _ = machine.start(at: .zero)
        for endpoint in [3, 4, 5, 0, 1, 2] as [UInt32] {
            _ = machine.handle(.registered(endpoint: endpoint), now: time(1_000))
        }
        // At five calls a second, three of them lie within the half second that is told ahead.
        #expect(machine.stop() == (0..<6).map { .finish(endpoint: $0) })
        var late = definition
        late.pacing.calls = .rate(1)
        var second = Self.machine(late)
        _ = second.start(at: .zero)
        for endpoint in [3, 4, 5, 0, 1, 2] as [UInt32] {
            _ = second.handle(.registered(endpoint: endpoint), now: time(1_000))
        }
        #expect(
            second.stop() == [
                .finish(endpoint: 0), .abandon(endpoint: 1, partner: nil), .abandon(endpoint: 2, partner: nil),
                .finish(endpoint: 3), .abandon(endpoint: 4, partner: 1), .abandon(endpoint: 5, partner: 2),
            ])
        #expect((0..<6).map { second.untoldCalls(of: $0) } == [0, 1, 1, 0, 0, 0])
    }

    /// Whatever endpoints do, a segment ends with each told to leave exactly once.
    @Test(arguments: 1...200 as ClosedRange<UInt64>)
    func `random lives always end with every endpoint dismissed once`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var machine = Self.machine(Self.randomDefinition(&random))
        var pending = machine.start(at: .zero)
        var dismissed: [UInt32: Int] = [:]
        var told: [UInt32: Told] = [:]
        var now = Instant.zero
        var steps = 0
        let stopAt = random.chance(0.3) ? Int.random(in: 0..<40, using: &random) : Int.max
        while machine.phase != .done, steps < 10_000 {
            steps += 1
            now = now + .milliseconds(1)
            if steps == stopAt { pending += machine.stop() }
            if steps == stopAt &+ 3 { #expect(machine.stop().isEmpty) }
            if let next = machine.nextDeadline, pending.isEmpty { now = max(now, next) }
            pending += machine.advance(to: now)
            guard !pending.isEmpty else { continue }
            let command = pending.remove(at: Int.random(in: 0..<pending.count, using: &random))
            Self.check(command, &told, seed: seed)
            if case .finish(let endpoint) = command { dismissed[endpoint, default: 0] += 1 }
            if case .abandon(let endpoint, _) = command { dismissed[endpoint, default: 0] += 1 }
            pending += machine.handle(Self.answer(command, &random), now: now)
        }
        #expect(machine.phase == .done, "seed \(seed) got stuck in \(machine.phase)")
        #expect(machine.openEndpoints == 0)
        #expect(dismissed.values.allSatisfy { $0 == 1 })
    }

    /// What an endpoint was told so far.
    private struct Told {
        var isRegistering = false
        var isDismissed = false
    }

    /// No endpoint is told to call before it was told to register; commands that crossed its dismissal are the agents' to ignore.
    private static func check(_ command: SegmentCommand, _ told: inout [UInt32: Told], seed: UInt64) {
        switch command {
        case .register(let endpoint, _):
            #expect(told[endpoint]?.isRegistering != true, "seed \(seed): \(endpoint) registers twice")
            told[endpoint, default: Told()].isRegistering = true
        case .call(let endpoint, _, _):
            #expect(told[endpoint]?.isRegistering == true, "seed \(seed): \(endpoint) calls unregistered")
        case .finish(let endpoint), .abandon(let endpoint, _):
            #expect(told[endpoint]?.isDismissed != true, "seed \(seed): \(endpoint) is dismissed twice")
            told[endpoint, default: Told()].isDismissed = true
        }
    }

    private static func randomDefinition(_ random: inout SeededRandom) -> TestDefinition {
        let callers = Int.random(in: 1...4, using: &random)
        var definition = pair(callers: callers, callees: callers + Int.random(in: 0...2, using: &random))
        definition.groups.append(GroupDefinition(name: "c", registrar: "r", endpoints: 4, callee: .intra))
        definition.groups.append(GroupDefinition(name: "d", registrar: "r", endpoints: 2, callee: .none))
        definition.pacing.repeats = random.chance(0.5) ? Int.random(in: 1...3, using: &random) : nil
        if random.chance(0.4) {
            definition.pacing.calls = .stages([
                .hold(Double.random(in: 0...3, using: &random), for: .seconds(3)),
                .ramp(1, to: Double.random(in: 0...5, using: &random), for: .seconds(5)),
            ])
        }
        if random.chance(0.5) {
            definition.pacing.registrations = .over(.seconds(Int.random(in: 1...9, using: &random)))
        }
        return definition
    }

    private static func answer(_ command: SegmentCommand, _ random: inout SeededRandom) -> SegmentEvent {
        switch command {
        case .register(let endpoint, _):
            if random.chance(0.1) { return .closed(endpoint: endpoint) }
            return random.chance(0.7) ? .registered(endpoint: endpoint) : .registrationFailed(endpoint: endpoint)
        case .call(let endpoint, _, _):
            if random.chance(0.1) { return .closed(endpoint: endpoint) }
            if random.chance(0.2) { return .callMissed(endpoint: endpoint) }
            return .callEnded(endpoint: endpoint, established: random.chance(0.5))
        case .finish(let endpoint), .abandon(let endpoint, _):
            return .closed(endpoint: endpoint)
        }
    }
}
