// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import Glibc
import Media
import NIOPosix
public import SIP
import Synchronization
public import UserAgent

/// How endpoints share UDP sockets. TCP is always a connection each.
public enum FlowMode: String, Hashable, Sendable {
    /// A socket of its own for every endpoint, as real phones have.
    case perEndpoint
    /// One socket for all endpoints of a thread, told apart by Contact user.
    case shared
}

/// A plan asks for a transport that this engine does not carry.
public struct UnsupportedTransport: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was asked for.
    public let transport: Transport

    /// What is wrong and what to do.
    public var description: String { "SIP over \(transport) is not offered; use udp or tcp" }
}

/// Plays many endpoints on threads of its own, each with its share of the endpoints, to which everything they do is confined.
public final class SignallingEngine: Sendable {
    /// What an engine is made with.
    public struct Configuration: Sendable {
        /// Threads for signalling; at least 1.
        public var loops: Int
        /// How endpoints share UDP sockets whose plans do not say.
        public var flowMode: FlowMode
        /// Threads for the calls' audio; one carries about 2,000 streams. With 0, calls have no audio of their own.
        public var mediaThreads = 1
        /// How TLS connections are secured; `EndpointPlan.security` is an index into it.
        public var security: [SecurityProfile] = []
        /// What every shard's agents are told.
        public var shard: ShardConfiguration
        /// How long events wait for company before the sink is called, so that the other side is woken tens of times a second,
        /// not thousands; zero hands them over at once.
        public var eventDelay: Interval = .milliseconds(50)
        /// Which endpoints' messages are kept and handed over when they close; nil keeps none.
        public var traces: TraceSettings?
        /// Whether windows tell of this machine as well: lateness of wake-ups and RTP, processor, steal.
        public var watchesItself = false
        /// The origin of results' times, on `SystemClock`.
        public var startInstant: Instant

        /// A configuration from its parts.
        public init(
            loops: Int = 1, flowMode: FlowMode = .perEndpoint, shard: ShardConfiguration = ShardConfiguration(),
            startInstant: Instant = SystemClock.now()
        ) {
            self.loops = max(1, loops)
            self.flowMode = flowMode
            self.shard = shard
            self.startInstant = startInstant
        }
    }

    private let configuration: Configuration
    private let mailboxes: [ShardMailbox]
    private let threads: [OwnThread]
    private let isShutDown = Atomic(false)
    private let media = Mutex<MediaEngine?>(nil)
    private let material = AudioMaterial.speechLike()
    private let probe = Mutex<GeneratorProbe?>(nil)

    /// Starts the threads; nothing is sent before endpoints are added and told to.
    ///
    /// - Parameters:
    ///   - secrets: where the plans' credentials lie; the caller wipes it after `shutdown`.
    /// - Throws: `SecurityProblem` when the files of a security profile cannot be used.
    public init(
        configuration: Configuration, secrets: SecretArena, sink: SignallingSink
    ) async throws {
        self.configuration = configuration
        let security = try configuration.security.map { profile in try SecurityContext(profile) }
        var mailboxes: [ShardMailbox] = []
        var threads: [OwnThread] = []
        do {
            for number in 0..<configuration.loops {
                let mailbox = try ShardMailbox()
                threads.append(
                    try Self.start(
                        number, mailbox, configuration: configuration, security: security, secrets: secrets,
                        sink: sink))
                mailboxes.append(mailbox)
            }
        } catch {
            for mailbox in mailboxes { mailbox.post(.stop) }
            await Self.join(threads)
            throw error
        }
        self.mailboxes = mailboxes
        self.threads = threads
        // A run that cannot be watched for want of a descriptor fails by itself, and says so better.
        if configuration.watchesItself {
            let probe = try? GeneratorProbe(
                start: configuration.startInstant, media: { [weak self] in self?.mediaEngine?.figures() },
                give: sink.window)
            self.probe.withLock { $0 = probe }
        }
    }

    private static func start(
        _ number: Int, _ mailbox: ShardMailbox, configuration: Configuration, security: [SecurityContext],
        secrets: SecretArena, sink: SignallingSink
    ) throws -> OwnThread {
        let inbox = try ShardInbox()
        let startedAt = SystemClock.wallTime() + (configuration.startInstant - SystemClock.now())
        let thread = OwnThread.start(name: "signalling-\(number)") {
            let agent = AgentShard(
                configuration: configuration.shard, secrets: secrets, hashes: .libcrypto,
                random: .unpredictable(), startInstant: configuration.startInstant)
            SignallingShard(
                mailbox: mailbox, sockets: ShardSockets(epoll: mailbox.epoll, inbox: inbox), agent: agent,
                configuration: configuration, security: security, sink: sink,
                tracer: configuration.traces.flatMap {
                    ShardTracer(
                        $0, shards: configuration.loops, startInstant: configuration.startInstant,
                        startedAt: startedAt)
                }
            ).run()
        }
        guard let thread else { throw SystemFailure(code: EAGAIN, action: "start a signalling thread") }
        return thread
    }

    /// Waits for threads that were told to stop, on a thread that nobody else waits for.
    private static func join(_ threads: [OwnThread]) async {
        try? await NIOThreadPool.singleton.runIfActive {
            for thread in threads { thread.join() }
        }
    }

