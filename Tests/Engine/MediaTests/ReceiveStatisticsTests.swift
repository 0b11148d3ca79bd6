// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Media
import Testing

@Suite struct ReceiveStatisticsTests {
    @Test func `nothing received is nil and never a perfect score`() {
        let report = PacketFeed().session.report()
        #expect(report.packetsReceived == 0)
        #expect(report.packetsExpected == nil)
        #expect(report.packetsLost == nil)
        #expect(report.lossPercent == nil)
        #expect(report.jitter == nil)
        #expect(report.voiceJitter == nil)
        #expect(report.roundTrip == nil)
        #expect(report.quality == nil)
        #expect(report.firstPacketReceived == nil)
    }

    @Test func `an even stream has no jitter, no loss and the best score`() {
        var feed = PacketFeed()
        for index in 65_500..<65_600 { feed.receive(index: index) }
        let report = feed.session.report()
        #expect(report.packetsReceived == 100)
        #expect(report.bytesReceived == 16_000)
        #expect(report.packetsExpected == 100)
        #expect(report.packetsLost == 0)
        #expect(report.jitter?.maximum == 0)
        #expect(report.quality?.mosLQ ?? 0 > 4.4)
        #expect(report.quality?.mosCQ == nil)
        #expect(report.firstPacketReceived == Instant(nanoseconds: 65_500 * 20_000_000))
        #expect(report.lastPacketReceived == Instant(nanoseconds: 65_599 * 20_000_000))
    }

    @Test func `lost, late and repeated packets are told apart exactly`() {
        var feed = PacketFeed()
        for index in 0..<50 where index != 10 && index != 11 && index != 30 { feed.receive(index: index) }
        feed.receive(index: 30, at: 1000)
        feed.receive(index: 40, at: 1000)
        let report = feed.session.report()
        #expect(report.packetsExpected == 50)
        #expect(report.packetsLost == 2)
        #expect(report.reordered == 1)
        #expect(report.duplicates == 1)
        #expect(report.packetsReceived == 49)
        #expect(report.lossPercent == 4)
    }

    @Test func `jitter is the running estimate of RFC 3550 §A_8`() throws {
        var feed = PacketFeed()
        // Transit differences 0, +4, -6, 0 ms: J = 0, 4/16 = 0.25, 0.25 + (6 - 0.25)/16 = 0.609375, 0.571289…
        for (index, arrival) in [0.0, 20, 44, 58, 78].enumerated() { feed.receive(index: index, at: arrival) }
        let jitter = try #require(feed.session.report().jitter)
        #expect(abs(jitter.current - 0.609375 * 15 / 16) < 1e-9)
        #expect(abs(jitter.maximum - 0.609375) < 1e-9)
        #expect(abs(jitter.mean - (0 + 0.25 + 0.609375 + 0.609375 * 15 / 16) / 4) < 1e-9)
    }

    @Test func `a reordered timestamp at the wrap is a step back and does not explode the jitter`() throws {
        var feed = PacketFeed()
        let start: UInt32 = .max - 200
        for (place, step) in [0, 1, 3, 2, 4].enumerated() {
            feed.receive(UInt16(step), timestamp: start &+ UInt32(step * 160), at: Double(place) * 20)
        }
        let report = feed.session.report()
        // |D| is 20, 40, 20 ms around the exchange, so the estimate stays below 5 ms.
        #expect(try #require(report.jitter).maximum < 5)
        #expect(report.timestampJumps == 0)
        #expect(report.reordered == 1)
    }

    @Test func `a jump of the timestamps alone is counted and kept out of the jitter`() throws {
        var feed = PacketFeed()
        for index in 0..<10 { feed.receive(index: index) }
        for index in 10..<20 {
            feed.receive(UInt16(index), timestamp: 0x7000_0000 + UInt32(index * 160), at: Double(index) * 20)
        }
        let report = feed.session.report()
        #expect(report.timestampJumps == 1)
        #expect(try #require(report.jitter).maximum == 0)
        #expect(report.packetsLost == 0)
    }

