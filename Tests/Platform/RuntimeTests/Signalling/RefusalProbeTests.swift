// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics
import Testing

@testable import Runtime

struct RefusalProbeTests {
    /// Runs the probe through its own deadlines; ICMP on loopback comes at once, so virtual time does.
    private func run(_ probe: inout RefusalProbe, from start: Instant) -> [(TransportAddress, TransportFault)] {
        var now = start
        var found: [(TransportAddress, TransportFault)] = []
        while found.isEmpty, let next = probe.nextDeadline, next - start < .seconds(3) {
            now = max(now, next)
            found += probe.advance(to: now).map { ($0.destination, $0.fault) }
        }
        return found
    }

    @Test func `G2: silence of a closed UDP port is told as refused, well before a second has passed`() async throws {
        let closed = try await unusedPort()
        var probe = RefusalProbe()
        probe.sent(to: closed, now: .zero)
        let found = run(&probe, from: .zero)
        #expect(found.map(\.0) == [closed])
        #expect(found.map(\.1) == [.refused])
        probe.close()
    }

    @Test func `a destination that answers is never probed`() {
        var probe = RefusalProbe()
        let server = TransportAddress(127, 0, 0, 1, port: 9)
        probe.sent(to: server, now: .zero)
        probe.heard(from: server)
        #expect(probe.advance(to: .zero + .seconds(1)).isEmpty)
        #expect(probe.nextDeadline == nil)
        probe.close()
    }

    @Test func `nothing is due before something was sent`() {
        var probe = RefusalProbe()
        #expect(probe.nextDeadline == nil)
        #expect(probe.advance(to: .zero + .seconds(9)).isEmpty)
    }
}
