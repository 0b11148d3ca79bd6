// SPDX-License-Identifier: Apache-2.0

import Bedrock
import CNet
import Foundation
import Media
import RunMetrics
import Runtime
import Synchronization
import Testing

/// Keeps what a client hears, and lets a test wait for it.
final class MediaListener: Sendable {
    private let events = Mutex<[MediaEvent]>([])

    var sink: @Sendable ([MediaEvent]) -> Void {
        { [self] batch in events.withLock { $0 += batch } }
    }

    var reports: [StreamID: StreamReport] {
        events.withLock { events in
            events.reduce(into: [:]) { if case .closed(let id, let report) = $1 { $0[id] = report } }
        }
    }

    var failures: [StreamID] {
        events.withLock { events in events.compactMap { if case .failed(let id, _) = $0 { id } else { nil } } }
    }

    /// The latest interim report of each stream.
    var interims: [StreamID: StreamReport] {
        events.withLock { events in
            events.reduce(into: [:]) { if case .interim(let id, let report) = $1 { $0[id] = report } }
        }
    }

    /// How many interim reports came.
    var interimCount: Int {
        events.withLock { events in events.count { if case .interim = $0 { true } else { false } } }
    }

    /// Waits until something is so, at most 20 s.
    func wait(_ condition: () -> Bool) async throws {
        for _ in 0..<2000 {
            if condition() { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        Issue.record("nothing came within 20 s")
    }
}

@Suite(.serialized) struct MediaEngineTests {
    static let loopback = TransportAddress.IP.v4(0x7F00_0001)

    static func configuration(
        to peer: TransportAddress, rtcp: TransportAddress? = nil, source: StreamSource = .material(.speechLike()),
        direction: MediaDirection = .sendReceive
    ) -> StreamConfiguration {
        StreamConfiguration(
            audio: NegotiatedAudio(codec: .pcma, remoteRTP: peer, remoteRTCP: rtcp, direction: direction),
            source: source, reportInterval: .milliseconds(200))
    }

    @Test func `reserved ports are pairs of an even port and the next one, and are free again after release`()
        async throws
    {
        let engine = try MediaEngine(threads: 2)
        defer { engine.shutdown() }
        let ports = try engine.reserve(ip: Self.loopback, count: 20)
        #expect(ports.count == 20)
        for port in ports {
            #expect(port.rtp.port % 2 == 0)
            #expect(port.rtcp.port == port.rtp.port + 1)
        }
        #expect(Set(ports.map(\.rtp.port)).count == 20)
        let range = ports[0].rtp.port...ports[0].rtcp.port
        #expect(throws: MediaError.portsExhausted(wanted: 1, found: 0, range: range)) {
            try engine.reserve(ip: Self.loopback, count: 1, portRange: range)
        }
        engine.release(ports)
        var again: [MediaPort] = []
        try await MediaListener().wait {
            again = (try? engine.reserve(ip: Self.loopback, count: 1, portRange: range)) ?? []
            return again.count == 1
        }
        #expect(again[0].rtp == ports[0].rtp)
    }

    @Test func `what does not suffice is said in words`() throws {
        let engine = try MediaEngine()
        defer { engine.shutdown() }
        #expect(throws: MediaError.self) { try engine.reserve(ip: Self.loopback, count: 10_000_000) }
        do {
            _ = try engine.reserve(ip: Self.loopback, count: 10_000_000)
        } catch {
            #expect("\(error)".contains("20000000 more open files"))
        }
        #expect(throws: MediaError.addressNotLocal(.v4(0xC000_0201))) {
            try engine.reserve(ip: .v4(0xC000_0201), count: 1)
        }
    }

