// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP
import Testing

private let start = Instant(nanoseconds: 5_000_000_000)
private let udp = TransactionTiming(values: .standard, isReliable: false)
private let tcp = TransactionTiming(values: .standard, isReliable: true)

private func ms(_ value: Int) -> Instant { start + .milliseconds(value) }

@Suite struct NonInviteServerMachineTests {
    typealias Machine = NonInviteServerMachine

    private func state(_ name: String) -> Machine {
        var machine = Machine()
        if name == "proceeding" { _ = machine.respond(status: 100, timing: udp, now: start) }
        if name == "completed" { _ = machine.respond(status: 200, timing: udp, now: start) }
        if name == "terminated" { _ = machine.respond(status: 200, timing: tcp, now: start) }
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
        ("trying", UInt16(100), Machine.Action.send, "proceeding"), ("trying", 200, .send, "completed"),
        ("proceeding", 100, .send, "proceeding"), ("proceeding", 404, .send, "completed"),
        ("completed", 100, .none, "completed"), ("completed", 500, .none, "completed"),
        ("terminated", 100, .none, "terminated"), ("terminated", 200, .none, "terminated"),
    ])
    func `responses (RFC 3261 figure 8)`(from: String, status: UInt16, action: Machine.Action, to: String) {
        var machine = state(from)
        #expect(machine.respond(status: status, timing: udp, now: start) == action && name(machine) == to)
    }

    @Test(arguments: [
        ("trying", Machine.Action.none), ("proceeding", .resend), ("completed", .resend), ("terminated", .none),
    ])
    func `a copy of the request gets the last response`(from: String, action: Machine.Action) {
        #expect(state(from).receiveCopy() == action)
    }

    @Test(arguments: [
        ("trying", Machine.Action.none), ("proceeding", .fail), ("completed", .fail), ("terminated", .none),
    ])
    func `a transport error`(from: String, action: Machine.Action) {
        var machine = state(from)
        #expect(machine.transportFailed() == action)
    }

    @Test func `timer J is 64 T1 on UDP, zero on a reliable transport (RFC 3261 §17.2.2)`() {
        #expect(state("trying").deadline == nil && state("proceeding").deadline == nil)
        var machine = state("completed")
        #expect(machine.deadline == ms(32_000) && machine.advance(to: ms(31_999)) == .none)
        #expect(machine.advance(to: ms(32_000)) == .terminate && machine.isTerminated)
        #expect(state("terminated").isTerminated)
    }
}

@Suite struct InviteServerMachineTests {
    typealias Machine = InviteServerMachine

    private func state(_ name: String) -> Machine {
        var machine = Machine(now: start)
        switch name {
        case "new": break
        case "proceeding": _ = machine.respond(status: 180, timing: udp, now: start)
        case "accepted": _ = machine.respond(status: 200, timing: udp, now: start)
        case "completed": _ = machine.respond(status: 486, timing: udp, now: start)
        case "confirmed":
            _ = machine.respond(status: 486, timing: udp, now: start)
            _ = machine.receiveACK(timing: udp, now: start)
        default: _ = machine.transportFailed()
        }
        return machine
    }

    private func name(_ machine: Machine) -> String {
        switch machine {
        case .proceeding(_, let answered): answered ? "proceeding" : "new"
        case .accepted: "accepted"
        case .completed: "completed"
        case .confirmed: "confirmed"
        case .terminated: "terminated"
        }
    }

    static let states = ["new", "proceeding", "accepted", "completed", "confirmed", "terminated"]

    @Test(arguments: [
        ("new", UInt16(180), Machine.Action.send, "proceeding"), ("new", 200, .send, "accepted"),
        ("new", 486, .send, "completed"), ("proceeding", 183, .send, "proceeding"),
        ("proceeding", 200, .send, "accepted"),
        ("proceeding", 600, .send, "completed"), ("accepted", 180, .none, "accepted"),
        ("accepted", 200, .send, "accepted"),
        ("accepted", 486, .none, "accepted"), ("completed", 180, .none, "completed"),
        ("completed", 200, .none, "completed"),
        ("completed", 486, .none, "completed"), ("confirmed", 200, .none, "confirmed"),
        ("confirmed", 486, .none, "confirmed"), ("terminated", 200, .none, "terminated"),
    ])
    func `responses (RFC 3261 figure 7, RFC 6026 §7.1)`(
        from: String, status: UInt16, action: Machine.Action, to: String
    ) {
        var machine = state(from)
        #expect(machine.respond(status: status, timing: udp, now: start) == action && name(machine) == to)
    }

    @Test(arguments: zip(states, [Machine.Action.none, .resend, .none, .resend, .none, .none]))
    func `a copy of the INVITE`(from: String, action: Machine.Action) {
        #expect(state(from).receiveCopy() == action)
    }

    @Test(arguments: zip(states, ["new", "proceeding", "accepted", "confirmed", "confirmed", "terminated"]))
    func `an ACK confirms a refusal, is handed on in accepted, ignored elsewhere`(from: String, to: String) {
        var machine = state(from)
        #expect(machine.receiveACK(timing: udp, now: start) == (from == "accepted" ? .deliver : .none))
        #expect(name(machine) == to)
    }

    @Test(arguments: zip(states, [Machine.Action.fail, .fail, .fail, .fail, .none, .none]))
    func `a transport error; accepted is told and stays (RFC 6026 §7.1)`(from: String, action: Machine.Action) {
        var machine = state(from)
        #expect(machine.transportFailed() == action)
        #expect(name(machine) == (from == "accepted" || from == "confirmed" ? from : "terminated"))
    }

    @Test func `100 is due after 200 ms unless the user was quicker (RFC 3261 §17.2.1)`() {
        var machine = state("new")
        #expect(machine.deadline == ms(200) && machine.advance(to: ms(199), timing: udp) == .none)
        #expect(machine.advance(to: ms(200), timing: udp) == .sendTrying)
        #expect(machine.deadline == nil && machine.receiveCopy() == .resend)
        #expect(state("proceeding").deadline == nil)
    }

    @Test func `timer G doubles to T2, timer H ends after 64 T1; G is off on a reliable transport`() {
        var machine = state("completed")
        var sendings: [Instant] = []
        while let deadline = machine.deadline {
            guard machine.advance(to: deadline, timing: udp) == .resend else { break }
            sendings.append(deadline)
        }
        #expect(sendings == [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500].map(ms))
        var late = state("completed")
        #expect(late.advance(to: ms(32_000), timing: udp) == .unacknowledged && late.isTerminated)
        var reliable = Machine(now: start)
        _ = reliable.respond(status: 404, timing: tcp, now: start)
        #expect(reliable.deadline == ms(32_000))
        #expect(reliable.receiveACK(timing: tcp, now: start) == .none && reliable.isTerminated, "timer I is zero")
    }

    @Test func `timer I is T4, timer L 64 T1`() {
        var confirmed = state("confirmed")
        #expect(confirmed.deadline == ms(5_000) && confirmed.advance(to: ms(5_000), timing: udp) == .terminate)
        var accepted = state("accepted")
        #expect(accepted.deadline == ms(32_000) && accepted.advance(to: ms(32_000), timing: udp) == .terminate)
    }
}
