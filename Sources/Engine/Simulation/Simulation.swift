// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Media
import PBX
public import SIP
import UserAgent

/// One clock, one source of chance, lossy links, the built-in server and many endpoints: thousands of calls in virtual time.
public final class Simulation {
    static let serverAddress = TransportAddress(10, 255, 0, 1, port: 5060)
    static let serverFlow = FlowID(raw: 0)
    static let realm = Array("sim.example".utf8)
    /// Violations kept in words; one fault tends to repeat itself.
    private static let maximumViolations = 20

    enum Event {
        case deliver(Datagram)
        case reportMedia(shard: Int, stream: UInt64)
        case finish(endpoint: UInt32)
        case hangUp(endpoint: UInt32)
        case restartServer
    }

    struct Datagram {
        var source: TransportAddress
        var destination: TransportAddress
        var bytes: [UInt8]
    }

    let plan: SimulationPlan
    var pbx: PBXEngine
    /// Makes the server, again after each restart.
    let makeServer: (inout SeededRandom) -> PBXEngine
    var shards: [AgentShard]
    var queue = TimerQueue<Event>()
    var now = Instant.zero
    var random: SeededRandom
    var report = SimulationReport()
    var pairs: [Pair]

    /// How far a pair has come.
    struct Pair {
        var registered = 0
        var finished: (callee: Bool, caller: Bool) = (false, false)
    }

    /// A world at rest.
    public init(_ plan: SimulationPlan, hashes: HashFunctions) {
        self.plan = plan
        var random = SeededRandom(seed: plan.seed)
        let arena = SecretArena()
        var configuration = PBXConfiguration()
        configuration.realm = Self.realm
        configuration.nonceLifetime = plan.nonceLifetime
        configuration.expires = 10...7200
        configuration.faults = plan.faults
        let credentials = (0..<plan.endpoints).map { index in
            Credential.password(Array("password-of-\(index)".utf8).withUnsafeBytes { arena.store($0) })
        }
        let accounts = credentials.enumerated().map {
            PBXAccount(username: Self.username($0.offset), credential: $0.element)
        }
        makeServer = { [configuration] random in
            let server = PBXEngine(
                configuration: configuration, accounts: accounts, secrets: arena, hashes: hashes, random: random.fork())
            server.flowOpened(Self.serverFlow, transport: .udp, local: Self.serverAddress)
            return server
        }
        pbx = makeServer(&random)
        shards = (0..<plan.shards).map { _ in
            AgentShard(
                configuration: ShardConfiguration(), secrets: arena, hashes: hashes, random: random.fork(),
                startInstant: .zero)
        }
        self.random = random.fork()
        pairs = Array(repeating: Pair(), count: plan.endpoints / 2)
        for index in 0..<plan.endpoints { addEndpoint(index, credentials[index]) }
    }

    // MARK: Who is who

    private static func username(_ index: Int) -> [UInt8] { Array("user\(index)".utf8) }

    /// Each endpoint has an address of its own.
    static func address(_ index: Int) -> TransportAddress {
        TransportAddress(ip: .v4(0x0A00_0100 + UInt32(index)), port: 5060)
    }

    private static func index(of address: TransportAddress) -> Int? {
        guard case .v4(let value) = address.ip, value >= 0x0A00_0100, address.port == 5060 else { return nil }
        return Int(value - 0x0A00_0100)
    }

    func shard(of index: Int) -> AgentShard { shards[index % shards.count] }

    /// The first half is called, the second half calls.
    func pair(of index: Int) -> (number: Int, isCaller: Bool) {
        index < pairs.count ? (index, false) : (index - pairs.count, true)
    }

    private func addEndpoint(_ index: Int, _ credential: Credential) {
        let isCaller = pair(of: index).isCaller
        var endpoint = EndpointPlan(
            index: UInt32(index), group: isCaller ? "callers" : "callees", username: Self.username(index),
            credential: credential, domain: Self.realm, registrar: Self.serverAddress,
            localAddress: Self.address(index),
            flow: FlowID(raw: UInt32(index + 1)))
        endpoint.expires = plan.expires
        endpoint.mediaAddress = TransportAddress(ip: Self.address(index).ip, port: 20_000)
        endpoint.talkTime = isCaller ? plan.talkTime : nil
        endpoint.answerAfter = .milliseconds(500)
        shard(of: index).add(endpoint)
    }

    // MARK: Running

    /// Runs until nothing is left to happen, or the plan's limit.
    public func run() -> SimulationReport {
        for index in 0..<plan.endpoints {
            let at = Interval(nanoseconds: 1_000_000_000 / Int64(plan.registrationsPerSecond)) * index
            shard(of: index).perform(.register(endpoint: UInt32(index), at: .zero + at), now: now)
            drain(index % shards.count)
        }
        if let restart = plan.serverRestart { _ = queue.schedule(.restartServer, at: .zero + restart) }
        while let next = nextMoment {
            guard next - .zero <= plan.limit else {
                violate("the world is not at rest after \(plan.limit.seconds) s of virtual time")
                break
            }
            now = max(now, next)
            step()
        }
        judge()
        return report
    }

    private var nextMoment: Instant? {
        var next = queue.nextDeadline
        func consider(_ deadline: Instant?) {
            if let deadline, next.map({ deadline < $0 }) ?? true { next = deadline }
        }
        consider(pbx.nextDeadline)
        for shard in shards { consider(shard.nextDeadline) }
        return next
    }

