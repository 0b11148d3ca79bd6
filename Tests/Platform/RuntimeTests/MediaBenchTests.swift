// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Media
import Runtime
import Testing

@Suite struct MediaBenchTests {
    @Test func `the benchmark counts what leaves and has no figure for what never came back`() async throws {
        let relay = try LossyRelay(to: TransportAddress(127, 0, 0, 1, port: 9)) { _ in true }
        relay.start()
        let result = try await MediaBench(target: relay.address, streams: 4, duration: .milliseconds(300)).run()
        try await MediaListener().wait { relay.seen == Int(result.packetsSent) }
        await relay.stop()
        #expect(result.streams == 4)
        #expect(result.streamsFailed == 0)
        #expect(result.packetsSent > 4)
        #expect(result.packetsReceived == 0)
        #expect(result.packetsLost == nil)
        #expect(result.sendErrors == 0)
        #expect(result.cpuMicrosecondsPerPacket > 0)
        #expect(try #require(result.latenessP50Microseconds) <= (try #require(result.latenessP99Microseconds)))
        #expect(try #require(result.latenessP99Microseconds) <= (try #require(result.latenessMaximumMicroseconds)))
    }
}
