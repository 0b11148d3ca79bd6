// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// What the endpoints of a segment are told to do; moments are absolute.
public enum SegmentCommand: Hashable, Sendable {
    case register(endpoint: UInt32, at: Instant)
    /// Call the partner at its address-of-record, or the outside URI of the plan.
    case call(endpoint: UInt32, callee: Callee, at: Instant)
    /// End calls, un-REGISTER, close.
    case finish(endpoint: UInt32)
    /// Close without having done its part; `partner` is whose failure kept it from it.
    case abandon(endpoint: UInt32, partner: UInt32?)

    /// Whom to call.
    public enum Callee: Hashable, Sendable {
        case endpoint(UInt32)
        case uri(String)
    }
}

/// What the endpoints of a segment report.
public enum SegmentEvent: Hashable, Sendable {
    case registered(endpoint: UInt32)
    case registrationFailed(endpoint: UInt32)
    /// A call of this endpoint ended, established or not.
    case callEnded(endpoint: UInt32, established: Bool)
    /// A call of this endpoint was due while it was busy, and was not attempted.
    case callMissed(endpoint: UInt32)
    case closed(endpoint: UInt32)
}

/// The phased start of a run's segment (H3): receivers register and are confirmed, then callers, then calls begin; everything
/// paced on an absolute schedule. Pure: it is told what happened and when, and says what to do.
///
///     idle → receivers → callers → working → closing → done
///
/// `receivers` and `callers` are left when each of their endpoints has registered or failed; `working` when each endpoint has
/// been told to finish; `closing` when each has closed. `stop` leads from anywhere to `closing`.
public struct SegmentMachine: Sendable {
    /// Where the segment stands.
    public enum Phase: Hashable, Sendable {
        case idle, receivers, callers, working, closing, done
    }

    private enum State: Hashable {
        case waiting, registering, registered, leaving, closed
    }

    private struct Member {
        var plan: PlannedEndpoint
        var state = State.waiting
        /// A caller's place among those who take turns.
        var turn: Int?
        /// Calls it was told to make, and those of them that are not over.
        var told: UInt32 = 0
        var underWay: UInt32 = 0
        /// Turns that passed while it was leaving.
        var passed: UInt32 = 0
    }

    private enum Alarm: Hashable {
        /// The time that an endpoint holds its registration is over.
        case held(UInt32)
        /// The next calls must be told.
        case calls
    }

    /// Calls are told so long before they begin, so that the way there does not delay them; in batches, this much apart at most.
    private static let lookAhead = Interval.milliseconds(500)
    private static let batch = Interval.milliseconds(250)

    private var members: [Member]
    private let pacing: Pacing
    private let duration: Interval
    private let cycle: Interval
    private var timers = TimerQueue<Alarm>()
    private var unconfirmed = 0
    private var open: Int
    /// Endpoints not yet told to leave.
    private var staying: Int
    private var callersAtWork = 0
    /// Endpoints that hold their registration for a time.
    private var holding = 0
    private var begin = Instant.zero
    /// Registrations told so far.
    private var registrations = 0
    private var schedule: CallSchedule
    /// The callers that take turns, once calls began.
    private var turns: [UInt32] = []
    private var callsBegin = Instant.zero
    private var nextCall = 0

    /// Where the segment stands.
    public private(set) var phase = Phase.idle

    /// A segment that plays the whole plan of a test.
    public init(plan: RunPlan, of definition: TestDefinition) {
        members = plan.endpoints.map { Member(plan: $0) }
        pacing = definition.pacing
        duration = definition.duration
        cycle = definition.callCycle
        open = members.count
        staying = members.count
        var callers = 0
        for index in members.indices where members[index].plan.role == .caller {
            members[index].turn = callers
            callers += 1
        }
        schedule = CallSchedule(pacing, callers: callers, cycle: cycle)
    }

    /// When `advance` has something to do; nil when only events can move the segment.
    public var nextDeadline: Instant? { timers.nextDeadline }

    /// Endpoints that have not closed yet.
    public var openEndpoints: Int { open }

    /// Calls of the schedule that an endpoint was not told to make, as it stands; those it was told to make are its own matter.
    public func untoldCalls(of endpoint: UInt32) -> UInt32 {
        let member = members[Int(endpoint)]
        // As long as callers register, nobody knows who takes the turns of stages; who failed has none.
        if case .stages = pacing.calls, phase == .receivers || phase == .callers { return 0 }
        guard let turn = member.turn else { return member.passed }
        return member.passed + UInt32(clamping: schedule.turns(of: turn, from: nextCall))
    }

    /// Starts with the receivers.
    public mutating func start(at now: Instant) -> [SegmentCommand] {
        precondition(phase == .idle, "a segment starts once")
        phase = .receivers
        begin = now
        var commands = register(now) { $0 == .callee }
        if unconfirmed == 0 { enterCallers(now, &commands) }
        return commands
    }