    private func step() {
        report.events += 1
        if let deadline = pbx.nextDeadline, deadline <= now {
            pbx.advance(to: now)
            drainServer()
        }
        for place in shards.indices {
            guard let deadline = shards[place].nextDeadline, deadline <= now else { continue }
            shards[place].advance(to: now)
            drain(place)
        }
        guard let event = queue.popDue(at: now) else { return }
        switch event {
        case .deliver(let datagram): deliver(datagram)
        case .reportMedia(let shard, let stream):
            shards[shard].mediaReported(stream: stream, report: StreamReport(), now: now)
            drain(shard)
        case .finish(let endpoint): finish(Int(endpoint))
        case .hangUp(let endpoint):
            shard(of: Int(endpoint)).perform(.hangUp(endpoint: endpoint), now: now)
            drain(Int(endpoint) % shards.count)
        case .restartServer: pbx = makeServer(&random)
        }
    }

    // MARK: The wire

    private func deliver(_ datagram: Datagram) {
        report.delivered += 1
        trace(datagram)
        if datagram.destination == Self.serverAddress {
            datagram.bytes.withUnsafeBytes {
                pbx.receive($0, flow: Self.serverFlow, source: datagram.source, now: now)
            }
            drainServer()
        } else if let index = Self.index(of: datagram.destination), index < plan.endpoints {
            datagram.bytes.withUnsafeBytes {
                shard(of: index).receive($0, flow: FlowID(raw: UInt32(index + 1)), source: datagram.source, now: now)
            }
            drain(index % shards.count)
        }
    }

    private func send(_ datagram: Datagram) {
        let (first, second) = plan.link.arrivals(now, &random)
        if first == nil { report.lost += 1 }
        if second != nil { report.duplicated += 1 }
        for arrival in [first, second] {
            if let arrival { _ = queue.schedule(.deliver(datagram), at: arrival) }
        }
    }

    private func drainServer() {
        for transmission in pbx.transmissions {
            let bytes = pbx.withMessage(transmission) { [UInt8]($0) }
            send(Datagram(source: Self.serverAddress, destination: transmission.destination, bytes: bytes))
        }
        pbx.removeOutputs()
    }

    func drain(_ place: Int) {
        let shard = shards[place]
        for transmission in shard.transmissions {
            let bytes = shard.withMessage(transmission) { [UInt8]($0) }
            let source = Self.address(Int(transmission.flow.raw) - 1)
            let datagram = Datagram(source: source, destination: transmission.destination, bytes: bytes)
            inspect(datagram)
            send(datagram)
        }
        let outputs = shard.outputs
        shard.removeOutputs()
        for output in outputs {
            switch output {
            case .openMedia, .updateMedia: break
            case .openFlow, .closeFlow: break
            case .closeMedia(let stream):
                _ = queue.schedule(.reportMedia(shard: place, stream: stream), at: now + .milliseconds(1))
            case .event(let event): conduct(event)
            }
        }
    }

    private func trace(_ datagram: Datagram) {
        var hash = report.traceHash
        func mix(_ value: UInt64) {
            hash = (hash ^ value) &* 0x9E37_79B9_7F4A_7C15
            hash ^= hash >> 29
        }
        mix(UInt64(bitPattern: now.nanoseconds))
        for address in [datagram.source, datagram.destination] {
            if case .v4(let value) = address.ip { mix(UInt64(value) << 16 | UInt64(address.port)) }
        }
        datagram.bytes.withUnsafeBytes { bytes in
            var place = 0
            while place + 8 <= bytes.count {
                mix(bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self))
                place += 8
            }
            while place < bytes.count {
                mix(UInt64(bytes[place]))
                place += 1
            }
        }
        report.traceHash = hash
    }

    // MARK: Invariants

    func violate(_ text: @autoclosure () -> String) {
        guard report.violations.count < Self.maximumViolations else { return }
        report.violations.append(text())
    }

    /// What an endpoint may never put on the wire; and the forger's chance.
    private func inspect(_ datagram: Datagram) {
        guard let message = try? Message.parse(datagram.bytes), message.defect == nil else {
            return violate("an endpoint sent something that is no good SIP message")
        }
        for header in [HeaderName.authorization, .proxyAuthorization] {
            message.forEachAuthorization(header) { fields in
                if !message.bytes(of: fields.realm).elementsEqual(Self.realm) {
                    violate("credentials for a foreign realm in \(message.string(of: message.methodToken))")
                }
                if datagram.destination != Self.serverAddress { violate("credentials sent to \(datagram.destination)") }
                return true
            }
        }
        if message.method == .bye, plan.forgedChallenges > 0, random.chance(plan.forgedChallenges) {
            forgeChallenge(to: message, for: datagram)
        }
    }

    /// Somebody on the path answers first, hoping for a digest of a foreign realm.
    private func forgeChallenge(to request: Message, for datagram: Datagram) {
        var writer = MessageWriter()
        writer.beginResponse(to: request, status: 407, toTag: nil, source: nil)
        writer.beginHeader(.proxyAuthenticate)
        writer.output.append("Digest realm=\"elsewhere.example\", nonce=\"forged\", algorithm=MD5, qop=\"auth\"")
        writer.endLine()
        writer.finish()
        report.forgedChallenges += 1
        let answer = Datagram(source: Self.serverAddress, destination: datagram.source, bytes: writer.bytes)
        _ = queue.schedule(.deliver(answer), at: now + .milliseconds(1))
    }

    private func judge() {
        report.virtualTime = now - .zero
        if report.closed != plan.endpoints { violate("\(plan.endpoints - report.closed) endpoints gave no result") }
        if !pbx.isIdle { violate("the server still holds \(pbx.pendingWork)") }
        for (place, shard) in shards.enumerated() where !shard.isIdle { violate("shard \(place) is not idle") }
        let registered = pbx.registeredAccounts(at: now)
        if registered > 0, plan.isCalm {
            violate("\(registered) contacts are still registered at the end")
        }
    }
}
