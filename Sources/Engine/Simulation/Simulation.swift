// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Media
import PBX
import RunMetrics
public import SIP
import UserAgent

/// One clock, one source of chance, lossy links, the built-in server and many endpoints: thousands of calls in virtual time.
public final class Simulation {
    static let realm = Array("sim.example".utf8)
    /// Violations kept in words; one fault tends to repeat itself.
    private static let maximumViolations = 20

    enum Event {
        case deliver(Datagram)
        /// A piece of a connection's bytes.
        case deliverBytes(connection: Int, toServer: Bool, [UInt8])
        /// A machine that slept begins to work again.
        case wake
        case reportMedia(shard: Int, stream: UInt64)
        /// The driver of the server found a port for the call of an extension, or none.
        case serverMedia(call: UInt64)
        case finish(endpoint: UInt32)
        /// The call that a pair began when it had so many left should be over.
        case callIsLate(pair: Int, callsLeft: Int, wasBusy: Bool, warned: Bool)
        /// Somebody tells an endpoint something.
        case command(AgentCommand)
        case trouble(Int)
        case prank(Trouble.Prank)
        /// The server is there again after a restart.
        case serverStarts
        /// ICMP says that nobody listens.
        case refused(link: Int, destination: TransportAddress)
        case reopenFlow(link: Int)
        /// A flow that an endpoint asked for is there, or could not be opened.
        case flowIsDue(link: Int, ServerTarget)
        case milestone(SimulationMilestone)
    }

    struct Datagram {
        var source: TransportAddress
        var destination: TransportAddress
        var bytes: [UInt8]
    }

    let plan: SimulationPlan
    let hashes: HashFunctions
    var pbx: PBXEngine
    /// Makes the server, again after each restart.
    let makeServer: (inout SeededRandom) -> PBXEngine
    var shards: [AgentShard]
    var queue = TimerQueue<Event>()
    var now = Instant.zero
    var random: SeededRandom
    /// Chance of the links alone.
    var linkRandom: SeededRandom
    /// Chance of troubles alone.
    var troubleRandom: SeededRandom
    var report = SimulationReport()
    var pairs: [Pair]
    var network: Network
    var weather = Weather()
    var watch: Watch
    private let milestone: (SimulationMilestone) -> Void

    /// A world at rest.
    ///
    /// - Parameter milestone: called when the world has come so far, for who measures its memory.
    public init(
        _ plan: SimulationPlan, hashes: HashFunctions, milestone: @escaping (SimulationMilestone) -> Void = { _ in }
    ) {
        self.plan = plan
        self.hashes = hashes
        self.milestone = milestone
        var random = SeededRandom(seed: plan.seed)
        let arena = SecretArena()
        let configuration = Self.configuration(of: plan)
        let credentials = (0..<plan.endpoints).map { index in
            Credential.password(Array("password-of-\(index)".utf8).withUnsafeBytes { arena.store($0) })
        }
        milestone(.secretsStored)
        let accounts = credentials.enumerated().map {
            PBXAccount(username: Self.username($0.offset), credential: $0.element)
        }
        makeServer = { random in
            PBXEngine(
                configuration: configuration, accounts: accounts, secrets: arena, hashes: hashes, random: random.fork())
        }
        pbx = makeServer(&random)
        network = Network(plan)
        pbx.flowOpened(Network.serverFlow, transport: .udp, local: network.server)
        milestone(.serverBuilt)
        shards = (0..<plan.shards).map { _ in
            AgentShard(
                configuration: ShardConfiguration(), secrets: arena, hashes: hashes, random: random.fork(),
                startInstant: .zero)
        }
        self.random = random.fork()
        linkRandom = random.fork()
        troubleRandom = random.fork()
        pairs = Array(repeating: Pair(), count: plan.endpoints / 2)
        watch = Watch(plan)
        for index in 0..<plan.endpoints { addEndpoint(index, credentials[index]) }
        milestone(.endpointsBuilt)
    }

    private static func configuration(of plan: SimulationPlan) -> PBXConfiguration {
        var configuration = PBXConfiguration()
        configuration.realm = realm
        configuration.nonceLifetime = plan.nonceLifetime
        configuration.expires = 10...7200
        configuration.faults = plan.faults
        configuration.algorithms = plan.algorithms
        configuration.offersQop = plan.offersQop
        configuration.extensionCallLimit = .seconds(300)
        return configuration
    }

    // MARK: Who is who

    private static func username(_ index: Int) -> [UInt8] { Array("user\(index)".utf8) }

    func place(of index: Int) -> Int { index % shards.count }
    func shard(of index: Int) -> AgentShard { shards[index % shards.count] }

