// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Media
import NIOCore
import RunMetrics
import SIP
import UserAgent

/// One event loop's share of the endpoints: feeds the agents what came in, drains what they want, does it. Confined to its loop.
///
/// It knows nothing of the protocol: every decision is `AgentShard`'s.
final class SignallingShard: FlowOwner {
    /// As many events do not wait for company any longer.
    private static var batchLimit: Int { 512 }
    /// How often one drain feeds refusals back before it leaves the rest to the next turn of the loop.
    private static var refusalRounds: Int { 4 }

    private let loop: any EventLoop
    private let agent: AgentShard
    private let flows: FlowTable<SignallingShard>
    private let wakeUp: WakeUp
    private let sink: SignallingSink
    private let startInstant: Instant
    private let eventDelay: Interval
    private let media: ShardMedia
    private let security: [SecurityContext]
    private var probe = RefusalProbe()
    private var refusals: [(fault: TransportFault, flow: FlowID, destination: TransportAddress)] = []
    private var events: [AgentEvent] = []
    private var eventsDue: Instant?
    private var windowDue: Instant
    private var sharedFlows: [TransportAddress: EventLoopFuture<(FlowID, TransportAddress)>] = [:]
    private var isDraining = false
    private var isStopped = false

    init(
        loop: any EventLoop, agent: AgentShard, configuration: SignallingEngine.Configuration,
        security: [SecurityContext], sink: SignallingSink
    ) {
        media = ShardMedia(loop: loop)
        self.security = security
        self.loop = loop
        self.agent = agent
        self.sink = sink
        startInstant = configuration.startInstant
        eventDelay = configuration.eventDelay
        flows = FlowTable(loop: loop)
        wakeUp = WakeUp(loop: loop)
        windowDue = startInstant + .seconds(1)
        wakeUp.onWake = { [unowned self] in self.wake() }
        follow()
    }

    // MARK: Endpoints

    /// Opens what the endpoints need and gives them to the agents; the local address and the flow of each plan are filled in.
    ///
    /// The future fails when a socket cannot be bound. A connection that fails is the endpoint's own result instead.
    func add(_ plans: [EndpointPlan], flowMode: FlowMode, media supply: MediaSupply?) throws -> EventLoopFuture<Void> {
        if let supply { media.supply(supply) { [unowned self] in self.mediaReported($0) } }
        var waiting: [EventLoopFuture<Void>] = []
        var sharing: [TransportAddress: [EndpointPlan]] = [:]
        for plan in plans {
            switch (plan.transport, flowMode) {
            case (.tcp, _), (.tls, _), (.ws, _), (.wss, _): waiting.append(connect(plan))
            case (.udp, .shared): sharing[plan.localAddress, default: []].append(plan)
            case (.udp, .perEndpoint):
                waiting.append(
                    try flows.openDatagram(plan.localAddress, use: .endpoint, owner: self).assumeIsolated().map {
                        self.add(plan, flow: $0, local: $1)
                    }.nonisolated())
            case (.other, _): throw UnsupportedTransport(transport: plan.transport)
            }
        }
        for (local, plans) in sharing { waiting.append(try share(local, plans)) }
        return EventLoopFuture.andAllSucceed(waiting, on: loop)
    }

    private func connect(_ plan: EndpointPlan) -> EventLoopFuture<Void> {
        let flow = flows.reserveStream(owner: self)
        add(plan, flow: flow, local: plan.localAddress)
        let profile = security.indices.contains(plan.security) ? security[plan.security] : nil
        return flows.connect(
            flow, to: plan.registrar, from: plan.localAddress, transport: plan.transport, security: profile)
    }

    private func share(_ local: TransportAddress, _ plans: [EndpointPlan]) throws -> EventLoopFuture<Void> {
        let opening: EventLoopFuture<(FlowID, TransportAddress)>
        if let existing = sharedFlows[local] {
            opening = existing
        } else {
            opening = try flows.openDatagram(local, use: .shared, owner: self)
            sharedFlows[local] = opening
        }
        return opening.assumeIsolated().map { flow, bound in
            for plan in plans { self.add(plan, flow: flow, local: bound) }
        }.nonisolated()
    }

    private func add(_ plan: EndpointPlan, flow: FlowID, local: TransportAddress) {
        var plan = plan
        plan.flow = flow
        plan.localAddress = local
        agent.add(plan)
    }

    /// Tells what was not told yet and closes everything; the future is done when no descriptor is left.
    func stop() -> EventLoopFuture<Void> {
        guard !isStopped else { return loop.makeSucceededVoidFuture() }
        isStopped = true
        wakeUp.stop()
        probe.close()
        media.stop()
        if !events.isEmpty { deliverEvents() }
        return flows.closeAll()
    }

    // MARK: In

