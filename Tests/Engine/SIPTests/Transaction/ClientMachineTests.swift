// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP
import Testing

private let start = Instant(nanoseconds: 5_000_000_000)
private let udp = TransactionTiming(values: .standard, isReliable: false)
private let tcp = TransactionTiming(values: .standard, isReliable: true)

private func ms(_ value: Int) -> Instant { start + .milliseconds(value) }

@Suite struct NonInviteClientMachineTests {
    typealias Machine = NonInviteClientMachine

    /// Each state by a name, reached the ordinary way.
    private func state(_ name: String) -> Machine {
        var machine = Machine(timing: udp, now: start)
        switch name {
        case "trying": break
        case "proceeding": _ = machine.receive(status: 100, timing: udp, now: start)
        case "completed": _ = machine.receive(status: 200, timing: udp, now: start)
        default: _ = machine.transportFailed()
        }
        return machine
    }

    private func name(_ machine: Machine) -> String {
        switch machine {
        case .trying: "trying"
        case .proceeding: "proceeding"
        case .completed: "completed"
        case .terminated: "terminated"
        }
    }

    @Test(arguments: [
        ("trying", UInt16(100), Machine.Action.deliver, "proceeding"), ("trying", 200, .deliver, "completed"),
        ("trying", 404, .deliver, "completed"), ("proceeding", 183, .deliver, "proceeding"),
        ("proceeding", 200, .deliver, "completed"), ("proceeding", 699, .deliver, "completed"),
        ("completed", 100, .none, "completed"), ("completed", 200, .none, "completed"),
        ("completed", 500, .none, "completed"), ("terminated", 100, .none, "terminated"),
        ("terminated", 200, .none, "terminated"),
    ])
    func `responses (RFC 3261 figure 6)`(from: String, status: UInt16, action: Machine.Action, to: String) {
        var machine = state(from)
        #expect(machine.receive(status: status, timing: udp, now: start) == action)
        #expect(name(machine) == to)
    }

    @Test(arguments: [("trying", true), ("proceeding", true), ("completed", false), ("terminated", false)])
    func `a transport error fails what still waits`(from: String, fails: Bool) {
        var machine = state(from)
        #expect(machine.transportFailed() == (fails ? .fail : .none))
        #expect(machine.isTerminated == (from != "completed"))
    }

    /// The moments at which a machine sends again until it ends, in milliseconds.
    private func run(_ machine: Machine, _ timing: TransactionTiming) -> (
        sendings: [Int], end: Int, last: Machine.Action
    ) {
        var machine = machine
        var sendings: [Int] = []
        while let deadline = machine.deadline {
            let at = Int((deadline - start).milliseconds)
            #expect(machine.advance(to: deadline - Interval(nanoseconds: 1), timing: timing) == .none)
            let action = machine.advance(to: deadline, timing: timing)
            if action != .retransmit { return (sendings, at, action) }
            sendings.append(at)
        }
        return (sendings, -1, .none)
    }

    @Test func `timer E doubles to T2, timer F ends after 64 T1 (RFC 3261 §17.1.2.2)`() {
        let trying = run(state("trying"), udp)
        #expect(trying.sendings == [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500])
        #expect(trying.end == 32_000 && trying.last == .timeout)
        // In proceeding the pause is T2 after the timer that was running.
        let proceeding = run(state("proceeding"), udp)
        #expect(proceeding.sendings == [500, 4500, 8500, 12500, 16500, 20500, 24500, 28500])
        #expect(proceeding.end == 32_000 && proceeding.last == .timeout)
    }

    @Test func `timer K is T4 on UDP and nothing on a reliable transport, where timer E never runs`() {
        #expect(run(state("completed"), udp).end == 5_000 && run(state("completed"), udp).last == .terminate)
        var reliable = Machine(timing: tcp, now: start)
        #expect(run(reliable, tcp).sendings == [] && run(reliable, tcp).end == 32_000)
        #expect(reliable.receive(status: 200, timing: tcp, now: start) == .deliver)
        #expect(reliable.isTerminated && reliable.deadline == nil)
    }
}

@Suite struct InviteClientMachineTests {
    typealias Machine = InviteClientMachine

