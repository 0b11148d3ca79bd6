// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import RunMetrics
import Store
import Testing

@Suite struct TraceStoreTests {
    private static func trace(_ endpoint: UInt32, _ text: String = "REGISTER") -> EndpointTrace {
        EndpointTrace(
            endpoint: endpoint, startedAt: Sample.time,
            messages: [
                TracedMessage(
                    at: .milliseconds(7), isSent: true, transport: .wss,
                    local: TransportAddress(127, 0, 0, 1, port: 4_000),
                    remote: TransportAddress(ip: .v6(high: 1, low: 2), port: 443), bytes: Array(text.utf8))
            ])
    }

    @Test(arguments: StoreEngine.allCases)
    func `G3 traces come back whole and in order, and a later one replaces an earlier`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        let store = fixture.store
        let (run, other) = (try await fixture.addRun(endpoints: 400), try await fixture.addRun(endpoints: 1))
        try await store.save([Self.trace(300), Self.trace(2), Self.trace(7)], of: run, under: nil)
        try await store.save([Self.trace(2, "INVITE")], of: run, under: nil)
        try await store.save([Self.trace(2, "OPTIONS")], of: other, under: nil)
        #expect(try await store.trace(of: 2, of: run) == Self.trace(2, "INVITE"))
        #expect(try await store.trace(of: 3, of: run) == nil)
        #expect(try await store.traces(of: run, after: nil, atMost: 2).map(\.endpoint) == [2, 7])
        #expect(try await store.traces(of: run, after: 7, atMost: 2) == [Self.trace(300)])
        #expect(try await store.traces(of: run, after: 300, atMost: 2).isEmpty)
    }

    @Test(arguments: StoreEngine.allCases)
    func `traces of no run are refused, and so are those under leases that are over`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        let stranger: RunID = Sample.id()
        await #expect(throws: StoreError.notFound(kind: "run", id: stranger.description)) {
            try await fixture.store.save([Self.trace(0)], of: stranger, under: nil)
        }
        let run = try await fixture.addRun()
        await #expect(throws: StoreError.leaseLost(run: run.description)) {
            try await fixture.store.save([Self.trace(0)], of: run, under: LeaseFence(run: run, number: 99))
        }
        #expect(try await fixture.store.trace(of: 0, of: run) == nil)
    }
}
