// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Media
import PBX
import RunMetrics
import SIP
import Testing
import UserAgent

/// One shard and one or several built-in servers, in virtual time, on a wire that loses nothing.
final class ServerWorld {
    static let home = TransportAddress(192, 0, 2, 1, port: 5060)
    static let start = Instant(nanoseconds: 1_000_000_000)
    private static let serverFlow = FlowID(raw: 0)

    let arena = SecretArena()
    let shard: AgentShard
    private(set) var servers: [TransportAddress: PBXEngine] = [:]
    var now = ServerWorld.start
    /// Requests of the endpoints and what they were sent to, in order; the texts only while `keepsMessages`.
    var sent: [(message: SIPText, destination: TransportAddress, at: Instant)] = []
    /// Answers of the servers.
    var answers: [SIPText] = []
    var keepsMessages = true
    var events: [AgentEvent] = []
    private var locals: [FlowID: TransportAddress] = [:]
    private var flows: [TransportAddress: FlowID] = [:]
    private let users: [String]
    private var queue: [(bytes: [UInt8], source: TransportAddress, destination: TransportAddress)] = []

    /// A world whose server plays these faults.
    init(
        _ faults: [String] = [], users: [String] = ["alice", "bob"],
        _ configure: (inout PBXConfiguration) -> Void = { _ in }, shard: (inout ShardConfiguration) -> Void = { _ in }
    ) throws {
        var configuration = ShardConfiguration()
        shard(&configuration)
        self.users = users
        self.shard = AgentShard(
            configuration: configuration, secrets: arena, hashes: .libcrypto, random: SeededRandom(seed: 11),
            startInstant: Self.start)
        try addServer(at: Self.home, faults, configure)
    }

    /// A world in which alice has registered, as far as she gets against these faults.
    static func registered(
        _ faults: [String], _ change: (inout EndpointPlan) -> Void = { _ in },
        configure: (inout PBXConfiguration) -> Void = { _ in }
    ) throws -> ServerWorld {
        let world = try ServerWorld(faults, configure)
        world.add(0, "alice", change)
        world.register()
        return world
    }

    /// Adds a server with the same accounts.
    func addServer(
        at address: TransportAddress, _ faults: [String] = [],
        _ configure: (inout PBXConfiguration) -> Void = { _ in }
    ) throws {
        var configuration = PBXConfiguration()
        configuration.realm = Array("example.org".utf8)
        configuration.faults = try faults.map { try PBXFault($0) }
        configure(&configuration)
        let accounts = users.map {
            PBXAccount(username: Array($0.utf8), credential: .password(arena.store("secret")))
        }
        let server = PBXEngine(
            configuration: configuration, accounts: accounts, secrets: arena, hashes: .libcrypto,
            random: SeededRandom(seed: 5))
        server.flowOpened(Self.serverFlow, transport: .udp, local: address)
        servers[address] = server
    }

    var server: PBXEngine { servers[Self.home]! }

    func add(
        _ index: UInt32, _ name: String, password: String = "secret", _ change: (inout EndpointPlan) -> Void = { _ in }
    ) {
        let local = TransportAddress(ip: .v4(0xC633_6400 + index), port: 5062)
        var plan = EndpointPlan(
            index: index, group: "group", username: Array(name.utf8), credential: .password(arena.store(password)),
            domain: Array("example.org".utf8), registrar: Self.home, localAddress: local, flow: FlowID(raw: index + 1))
        plan.mediaAddress = TransportAddress(ip: local.ip, port: 20_000)
        plan.talkTime = .seconds(5)
        change(&plan)
        locals[plan.flow] = local
        flows[local] = plan.flow
        shard.add(plan)
    }

    func perform(_ command: AgentCommand) {
        shard.perform(command, now: now)
        settle()
    }

    func register(_ index: UInt32 = 0) { perform(.register(endpoint: index, at: now)) }

