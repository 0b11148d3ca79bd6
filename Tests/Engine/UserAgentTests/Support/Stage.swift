// SPDX-License-Identifier: Apache-2.0

import Bedrock
import CCrypto
import Media
import RunMetrics
import SIP
import Testing
import UserAgent

/// One shard, a clock moved by hand, and a wire: messages to another endpoint's address reach it, messages to the server's
/// address reach `server`, whose answers come back at once.
final class Stage {
    static let server = TransportAddress(192, 0, 2, 1, port: 5060)
    static let start = Instant(nanoseconds: 1_000_000_000)

    let arena = SecretArena()
    let shard: AgentShard
    var now = Stage.start
    /// Everything sent, in order.
    var sent: [(message: SIPText, destination: TransportAddress)] = []
    var events: [AgentEvent] = []
    var media: [AgentOutput] = []
    /// Says what does not arrive.
    var drop: (SIPText) -> Bool = { _ in false }
    /// Answers what is sent to the server's address.
    var server: (SIPText) -> [String] = { _ in [] }
    /// Answers what is sent to other servers.
    var others: [TransportAddress: (SIPText) -> [String]] = [:]
    /// What a stream's report says; nil gives none.
    var report: StreamReport? = StreamReport()
    /// What opening a flow to a server ends with; nil for an open one.
    var opening: (ServerTarget) -> TransportFault? = { _ in nil }
    /// Flows that the shard asked for, in order, and those it had closed.
    var opened: [(endpoint: UInt32, target: ServerTarget, flow: FlowID)] = []
    var openedAt: [Instant] = []
    var closed: [FlowID] = []
    /// Datagrams and stream bytes that are no SIP messages, in order.
    var keepAlives: [(bytes: [UInt8], flow: FlowID, at: Instant)] = []
    /// Answers them; nil is silence.
    var answer: ([UInt8]) -> [UInt8]? = { _ in nil }
    /// Whether CRLF is answered on streams.
    var hasPongs = false
    private var isOpening: [(flow: FlowID, target: ServerTarget)] = []
    private var locals: [FlowID: TransportAddress] = [:]
    private var addresses: [TransportAddress: FlowID] = [:]
    private var queue: [(bytes: [UInt8], flow: FlowID, source: TransportAddress)] = []

    init(_ configure: (inout ShardConfiguration) -> Void = { _ in }) {
        var configuration = ShardConfiguration()
        configure(&configuration)
        shard = AgentShard(
            configuration: configuration, secrets: arena, hashes: .libcrypto, random: SeededRandom(seed: 7),
            startInstant: Self.start)
    }

    /// Adds an endpoint with a flow of its own at 198.51.100.1:(6000 + index).
    @discardableResult
    func add(
        _ index: UInt32, _ name: String, password: String? = "secret", _ change: (inout EndpointPlan) -> Void = { _ in }
    )
        -> TransportAddress
    {
        let local = TransportAddress(198, 51, 100, 1, port: UInt16(6000 + index))
        let flow = FlowID(raw: index + 1)
        var plan = EndpointPlan(
            index: index, group: "group", username: Array(name.utf8),
            credential: password.map { .password(arena.store($0)) }, domain: Array("example.org".utf8),
            registrar: Self.server, localAddress: local, flow: flow)
        plan.mediaAddress = TransportAddress(198, 51, 100, 1, port: UInt16(20_000 + 2 * index))
        change(&plan)
        locals[plan.flow] = plan.localAddress
        addresses[plan.localAddress] = plan.flow
        shard.add(plan)
        return local
    }

    func perform(_ command: AgentCommand) {
        shard.perform(command, now: now)
        settle()
    }

    func register(_ index: UInt32) { perform(.register(endpoint: index, at: now)) }

    func call(_ index: UInt32, _ uri: String) {
        perform(.call(endpoint: index, target: .uri(Array(uri.utf8)), at: now))
    }

    /// Hands a message in as if it came from `source`.
    func deliver(_ text: String, to index: UInt32, from source: TransportAddress = Stage.server) {
        let flow = FlowID(raw: index + 1)
        Array(text.utf8).withUnsafeBytes { shard.receive($0, flow: flow, source: source, now: now) }
        settle()
    }

    /// Performs what the shard wants until nothing is left to do now.
    func settle() {
        for _ in 0..<1000 {
            drain()
            if !isOpening.isEmpty {
                let next = isOpening.removeFirst()
                open(next.flow, next.target)
                continue
            }
            guard !queue.isEmpty else { return }
            let next = queue.removeFirst()
            next.bytes.withUnsafeBytes { shard.receive($0, flow: next.flow, source: next.source, now: now) }
        }
        Issue.record("the wire does not come to rest")
    }