    @Test func `a pause of the sender or of the network is not a jump`() throws {
        var feed = PacketFeed()
        for index in 0..<10 { feed.receive(index: index) }
        // Silence suppression: numbers go on, timestamps and time skip 5 s together.
        for index in 10..<20 {
            feed.receive(UInt16(index), timestamp: UInt32(index * 160 + 40_000), at: Double(index) * 20 + 5000)
        }
        #expect(feed.session.report().timestampJumps == 0)
        #expect(try #require(feed.session.report().jitter).maximum == 0)
        // The network holds everything back for 3 s: real delay variation, so it stays in.
        for index in 20..<30 {
            feed.receive(UInt16(index), timestamp: UInt32(index * 160 + 40_000), at: Double(index) * 20 + 8000)
        }
        #expect(feed.session.report().timestampJumps == 0)
        #expect(abs(try #require(feed.session.report().jitter).maximum - 3000.0 / 16) < 1e-6)
    }

    @Test func `telephone events, comfort noise and marked packets stay out of the voice jitter alone`() throws {
        var feed = PacketFeed(telephoneEvent: 101)
        for index in 0..<10 { feed.receive(index: index) }
        // An event's packets keep the timestamp of its start (RFC 4733 §2.2.2).
        for index in 10..<15 { feed.receive(UInt16(index), timestamp: 1600, at: Double(index) * 20, payloadType: 101) }
        feed.receive(15, timestamp: 15 * 160, at: 305, payloadType: 13)
        feed.receive(16, timestamp: 16 * 160, at: 330, marker: true)
        feed.receive(17, timestamp: 17 * 160, at: 350)
        let report = feed.session.report()
        #expect(try #require(report.jitter).maximum > 1)
        #expect(try #require(report.voiceJitter).maximum == 0)
        #expect(report.packetsLost == 0)
    }

    @Test func `a new source starts afresh and the sums go on`() {
        var feed = PacketFeed()
        for index in 0..<10 where index != 5 { feed.receive(index: index) }
        feed.source = 0x1111_1111
        for index in 0..<10 where index != 3 {
            feed.receive(UInt16(index + 9000), timestamp: UInt32(index * 160 + 12_345), at: 200 + Double(index) * 20)
        }
        let report = feed.session.report()
        #expect(report.sourceChanges == 1)
        #expect(report.packetsExpected == 20)
        #expect(report.packetsLost == 2)
        #expect(report.jitter?.maximum == 0)
    }

    @Test func `restarted sequence numbers of one source are not a loss`() {
        var feed = PacketFeed()
        for index in 0..<10 { feed.receive(index: index) }
        for index in 10..<20 {
            feed.receive(UInt16(index + 30_000), timestamp: UInt32(index * 160), at: Double(index) * 20)
        }
        let report = feed.session.report()
        #expect(report.sequenceRestarts == 1)
        #expect(report.packetsExpected == 20)
        #expect(report.packetsLost == 0)
    }

    @Test func `what is not RTP is counted as malformed and nothing else`() {
        var feed = PacketFeed()
        var whole = PacketFeed.bytes(
            RTPHeader(payloadType: 8, sequenceNumber: 1, timestamp: 1, source: 1))
        let header = whole
        for count in 0..<12 {
            header.prefix(count).withUnsafeBytes { _ = feed.session.receivePacket($0, at: .zero) }
        }
        whole[0] = 0x40
        whole.withUnsafeBytes { _ = feed.session.receivePacket($0, at: .zero) }
        whole[0] = 0xA0
        whole[171] = 0
        whole.withUnsafeBytes { _ = feed.session.receivePacket($0, at: .zero) }
        whole[0] = 0x8F
        whole.withUnsafeBytes { _ = feed.session.receivePacket(UnsafeRawBufferPointer(rebasing: $0[..<60]), at: .zero) }
        whole[0] = 0x90
        whole[14] = 0xFF
        whole.withUnsafeBytes { _ = feed.session.receivePacket($0, at: .zero) }
        let report = feed.session.report()
        #expect(report.malformed == 16)
        #expect(report.packetsReceived == 0)
        #expect(report.quality == nil)
    }

    @Test func `extension, contributing sources and padding are not payload`() throws {
        var bytes: [UInt8] = [0xB1, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9]
        bytes += [0, 0, 0, 7] + [0xBE, 0xDE, 0, 1, 1, 2, 3, 4] + [UInt8](repeating: 0xD5, count: 20) + [0, 0, 3]
        let packet = try #require(bytes.withUnsafeBytes { RTPPacket(parsing: $0) })
        #expect(packet.payload == 24..<44)
        #expect(packet.header.source == 9)
    }
}