    /// Opens sockets and connections for endpoints and gives them to their shards.
    ///
    /// A plan whose local address is 0.0.0.0 or :: gets the one that the system sends from toward its registrar. A plan with
    /// codecs and without a media address gets a port pair for RTP and RTCP.
    /// - Throws: `DescriptorShortage` before anything is opened; `ResolutionError` where there is no route; `MediaError` and
    ///   the system's errors where a socket cannot be bound. A connection that fails is told by the endpoint's events instead.
    public func add(_ plans: [EndpointPlan]) async throws {
        var plans = try route(plans)
        try DescriptorBudget.require(descriptors(for: plans))
        let ports = try reserveMedia(for: &plans)
        var shares = [[EndpointPlan]](repeating: [], count: mailboxes.count)
        var supplies = [[UInt64: MediaPort]](repeating: [:], count: mailboxes.count)
        for plan in plans {
            let shard = shard(of: plan.index)
            shares[shard].append(plan)
            if let port = ports[plan.index] { supplies[shard][plan.stream] = port }
        }
        let engine = media.withLock(\.self)
        try await withThrowingTaskGroup { tasks in
            for (index, share) in shares.enumerated() where !share.isEmpty {
                let supply = engine.map { MediaSupply(engine: $0, material: material, ports: supplies[index]) }
                let mailbox = mailboxes[index]
                tasks.addTask {
                    try await withCheckedThrowingContinuation { reply in
                        if !mailbox.post(.add(share, supply, reply)) { reply.resume(throwing: EngineShutDown()) }
                    }
                }
            }
            try await tasks.waitForAll()
        }
    }

    /// The media threads, for the benchmarks' figures; nil before an endpoint with audio was added.
    var mediaEngine: MediaEngine? { media.withLock(\.self) }

    /// Hands commands to the endpoints they are for, in order for each endpoint; from any thread.
    public func submit(_ commands: [AgentCommand]) {
        guard mailboxes.count > 1 else {
            mailboxes[0].post(.perform(commands))
            return
        }
        var shares = [[AgentCommand]](repeating: [], count: mailboxes.count)
        for command in commands {
            if let endpoint = command.endpoint {
                shares[shard(of: endpoint)].append(command)
            } else {
                for index in shares.indices { shares[index].append(command) }
            }
        }
        for (index, share) in shares.enumerated() where !share.isEmpty { mailboxes[index].post(.perform(share)) }
    }

    /// Stops at once, whatever endpoints are doing: tells the last events, closes every socket, ends the threads. A run that ends
    /// in order has sent `finishAll` before and seen its endpoints closed. A second call does nothing.
    public func shutdown() async {
        guard !isShutDown.exchange(true, ordering: .acquiringAndReleasing) else { return }
        for mailbox in mailboxes { mailbox.post(.stop) }
        await Self.join(threads)
        // Joins the media threads, so not on a thread that others wait for.
        let media = media.withLock { $0.take() }
        let probe = probe.withLock { $0.take() }
        try? await NIOThreadPool.singleton.runIfActive {
            media?.shutdown()
            probe?.stop(media: media?.figures())
        }
    }

    /// Datagrams that this machine dropped because a socket's buffer was full, sent or received; known after `shutdown`.
    public var droppedDatagrams: UInt64 { mailboxes.reduce(0) { $0 + $1.dropped } }

    private func shard(of endpoint: UInt32) -> Int { Int(endpoint) % mailboxes.count }

    private func needsMedia(_ plan: EndpointPlan) -> Bool {
        configuration.mediaThreads > 0 && plan.mediaAddress == nil && !plan.codecs.isEmpty
    }

    private func descriptors(for plans: [EndpointPlan]) -> Int {
        let configuration = configuration
        let own = plans.count { $0.transport != .udp || !configuration.isShared($0) }
        let shared = Set(plans.filter { configuration.isShared($0) }.map(\.localAddress)).count
        return own + (own < plans.count ? mailboxes.count * shared : 0) + 2 * plans.count { needsMedia($0) }
    }

    /// Binds port pairs and fills in the media addresses; the ports by endpoint.
    private func reserveMedia(for plans: inout [EndpointPlan]) throws -> [UInt32: MediaPort] {
        let wanting = plans.indices.filter { needsMedia(plans[$0]) }
        guard !wanting.isEmpty else { return [:] }
        let engine = try media.withLock { media in
            let engine = try media ?? MediaEngine(threads: configuration.mediaThreads)
            media = engine
            return engine
        }
        var reserved: [UInt32: MediaPort] = [:]
        for (room, places) in Dictionary(grouping: wanting, by: { MediaRoom(plans[$0]) }) {
            let ports = try engine.reserve(ip: room.ip, count: places.count, portRange: room.ports)
            for (place, port) in zip(places, ports) {
                plans[place].mediaAddress = plans[place].told(port.rtp)
                reserved[plans[place].index] = port
            }
        }
        return reserved
    }

    private func route(_ plans: [EndpointPlan]) throws -> [EndpointPlan] {
        var sources: [TransportAddress.IP: TransportAddress] = [:]
        return try plans.map { plan in
            guard plan.localAddress.isUnspecified else { return plan }
            let source = try sources[plan.registrar.ip] ?? Resolver.localAddress(toward: plan.registrar)
            sources[plan.registrar.ip] = source
            var plan = plan
            plan.localAddress.ip = source.ip
            return plan
        }
    }
}

/// Where endpoints' RTP ports are looked for.
private struct MediaRoom: Hashable {
    let ip: TransportAddress.IP
    let ports: ClosedRange<UInt16>?

    init(_ plan: EndpointPlan) {
        ip = plan.localAddress.ip
        ports = plan.mediaPorts
    }
}

extension SignallingEngine.Configuration {
    /// Whether an endpoint shares a UDP socket with others.
    func isShared(_ plan: EndpointPlan) -> Bool { plan.sharesSocket ?? (flowMode == .shared) }
}
