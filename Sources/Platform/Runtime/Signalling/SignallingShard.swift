// SPDX-License-Identifier: Apache-2.0

import Bedrock
import CNet
import Media
import RunMetrics
import SIP
import UserAgent

/// One thread's share of the endpoints: feeds the agents what came in, drains what they want, does it. Made, used and left on
/// that thread alone; only the mailbox is shared.
///
/// It knows nothing of the protocol: every decision is `AgentShard`'s. One turn takes the mail and what all ready sockets have,
/// and sends everything it caused in as few system calls as there are sockets.
final class SignallingShard {
    /// As many events do not wait for company any longer.
    private static var batchLimit: Int { 512 }
    /// Sockets served between two drains; it bounds how long the first of them waits for its answer.
    private static var socketsAtOnce: Int32 { 64 }
    /// How often one turn lets the sink's own commands join what is sent.
    private static var roundsAtOnce: Int { 4 }

    let agent: AgentShard
    let mailbox: ShardMailbox
    let sockets: ShardSockets
    let media: ShardMedia
    let configuration: SignallingEngine.Configuration
    let security: [SecurityContext]
    private let sink: SignallingSink
    private let tracer: ShardTracer?
    /// The connections, once there are any.
    var streams: StreamGate?
    /// The shared socket of each local address.
    var sharedFlows: [TransportAddress: (flow: FlowID, local: TransportAddress)] = [:]
    /// The shared sockets: they stay when an endpoint leaves.
    var sharedSockets: Set<FlowID> = []
    /// Who waits for a connection's first outcome.
    var openings: [FlowID: Opening] = [:]
    private var outputs: [AgentOutput] = []
    private var events: [AgentEvent] = []
    private var eventsDue: Instant?
    private var windowDue: Instant
    private var isStopping = false
    private let ready: UnsafeMutablePointer<callmeter_event>

    init(
        mailbox: ShardMailbox, sockets: ShardSockets, agent: AgentShard, configuration: SignallingEngine.Configuration,
        security: [SecurityContext], sink: SignallingSink, tracer: ShardTracer?
    ) {
        self.mailbox = mailbox
        self.sockets = sockets
        self.agent = agent
        self.configuration = configuration
        self.security = security
        self.sink = sink
        self.tracer = tracer
        media = ShardMedia { mailbox.post(.media($0)) }
        windowDue = configuration.startInstant + .seconds(1)
        ready = .allocate(capacity: Int(Self.socketsAtOnce))
        ready.initialize(repeating: callmeter_event(), count: Int(Self.socketsAtOnce))
    }

    deinit { ready.deallocate() }

    func run() {
        while true {
            readMail()
            if isStopping { break }
            drain()
            wait()
        }
        end()
    }

    // MARK: In

    /// Answers whether there was any.
    @discardableResult
    private func readMail() -> Bool {
        let letters = mailbox.receive()
        guard !letters.isEmpty else { return false }
        let now = SystemClock.now()
        for letter in letters { read(letter, now: now) }
        return true
    }

    private func read(_ letter: ShardMailbox.Letter, now: Instant) {
        switch letter {
        case .add(let plans, let supply, let reply):
            if let supply { media.supply(supply) }
            add(plans, reply: reply)
        case .perform(let commands):
            for command in commands { agent.perform(command, now: now) }
        case .media(let reports):
            for (stream, report) in reports { agent.mediaReported(stream: stream, report: report, now: now) }
        case .streams(let news):
            news.bytes.withUnsafeBytes { bytes in
                for item in news.items { take(item, bytes: bytes, now: now) }
            }
        case .stop:
            isStopping = true
        }
    }

    /// Sleeps until the next deadline, a datagram or a letter, and takes what arrived.
    private func wait() {
        let isIdle = mailbox.fallAsleep() && !sockets.hasRefusals && tracer?.hasWork != true
        let timeout = isIdle ? max(0, (deadline - SystemClock.now()).nanoseconds) : 0
        let count = callmeter_epoll_wait(mailbox.epoll, ready, Self.socketsAtOnce, timeout)
        let now = SystemClock.now()
        for index in 0..<max(0, Int(count)) where ready[index].token != ShardMailbox.wakeToken {
            take(ready[index], now: now)
        }
    }

    private var deadline: Instant {
        var deadline = windowDue
        if let next = agent.nextDeadline { deadline = min(deadline, next) }
        if let eventsDue { deadline = min(deadline, eventsDue) }
        return deadline
    }

    private func take(_ event: callmeter_event, now: Instant) {
        let flow = FlowID(raw: UInt32(truncatingIfNeeded: event.token))
        if event.error != 0 { sockets.takeErrors(flow) }
        if event.writable != 0 { sockets.resume(flow) }
        guard event.readable != 0 else { return }
        // A socket of one endpoint has one datagram nearly always, which a plain read takes cheaper.
        let isShared = !sharedSockets.isEmpty && sharedSockets.contains(flow)
        let count = isShared ? CALLMETER_INBOX_SLOTS : 1
        sockets.receive(flow, count: count) { message, source in
            received(message, flow: flow, source: source, now: now)
        }
    }