    @Test func `two streams on loopback count every packet, with small jitter and a round trip`() async throws {
        let engine = try MediaEngine(threads: 2, interimReports: true)
        defer { engine.shutdown() }
        let listener = MediaListener()
        let client = MediaClient(engine: engine, sink: listener.sink)
        let ports = try engine.reserve(ip: Self.loopback, count: 2)
        client.submit([
            .open(1, ports[0], Self.configuration(to: ports[1].rtp)),
            .open(2, ports[1], Self.configuration(to: ports[0].rtp)),
        ])
        try await listener.wait {
            listener.interims.count == 2
                && listener.interims.values.allSatisfy { $0.packetsReceived > 60 && $0.roundTrip != nil }
        }
        client.submit([.close(1)])
        try await listener.wait { listener.reports[1] != nil }
        try await listener.wait { listener.interims[2]?.peerSaidBye == true }
        client.submit([.close(2)])
        try await listener.wait { listener.reports[2] != nil }
        let first = try #require(listener.reports[1])
        let second = try #require(listener.reports[2])
        #expect(second.packetsReceived == first.packetsSent)
        #expect(second.packetsExpected == first.packetsSent)
        #expect(second.packetsLost == 0)
        #expect(second.bytesReceived == first.bytesSent)
        #expect(first.bytesSent == first.packetsSent * 160)
        #expect(first.packetsLost == 0)
        #expect(second.peerSaidBye)
        #expect(!first.peerSaidBye)
        for report in [first, second] {
            #expect(report.sendErrors == 0 && report.duplicates == 0 && report.reordered == 0 && report.malformed == 0)
            #expect(report.droppedBySystem == 0)
            #expect(try #require(report.jitter).mean < 5)
            #expect(try #require(report.roundTrip).minimum < 20)
            #expect(try #require(report.quality).mosLQ > 4.4)
            #expect(try #require(report.quality?.mosCQ) > 4.2)
        }
        // 20 ms grid: what was sent or skipped fills the time from first to last.
        let span = try #require(first.lastPacketSent) - (try #require(first.firstPacketSent))
        let frames = Double(first.packetsSent - 1 + first.framesSkipped)
        #expect(abs(span.milliseconds - frames * 20) < 20)
    }

    @Test func `an echo stream returns what it receives`() async throws {
        let engine = try MediaEngine(interimReports: true)
        defer { engine.shutdown() }
        let listener = MediaListener()
        let client = MediaClient(engine: engine, sink: listener.sink)
        let ports = try engine.reserve(ip: Self.loopback, count: 2)
        client.submit([
            .open(7, ports[1], Self.configuration(to: ports[0].rtp, source: .echo)),
            .open(1, ports[0], Self.configuration(to: ports[1].rtp)),
        ])
        try await listener.wait { (listener.interims[1]?.packetsReceived ?? 0) > 10 }
        // Stop sending, let the last echo come home, then close. Both streams' second report from here is surely later.
        client.submit([.update(1, Self.configuration(to: ports[1].rtp, direction: .receiveOnly).audio)])
        let count = listener.interimCount
        try await listener.wait {
            listener.interimCount >= count + 4
                && listener.interims[1].map { $0.packetsReceived == $0.packetsSent } ?? false
        }
        client.submit([.close(1), .close(7)])
        try await listener.wait { listener.reports.count == 2 }
        let caller = try #require(listener.reports[1])
        let echo = try #require(listener.reports[7])
        #expect(caller.packetsSent > 10)
        #expect(echo.packetsReceived == caller.packetsSent)
        #expect(echo.packetsSent == echo.packetsReceived)
        #expect(caller.packetsReceived == echo.packetsSent)
        #expect(caller.packetsLost == 0)
    }