    /// Takes one event and says what follows.
    public mutating func handle(_ event: SegmentEvent, now: Instant) -> [SegmentCommand] {
        var commands: [SegmentCommand] = []
        switch event {
        case .registered(let endpoint):
            guard members[Int(endpoint)].state == .registering else { break }
            members[Int(endpoint)].state = .registered
            confirm(now, &commands)
        case .registrationFailed(let endpoint):
            guard members[Int(endpoint)].state == .registering else { break }
            leave(endpoint, .finish(endpoint: endpoint), &commands)
            abandonPartner(of: endpoint, &commands)
            confirm(now, &commands)
        case .callEnded(let endpoint, _), .callMissed(let endpoint):
            callIsOver(endpoint, &commands)
        case .closed(let endpoint):
            close(endpoint, now, &commands)
        }
        return commands
    }

    /// Does what is due: tells the next calls, ends holding times.
    public mutating func advance(to now: Instant) -> [SegmentCommand] {
        var commands: [SegmentCommand] = []
        while let alarm = timers.popDue(at: now) {
            switch alarm {
            case .held(let endpoint):
                holding -= 1
                leave(endpoint, .finish(endpoint: endpoint), &commands)
            case .calls: tellCalls(now, &commands)
            }
        }
        settle(&commands)
        return commands
    }

    /// Ends everything as soon as the endpoints can: calls are hung up, bindings removed. Whoever was to call and never began is not
    /// attempted, and nor is whom it was to call.
    public mutating func stop() -> [SegmentCommand] {
        guard phase != .done, phase != .closing else { return [] }
        phase = .closing
        var commands: [SegmentCommand] = []
        for index in members.indices {
            let endpoint = UInt32(index)
            let member = members[index]
            if member.state == .waiting || hasNotCalled(index) {
                leave(endpoint, .abandon(endpoint: endpoint, partner: nil), &commands)
            } else if member.plan.role == .callee, let caller = member.plan.partner, hasNotCalled(Int(caller)) {
                leave(endpoint, .abandon(endpoint: endpoint, partner: caller), &commands)
            } else {
                leave(endpoint, .finish(endpoint: endpoint), &commands)
            }
        }
        return commands
    }

    private func hasNotCalled(_ index: Int) -> Bool {
        members[index].plan.role == .caller && members[index].told == 0
    }

    // MARK: - Phases

    private mutating func register(_ now: Instant, where wanted: (EndpointRole) -> Bool) -> [SegmentCommand] {
        var commands: [SegmentCommand] = []
        // The schedule goes on over both phases; it is late by as much as the receivers' confirmation was.
        let planned = begin + pacing.registrationMoment(registrations, of: members.count)
        let late = max(.zero, now - planned)
        for index in members.indices where members[index].state == .waiting && wanted(members[index].plan.role) {
            members[index].state = .registering
            let at = begin + pacing.registrationMoment(registrations, of: members.count) + late
            commands.append(.register(endpoint: UInt32(index), at: at))
            registrations += 1
            unconfirmed += 1
        }
        return commands
    }

    private mutating func confirm(_ now: Instant, _ commands: inout [SegmentCommand]) {
        unconfirmed -= 1
        guard unconfirmed == 0 else { return }
        switch phase {
        case .receivers: enterCallers(now, &commands)
        case .callers: enterWorking(now, &commands)
        case .idle, .working, .closing, .done: break
        }
    }

    private mutating func enterCallers(_ now: Instant, _ commands: inout [SegmentCommand]) {
        phase = .callers
        commands += register(now) { $0 != .callee }
        if unconfirmed == 0 { enterWorking(now, &commands) }
    }

    private mutating func enterWorking(_ now: Instant, _ commands: inout [SegmentCommand]) {
        phase = .working
        takePlaces(now)
        for index in members.indices where members[index].state == .registered {
            let endpoint = UInt32(index)
            switch members[index].plan.role {
            case .caller: break
            case .callee where callersAtWork > 0: break
            case .registerOnly, .callee:
                // They leave one after the other as they came: servers limit un-REGISTER as well (F8).
                let later = pacing.registrationMoment(holding, of: members.count)
                _ = timers.schedule(.held(endpoint), at: now + duration + later)
                holding += 1
            }
        }
        tellCalls(now, &commands)
        // Where the schedule has fewer calls than callers, the others have nothing to do.
        for endpoint in turns { dismissIdle(endpoint, &commands) }
        settle(&commands)
    }

