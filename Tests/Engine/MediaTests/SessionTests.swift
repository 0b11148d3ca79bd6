// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Media
import Testing

/// Two sessions and the link between them, in virtual time.
private struct World {
    struct Packet {
        var bytes: [UInt8]
        var isControl: Bool
        var toSecond: Bool
    }

    var first: Session
    var second: Session
    var now = Instant.zero
    var link = TimerQueue<Packet>()
    var delay = Interval.milliseconds(50)
    /// Says whether the nth RTP packet from the first to the second session is lost.
    var loses: (Int) -> Bool = { _ in false }
    private var sentByFirst = 0

    init(secondSource: StreamSource = .material(.speechLike())) {
        func make(_ source: StreamSource, port: UInt16, seed: UInt64, clock: Int64) -> Session {
            let audio = NegotiatedAudio(codec: .pcmu, remoteRTP: TransportAddress(127, 0, 0, 1, port: port))
            return Session(
                configuration: StreamConfiguration(audio: audio, source: source, reportInterval: .milliseconds(500)),
                start: .zero, clock: UnixTime(nanoseconds: clock), random: SeededRandom(seed: seed))
        }
        // Their wall clocks differ by a year: round trips must not care.
        first = make(.material(.tone()), port: 4000, seed: 1, clock: 1_700_000_000_000_000_000)
        second = make(secondSource, port: 4002, seed: 2, clock: 1_731_536_000_000_000_000)
    }

    private mutating func send(_ buffer: [UInt8], _ count: Int, isControl: Bool, toSecond: Bool) {
        guard count > 0 else { return }
        if toSecond && !isControl {
            sentByFirst += 1
            if loses(sentByFirst) { return }
        }
        _ = link.schedule(
            Packet(bytes: Array(buffer[..<count]), isControl: isControl, toSecond: toSecond), at: now + delay)
    }

    private mutating func act(_ player: WritableKeyPath<World, Session>, toSecond: Bool) {
        var buffer = [UInt8](repeating: 0, count: Session.maximumPacketLength)
        let now = now
        let packet = buffer.withUnsafeMutableBytes { self[keyPath: player].writePacket(into: $0, now: now) }
        send(buffer, packet, isControl: false, toSecond: toSecond)
        let report = buffer.withUnsafeMutableBytes { self[keyPath: player].writeReport(into: $0, now: now) }
        send(buffer, report, isControl: true, toSecond: toSecond)
    }

    mutating func run(until end: Instant) {
        while true {
            now = min(first.nextDue, second.nextDue, link.nextDeadline ?? .distantFuture)
            guard now < end else { return }
            act(\.first, toSecond: true)
            act(\.second, toSecond: false)
            while let packet = link.popDue(at: now) { deliver(packet) }
        }
    }

    private mutating func deliver(_ packet: Packet) {
        var buffer = [UInt8](repeating: 0, count: Session.maximumPacketLength)
        var echoed = 0
        let now = now
        packet.bytes.withUnsafeBytes { bytes in
            switch (packet.isControl, packet.toSecond) {
            case (true, true): second.receiveControl(bytes, at: now)
            case (true, false): first.receiveControl(bytes, at: now)
            case (false, false): first.receivePacket(bytes, at: now)
            case (false, true):
                second.receivePacket(bytes, at: now)
                echoed = buffer.withUnsafeMutableBytes { second.writeEcho(of: bytes, into: $0, now: now) }
            }
        }
        send(buffer, echoed, isControl: false, toSecond: false)
    }
}

@Suite struct SessionTests {
    @Test func `two streams count each other exactly and measure the link's round trip`() throws {
        var world = World()
        world.run(until: Instant(nanoseconds: 10_000_000_000))
        let first = world.first.report()
        let second = world.second.report()
        #expect(first.packetsSent == 500)
        #expect(first.bytesSent == 80_000)
        #expect(first.framesSkipped == 0)
        // 50 ms of 20 ms packets are still on the way.
        #expect(second.packetsReceived == 498)
        #expect(second.packetsLost == 0)
        #expect(second.jitter?.maximum == 0)
        for report in [first, second] {
            let trip = try #require(report.roundTrip)
            #expect(trip.count > 5)
            // Two fields in steps of 1/65536 s: within 0.05 ms.
            #expect(abs(trip.minimum - 100) < 0.05 && abs(trip.maximum - 100) < 0.05)
            let quality = try #require(report.quality)
            #expect(abs(try #require(quality.delayMilliseconds) - 70) < 0.05)
            #expect(try #require(quality.mosCQ) < quality.mosLQ)
            #expect(report.peerView?.packetsLost == 0)
        }
    }

    @Test func `a lossy link is reported by the receiver and, through RTCP, to the sender`() throws {
        var world = World()
        world.loses = { $0 % 10 == 0 && $0 < 495 }
        world.run(until: Instant(nanoseconds: 10_000_000_000))
        let second = world.second.report()
        #expect(second.packetsExpected == 498)
        #expect(second.packetsLost == 49)
        let view = try #require(world.first.report().peerView)
        #expect((40...49).contains(view.packetsLost))
        #expect(abs(view.fractionLost - 0.1) < 0.06)
        #expect(try #require(second.quality).mosLQ < 2)
        #expect(try #require(world.first.report().quality).mosLQ > 4.4)
    }

