// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import RunMetrics
import Store
import Testing

@Suite struct RunStoreTests {
    @Test(arguments: StoreEngine.allCases) func `H1 a run moves on, ends once, and is never moved again`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        let store = fixture.store
        let run = try await fixture.addRun(endpoints: 4)
        try await store.advance(run, to: .queued, at: Sample.time)
        #expect(try await store.run(run)?.startedAt == nil)
        try await store.advance(run, to: .running, at: Sample.time)
        try await store.advance(run, to: .stopping, at: Sample.later)
        let ending = RunEnding(
            status: .failed, failure: RunFailure(code: "interrupted", text: "the controller was restarted"),
            verdict: .failed, summary: [9, 8, 7], at: Sample.later)
        try await store.finish(run, ending)
        let record = try await store.run(run)
        #expect(record?.status == .failed && record?.failure == ending.failure && record?.verdict == .failed)
        #expect(record?.startedAt == Sample.time && record?.endedAt == Sample.later && record?.summary == [9, 8, 7])
        #expect(record?.definition == [1, 2, 3] && record?.endpoints == 4 && record?.requestedBy == "test")
        let over = StoreError.wrongStatus(run: run.description, status: "FAILED")
        await #expect(throws: over) { try await store.advance(run, to: .running, at: Sample.later) }
        await #expect(throws: over) {
            try await store.finish(run, RunEnding(status: .completed, at: Sample.later))
        }
    }

    @Test(arguments: StoreEngine.allCases) func `D5 runs that are not over are found after a restart`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        let runs = [try await fixture.addRun(), try await fixture.addRun(), try await fixture.addRun()]
        try await fixture.store.advance(runs[0], to: .running, at: Sample.time)
        try await fixture.store.finish(runs[1], RunEnding(status: .completed, at: Sample.later))
        #expect(try await Set(fixture.store.openRuns().map(\.id)) == [runs[0], runs[2]])
    }

    @Test(arguments: StoreEngine.allCases) func `runs are listed newest first, by pages`(engine: StoreEngine)
        async throws
    {
        let fixture = try await StoreFixture(engine)
        var runs: [RunID] = []
        for _ in 0..<5 { runs.append(try await fixture.addRun()) }
        runs.sort(by: >)
        let page = try await fixture.store.runs(
            of: fixture.project.id, test: nil, PageRequest(page: 2, perPage: 2))
        #expect(page.items.map(\.id) == Array(runs[2...3]) && page.total == 5)
        #expect(try await fixture.store.runs(of: fixture.project.id, test: Sample.id(), PageRequest()).total == 0)
    }

    @Test(arguments: StoreEngine.allCases) func `G1 an endpoint's result comes back whole, and a later one replaces it`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        let run = try await fixture.addRun(endpoints: 2)
        var result = EndpointResult(index: 1, group: "callers", username: "alice")
        result.phase = .closed
        result.outcome = .registrationFailed
        result.partner = 0
        result.registration.attempts = 2
        result.registration.finalStatus = SIPStatus(code: 401, reason: "Unauthorized")
        result.registration.offeredRealms = ["asterisk"]
        result.calls = [CallEvidence(role: .caller, target: "sip:bob@pbx")]
        try await fixture.store.save([
            EndpointRecord(run: run, result: EndpointResult(index: 1, group: "callers", username: "alice"))
        ])
        let record = EndpointRecord(run: run, result: result, diagnosis: "wrong_password")
        try await fixture.store.save([
            record, EndpointRecord(run: run, result: EndpointResult(index: 0, group: "callees", username: "bob")),
        ])
        #expect(try await fixture.store.endpoint(1, of: run) == record)
        #expect(try await fixture.store.endpoint(7, of: run) == nil)
        let all = try await fixture.store.endpoints(of: run, EndpointQuery())
        #expect(all.items.map(\.result.index) == [0, 1] && all.total == 2)
        for query in [
            EndpointQuery(outcome: .registrationFailed), EndpointQuery(group: "callers"),
            EndpointQuery(diagnosis: "wrong_password"),
        ] {
            #expect(try await fixture.store.endpoints(of: run, query).items == [record])
        }
        let unknown: RunID = Sample.id()
        await #expect(throws: StoreError.notFound(kind: "run", id: unknown.description)) {
            try await fixture.store.save([EndpointRecord(run: unknown, result: result)])
        }
    }

    @Test(arguments: StoreEngine.allCases) func `an API key is found by its hash until it is revoked`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        let store = fixture.store
        let hash = [UInt8](0..<32)
        let key = APIKeyRecord(
            id: Sample.id(), name: "ci", role: .tester, project: fixture.project.id, hash: hash,
            createdAt: Sample.time)
        let entry = AuditEntry(at: Sample.time, who: "test", action: "keys", subject: "key")
        try await store.add(key) { entry }
        #expect(try await store.apiKey(hash: hash) == key)
        #expect(try await store.apiKey(hash: [UInt8](repeating: 0, count: 32)) == nil)
        try await store.touch([key.id], at: Sample.later)
        try await store.touch([key.id], at: Sample.time)
        #expect(try await store.apiKeys().map(\.lastUsedAt) == [Sample.later])
        try await store.revoke(key.id, at: Sample.time) { entry }
        try await store.revoke(key.id, at: Sample.later) { entry }
        #expect(try await store.apiKey(hash: hash) == nil)
        #expect(try await store.apiKeys().map(\.revokedAt) == [Sample.time])
    }

    @Test(arguments: StoreEngine.allCases) func `E6 the audit log is read in order`(engine: StoreEngine) async throws {
        let fixture = try await StoreFixture(engine)
        let store = fixture.store
        let entry = AuditEntry(
            at: Sample.time, who: "key ci", action: "accounts.import", subject: "registrar pbx", details: "created 2")
        let first = try await store.append(entry)
        let second = try await store.append(entry)
        #expect(first < second)
        let entries = try await store.audit(after: 0)
        #expect(entries.map(\.sequence) == [first, second])
        #expect(
            entries.first?.details == "created 2" && entries.first?.who == "key ci" && entries.first?.at == Sample.time)
        #expect(try await store.audit(after: first).map(\.sequence) == [second])
    }
}
