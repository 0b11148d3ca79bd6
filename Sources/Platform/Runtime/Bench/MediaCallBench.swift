// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import RunMetrics
public import SIP
import UserAgent

/// `bench media` to a SIP URI: that many calls at the same time, each with G.711 audio of 20 ms on sockets of its own, over the path
/// that runs take.
public struct MediaCallBench: Sendable {
    /// Calls begun per second, so that the signalling of thousands of streams is no burst.
    private static let callsPerSecond = 200.0

    /// Where the INVITEs go.
    public var target: TransportAddress
    /// How they go.
    public var transport = Transport.udp
    /// The URI called.
    public var uri: [UInt8]
    /// Calls at the same time.
    public var streams: Int
    /// How long each talks.
    public var duration: Interval
    /// Media threads.
    public var threads = 1

    /// A benchmark of calls to one URI.
    public init(target: TransportAddress, uri: [UInt8], streams: Int, duration: Interval) {
        self.target = target
        self.uri = uri
        self.streams = streams
        self.duration = duration
    }

    /// Runs it.
    /// - Parameters:
    ///   - accounts: callers that answer challenges; nil calls without credentials.
    ///   - secrets: the arena that `accounts` was read into.
    /// - Throws: what keeps the sockets from being opened.
    public func run(accounts: BenchAccounts?, secrets: SecretArena) async throws -> MediaBenchResult {
        let (events, feed) = AsyncStream.makeStream(of: [AgentEvent].self)
        var configuration = SignallingEngine.Configuration(loops: 1, flowMode: .shared)
        configuration.mediaThreads = threads
        let engine = try await SignallingEngine(
            configuration: configuration, secrets: secrets, sink: SignallingSink(events: { feed.yield($0) }))
        do {
            try await engine.add(plans(accounts))
        } catch {
            await engine.shutdown()
            throw error
        }
        let media = engine.mediaEngine
        let begin = (clock: SystemClock.now(), cpu: ProcessTime.used())
        engine.submit(
            (0..<streams).map { index in
                .call(
                    endpoint: UInt32(index), target: .uri(uri),
                    at: begin.clock + .seconds(Double(index) / Self.callsPerSecond))
            })
        let calls = await results(of: events, from: engine)
        let wall = SystemClock.now() - begin.clock
        let cpu = ProcessTime.used() - begin.cpu
        await engine.shutdown()
        return result(calls, figures: media?.figures() ?? MediaFigures(), wall: wall, cpu: cpu)
    }

    /// Lets each endpoint go when its call has ended; what they measured, once all are closed.
    private func results(of events: AsyncStream<[AgentEvent]>, from engine: SignallingEngine) async -> [MediaResult] {
        var calls: [MediaResult] = []
        var closed = 0
        for await batch in events {
            var commands: [AgentCommand] = []
            for event in batch {
                switch event {
                case .callEnded(let endpoint, _): commands.append(.finish(endpoint: endpoint))
                case .closed(let result):
                    closed += 1
                    if let call = result.calls.last, call.establishedAt != nil, let media = call.media {
                        calls.append(media)
                    }
                default: break
                }
            }
            if !commands.isEmpty { engine.submit(commands) }
            if closed == streams { break }
        }
        return calls
    }

    private func plans(_ accounts: BenchAccounts?) -> [EndpointPlan] {
        let domain = Array(target.ip.text.utf8)
        return (0..<streams).map { index in
            let account = accounts.map { $0.accounts[index % $0.accounts.count] }
            var plan = BenchEngine.plan(
                index, username: account?.username ?? Array("bench".utf8),
                credential: account.map { .password($0.password) }, domain: domain, target: target,
                transport: transport)
            plan.registers = false
            plan.talkTime = duration
            return plan
        }
    }

    private func result(
        _ calls: [MediaResult], figures: MediaFigures, wall: Interval, cpu: Interval
    ) -> MediaBenchResult {
        let losses = calls.compactMap(\.packetsLost)
        func microseconds(_ interval: Interval?) -> Double? { interval.map { Double($0.nanoseconds) / 1000 } }
        return MediaBenchResult(
            streams: calls.count, streamsFailed: streams - calls.count, wallSeconds: wall.seconds,
            packetsSent: figures.packetsSent, packetsReceived: figures.packetsReceived,
            packetsLost: losses.isEmpty ? nil : UInt64(max(0, losses.reduce(0, +))),
            framesSkipped: calls.reduce(0) { $0 + $1.skippedFrames }, sendErrors: nil, droppedBySystem: nil,
            latenessP50Microseconds: microseconds(figures.lateness.quantile(0.5)),
            latenessP99Microseconds: microseconds(figures.lateness.quantile(0.99)),
            latenessMaximumMicroseconds: microseconds(figures.lateness.maximum),
            cpuMicrosecondsPerPacket: figures.packetsSent == 0
                ? 0 : Double(cpu.nanoseconds) / 1000 / Double(figures.packetsSent))
    }
}