    @Test func `packets that a relay drops are reported lost, one for one`() async throws {
        let engine = try MediaEngine()
        defer { engine.shutdown() }
        let listener = MediaListener()
        let client = MediaClient(engine: engine, sink: listener.sink)
        let ports = try engine.reserve(ip: Self.loopback, count: 2)
        let relay = try LossyRelay(to: ports[1].rtp) { number in number % 5 == 3 }
        relay.start()
        client.submit([
            .open(2, ports[1], Self.configuration(to: ports[0].rtp, direction: .receiveOnly)),
            .open(1, ports[0], Self.configuration(to: relay.address, rtcp: ports[1].rtcp)),
        ])
        try await listener.wait { relay.seen > 50 }
        client.submit([.close(1)])
        try await listener.wait { listener.reports[1] != nil }
        let sent = Int(try #require(listener.reports[1]).packetsSent)
        try await listener.wait { relay.seen == sent }
        await relay.stop()
        client.submit([.close(2)])
        try await listener.wait { listener.reports[2] != nil }
        let report = try #require(listener.reports[2])
        // The receiver cannot know of what was dropped after the last packet it got.
        let last = (0..<sent).last { $0 % 5 != 3 } ?? 0
        #expect(report.packetsExpected == UInt64(last + 1))
        #expect(report.packetsLost == UInt64((0...last).filter { $0 % 5 == 3 }.count))
        #expect(report.packetsSent == 0)
        #expect(try #require(report.quality).mosLQ < 2)
    }

    @Test func `a port that refuses is noticed through ICMP`() async throws {
        let engine = try MediaEngine()
        defer { engine.shutdown() }
        let listener = MediaListener()
        let client = MediaClient(engine: engine, sink: listener.sink)
        let ports = try engine.reserve(ip: Self.loopback, count: 2)
        let gone = ports[1].rtp
        engine.release([ports[1]])
        client.submit([.open(1, ports[0], Self.configuration(to: gone))])
        try await Task.sleep(for: .milliseconds(300))
        client.submit([.close(1)])
        try await listener.wait { listener.reports[1] != nil }
        let report = try #require(listener.reports[1])
        #expect(report.unreachable > 3)
        #expect(report.sendErrors == 0)
        #expect(report.quality == nil)
        #expect(report.packetsLost == nil)
    }

    @Test func `every close is answered once, also of streams nobody opened and after the shutdown`() async throws {
        let engine = try MediaEngine()
        let listener = MediaListener()
        let client = MediaClient(engine: engine, sink: listener.sink)
        let ports = try engine.reserve(ip: Self.loopback, count: 1)
        client.submit([.close(9)])
        #expect(listener.reports[9] == StreamReport())
        client.submit([.open(1, ports[0], Self.configuration(to: ports[0].rtp))])
        client.submit([.open(1, ports[0], Self.configuration(to: ports[0].rtp))])
        #expect(listener.failures == [1])
        client.submit([.open(2, ports[0], Self.configuration(to: ports[0].rtp))])
        try await listener.wait { listener.failures == [1, 2] }
        engine.shutdown()
        #expect(listener.reports[1] != nil)
        client.submit([.close(2)])
        #expect(listener.reports[2] == StreamReport())
        client.submit([.open(3, ports[0], Self.configuration(to: ports[0].rtp))])
        #expect(listener.failures == [1, 2, 3])
        engine.shutdown()
    }

    @Test func `the engine measures its own lateness`() async throws {
        let engine = try MediaEngine()
        let client = MediaClient(engine: engine) { _ in }
        let ports = try engine.reserve(ip: Self.loopback, count: 20)
        client.submit(
            (0..<20).map { .open(StreamID($0), ports[$0], Self.configuration(to: ports[$0 ^ 1].rtp)) })
        try await Task.sleep(for: .milliseconds(500))
        engine.shutdown()
        let figures = engine.figures()
        #expect(figures.packetsSent > 100)
        #expect(figures.lateness.count == figures.packetsSent)
        #expect(try #require(figures.lateness.quantile(0.5)) < .milliseconds(20))
        #expect(figures.cpu > .zero)
    }
}

/// Forwards datagrams to one address and drops those it is told to, counted from 0.
final class LossyRelay: Sendable {
    let address: TransportAddress
    private let descriptor: Int32
    private let target: TransportAddress
    private let drops: @Sendable (Int) -> Bool
    private let count = Atomic<Int>(0)
    private let isStopped = Atomic<Bool>(false)
    private let ended = AsyncStream.makeStream(of: Never.self)

    init(to target: TransportAddress, drops: @escaping @Sendable (Int) -> Bool) throws {
        var local = callmeter_endpoint(high: 0, low: 0x7F00_0001, port: 0, is_v6: 0)
        var bound = callmeter_address()
        callmeter_address_set(&bound, &local)
        descriptor = callmeter_udp_open(&bound, 0, 0)
        try #require(descriptor >= 0)
        try #require(callmeter_local_address(descriptor, &bound) == 0 && callmeter_address_get(&bound, &local) == 1)
        address = TransportAddress(127, 0, 0, 1, port: local.port)
        self.target = target
        self.drops = drops
    }

    deinit { callmeter_close(descriptor) }

    var seen: Int { count.load(ordering: .relaxed) }

    /// Forwards on a thread of its own: it waits in the kernel, which must not hold up the threads that tasks run on.
    func start() {
        Thread.detachNewThread {
            self.run()
            self.ended.continuation.finish()
        }
    }

    func stop() async {
        isStopped.store(true, ordering: .relaxed)
        for await _ in ended.stream {}
    }

    private func run() {
        guard case .v4(let ip) = target.ip else { return }
        var endpoint = callmeter_endpoint(high: 0, low: UInt64(ip), port: target.port, is_v6: 0)
        var peer = callmeter_address()
        callmeter_address_set(&peer, &endpoint)
        let epoll = callmeter_epoll_create()
        defer { callmeter_close(epoll) }
        _ = callmeter_epoll_add(epoll, descriptor, 0)
        var event = callmeter_event()
        withUnsafeTemporaryAllocation(byteCount: 2048, alignment: 16) { buffer in
            while !isStopped.load(ordering: .relaxed) {
                _ = callmeter_epoll_wait(epoll, &event, 1, 10_000_000)
                var packet = callmeter_packet()
                packet.data = buffer.baseAddress
                packet.capacity = 2048
                guard callmeter_receive(descriptor, &packet, 1) == 1 else { continue }
                if !drops(seen) { _ = callmeter_send(descriptor, buffer.baseAddress, packet.length, &peer) }
                count.add(1, ordering: .relaxed)
            }
        }
    }
}
