// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics
import Testing

@testable import Reports

@Suite struct HEP3Tests {
    /// The chunks of a packet by their type; nil when it is not built as the format says.
    private static func chunks(_ packet: [UInt8]) -> [Int: [UInt8]]? {
        guard packet.count >= 6, Array(packet[..<4]) == Array("HEP3".utf8), number(packet[4..<6]) == packet.count else {
            return nil
        }
        var chunks: [Int: [UInt8]] = [:]
        var place = 6
        while place < packet.count {
            guard packet.count - place >= 6, number(packet[place..<place + 2]) == 0 else { return nil }
            let length = number(packet[place + 4..<place + 6])
            guard length >= 6, place + length <= packet.count else { return nil }
            guard
                chunks.updateValue(
                    Array(packet[place + 6..<place + length]), forKey: number(packet[place + 2..<place + 4])) == nil
            else { return nil }
            place += length
        }
        return chunks
    }

    private static func number(_ bytes: some Sequence<UInt8>) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }

    @Test func `a REGISTER over UDP has every chunk that a capture server needs`() throws {
        let trace = TraceSamples.registration
        let packets = HEP3(captureID: 4_711, node: "lab").packets(of: trace)
        #expect(packets.count == 5)
        let chunks = try #require(Self.chunks(packets[0]))
        #expect(chunks[1] == [2] && chunks[2] == [17] && chunks[11] == [1])
        #expect(chunks[3] == [127, 0, 0, 1] && chunks[4] == [127, 0, 0, 1])
        #expect(Self.number(chunks[7] ?? []) == 40_112 && Self.number(chunks[8] ?? []) == 5_060)
        #expect(Self.number(chunks[9] ?? []) == 1_700_000_000 && Self.number(chunks[10] ?? []) == 100_000)
        #expect(Self.number(chunks[12] ?? []) == 4_711)
        #expect(chunks[15] == trace.messages[0].bytes)
        #expect(chunks[17] == Array("5f0c@here".utf8))
        #expect(chunks[19] == Array("lab".utf8))
        let answer = try #require(Self.chunks(packets[2]))
        #expect(Self.number(answer[7] ?? []) == 5_060 && Self.number(answer[8] ?? []) == 40_112)
    }

    @Test(arguments: 1...30) func `whatever the message, the packet is well-formed and fits in a datagram`(seed: UInt64)
        throws
    {
        var random = SeededRandom(seed: seed)
        var trace = TraceSamples.drawn(from: &random)
        trace.messages[0].bytes = Array(repeating: 1, count: 100_000)
        for (packet, message) in zip(HEP3().packets(of: trace), trace.messages) {
            let chunks = try #require(Self.chunks(packet))
            #expect(packet.count <= 65_507)
            #expect(chunks[1] == [message.source.ip.octets.count == 4 ? 2 : 10])
            #expect((chunks[3] ?? chunks[5]) == message.source.ip.octets)
            #expect((chunks[4] ?? chunks[6]) == message.destination.ip.octets)
            #expect(chunks[2] == [message.transport == .udp ? 17 : 6])
            #expect(chunks[15].map { message.bytes.starts(with: $0) } == true)
        }
    }
}
