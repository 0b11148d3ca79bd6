// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Testing

@testable import RunMetrics

@Suite struct EndpointTraceTests {
    /// A trace of any shape.
    static func drawn(from random: inout SeededRandom) -> EndpointTrace {
        func address() -> TransportAddress {
            let port = UInt16(truncatingIfNeeded: random.next())
            return random.chance(0.5)
                ? TransportAddress(ip: .v4(UInt32(truncatingIfNeeded: random.next())), port: port)
                : TransportAddress(ip: .v6(high: random.next(), low: random.next()), port: port)
        }
        let messages = (0..<Int(random.next() % 9)).map { _ in
            let bytes = (0..<Int(random.next() % 2_000)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            return TracedMessage(
                at: Interval(nanoseconds: Int64(bitPattern: random.next())), isSent: random.chance(0.5),
                transport: TracedTransport.allCases[Int(random.next() % 5)], local: address(), remote: address(),
                bytes: bytes, length: bytes.count + Int(random.next() % 3) * 1_000)
        }
        return EndpointTrace(
            endpoint: UInt32(truncatingIfNeeded: random.next()),
            startedAt: UnixTime(nanoseconds: Int64(bitPattern: random.next())), isTruncated: random.chance(0.5),
            messages: messages)
    }

    @Test(arguments: 1...100) func `a trace is read back as it was written`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let trace = Self.drawn(from: &random)
        #expect(EndpointTrace(encoded: trace.encoded) == trace)
    }

    @Test(arguments: 1...50) func `a trace that was cut or changed is refused or read, and never trusted`(seed: UInt64)
    {
        var random = SeededRandom(seed: seed)
        var trace = Self.drawn(from: &random)
        if trace.messages.isEmpty {
            trace.messages = [
                TracedMessage(
                    at: .zero, isSent: true, transport: .udp, local: TransportAddress(127, 0, 0, 1, port: 1),
                    remote: TransportAddress(127, 0, 0, 1, port: 2), bytes: [1, 2, 3])
            ]
        }
        let encoded = trace.encoded
        let last = trace.messages[trace.messages.count - 1].bytes.count
        #expect(EndpointTrace(encoded: Array(encoded.dropLast(last + 1))) == nil)
        for _ in 0..<200 {
            var changed = encoded
            changed[Int(random.next() % UInt64(changed.count))] = UInt8(truncatingIfNeeded: random.next())
            if let read = EndpointTrace(encoded: changed) {
                #expect(read.messages.reduce(0) { $0 + $1.bytes.count } <= encoded.count)
            }
        }
    }

    @Test func `another version is refused, and so is nothing at all`() {
        var random = SeededRandom(seed: 7)
        var encoded = Self.drawn(from: &random).encoded
        encoded[0] = 2
        #expect(EndpointTrace(encoded: encoded) == nil)
        #expect(EndpointTrace(encoded: []) == nil)
    }

    @Test(arguments: [(100, 20), (10_000, 20), (7, 20), (21, 20), (1, 20), (3, 2), (1_000, 0), (0, 20)])
    func `the sample has its size and is spread over the run`(endpoints: Int, size: Int) {
        let sample = TraceSample(endpoints: endpoints, size: size)
        let chosen = (0..<endpoints).filter { sample.contains(UInt32($0)) }
        #expect(chosen.count == min(size, endpoints))
        let step = endpoints / max(1, min(size, max(1, endpoints)))
        for (first, second) in zip(chosen, chosen.dropFirst()) { #expect((step...step + 1).contains(second - first)) }
        #expect(!sample.contains(UInt32(endpoints)))
    }
}