    /// The first half is called, the second half calls.
    func pair(of index: Int) -> (number: Int, isCaller: Bool) {
        index < pairs.count ? (index, false) : (index - pairs.count, true)
    }

    private func addEndpoint(_ index: Int, _ credential: Credential) {
        let isCaller = pair(of: index).isCaller
        let (link, transport) = network.link(for: index, plan)
        var endpoint = EndpointPlan(
            index: UInt32(index), group: isCaller ? "callers" : "callees", username: Self.username(index),
            credential: credential, domain: Self.realm, registrar: network.server,
            localAddress: network.links[link].address, flow: FlowID(raw: UInt32(link + 1)))
        endpoint.transport = transport
        endpoint.expires = plan.expires
        if plan.hasFallback {
            endpoint.fallbacks = [ServerTarget(address: Network.servers[1], transport: transport)]
        }
        endpoint.realm = plan.fixesRealm ? Self.realm : nil
        endpoint.mediaAddress = TransportAddress(ip: network.links[link].address.ip, port: 20_000)
        endpoint.talkTime = isCaller ? plan.talkTime : nil
        endpoint.answerAfter = plan.answerAfter
        endpoint.sessionTimer = isCaller ? plan.sessionTimer.map { SessionTimerPlan(seconds: $0) } : nil
        endpoint.reliableProvisionals = plan.reliableProvisionals[isCaller ? 0 : 1]
        endpoint.earlyMedia = plan.earlyMedia && !isCaller
        endpoint.acceptsTransfers = plan.acceptsTransfers ? .allBut([]) : .none
        if transport.isReliable { openConnection(link) }
        shard(of: index).add(endpoint)
    }

    // MARK: Running

    /// Runs until nothing is left to happen, or the plan's limit.
    public func run() -> SimulationReport {
        begin()
        let limit = plan.troubles.reduce(plan.limit) { $0 + $1.delay }
        while let next = nextMoment {
            guard next - .zero <= limit else {
                violate("the world is not at rest after \(limit.seconds) s of virtual time", about: firstOpenEndpoint)
                break
            }
            now = max(now, next)
            step()
        }
        judge()
        return report
    }

    private func begin() {
        for index in 0..<plan.endpoints {
            let at = Interval(nanoseconds: Int64(index) * 1_000_000_000 / Int64(plan.registrationsPerSecond))
            tell(.register(endpoint: UInt32(index), at: .zero + at), index)
        }
        for (number, trouble) in plan.troubles.enumerated() { schedule(trouble, number) }
        guard plan.callsPerPair == 0 else { return }
        let last = Interval.seconds(plan.endpoints / plan.registrationsPerSecond)
        _ = queue.schedule(.milestone(.registered), at: .zero + last + .seconds(5))
    }

    private var nextMoment: Instant? {
        var next = queue.nextDeadline
        func consider(_ deadline: Instant?) {
            if let deadline, next.map({ deadline < $0 }) ?? true { next = deadline }
        }
        consider(weather.due(pbx.nextDeadline, on: .server))
        for place in shards.indices { consider(weather.due(shards[place].nextDeadline, on: .shard(place))) }
        return next
    }

    private func step() {
        report.events += 1
        if let deadline = weather.due(pbx.nextDeadline, on: .server), deadline <= now {
            pbx.advance(to: clock(.server))
            drainServer()
        }
        for place in shards.indices {
            guard let deadline = weather.due(shards[place].nextDeadline, on: .shard(place)), deadline <= now else {
                continue
            }
            shards[place].advance(to: clock(.shard(place)))
            drain(place)
        }
        if let event = queue.popDue(at: now) { perform(event) }
    }

    private func perform(_ event: Event) {
        switch event {
        case .deliver(let datagram): deliver(datagram)
        case .deliverBytes(let connection, let toServer, let bytes):
            deliver(bytes, connection: connection, toServer: toServer)
        case .wake: break
        case .reportMedia(let shard, let stream):
            shards[shard].mediaReported(stream: stream, report: StreamReport(), now: clock(.shard(shard)))
            drain(shard)
        case .serverMedia(let call): giveMedia(call)
        case .finish(let endpoint): finish(Int(endpoint))
        case .callIsLate(let pair, let callsLeft, let wasBusy, let warned):
            callIsLate(pair, callsLeft: callsLeft, wasBusy: wasBusy, warned: warned)
        case .command(let command): tell(command)
        case .trouble(let number): befall(plan.troubles[number])
        case .prank(let kind): play(kind)
        case .serverStarts: weather.serverIsDown = false
        case .refused(let link, let destination):
            let place = network.links[link].shard
            shards[place].sendRefused(
                flow: FlowID(raw: UInt32(link + 1)), destination: destination, fault: .refused,
                now: clock(.shard(place)))
            drain(place)
        case .reopenFlow(let link): reopenFlow(link)
        case .flowIsDue(let link, let target): flowIsDue(link, to: target)
        case .milestone(let reached): milestone(reached)
        }
    }

