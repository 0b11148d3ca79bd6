// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import Media
import RunMetrics
import Synchronization

/// What `bench media` measured; its JSON is the one line that it prints.
public struct MediaBenchResult: Hashable, Sendable, Codable {
    /// Streams that were open.
    public var streams: Int
    /// Streams that could not be opened.
    public var streamsFailed: Int
    /// Time from the first command to the last.
    public var wallSeconds: Double
    /// RTP packets handed to the network.
    public var packetsSent: UInt64
    /// RTP packets that came back.
    public var packetsReceived: UInt64
    /// Packets of the returning streams that never arrived; nil when nothing came back.
    public var packetsLost: UInt64?
    /// Packets not sent because this machine was late by a whole packet interval.
    public var framesSkipped: UInt64
    /// Sends the system refused; nil where calls were measured, whose results do not say.
    public var sendErrors: UInt64?
    /// Datagrams the system dropped at this side because they were not fetched in time; nil as above.
    public var droppedBySystem: UInt64?
    /// How late packets left against their deadline: the median, in microseconds.
    public var latenessP50Microseconds: Double?
    /// The lateness that 99 of 100 packets stayed below.
    public var latenessP99Microseconds: Double?
    /// The greatest lateness.
    public var latenessMaximumMicroseconds: Double?
    /// CPU time of the process per packet sent, with the packets received in it.
    public var cpuMicrosecondsPerPacket: Double
}

/// `bench media`: G.711 streams of 20 ms to one RTP address, which may return them or not.
public struct MediaBench: Sendable {
    /// How long after the end packets on the way may still come home.
    private static let settling = Duration.milliseconds(200)

    /// Where the packets go.
    public var target: TransportAddress
    /// Streams at the same time, each with sockets of its own.
    public var streams: Int
    /// How long they send.
    public var duration: Interval
    /// Media threads.
    public var threads = 1

    /// A benchmark of streams to one address.
    public init(target: TransportAddress, streams: Int, duration: Interval) {
        self.target = target
        self.streams = streams
        self.duration = duration
    }

    private final class Collector: Sendable {
        let reports = Mutex<[StreamReport]>([])
        let failures = Mutex(0)

        func take(_ events: [MediaEvent]) {
            for event in events {
                switch event {
                case .closed(_, let report): reports.withLock { $0.append(report) }
                case .failed: failures.withLock { $0 += 1 }
                case .interim: break
                }
            }
        }
    }

    /// Runs it.
    /// - Throws: `MediaError` when descriptors, ports or threads do not suffice.
    public func run() async throws -> MediaBenchResult {
        let engine = try MediaEngine(threads: threads)
        defer { engine.shutdown() }
        let local = try Resolver.localAddress(toward: target)
        let ports = try engine.reserve(ip: local.ip, count: streams)
        let collector = Collector()
        let client = MediaClient(engine: engine) { collector.take($0) }
        let material = AudioMaterial.speechLike()
        let audio = NegotiatedAudio(codec: .pcma, remoteRTP: target)
        let begin = (clock: SystemClock.now(), cpu: ProcessTime.used())
        client.submit(
            ports.enumerated().map { number, port in
                .open(StreamID(number), port, StreamConfiguration(audio: audio, source: .material(material)))
            })
        try await Task.sleep(for: .nanoseconds(duration.nanoseconds))
        // Stop sending, but hear out what is on its way back.
        var silent = audio
        silent.direction = .receiveOnly
        let end = silent
        client.submit(ports.indices.map { .update(StreamID($0), end) })
        let wall = SystemClock.now() - begin.clock
        let cpu = ProcessTime.used() - begin.cpu
        try await Task.sleep(for: Self.settling)
        engine.shutdown()
        return result(collector, figures: engine.figures(), wall: wall, cpu: cpu)
    }

    private func result(
        _ collector: Collector, figures: MediaFigures, wall: Interval, cpu: Interval
    ) -> MediaBenchResult {
        let reports = collector.reports.withLock { $0 }
        let losses = reports.compactMap(\.packetsLost)
        func microseconds(_ interval: Interval?) -> Double? { interval.map { Double($0.nanoseconds) / 1000 } }
        return MediaBenchResult(
            streams: reports.count, streamsFailed: collector.failures.withLock { $0 }, wallSeconds: wall.seconds,
            packetsSent: figures.packetsSent, packetsReceived: figures.packetsReceived,
            packetsLost: losses.isEmpty ? nil : losses.reduce(0, +),
            framesSkipped: reports.reduce(0) { $0 + $1.framesSkipped },
            sendErrors: reports.reduce(0) { $0 + $1.sendErrors },
            droppedBySystem: reports.reduce(0) { $0 + $1.droppedBySystem },
            latenessP50Microseconds: microseconds(figures.lateness.quantile(0.5)),
            latenessP99Microseconds: microseconds(figures.lateness.quantile(0.99)),
            latenessMaximumMicroseconds: microseconds(figures.lateness.maximum),
            cpuMicrosecondsPerPacket: figures.packetsSent == 0
                ? 0 : Double(cpu.nanoseconds) / 1000 / Double(figures.packetsSent))
    }
}