    /// A flow that the shard asked for is open, or cannot be opened.
    private func open(_ flow: FlowID, _ target: ServerTarget) {
        if let fault = opening(target) { return shard.flowFailed(flow, fault: fault, now: now) }
        let local = TransportAddress(198, 51, 100, 1, port: UInt16(40_000 + flow.raw))
        locals[flow] = local
        shard.flowOpened(flow, local: local, now: now)
    }

    /// A connection breaks.
    func lose(_ flow: FlowID, fault: TransportFault = .reset) {
        shard.flowFailed(flow, fault: fault, now: now)
        settle()
    }

    /// Lets time pass; timers fire when they are due.
    func pass(_ interval: Interval) {
        let end = now + interval
        for _ in 0..<100_000 {
            guard let next = shard.nextDeadline, next <= end else { break }
            now = max(now, next)
            shard.advance(to: now)
            settle()
        }
        now = end
    }

    private func drain() {
        for transmission in shard.transmissions {
            let bytes = shard.withMessage(transmission) { [UInt8]($0) }
            if bytes[0] < 4 || bytes == Array("\r\n\r\n".utf8) {
                keepAlives.append((bytes, transmission.flow, now))
                if bytes.count == 4, hasPongs { shard.pongReceived(transmission.flow, now: now) }
                if let answer = answer(bytes) { queue.append((answer, transmission.flow, transmission.destination)) }
                continue
            }
            let message = SIPText(String(decoding: bytes, as: UTF8.self))
            sent.append((message, transmission.destination))
            if drop(message) { continue }
            let source = locals[transmission.flow] ?? Self.server
            if transmission.destination == Self.server {
                queue += server(message).map { (Array($0.utf8), transmission.flow, Self.server) }
            } else if let other = others[transmission.destination] {
                queue += other(message).map { (Array($0.utf8), transmission.flow, transmission.destination) }
            } else if let flow = addresses[transmission.destination] {
                queue.append((bytes, flow, source))
            }
        }
        let outputs = shard.outputs
        shard.removeOutputs()
        for output in outputs {
            switch output {
            case .event(let event): events.append(event)
            case .openMedia, .updateMedia: media.append(output)
            case .openFlow(let endpoint, let target):
                let flow = FlowID(raw: UInt32(1000 + opened.count))
                opened.append((endpoint, target, flow))
                openedAt.append(now)
                isOpening.append((flow, target))
                shard.flowAssigned(endpoint: endpoint, flow: flow)
            case .closeFlow(let flow): closed.append(flow)
            case .closeMedia(let stream):
                media.append(output)
                if let report { shard.mediaReported(stream: stream, report: report, now: now) }
            }
        }
        if !shard.outputs.isEmpty || !shard.transmissions.isEmpty { drain() }
    }

    // MARK: What happened

    var requests: [SIPText] { sent.map(\.message).filter(\.isRequest) }

    func requests(_ method: String) -> [SIPText] { requests.filter { $0.method == method } }

    func responses(_ status: Int) -> [SIPText] { sent.map(\.message).filter { $0.status == status } }

    /// The result of an endpoint; a second one is a mistake.
    func result(_ index: UInt32) -> EndpointResult? {
        let results = events.compactMap { event -> EndpointResult? in
            if case .closed(let result) = event, result.index == index { result } else { nil }
        }
        #expect(results.count <= 1, "closed came twice")
        return results.first
    }

    func ended(_ index: UInt32) -> [Bool] {
        events.compactMap { event in
            if case .callEnded(let endpoint, let succeeded) = event, endpoint == index { succeeded } else { nil }
        }
    }

    func phases(_ index: UInt32) -> [EndpointPhase] {
        events.compactMap { event in
            if case .phase(let endpoint, let phase) = event, endpoint == index { phase } else { nil }
        }
    }
}

extension HashFunctions {
    static var libcrypto: HashFunctions {
        HashFunctions { algorithm, input, output in
            precondition(
                callmeter_digest(Int32(algorithm.rawValue), input.baseAddress, input.count, output.baseAddress) == 1)
        }
    }
}

extension SecretArena {
    func store(_ text: String) -> SecretHandle { Array(text.utf8).withUnsafeBytes { store($0) } }
}