    /// What the clock of a machine says.
    func clock(_ host: Trouble.Host) -> Instant { weather.clock(of: host, now) }

    /// Gives a command to the shard of its endpoint.
    func tell(_ command: AgentCommand, _ index: Int) {
        let place = place(of: index)
        shards[place].perform(command, now: clock(.shard(place)))
        drain(place)
    }

    func tell(_ command: AgentCommand) {
        switch command {
        case .register(let endpoint, _), .call(let endpoint, _, _), .hangUp(let endpoint), .finish(let endpoint),
            .abandon(let endpoint, _), .hold(let endpoint), .resume(let endpoint), .refreshSession(let endpoint),
            .transfer(let endpoint, _), .sendDigit(let endpoint, _):
            tell(command, Int(endpoint))
        default: for place in shards.indices { tell(command, place) }
        }
    }

    // MARK: What comes out

    func drainServer() {
        for transmission in pbx.transmissions {
            let bytes = pbx.withMessage(transmission) { [UInt8]($0) }
            sendFromServer(bytes, flow: transmission.flow, destination: transmission.destination)
        }
        for output in pbx.outputs {
            if case .needMediaPort(let call) = output {
                _ = queue.schedule(.serverMedia(call: call), at: now + .milliseconds(1))
            }
        }
        pbx.removeOutputs()
    }

    private func giveMedia(_ call: UInt64) {
        let rtp = TransportAddress(ip: network.server.ip, port: 30_000)
        if troubleRandom.chance(0.05), !plan.isCalm {
            pbx.mediaUnavailable(call: call, now: clock(.server))
        } else {
            pbx.mediaReady(call: call, rtp: rtp, now: clock(.server))
        }
        drainServer()
    }

    func drain(_ place: Int) {
        let shard = shards[place]
        for transmission in shard.transmissions {
            let bytes = shard.withMessage(transmission) { [UInt8]($0) }
            sendFromEndpoint(bytes, flow: transmission.flow, destination: transmission.destination)
        }
        let outputs = shard.outputs
        shard.removeOutputs()
        for output in outputs {
            switch output {
            case .closeMedia(let stream):
                // One report in a hundred is lost on its way from the media thread.
                if !plan.isCalm, troubleRandom.chance(0.01) { continue }
                _ = queue.schedule(.reportMedia(shard: place, stream: stream), at: now + .milliseconds(1))
            case .openFlow(let endpoint, let target): openFlow(Int(endpoint), to: target)
            case .closeFlow(let flow): closeFlow(flow)
            case .event(let event): conduct(event)
            default: break
            }
        }
    }

    // MARK: Invariants

    func violate(_ text: @autoclosure () -> String, about endpoint: Int? = nil) {
        if report.violations.isEmpty, let endpoint { report.lastMessages = watch.log(of: endpoint) }
        guard report.violations.count < Self.maximumViolations else { return }
        report.violations.append("\(text()) (at \((now - .zero).seconds) s)")
    }

    private var firstOpenEndpoint: Int? { watch.closings.firstIndex(of: 0) }

    private func judge() {
        report.virtualTime = now - .zero
        report.bindings += pbx.statistics.registrations
        if report.closed != plan.endpoints {
            let open = watch.closings.indices.filter { watch.closings[$0] == 0 }.prefix(8).map { "\($0)" }
            violate(
                "\(plan.endpoints - report.closed) endpoints gave no result: \(open.joined(separator: ", "))",
                about: firstOpenEndpoint)
        }
        if !pbx.isIdle { violate("the server still holds \(pbx.pendingWork)") }
        for (place, shard) in shards.enumerated() where !shard.isIdle {
            violate("shard \(place) is not idle", about: firstOpenEndpoint)
        }
        let registered = pbx.registeredAccounts(at: now)
        if registered > 0, plan.isCalm { violate("\(registered) contacts are still registered at the end") }
        guard plan.isCalm else { return }
        if report.registered != plan.endpoints { violate("only \(report.registered) endpoints registered") }
        let calls = plan.callsPerPair * pairs.count
        if report.callsSucceeded != calls { violate("\(report.callsSucceeded) of \(calls) calls succeeded") }
    }
}