    @Test func `an echo returns every packet it gets as a stream of its own`() throws {
        var world = World(secondSource: .echo)
        world.loses = { $0 == 7 }
        world.run(until: Instant(nanoseconds: 2_000_000_000))
        let second = world.second.report()
        let first = world.first.report()
        #expect(second.packetsLost == 1)
        #expect(second.packetsSent == second.packetsReceived)
        #expect(first.packetsLost == 0)
        #expect(first.packetsReceived == 94)  // 100 sent, 5 on the two ways, 1 lost
        #expect(first.timestampJumps == 0)
        #expect(try #require(first.jitter).maximum < 3)
    }

    @Test func `packets keep absolute deadlines and a late wake-up skips without a burst`() throws {
        var session = World().first
        var bytes = [UInt8](repeating: 0, count: Session.maximumPacketLength)
        func write(_ milliseconds: Int) -> RTPPacket? {
            let count = bytes.withUnsafeMutableBytes {
                session.writePacket(into: $0, now: Instant(nanoseconds: Int64(milliseconds) * 1_000_000))
            }
            return bytes[..<count].withUnsafeBytes { RTPPacket(parsing: $0) }
        }
        let start = try #require(write(0)).header
        #expect(write(19) == nil)
        #expect(try #require(write(33)).header.sequenceNumber == start.sequenceNumber &+ 1)
        // Late by 13 ms, and yet the next one is due at 40 and not at 53.
        #expect(session.nextPacketDue == Instant(nanoseconds: 40_000_000))
        let afterStall = try #require(write(215)).header
        #expect(afterStall.sequenceNumber == start.sequenceNumber &+ 2)
        #expect(afterStall.timestamp == start.timestamp &+ 10 * 160)
        #expect(write(215) == nil)
        #expect(session.nextPacketDue == Instant(nanoseconds: 220_000_000))
        #expect(session.report().framesSkipped == 8)
        #expect(session.report().packetsSent == 3)
    }

    @Test func `hold stops sending, resuming goes on at the old grid with the timestamps of the clock`() throws {
        var session = World().first
        var bytes = [UInt8](repeating: 0, count: Session.maximumPacketLength)
        func write(_ milliseconds: Int) -> RTPHeader? {
            let count = bytes.withUnsafeMutableBytes {
                session.writePacket(into: $0, now: Instant(nanoseconds: Int64(milliseconds) * 1_000_000))
            }
            return bytes[..<count].withUnsafeBytes { RTPPacket(parsing: $0)?.header }
        }
        var audio = NegotiatedAudio(codec: .pcmu, remoteRTP: TransportAddress(127, 0, 0, 1, port: 4000))
        let start = try #require(write(0))
        audio.direction = .receiveOnly
        session.update(audio, at: Instant(nanoseconds: 5_000_000))
        #expect(session.nextPacketDue == .distantFuture)
        #expect(write(500) == nil)
        audio.direction = .sendReceive
        audio.remoteRTP = TransportAddress(127, 0, 0, 1, port: 4444)
        session.update(audio, at: Instant(nanoseconds: 1_005_000_000))
        #expect(session.nextPacketDue == Instant(nanoseconds: 1_020_000_000))
        let resumed = try #require(write(1020))
        #expect(resumed.sequenceNumber == start.sequenceNumber &+ 1)
        #expect(resumed.timestamp == start.timestamp &+ 51 * 160)
        #expect(session.remoteRTP.port == 4444)
        #expect(session.report().framesSkipped == 0)
        // A longer packet from here on.
        audio.packetInterval = .milliseconds(30)
        session.update(audio, at: Instant(nanoseconds: 1_021_000_000))
        let longer = try #require(write(1040))
        #expect(longer.timestamp == start.timestamp &+ 52 * 160)
        #expect(session.nextPacketDue == Instant(nanoseconds: 1_070_000_000))
    }

    @Test func `symmetric RTP follows the source, otherwise the description is obeyed`() {
        let elsewhere = TransportAddress(192, 0, 2, 77, port: 9000)
        for symmetric in [true, false] {
            let audio = NegotiatedAudio(codec: .pcmu, remoteRTP: TransportAddress(127, 0, 0, 1, port: 4000))
            var session = Session(
                configuration: StreamConfiguration(audio: audio, source: .echo, isSymmetric: symmetric), start: .zero,
                clock: UnixTime(nanoseconds: 0), random: SeededRandom(seed: 3))
            let header = RTPHeader(payloadType: 0, sequenceNumber: 1, timestamp: 1, source: 1)
            PacketFeed.bytes(header).withUnsafeBytes { _ = session.receivePacket($0, from: elsewhere, at: .zero) }
            #expect(session.remoteRTP == (symmetric ? elsewhere : audio.remoteRTP))
            #expect(session.remoteRTCP.port == (symmetric ? 9001 : 4001))
        }
    }

    @Test func `a stream that never sent has no BYE, one that did says it`() {
        var world = World()
        var bytes = [UInt8](repeating: 0, count: RTCPWriter.maximumLength)
        #expect(bytes.withUnsafeMutableBytes { world.first.writeBye(into: $0, now: .zero) } == 0)
        world.run(until: Instant(nanoseconds: 1_000_000_000))
        let count = bytes.withUnsafeMutableBytes {
            world.first.writeBye(into: $0, now: Instant(nanoseconds: 1_000_000_000))
        }
        bytes[..<count].withUnsafeBytes { _ = world.second.receiveControl($0, at: world.now) }
        #expect(world.second.report().peerSaidBye)
        #expect(!world.first.report().peerSaidBye)
    }
}