    func perform(_ commands: [AgentCommand]) {
        guard !isStopped else { return }
        let now = SystemClock.now()
        for command in commands { agent.perform(command, now: now) }
        drain(now: now)
    }

    private func mediaReported(_ reports: [(stream: UInt64, report: StreamReport)]) {
        guard !isStopped else { return }
        let now = SystemClock.now()
        for (stream, report) in reports { agent.mediaReported(stream: stream, report: report, now: now) }
        drain(now: now)
    }

    func received(_ message: UnsafeRawBufferPointer, flow: FlowID, source: TransportAddress) {
        probe.heard(from: source)
        note(message, isSent: false, peer: source)
        agent.receive(message, flow: flow, source: source, now: SystemClock.now())
    }

    func readCycleEnded() { drain(now: SystemClock.now()) }

    func refused(_ fault: TransportFault, flow: FlowID, destination: TransportAddress) {
        refusals.append((fault, flow, destination))
    }

    func opened(_ flow: FlowID, local: TransportAddress, remote: TransportAddress) {
        let now = SystemClock.now()
        agent.flowOpened(flow, local: local, now: now)
        drain(now: now)
    }

    func ponged(_ flow: FlowID) {
        let now = SystemClock.now()
        agent.pongReceived(flow, now: now)
        drain(now: now)
    }

    func failed(_ flow: FlowID, fault: TransportFault, detail: String?) {
        guard !isStopped else { return }
        let now = SystemClock.now()
        flows.forget(flow)
        agent.flowFailed(flow, fault: fault, detail: detail, now: now)
        drain(now: now)
    }

    private func wake() {
        guard !isStopped else { return }
        let now = SystemClock.now()
        agent.advance(to: now)
        for refusal in probe.advance(to: now) {
            agent.destinationRefused(refusal.destination, fault: refusal.fault, now: now)
        }
        drain(now: now)
    }

    // MARK: Out

    private func drain(now: Instant) {
        // A send can report a refusal, and a refusal can make the agent want to send: never one inside the other.
        guard !isDraining, !isStopped else { return }
        isDraining = true
        // What became due meanwhile leaves in the same call as what is waiting: an ACK and the BYE of a call without talk, say.
        if let due = agent.nextDeadline, due <= now { agent.advance(to: now) }
        for _ in 0..<Self.refusalRounds {
            performOutputs(now: now)
            guard !refusals.isEmpty else { break }
            let batch = refusals
            refusals.removeAll(keepingCapacity: true)
            for refusal in batch {
                agent.sendRefused(flow: refusal.flow, destination: refusal.destination, fault: refusal.fault, now: now)
            }
        }
        isDraining = false
        deliver(now: now)
        follow()
    }

    private func performOutputs(now: Instant) {
        let transmissions = agent.transmissions
        if !transmissions.isEmpty {
            agent.withOutgoing { base in
                for transmission in transmissions {
                    note(
                        UnsafeRawBufferPointer(rebasing: base[transmission.range]), isSent: true,
                        peer: transmission.destination)
                    let isDatagram = flows.queue(
                        transmission.range, flow: transmission.flow, destination: transmission.destination, base: base)
                    if isDatagram { probe.sent(to: transmission.destination, now: now) }
                }
                flows.flush(base: base)
            }
        }
        for output in agent.outputs {
            switch output {
            case .event(let event): events.append(event)
            case .openFlow, .closeFlow: break
            case .openMedia(let stream, let audio): media.open(stream, audio)
            case .updateMedia(let stream, let audio): media.update(stream, audio)
            case .closeMedia(let stream): media.close(stream)
            }
        }
        agent.removeOutputs()
        for stream in media.flush() { agent.mediaReported(stream: stream, report: StreamReport(), now: now) }
    }

    private func note(_ message: UnsafeRawBufferPointer, isSent: Bool, peer: TransportAddress) {
        guard let take = sink.message else { return }
        if let note = MessageNote(message, at: SystemClock.now(), isSent: isSent, peer: peer) { take(note) }
    }

    private func deliver(now: Instant) {
        if !events.isEmpty {
            let due = eventsDue ?? now + eventDelay
            eventsDue = due
            if due <= now || events.count >= Self.batchLimit { deliverEvents() }
        }
        while windowDue <= now {
            let second = UInt32(clamping: (windowDue - startInstant).nanoseconds / 1_000_000_000 - 1)
            sink.window(agent.takeWindow(second: second))
            windowDue = windowDue + .seconds(1)
        }
    }

    private func deliverEvents() {
        sink.events(events)
        events.removeAll(keepingCapacity: true)
        eventsDue = nil
    }

    private func follow() {
        var deadline = windowDue
        if let next = agent.nextDeadline { deadline = min(deadline, next) }
        if let eventsDue { deadline = min(deadline, eventsDue) }
        if let next = probe.nextDeadline { deadline = min(deadline, next) }
        wakeUp.follow(deadline)
    }
}
