// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import RunMetrics
import Store
import Testing

/// The end of leases by the store's clock, and what is refused afterwards.
@Suite struct LeaseTermTests {
    private static let term = Interval.seconds(30)
    private static let grace = Interval.seconds(15)

    private static func office(_ engine: StoreEngine, accounts: Int = 3) async throws -> (StoreFixture, ManualClock) {
        let clock = ManualClock()
        let fixture = try await StoreFixture(engine, clock: clock)
        try await fixture.addAccounts((0..<accounts).map { "u\($0)" })
        return (fixture, clock)
    }

    /// A run with accounts, for one term from now.
    private static func lend(_ fixture: StoreFixture, endpoints: Int = 3) async throws -> LeaseFence {
        let run = try await fixture.addRun(endpoints: endpoints)
        return try await fixture.store.allocate(
            run: run, [fixture.demand(endpoints)], term: term, by: "test"
        ).fence
    }

    @Test(arguments: StoreEngine.allCases)
    func `D5 leases that are not renewed end by the database's clock, after the grace time, and end their run`(
        engine: StoreEngine
    ) async throws {
        let (fixture, clock) = try await Self.office(engine)
        let store = fixture.store
        let fence = try await Self.lend(fixture)
        clock.advance(by: .seconds(44))
        #expect(try await store.expireLeases(grace: Self.grace, by: "test").isEmpty)
        #expect(try await store.usage(of: fixture.registrar.id).inUse == 3)
        clock.advance(by: .seconds(1))
        #expect(
            try await store.expireLeases(grace: Self.grace, by: "test") == [ExpiredLeases(fence: fence, accounts: 3)])
        let run = try #require(try await store.run(fence.run))
        #expect(run.status == .failed && run.failure?.code == "lease_expired" && run.verdict == .failed)
        #expect(run.endedAt == clock.now)
        #expect(try await store.usage(of: fixture.registrar.id).free == 3)
        #expect(try await store.expireLeases(grace: Self.grace, by: "test").isEmpty)
        let notes = try await fixture.audit().compactMap { AllocationNote($0) }
        #expect(notes.map(\.event) == [.allocate, .expire])
        #expect(notes[0].positions == notes[1].positions && notes[0].positions.count == 3)
        #expect(notes.allSatisfy { $0.fence == fence && $0.registrar == fixture.registrar.id })
    }

    @Test(arguments: StoreEngine.allCases)
    func `leases that are renewed in time never end, those renewed too late stay ended`(
        engine: StoreEngine
    ) async throws {
        let (fixture, clock) = try await Self.office(engine)
        let store = fixture.store
        let fence = try await Self.lend(fixture)
        for _ in 0..<20 {
            clock.advance(by: .seconds(29))
            try await store.renew(fence, term: Self.term)
            #expect(try await store.expireLeases(grace: .zero, by: "test").isEmpty)
        }
        clock.advance(by: .seconds(30))
        await #expect(throws: StoreError.leaseLost(run: fence.run.description)) {
            try await store.renew(fence, term: Self.term)
        }
        // Nobody took them yet: within the grace time the worker may still hand its results in.
        try await store.save([Self.record(fence)], under: fence)
        #expect(try await store.expireLeases(grace: .zero, by: "test").count == 1)
    }

    @Test(arguments: StoreEngine.allCases)
    func `D2 a worker that wakes after its leases ended can write to nothing that another run has by now`(
        engine: StoreEngine
    ) async throws {
        let (fixture, clock) = try await Self.office(engine)
        let store = fixture.store
        let old = try await Self.lend(fixture)
        let accounts = try await store.leases(of: old.run).map(\.account)
        clock.advance(by: .seconds(60))
        _ = try await store.expireLeases(grace: Self.grace, by: "test")
        let new = try await Self.lend(fixture)
        #expect(new.number > old.number)
        #expect(try await store.leases(of: new.run).map(\.account) == accounts)
        let lost = StoreError.leaseLost(run: old.run.description)
        let update = RegistrationUpdate(
            account: accounts[0], registration: RegistrationRecord(status: nil, at: Sample.time),
            leftover: LeftoverContact(contact: "<sip:late@host>", expiresAt: Sample.later))
        await #expect(throws: lost) { try await store.renew(old, term: Self.term) }
        await #expect(throws: lost) { try await store.record([update], under: old) }
        await #expect(throws: lost) { try await store.save([Self.record(old)], under: old) }
        await #expect(throws: lost) { try await store.secrets(under: old, endpoints: 0..<3) }
        await #expect(throws: StoreError.wrongStatus(run: old.run.description, status: "FAILED")) {
            try await store.finish(old.run, RunEnding(status: .completed, at: Sample.later), under: old, by: "test")
        }
        #expect(try await store.release(old.run, by: "test") == 0)
        // A number of another run does not help either.
        let forged = LeaseFence(run: old.run, number: new.number)
        await #expect(throws: lost) { try await store.record([update], under: forged) }
        let leases = try await store.leases(of: new.run)
        #expect(leases.count == 3 && leases.allSatisfy { $0.leftover == nil })
        #expect(try await store.account(accounts[0])?.lastRegistration == nil)
        #expect(try await store.endpoint(0, of: old.run) == nil)
        try await store.record([update], under: new)
        #expect(try await store.leases(of: new.run)[0].leftover?.contact == "<sip:late@host>")
    }

    @Test(arguments: StoreEngine.allCases) func `D2 a run writes to its own accounts only`(engine: StoreEngine)
        async throws
    {
        let (fixture, _) = try await Self.office(engine)
        let fence = try await Self.lend(fixture, endpoints: 2)
        let free = try await fixture.store.accounts(of: fixture.registrar.id, AccountQuery(inUse: false)).items[0].id
        try await fixture.store.record(
            [
                RegistrationUpdate(
                    account: free, registration: RegistrationRecord(status: nil, at: Sample.time), leftover: nil)
            ],
            under: fence)
        #expect(try await fixture.store.account(free)?.lastRegistration == nil)
    }

    @Test(arguments: StoreEngine.allCases)
    func `D5 lending and return are noted where they happen, each registrar apart`(
        engine: StoreEngine
    ) async throws {
        let (fixture, clock) = try await Self.office(engine)
        let other = Sample.registrar("sbc", in: fixture.project.id)
        try await fixture.store.add(other)
        try await fixture.addAccounts(["n", "m"], to: other)
        let run = try await fixture.addRun(endpoints: 4)
        let groups = [fixture.demand(1), GroupDemand(registrar: other.id, endpoints: 2), fixture.demand(1)]
        let allocation = try await fixture.store.allocate(run: run, groups, term: Self.term, by: "cli")
        #expect(allocation.accounts == 4)
        clock.advance(by: .seconds(5))
        try await fixture.store.finish(
            run, RunEnding(status: .completed, at: Sample.later), under: allocation.fence, by: "controller")
        let before = 5  // the accounts that were added
        let entries = try await fixture.audit().dropFirst(before)
        #expect(entries.map(\.who) == ["cli", "cli", "controller", "controller"])
        #expect(entries.map(\.at) == [Sample.time, Sample.time, clock.now, clock.now], "by the database's clock")
        let notes = entries.compactMap { AllocationNote($0) }
        #expect(notes.map(\.event) == [.allocate, .allocate, .release, .release])
        for pair in [notes[0...1], notes[2...3]] {
            #expect(pair.first { $0.registrar == other.id }?.positions == PositionRanges("1-2"))
            #expect(pair.first { $0.registrar == fixture.registrar.id }?.positions == PositionRanges("1-2"))
        }
        let short = try await fixture.addRun(endpoints: 9)
        await #expect(throws: InsufficientAccounts.self) {
            try await fixture.store.allocate(run: short, [fixture.demand(9)], term: Self.term, by: "cli")
        }
        #expect(try await fixture.audit().count == before + 4, "D4: nothing was lent, so nothing is noted")
    }

    @Test(arguments: StoreEngine.allCases) func `a list says which run and endpoint has an account`(engine: StoreEngine)
        async throws
    {
        let (fixture, _) = try await Self.office(engine)
        let fence = try await Self.lend(fixture, endpoints: 2)
        let all = try await fixture.store.accounts(of: fixture.registrar.id, AccountQuery()).items
        #expect(all.map(\.inUseBy) == [fence.run, fence.run, nil])
        #expect(all.map(\.endpoint) == [0, 1, nil])
    }

    private static func record(_ fence: LeaseFence) -> EndpointRecord {
        EndpointRecord(run: fence.run, result: EndpointResult(index: 0, group: "g", username: "u0"))
    }
}
