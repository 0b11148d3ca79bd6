// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics
import Testing

@testable import Reports

@Suite struct PacketCaptureTests {
    /// One record of a file, taken apart.
    private struct Packet {
        var microseconds: Int
        var original: Int
        var bytes: [UInt8]

        var headerLength: Int { bytes[0] >> 4 == 4 ? 20 : 40 }
        func word(_ place: Int) -> UInt16 { UInt16(bytes[place]) << 8 | UInt16(bytes[place + 1]) }
        var source: [UInt8] { headerLength == 20 ? Array(bytes[12..<16]) : Array(bytes[8..<24]) }
        var destination: [UInt8] { headerLength == 20 ? Array(bytes[16..<20]) : Array(bytes[24..<40]) }
        var payload: [UInt8] { Array(bytes[(headerLength + 8)...]) }

        /// Words summed with carries around: 0xFFFF where the checksum among them is right (RFC 1071).
        private static func sum(_ bytes: [UInt8]) -> UInt32 {
            var sum: UInt32 = 0
            for place in stride(from: 0, to: bytes.count, by: 2) {
                sum += UInt32(bytes[place]) << 8 | (place + 1 < bytes.count ? UInt32(bytes[place + 1]) : 0)
                sum = (sum & 0xFFFF) + sum >> 16
            }
            return sum
        }

        var isHeaderRight: Bool { headerLength == 40 || Self.sum(Array(bytes[..<20])) == 0xFFFF }
        var isDatagramRight: Bool {
            let datagram = Array(bytes[headerLength...])
            let length = [UInt8(datagram.count >> 8), UInt8(datagram.count & 255)]
            return Self.sum(source + destination + [0, 17] + length + datagram) == 0xFFFF
        }
    }

    private static func packets(_ records: [UInt8]) -> [Packet] {
        func number(_ place: Int) -> Int { (0..<4).reduce(0) { $0 | Int(records[place + $1]) << (8 * $1) } }
        var packets: [Packet] = []
        var place = 0
        while place < records.count {
            let length = number(place + 8)
            packets.append(
                Packet(
                    microseconds: number(place) * 1_000_000 + number(place + 4), original: number(place + 12),
                    bytes: Array(records[place + 16..<place + 16 + length])))
            place += 16 + length
        }
        return packets
    }

    @Test func `a file begins as libpcap writes it, with link type RAW`() {
        let header = PacketCapture.fileHeader
        #expect(header.count == 24)
        #expect(Array(header[..<8]) == [0xD4, 0xC3, 0xB2, 0xA1, 2, 0, 4, 0])
        #expect(Array(header[20...]) == [101, 0, 0, 0])
    }

    @Test(arguments: 1...30) func `every message is one datagram with right addresses, lengths and checksums`(
        seed: UInt64
    ) {
        var random = SeededRandom(seed: seed)
        let trace = TraceSamples.drawn(from: &random)
        var capture = PacketCapture()
        let packets = Self.packets(capture.records(of: [trace]))
        #expect(packets.count == trace.messages.count)
        for (packet, message) in zip(packets, trace.messages) {
            #expect(packet.payload == message.bytes)
            #expect(packet.original == packet.bytes.count)
            #expect(packet.source == message.source.ip.octets && packet.destination == message.destination.ip.octets)
            #expect(packet.word(packet.headerLength) == message.source.port)
            #expect(packet.word(packet.headerLength + 2) == message.destination.port)
            #expect(Int(packet.word(packet.headerLength + 4)) == 8 + message.bytes.count)
            let length = packet.headerLength == 20 ? Int(packet.word(2)) : 40 + Int(packet.word(4))
            #expect(length == packet.bytes.count)
            #expect(packet.isHeaderRight && packet.isDatagramRight)
            #expect(packet.microseconds == 1_700_000_000_000_000 + Int(message.at.nanoseconds / 1_000))
        }
    }

    @Test func `messages of several endpoints are in order of time`() {
        var random = SeededRandom(seed: 5)
        let traces = (0..<6).map { _ in TraceSamples.drawn(from: &random) }
        var capture = PacketCapture()
        let times = Self.packets(capture.records(of: traces)).map(\.microseconds)
        #expect(times == times.sorted())
        #expect(times.count == 120)
    }

    @Test
    func `a message of which only the beginning was kept says how long it was, and one that no datagram holds is cut`()
    {
        var message = TraceSamples.message(String(repeating: "x", count: 1_000), at: 0, isSent: true)
        message.length = 5_000
        var trace = TraceSamples.registration
        let large = TraceSamples.message(String(repeating: "y", count: 100_000), at: 1, isSent: true)
        trace.messages = [message, large]
        var capture = PacketCapture()
        let packets = Self.packets(capture.records(of: [trace]))
        #expect(packets[0].original == 5_028 && packets[0].bytes.count == 1_028)
        #expect(packets[0].word(2) == 5_028 && packets[0].isHeaderRight)
        #expect(packets[1].original == 65_535 && packets[1].bytes.count == 65_535)
        #expect(packets[1].word(2) == 65_535)
    }

    @Test func `a checksum that comes out as zero is written as ones, since zero says that there is none`() {
        var trace = TraceSamples.registration
        trace.messages = [TraceSamples.message("\u{0}\u{0}", at: 0, isSent: true)]
        var capture = PacketCapture()
        let checksum = Self.packets(capture.records(of: [trace]))[0].word(26)
        // What is lacking to all ones, put where there were zeros.
        trace.messages[0].bytes = [UInt8(checksum >> 8), UInt8(checksum & 255)]
        let packet = Self.packets(capture.records(of: [trace]))[0]
        #expect(packet.word(26) == 0xFFFF)
        #expect(packet.isDatagramRight)
    }
}