    /// Ends the endpoint and gives its result.
    func finish(_ index: UInt32 = 0) throws -> EndpointResult {
        perform(.finish(endpoint: index))
        pass(.seconds(70))
        let results = events.compactMap { event -> EndpointResult? in
            if case .closed(let result) = event, result.index == index { result } else { nil }
        }
        #expect(results.count == 1)
        return try #require(results.first)
    }

    /// Performs what is due now, until the wire is at rest.
    func settle() {
        for _ in 0..<100_000 {
            drain()
            guard !queue.isEmpty else { return }
            let batch = queue
            queue = []
            for packet in batch { deliver(packet) }
        }
        Issue.record("the wire does not come to rest")
    }

    /// Lets time pass; timers of all sides fire when they are due.
    func pass(_ interval: Interval) {
        let end = now + interval
        while let next = ([shard.nextDeadline] + servers.values.map(\.nextDeadline)).compactMap(\.self).min(),
            next <= end
        {
            now = max(now, next)
            shard.advance(to: now)
            for server in servers.values { server.advance(to: now) }
            settle()
        }
        now = end
    }

    private func deliver(_ packet: (bytes: [UInt8], source: TransportAddress, destination: TransportAddress)) {
        packet.bytes.withUnsafeBytes { bytes in
            if let server = servers[packet.destination] {
                server.receive(bytes, flow: Self.serverFlow, source: packet.source, now: now)
            } else if let flow = flows[packet.destination] {
                shard.receive(bytes, flow: flow, source: packet.source, now: now)
            }
        }
    }

    private func drain() {
        for transmission in shard.transmissions {
            let bytes = shard.withMessage(transmission) { [UInt8]($0) }
            if keepsMessages {
                sent.append((SIPText(String(decoding: bytes, as: UTF8.self)), transmission.destination, now))
            }
            queue.append((bytes, locals[transmission.flow]!, transmission.destination))
        }
        let outputs = shard.outputs
        shard.removeOutputs()
        for output in outputs {
            switch output {
            case .event(let event): events.append(event)
            case .closeMedia(let stream): shard.mediaReported(stream: stream, report: StreamReport(), now: now)
            default: break
            }
        }
        for (address, server) in servers { drain(server, at: address) }
    }

    private func drain(_ server: PBXEngine, at address: TransportAddress) {
        for transmission in server.transmissions {
            let bytes = server.withMessage(transmission) { [UInt8]($0) }
            if keepsMessages { answers.append(SIPText(String(decoding: bytes, as: UTF8.self))) }
            queue.append((bytes, address, transmission.destination))
        }
        let outputs = server.outputs
        server.removeOutputs()
        for case .needMediaPort(let call) in outputs {
            server.mediaReady(call: call, rtp: TransportAddress(ip: address.ip, port: 30_000), now: now)
        }
        if !outputs.isEmpty { drain(server, at: address) }
    }

    // MARK: What happened

    func requests(_ method: String) -> [SIPText] { sent.map(\.message).filter { $0.isRequest && $0.method == method } }

    /// The statuses of the servers' answers, in order.
    var statuses: [Int] { answers.map(\.status) }

    /// Pairs of nonce and count that were sent, of both headers.
    var nonceCounts: [String] {
        sent.flatMap { entry in
            entry.message.headers.filter { $0.name.hasSuffix("uthorization") && entry.message.method != "ACK" }.map {
                "\(SIPText.digestField("nonce", in: $0.value) ?? "") \(SIPText.digestField("nc", in: $0.value) ?? "")"
            }
        }
    }
}

extension SIPText {
    /// A field of a digest header's value.
    static func digestField(_ name: String, in value: String) -> String? {
        for part in value.split(separator: ",") {
            let text = part.trimmed
            let bare = text.hasPrefix("Digest ") ? String(text.dropFirst(7)) : text
            let pair = bare.trimmed.split(separator: "=", maxSplits: 1).map(String.init)
            if pair.count == 2, pair[0] == name { return pair[1].filter { $0 != "\"" } }
        }
        return nil
    }
}
