// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Testing

@testable import Runtime

@Suite struct MessageTapeTests {
    private static let address = TransportAddress(127, 0, 0, 1, port: 5060)

    private static func entry(_ number: Int) -> TapeEntry {
        TapeEntry(
            at: Instant(nanoseconds: Int64(number)), local: address, remote: address, length: 0, kept: 0, transport: 0,
            isSent: number % 2 == 0)
    }

    /// What is read back of an endpoint: number, length and bytes of each message.
    private static func read(
        _ tape: MessageTape, _ place: Int, last: Int = 1_000
    ) -> (messages: [(number: Int, length: Int, bytes: [UInt8])], lostSome: Bool) {
        var messages: [(number: Int, length: Int, bytes: [UInt8])] = []
        let (_, lostSome) = tape.close(place, last: last) { entry, bytes in
            messages.append((Int(entry.at.nanoseconds), Int(entry.length), Array(bytes)))
        }
        return (messages, lostSome)
    }

    private static func record(_ bytes: [UInt8], _ number: Int, on tape: MessageTape, in place: Int) {
        bytes.withUnsafeBytes { tape.record($0, entry(number), in: place) }
    }

    @Test(arguments: 1...20) func `what is kept is a suffix of what was recorded, byte for byte`(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let tape = try #require(MessageTape(memory: 40 * 2048, perEndpoint: 10 * 2048, perMessage: 5_000))
        var written: [[[UInt8]]] = Array(repeating: [], count: 7)
        for _ in 0..<Int(random.next() % 400) {
            let place = Int(random.next() % 7)
            let bytes = (0..<Int(random.next() % 6_000)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            Self.record(bytes, written[place].count, on: tape, in: place)
            written[place].append(bytes)
            #expect(tape.chunksHeld <= 40)
        }
        for place in 0..<7 {
            let (messages, lostSome) = Self.read(tape, place)
            #expect(lostSome == (messages.count < written[place].count))
            #expect(messages.map(\.number) == Array((written[place].count - messages.count)..<written[place].count))
            for message in messages {
                #expect(message.bytes == Array(written[place][message.number].prefix(5_000)))
                #expect(message.length == written[place][message.number].count)
            }
        }
        #expect(tape.chunksHeld == 0)
    }

    @Test func `an endpoint flooded with large messages takes its own bound and leaves the others theirs`() throws {
        let tape = try #require(MessageTape(memory: 64 * 2048, perEndpoint: 8 * 2048, perMessage: 4_096))
        for place in 1..<20 { Self.record(Array(repeating: 1, count: 500), 0, on: tape, in: place) }
        let large = [UInt8](repeating: 7, count: 1 << 20)
        for number in 0..<500 {
            Self.record(large, number, on: tape, in: 0)
            #expect(tape.chunksHeld <= 8 + 19)
        }
        for place in 1..<20 { #expect(Self.read(tape, place).messages.count == 1) }
        let (messages, lostSome) = Self.read(tape, 0)
        #expect(lostSome)
        #expect(messages.last?.number == 499)
        #expect(messages.allSatisfy { $0.bytes.count == 4_096 && $0.length == 1 << 20 })
    }

    @Test func `more endpoints than the memory holds give up their oldest messages in turn`() throws {
        let tape = try #require(MessageTape(memory: 100 * 2048, perEndpoint: 32 * 2048, perMessage: 4_096))
        for number in 0..<10 {
            for place in 0..<300 { Self.record(Array(repeating: 3, count: 900), number, on: tape, in: place) }
        }
        #expect(tape.chunksHeld == 100)
        let kept = (0..<300).map { Self.read(tape, $0).messages }
        #expect(kept.count { !$0.isEmpty } >= 90)
        #expect(kept.allSatisfy { $0.isEmpty || $0.last?.number == 9 || $0.count >= 1 })
        #expect(tape.chunksHeld == 0)
    }

    @Test func `only the last messages are handed over, and a closed endpoint keeps none`() throws {
        let tape = try #require(MessageTape(memory: 1 << 20, perEndpoint: 1 << 18, perMessage: 4_096))
        for number in 0..<100 { Self.record([1, 2, 3], number, on: tape, in: 3) }
        let (messages, lostSome) = Self.read(tape, 3, last: 64)
        #expect(messages.map(\.number) == Array(36..<100))
        #expect(lostSome)
        Self.record([1], 0, on: tape, in: 3)
        #expect(tape.chunksHeld == 0)
        #expect(Self.read(tape, 3).messages.isEmpty)
        #expect(Self.read(tape, 99).messages.isEmpty)
    }
}
