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
        var callsLeft: Int
    }

    private var members: [Member]
    private let pacing: Pacing
    private let duration: Interval
    private var timers = TimerQueue<UInt32>()
    private var unconfirmed = 0
    private var open: Int
    /// Endpoints not yet told to leave.
    private var staying: Int
    private var callersAtWork = 0

    /// Where the segment stands.
    public private(set) var phase = Phase.idle

    /// A segment that plays a whole plan.
    public init(plan: RunPlan, pacing: Pacing, duration: Interval) {
        members = plan.endpoints.map {
            Member(plan: $0, callsLeft: $0.role == .caller ? pacing.repeats : 0)
        }
        self.pacing = pacing
        self.duration = duration
        open = members.count
        staying = members.count
    }

    /// When `advance` has something to do; nil when only events can move the segment.
    public var nextDeadline: Instant? { timers.nextDeadline }

    /// Endpoints that have not closed yet.
    public var openEndpoints: Int { open }

    /// Starts with the receivers.
    public mutating func start(at now: Instant) -> [SegmentCommand] {
        precondition(phase == .idle, "a segment starts once")
        phase = .receivers
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
        case .callEnded(let endpoint, let established):
            callEnded(endpoint, established, now, &commands)
        case .closed(let endpoint):
            close(endpoint, now, &commands)
        }
        return commands
    }

    /// Does what is due: ends holding times.
    public mutating func advance(to now: Instant) -> [SegmentCommand] {
        var commands: [SegmentCommand] = []
        while let endpoint = timers.popDue(at: now) {
            leave(endpoint, .finish(endpoint: endpoint), &commands)
        }
        settle(&commands)
        return commands
    }

    /// Ends everything as soon as the endpoints can: calls are hung up, bindings removed, what never began is not attempted.
    public mutating func stop() -> [SegmentCommand] {
        guard phase != .done, phase != .closing else { return [] }
        phase = .closing
        var commands: [SegmentCommand] = []
        for index in members.indices {
            let endpoint = UInt32(index)
            let began = members[index].state != .waiting
            leave(endpoint, began ? .finish(endpoint: endpoint) : .abandon(endpoint: endpoint, partner: nil), &commands)
        }
        return commands
    }

    // MARK: - Phases

    private mutating func register(_ start: Instant, where wanted: (EndpointRole) -> Bool) -> [SegmentCommand] {
        var commands: [SegmentCommand] = []
        for index in members.indices where members[index].state == .waiting && wanted(members[index].plan.role) {
            members[index].state = .registering
            let at = start + .seconds(Double(unconfirmed) / pacing.registrationsPerSecond)
            commands.append(.register(endpoint: UInt32(index), at: at))
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
        callersAtWork = members.count { $0.state == .registered && $0.plan.role == .caller }
        var order = 0
        for index in members.indices where members[index].state == .registered {
            let endpoint = UInt32(index)
            switch members[index].plan.role {
            case .caller:
                call(endpoint, at: now + .seconds(Double(order) / pacing.callsPerSecond), &commands)
                order += 1
            case .registerOnly:
                _ = timers.schedule(endpoint, at: now + duration)
            case .callee:
                if callersAtWork == 0 { _ = timers.schedule(endpoint, at: now + duration) }
            }
        }
        settle(&commands)
    }

    private mutating func call(_ endpoint: UInt32, at: Instant, _ commands: inout [SegmentCommand]) {
        let plan = members[Int(endpoint)].plan
        members[Int(endpoint)].callsLeft -= 1
        if let uri = plan.target {
            commands.append(.call(endpoint: endpoint, callee: .uri(uri), at: at))
        } else if let partner = plan.partner {
            commands.append(.call(endpoint: endpoint, callee: .endpoint(partner), at: at))
        }
    }

    private mutating func callEnded(
        _ endpoint: UInt32, _ established: Bool, _ now: Instant, _ commands: inout [SegmentCommand]
    ) {
        let member = members[Int(endpoint)]
        guard phase == .working, member.plan.role == .caller, member.state == .registered else { return }
        if member.callsLeft > 0 {
            call(endpoint, at: now, &commands)
            return
        }
        leave(endpoint, .finish(endpoint: endpoint), &commands)
        finishCallee(of: endpoint, &commands)
        callersAtWork -= 1
        settle(&commands)
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
        if callersAtWork == 0, timers.count == 0, staying > 0 {
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