    private func state(_ name: String) -> Machine {
        var machine = Machine(timing: udp, now: start)
        switch name {
        case "calling": break
        case "proceeding": _ = machine.receive(status: 180, timing: udp, now: start)
        case "accepted": _ = machine.receive(status: 200, timing: udp, now: start)
        case "completed": _ = machine.receive(status: 486, timing: udp, now: start)
        default: _ = machine.transportFailed()
        }
        return machine
    }

    private func name(_ machine: Machine) -> String {
        switch machine {
        case .calling: "calling"
        case .proceeding: "proceeding"
        case .accepted: "accepted"
        case .completed: "completed"
        case .terminated: "terminated"
        }
    }

    @Test(arguments: [
        ("calling", UInt16(100), Machine.Action.deliver, "proceeding"), ("calling", 200, .deliver, "accepted"),
        ("calling", 486, .deliverAndAcknowledge, "completed"), ("proceeding", 180, .deliver, "proceeding"),
        ("proceeding", 200, .deliver, "accepted"), ("proceeding", 302, .deliverAndAcknowledge, "completed"),
        ("accepted", 180, .none, "accepted"), ("accepted", 200, .deliver, "accepted"),
        ("accepted", 486, .none, "accepted"), ("completed", 180, .none, "completed"),
        ("completed", 200, .none, "completed"), ("completed", 486, .acknowledge, "completed"),
        ("terminated", 180, .none, "terminated"), ("terminated", 200, .none, "terminated"),
        ("terminated", 486, .none, "terminated"),
    ])
    func `responses (RFC 3261 figure 5, RFC 6026 §8.4)`(
        from: String, status: UInt16, action: Machine.Action, to: String
    ) {
        var machine = state(from)
        #expect(machine.receive(status: status, timing: udp, now: start) == action)
        #expect(name(machine) == to)
    }

    @Test(arguments: [
        ("calling", Machine.Action.fail, "terminated"), ("proceeding", .fail, "terminated"),
        ("accepted", .none, "accepted"), ("completed", .fail, "terminated"), ("terminated", .none, "terminated"),
    ])
    func `a transport error`(from: String, action: Machine.Action, to: String) {
        var machine = state(from)
        #expect(machine.transportFailed() == action && name(machine) == to)
    }

    @Test func `timer A doubles without a bound, timer B ends after 64 T1 (RFC 3261 §17.1.1.2)`() {
        var machine = state("calling")
        var sendings: [Instant] = []
        while let deadline = machine.deadline, machine.advance(to: deadline, timing: udp) == .retransmit {
            sendings.append(deadline)
        }
        #expect(sendings == [500, 1500, 3500, 7500, 15500, 31500].map(ms))
        #expect(machine.isTerminated)
        #expect(Machine(timing: udp, now: start).deadline == ms(500))
        var late = state("calling")
        #expect(late.advance(to: ms(32_000), timing: udp) == .timeout)
        var reliable = Machine(timing: tcp, now: start)
        #expect(reliable.deadline == ms(32_000) && reliable.advance(to: ms(31_999), timing: tcp) == .none)
    }

    @Test func `no timer runs in proceeding; timers D and M are 32 s, D is zero on a reliable transport`() {
        #expect(state("proceeding").deadline == nil)
        for name in ["accepted", "completed"] {
            var machine = state(name)
            #expect(machine.deadline == ms(32_000))
            #expect(machine.advance(to: ms(31_999), timing: udp) == .none)
            #expect(machine.advance(to: ms(32_000), timing: udp) == .terminate && machine.isTerminated)
        }
        var refused = Machine(timing: tcp, now: start)
        #expect(refused.receive(status: 404, timing: tcp, now: start) == .deliverAndAcknowledge && refused.isTerminated)
        var accepted = Machine(timing: tcp, now: start)
        _ = accepted.receive(status: 200, timing: tcp, now: start)
        #expect(accepted.deadline == ms(32_000), "M does not depend on the transport (RFC 6026 §8.4)")
        // D is at least 32 s, whatever T1 is (RFC 3261 §17.1.1.2).
        let short = TransactionTiming(
            values: TimerValues(t1: .milliseconds(10), t2: .seconds(4), t4: .seconds(5)), isReliable: false)
        var quick = Machine(timing: short, now: start)
        _ = quick.receive(status: 404, timing: short, now: start)
        #expect(quick.deadline == ms(32_000))
    }
}