    func received(_ message: UnsafeRawBufferPointer, flow: FlowID, source: TransportAddress, now: Instant) {
        if sink.message != nil { note(message, isSent: false, peer: source) }
        agent.receive(message, flow: flow, source: source, now: now)
        tracer?.note(
            message, isSent: false, of: agent.subject(ofMessageOn: flow), flow: flow, peer: source, by: agent, now: now)
    }

    // MARK: Out

    private func drain() {
        let now = SystemClock.now()
        for refusal in sockets.takeRefusals() {
            agent.sendRefused(flow: refusal.flow, destination: refusal.destination, fault: refusal.fault, now: now)
        }
        for _ in 0..<Self.roundsAtOnce {
            // What became due meanwhile leaves in the same call as what is waiting: an ACK and the BYE of a call without talk,
            // say. So does what the sink asks for when it hears the events.
            if let due = agent.nextDeadline, due <= now { agent.advance(to: now) }
            performOutputs(now: now)
            deliver(now: now)
            guard readMail() else { break }
        }
        send()
        streams?.flush()
        if let tracer, tracer.hasWork { sink.traces(tracer.takeSome()) }
    }

    private func performOutputs(now: Instant) {
        agent.takeOutputs(into: &outputs)
        for output in outputs {
            switch output {
            case .event(let event):
                if let tracer, case .closed(let result) = event, let place = agent.place(of: result.index) {
                    tracer.closed(result, place: place)
                }
                events.append(event)
            case .openFlow(let endpoint, let target): openFlow(for: endpoint, to: target, now: now)
            case .closeFlow(let flow): closeFlow(flow)
            case .openMedia(let stream, let audio): media.open(stream, audio)
            case .updateMedia(let stream, let audio): media.update(stream, audio)
            case .closeMedia(let stream): media.close(stream)
            }
        }
        for stream in media.flush() { agent.mediaReported(stream: stream, report: StreamReport(), now: now) }
    }

    private func send() {
        let transmissions = agent.transmissions
        guard !transmissions.isEmpty else { return }
        let now = SystemClock.now()
        agent.withOutgoing { base in
            for transmission in transmissions {
                let (range, flow, destination) = (transmission.range, transmission.flow, transmission.destination)
                if sink.message != nil {
                    note(UnsafeRawBufferPointer(rebasing: base[range]), isSent: true, peer: destination)
                }
                tracer?.note(
                    UnsafeRawBufferPointer(rebasing: base[range]), isSent: true, of: transmission.subject, flow: flow,
                    peer: destination, by: agent, now: now)
                if sockets.contains(flow) {
                    sockets.queue(range, flow: flow, destination: destination, base: base)
                } else {
                    streams?.send(UnsafeRawBufferPointer(rebasing: base[range]), on: flow)
                }
            }
            sockets.flush(base: base)
        }
        agent.removeTransmissions()
    }

    private func note(_ message: UnsafeRawBufferPointer, isSent: Bool, peer: TransportAddress) {
        guard let take = sink.message else { return }
        if let note = MessageNote(message, at: SystemClock.now(), isSent: isSent, peer: peer) { take(note) }
    }

    private func deliver(now: Instant) {
        if !events.isEmpty {
            let due = eventsDue ?? now + configuration.eventDelay
            eventsDue = due
            if due <= now || events.count >= Self.batchLimit { deliverEvents() }
        }
        while windowDue <= now {
            agent.noteDrops(sockets.takeDrops())
            sink.window(agent.takeWindow(second: presentSecond))
            windowDue = windowDue + .seconds(1)
        }
    }

    /// The second of the run whose window comes next.
    private var presentSecond: UInt32 {
        UInt32(clamping: (windowDue - configuration.startInstant).nanoseconds / 1_000_000_000 - 1)
    }

    private func deliverEvents() {
        sink.events(events)
        events.removeAll(keepingCapacity: true)
        eventsDue = nil
    }

    // MARK: The end

    /// Tells what was not told yet and closes everything.
    private func end() {
        agent.takeOutputs(into: &outputs)
        for case .event(let event) in outputs { events.append(event) }
        if let tracer { sink.traces(tracer.takeAll(agent.openPlaces)) }
        if !events.isEmpty { deliverEvents() }
        streams?.stop()
        let dropped = sockets.closeAll()
        // The second that was cut off counts like every other.
        agent.noteDrops(sockets.takeDrops())
        sink.window(agent.takeWindow(second: presentSecond))
        for letter in mailbox.finish(dropped: dropped) {
            if case .add(_, _, let reply) = letter { reply.resume(throwing: EngineShutDown()) }
        }
        for opening in openings.values { opening.fail(EngineShutDown()) }
    }
}
