// SPDX-License-Identifier: Apache-2.0

import Bedrock
import PBX
import RunMetrics
import SIP
import Synchronization
import UserAgent

@testable import Runtime

/// Events as an engine's sink received them.
final class EventLog: Sendable {
    private struct State {
        var events: [AgentEvent] = []
        var windows: [Window] = []
        var traces: [EndpointTrace] = []
        var notes: [MessageNote] = []
    }

    private let log = Mutex(State())

    var sink: SignallingSink {
        SignallingSink(
            events: { batch in self.log.withLock { $0.events += batch } },
            window: { window in self.log.withLock { $0.windows.append(window) } },
            traces: { traces in self.log.withLock { $0.traces += traces } })
    }

    /// The same, and it takes a note of every message.
    var notingSink: SignallingSink {
        let sink = sink
        return SignallingSink(
            events: sink.events, window: sink.window,
            message: { note in self.log.withLock { $0.notes.append(note) } }, traces: sink.traces)
    }

    var events: [AgentEvent] { log.withLock(\.events) }
    var windows: [Window] { log.withLock(\.windows) }
    var traces: [EndpointTrace] { log.withLock(\.traces).sorted { $0.endpoint < $1.endpoint } }
    var notes: [MessageNote] { log.withLock(\.notes) }
    var results: [EndpointResult] {
        events.compactMap { if case .closed(let result) = $0 { result } else { nil } }.sorted { $0.index < $1.index }
    }

    func count(_ matches: (AgentEvent) -> Bool) -> Int { events.count(where: matches) }

    /// Waits until the events satisfy a condition, for at most `limit`; answers whether they did.
    func wait(_ limit: Duration = .seconds(30), until condition: (EventLog) -> Bool) async throws -> Bool {
        let clock = ContinuousClock()
        let end = clock.now + limit
        while clock.now < end {
            if condition(self) { return true }
            try await Task.sleep(for: .milliseconds(5))
        }
        return condition(self)
    }
}

/// A server, an engine and accounts that both know.
struct SignallingWorld {
    let log = EventLog()
    let arena = SecretArena()
    let engine: SignallingEngine
    let server: PBXServer

    /// A world with `users` accounts named user0, user1 …
    init(
        users: Int, loops: Int = 2, flowMode: FlowMode = .perEndpoint, faults: [PBXFault] = [],
        shard: ShardConfiguration = ShardConfiguration(),
        listen: TransportAddress = TransportAddress(127, 0, 0, 1, port: 0), further: [PBXListener] = [],
        serverSecurity: ServerSecurity? = nil, security: [SecurityProfile] = [], traces: TraceSettings? = nil
    ) async throws {
        var configuration = PBXConfiguration()
        configuration.faults = faults
        let accounts = (0..<users).map { [arena] number in
            PBXAccount(
                username: Array("user\(number)".utf8), credential: .password(arena.store("secret \(number)")))
        }
        server = try await PBXServer(
            configuration: configuration, accounts: accounts, secrets: arena,
            listen: listen, further: further, security: serverSecurity)
        var settings = SignallingEngine.Configuration(loops: loops, flowMode: flowMode, shard: shard)
        settings.security = security
        settings.traces = traces
        engine = try await SignallingEngine(
            configuration: settings, secrets: arena, sink: traces == nil ? log.sink : log.notingSink)
    }

    /// A plan for user `number`; the password is the right one unless another is given.
    func plan(_ number: Int, transport: Transport = .udp, password: String? = nil) -> EndpointPlan {
        var plan = EndpointPlan(
            index: UInt32(number), group: "group", username: Array("user\(number)".utf8),
            credential: .password(arena.store(password ?? "secret \(number)")), domain: Array("127.0.0.1".utf8),
            registrar: server.address, localAddress: TransportAddress(0, 0, 0, 0, port: 0), flow: FlowID(raw: 0))
        plan.transport = transport
        return plan
    }

    /// The address-of-record of user `number`.
    func address(_ number: Int) -> CallTarget {
        .uri(Array("sip:user\(number)@127.0.0.1:\(server.address.port)".utf8))
    }

    func register(_ numbers: Range<Int>) {
        let now = SystemClock.now()
        engine.submit(numbers.map { .register(endpoint: UInt32($0), at: now) })
    }

    func call(from caller: Int, to callee: Int) {
        engine.submit([.call(endpoint: UInt32(caller), target: address(callee), at: SystemClock.now())])
    }

    func finishAll(within limit: Interval = .seconds(10)) {
        engine.submit([.finishAll(deadline: SystemClock.now() + limit)])
    }

    func end() async {
        await engine.shutdown()
        await server.shutdown()
    }
}

extension SecretArena {
    func store(_ text: String) -> SecretHandle { Array(text.utf8).withUnsafeBytes { store($0) } }
}

extension AgentEvent {
    var isRegistered: Bool { if case .registered = self { true } else { false } }
    var isRegistrationFailure: Bool { if case .registrationFailed = self { true } else { false } }
    var isEstablished: Bool { if case .established = self { true } else { false } }
    var isCallEnd: Bool { if case .callEnded = self { true } else { false } }
}
