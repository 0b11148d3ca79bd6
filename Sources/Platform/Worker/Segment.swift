// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Logging
import RunMetrics
import Runtime
import UserAgent
import WorkerLink

/// What a segment is told, by its controller, its engine and its own alarms.
enum SegmentInput: Sendable {
    case start
    case stop(drain: Interval)
    /// The controller is gone.
    case orphaned
    case renewed(UInt64)
    case revoked
    case events([AgentEvent])
    case tick
    case drainPassed
}

/// One segment of a run: a driver between Domain's `SegmentMachine`, which decides, and the engines, which do.
///
/// It takes one input after the other from its inbox. Everything it waits for is bounded by the endpoints' own timers, or by the
/// drain time of a stop.
actor Segment {
    /// After the drain deadline the engine closes every endpoint by itself; this much later the segment goes on without it.
    private static let forceAfter = Interval.seconds(2)

    nonisolated let inbox = Mailbox<SegmentInput>()
    nonisolated let assignment: SegmentAssignment
    private let key: SessionKey
    private let configuration: Worker.Configuration
    private let locator: ServerLocator
    private let up: Mailbox<WorkerFrame>
    private let logger: Logger
    private let plan: RunPlan
    private var machine: SegmentMachine
    /// Begins when the segment is ready to start.
    private var lease: LeaseWatch
    private var failure: SegmentFailure?
    private var stage: Stage?
    private var open: Set<UInt32>
    private var tick: (at: Instant, task: Task<Void, Never>)?
    private var drain: Task<Void, Never>?
    private var forced = 0

    init(
        assignment: SegmentAssignment, key: SessionKey, configuration: Worker.Configuration,
        locator: ServerLocator, up: Mailbox<WorkerFrame>, logger: Logger
    ) {
        self.assignment = assignment
        self.key = key
        self.configuration = configuration
        self.locator = locator
        self.up = up
        self.logger = logger
        plan = RunPlan(assignment.definition)
        machine = SegmentMachine(plan: plan, of: assignment.definition)
        lease = LeaseWatch(assignment.leases, at: SystemClock.now())
        open = Set(assignment.endpoints.map(\.index))
    }

    /// Opens the secrets and the sockets, plays, wipes. Returns when nothing of the segment is left.
    func play() async {
        do {
            guard plan.endpoints.count == assignment.endpoints.count else {
                throw SegmentFailure(code: "bad_assignment", text: "the assignment does not fit its test")
            }
            // Straight up, so that the last seconds and traces come before the word that the segment has stopped.
            let (up, run) = (up, assignment.run)
            stage = try await Stage.set(
                assignment, plan: plan, key: key, configuration: configuration, locator: locator, inbox: inbox,
                windows: { up.put(.window(run, $0), isDetail: true) },
                traces: { if !$0.isEmpty { up.put(.traces(run, $0), isDetail: true) } })
        } catch {
            let failure = error as? SegmentFailure ?? SegmentFailure(code: "system", text: "\(error)")
            logger.warning(
                "a segment was refused", metadata: ["run": "\(assignment.run)", "cause": "\(failure.code)"])
            up.put(.refused(assignment.run, failure))
            return
        }
        let now = SystemClock.now()
        lease = LeaseWatch(assignment.leases, at: now)
        // The question goes before: who answers `ready` with a start has renewed the leases.
        follow(lease.advance(to: now), now: now)
        up.put(.ready(assignment.run))
        followDeadline()
        await inbox.forEach { input in await self.take(input) }
        await strike()
    }

    private func take(_ input: SegmentInput) async {
        let now = SystemClock.now()
        // Before anything else: whoever was frozen must not go on as if nothing had been.
        follow(lease.advance(to: now), now: now)
        switch input {
        case .start:
            guard machine.phase == .idle, !lease.isOver else { break }
            perform(machine.start(at: now))
        case .stop(let time): stop(drain: time, now: now)
        case .orphaned: stop(drain: assignment.leases.orphanDrain, now: now)
        case .renewed(let number): lease.renewed(number)
        case .revoked: follow(lease.revoked(), now: now)
        case .events(let events): handle(events, now: now)
        case .tick:
            tick = nil
            perform(machine.advance(to: now))
        case .drainPassed: force(.teardownError)
        }
        if open.isEmpty { inbox.close() } else { followDeadline() }
    }

    private func stop(drain time: Interval, now: Instant) {
        guard drain == nil else { return }
        perform(machine.stop())
        stage?.engine.submit([.finishAll(deadline: now + time)])
        drain = alarm(at: now + time + Self.forceAfter, .drainPassed)
    }

    /// Does what the leases of the accounts call for.
    private func follow(_ steps: [LeaseStep], now: Instant) {
        for step in steps {
            switch step {
            case .ask(let number):
                let frame = WorkerFrame.alive(assignment.run, number: number)
                up.put(frame, isDetail: frame.isDetail)
            case .windDown(let drain):
                expire()
                stop(drain: drain, now: now)
            case .leave:
                expire()
                force(.osError)
            }
        }
    }

    private func expire() {
        failure = SegmentFailure(
            code: SegmentFailure.leaseExpired,
            text:
                "the controller was not heard of for \(Int(assignment.leases.term.seconds)) s, so the accounts could not be "
                + "used any longer; look at the controller's load and the way to it")
        logger.error("the leases of a segment are over", metadata: ["run": "\(assignment.run)"])
    }

    private func handle(_ events: [AgentEvent], now: Instant) {
        var phases: [PhaseChange] = []
        var bindings: [Binding] = []
        var results: [EndpointResult] = []
        var commands: [SegmentCommand] = []
        for event in events {
            switch event {
            case .registered(let endpoint, _): commands += machine.handle(.registered(endpoint: endpoint), now: now)
            case .registrationFailed(let endpoint, _):
                commands += machine.handle(.registrationFailed(endpoint: endpoint), now: now)
            case .callEnded(let endpoint, let succeeded):
                commands += machine.handle(.callEnded(endpoint: endpoint, established: succeeded), now: now)
            case .callMissed(let endpoint): commands += machine.handle(.callMissed(endpoint: endpoint), now: now)
            case .phase(let endpoint, let phase): phases.append(PhaseChange(endpoint: endpoint, phase: phase))
            case .bound(let endpoint, let contact, let expires):
                bindings.append(
                    Binding(endpoint: endpoint, contact: String(decoding: contact, as: UTF8.self), expires: expires))
            case .ringing, .established: break
            case .closed(var result):
                guard open.remove(result.index) != nil else { break }
                if result.partner == nil { result.partner = plan.endpoints[Int(result.index)].partner }
                result.notAttempted += machine.untoldCalls(of: result.index)
                results.append(result)
                commands += machine.handle(.closed(endpoint: result.index), now: now)
            }
        }
        perform(commands)
        if !phases.isEmpty { up.put(.phases(assignment.run, phases), isDetail: true) }
        if !bindings.isEmpty { up.put(.bindings(assignment.run, bindings)) }
        if !results.isEmpty { up.put(.results(assignment.run, results)) }
    }

    private func perform(_ commands: [SegmentCommand]) {
        guard !commands.isEmpty, let stage else { return }
        stage.engine.submit(commands.map { stage.agentCommand($0) })
    }

    /// Closes what is open without a further message, as when the engine did not do so within the drain time: that is a fault
    /// of ours, and the result says so.
    private func force(_ outcome: EndpointOutcome) {
        let left = open.sorted().map { index in
            let planned = plan.endpoints[Int(index)]
            var result = EndpointResult(
                index: index, group: assignment.definition.groups[planned.group].name,
                username: assignment.endpoints[Int(index)].username)
            result.partner = planned.partner
            result.outcome = outcome
            result.notAttempted = machine.untoldCalls(of: index)
            return result
        }
        forced = left.count
        logger.error("endpoints were closed by force", metadata: ["run": "\(assignment.run)", "count": "\(forced)"])
        up.put(.results(assignment.run, left))
        open = []
    }

    /// Ends the engines, wipes the secrets, proves it.
    private func strike() async {
        tick?.task.cancel()
        drain?.cancel()
        guard let stage else { return }
        await stage.strike()
        let proof = StopProof(
            secretsHeld: stage.custody.arena.held, wasLocked: stage.wasLocked, forced: forced)
        self.stage = nil
        up.put(.stopped(assignment.run, proof, failure))
    }

    // MARK: - Alarms

    private func followDeadline() {
        guard let next = [machine.nextDeadline, lease.nextDeadline].compactMap({ $0 }).min() else { return }
        if let tick, tick.at <= next { return }
        tick?.task.cancel()
        tick = (next, alarm(at: next, .tick))
    }

    private func alarm(at moment: Instant, _ input: SegmentInput) -> Task<Void, Never> {
        let inbox = inbox
        return Task {
            let wait = max(0, (moment - SystemClock.now()).nanoseconds)
            do { try await Task.sleep(for: .nanoseconds(wait)) } catch { return }
            inbox.put(input)
        }
    }
}