    /// Callers that registered take turns; of the others nobody takes a turn with stages, and each loses its own at a rate.
    private mutating func takePlaces(_ now: Instant) {
        let all = schedule
        turns = []
        for index in members.indices where members[index].plan.role == .caller {
            if members[index].state == .registered {
                members[index].turn = turns.count
                turns.append(UInt32(index))
            } else if let turn = members[index].turn {
                if case .rate = pacing.calls { members[index].passed += UInt32(clamping: all.turns(of: turn, from: 0)) }
                members[index].turn = nil
            }
        }
        callersAtWork = turns.count
        callsBegin = now
        schedule = CallSchedule(pacing, callers: turns.count, cycle: cycle)
    }

    // MARK: - Calls

    private mutating func tellCalls(_ now: Instant, _ commands: inout [SegmentCommand]) {
        guard phase == .working else { return }
        while nextCall < schedule.count {
            let at = callsBegin + schedule.moment(of: nextCall)
            guard at <= now + Self.lookAhead else {
                _ = timers.schedule(.calls, at: at - (Self.lookAhead - Self.batch))
                return
            }
            let endpoint = turns[schedule.caller(of: nextCall)]
            nextCall += 1
            call(endpoint, at: at, &commands)
        }
    }

    private mutating func call(_ endpoint: UInt32, at: Instant, _ commands: inout [SegmentCommand]) {
        let plan = members[Int(endpoint)].plan
        guard members[Int(endpoint)].state == .registered else {
            if members[Int(endpoint)].state == .leaving { members[Int(endpoint)].passed += 1 }
            return
        }
        if let uri = plan.target {
            commands.append(.call(endpoint: endpoint, callee: .uri(uri), at: at))
        } else if let partner = plan.partner {
            commands.append(.call(endpoint: endpoint, callee: .endpoint(partner), at: at))
        } else {
            return
        }
        members[Int(endpoint)].told += 1
        members[Int(endpoint)].underWay += 1
    }

    private mutating func callIsOver(_ endpoint: UInt32, _ commands: inout [SegmentCommand]) {
        let member = members[Int(endpoint)]
        guard member.underWay > 0 else { return }
        members[Int(endpoint)].underWay -= 1
        dismissIdle(endpoint, &commands)
        settle(&commands)
    }

    /// A caller without calls under way or to come leaves, and whom it called too.
    private mutating func dismissIdle(_ endpoint: UInt32, _ commands: inout [SegmentCommand]) {
        let member = members[Int(endpoint)]
        guard phase == .working, member.state == .registered, member.underWay == 0, let turn = member.turn,
            schedule.turns(of: turn, from: nextCall) == 0
        else { return }
        leave(endpoint, .finish(endpoint: endpoint), &commands)
        finishCallee(of: endpoint, &commands)
        callersAtWork -= 1
    }

    // MARK: - Leaving

    private mutating func leave(_ endpoint: UInt32, _ command: SegmentCommand, _ commands: inout [SegmentCommand]) {
        let state = members[Int(endpoint)].state
        guard state != .leaving, state != .closed else { return }
        members[Int(endpoint)].state = .leaving
        staying -= 1
        commands.append(command)
    }

    /// The partner of an endpoint that could not register has nothing to do (H2: NOT_ATTEMPTED, linked to the partner).
    private mutating func abandonPartner(of endpoint: UInt32, _ commands: inout [SegmentCommand]) {
        guard let partner = members[Int(endpoint)].plan.partner else { return }
        if members[Int(partner)].state == .registering {
            unconfirmed -= 1
        }
        leave(partner, .abandon(endpoint: partner, partner: endpoint), &commands)
    }

    private mutating func finishCallee(of caller: UInt32, _ commands: inout [SegmentCommand]) {
        guard let callee = members[Int(caller)].plan.partner else { return }
        leave(callee, .finish(endpoint: callee), &commands)
    }

    /// When no caller is at work any more, callees that nobody of this run called leave too.
    private mutating func settle(_ commands: inout [SegmentCommand]) {
        guard phase == .working else { return }
        if callersAtWork == 0, holding == 0, staying > 0 {
            for index in members.indices { leave(UInt32(index), .finish(endpoint: UInt32(index)), &commands) }
        }
        if staying == 0 { phase = .closing }
        if open == 0 { phase = .done }
    }

    private mutating func close(_ endpoint: UInt32, _ now: Instant, _ commands: inout [SegmentCommand]) {
        let state = members[Int(endpoint)].state
        guard state != .closed else { return }
        members[Int(endpoint)].state = .closed
        open -= 1
        if state != .leaving { staying -= 1 }
        switch state {
        case .registering: confirm(now, &commands)
        case .registered where members[Int(endpoint)].plan.role == .caller && phase == .working:
            finishCallee(of: endpoint, &commands)
            callersAtWork -= 1
        case .waiting, .registered, .leaving, .closed: break
        }
        settle(&commands)
        if open == 0 { phase = .done }
    }
}
