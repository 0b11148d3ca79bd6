// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Store
import Testing

@Suite struct LeaseStoreTests {
    @Test(arguments: StoreEngine.allCases)
    func `D1 free accounts go to endpoints in the order they were added, group after group`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        let other = Sample.registrar("sbc", in: fixture.project.id)
        try await fixture.store.add(other)
        try await fixture.addAccounts(["z", "y", "x", "w"])
        try await fixture.addAccounts(["n", "m"], to: other)
        let run = try await fixture.addRun(endpoints: 5)
        let groups = [
            fixture.demand(2), GroupDemand(registrar: other.id, endpoints: 2), fixture.demand(1),
        ]
        let leases = try await fixture.store.allocate(run: run, groups)
        #expect(leases.map(\.endpoint) == [0, 1, 2, 3, 4])
        #expect(leases.map(\.username) == ["z", "y", "n", "m", "x"])
        #expect(
            leases.map(\.registrar) == [fixture, fixture].map(\.registrar.id) + [
                other.id, other.id, fixture.registrar.id,
            ])
        #expect(try await fixture.store.run(run)?.status == .queued)
        #expect(try await fixture.store.leases(of: run) == leases)
    }

    @Test(arguments: StoreEngine.allCases) func `D3 the leases of a run do not change while others come and go`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        try await fixture.addAccounts((0..<6).map { "u\($0)" })
        let first = try await fixture.addRun(endpoints: 2)
        let second = try await fixture.addRun(endpoints: 2)
        let third = try await fixture.addRun(endpoints: 4)
        let leases = try await fixture.store.allocate(run: first, [fixture.demand(2)])
        #expect(try await fixture.store.allocate(run: second, [fixture.demand(2)]).map(\.username) == ["u2", "u3"])
        try await fixture.store.release(second)
        let taken = try await fixture.store.allocate(run: third, [fixture.demand(4)])
        #expect(taken.map(\.username) == ["u2", "u3", "u4", "u5"])
        #expect(try await fixture.store.leases(of: first) == leases)
    }

    @Test(arguments: StoreEngine.allCases)
    func `D2 the fencing number rises with every allocation, also after releases`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        try await fixture.addAccounts(["a", "b"])
        var last: Int64 = 0
        for _ in 0..<4 {
            let run = try await fixture.addRun(endpoints: 2)
            let leases = try await fixture.store.allocate(run: run, [fixture.demand(2)])
            #expect(Set(leases.map(\.fence)).count == 1)
            #expect(leases[0].fence > last)
            last = leases[0].fence
            try await fixture.store.release(run)
        }
    }

    @Test(arguments: StoreEngine.allCases) func `D2 concurrent allocations never share an account`(engine: StoreEngine)
        async throws
    {
        let fixture = try await StoreFixture(engine)
        let store = fixture.store
        _ = try await fixture.importNames((0..<100).map { "u\($0)" })
        var runs: [RunID] = []
        for _ in 0..<24 { runs.append(try await fixture.addRun(endpoints: 7)) }
        let demand = fixture.demand(7)
        let outcomes = await withTaskGroup(of: Result<[LeaseRecord], any Error>.self) { group in
            for run in runs {
                group.addTask {
                    do { return .success(try await store.allocate(run: run, [demand])) } catch {
                        return .failure(error)
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        let granted = outcomes.compactMap { try? $0.get() }
        #expect(granted.count == 14, "100 accounts are enough for 14 runs of 7")
        #expect(Set(granted.joined().map(\.account)).count == 98)
        for case .failure(let error) in outcomes { #expect(error is InsufficientAccounts) }
        #expect(try await store.usage(of: fixture.registrar.id).inUse == 98)
    }

    @Test(arguments: StoreEngine.allCases)
    func `D4 too few accounts: nothing stays allocated, and the numbers say what is missing`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        let store = fixture.store
        let other = Sample.registrar("sbc", in: fixture.project.id)
        try await store.add(other)
        try await fixture.addAccounts((0..<20).map { "u\($0)" })
        let holder = try await fixture.addRun(endpoints: 3)
        _ = try await store.allocate(run: holder, [fixture.demand(3)])
        let run = try await fixture.addRun(endpoints: 23)
        let groups = [fixture.demand(10), GroupDemand(registrar: other.id, endpoints: 2), fixture.demand(11)]
        let error = await #expect(throws: InsufficientAccounts.self) { try await store.allocate(run: run, groups) }
        #expect(error?.shortages.map(\.needs) == [21, 2])
        #expect(error?.shortages.map(\.usage.total) == [20, 0])
        #expect(error?.shortages.map(\.missing) == [4, 2])
        #expect(error?.shortages.first?.usage.holders == [AccountHolding(run: holder, accounts: 3)])
        #expect(error?.description.hasPrefix("Insufficient SIP accounts: registrar pbx needs 21, has 20") == true)
        #expect(try await store.leases(of: run).isEmpty)
        #expect(try await store.usage(of: fixture.registrar.id).inUse == 3)
        #expect(try await store.run(run)?.status == .pending)
        try await store.finish(
            run,
            RunEnding(
                status: .failed,
                failure: RunFailure(code: InsufficientAccounts.code, text: "Insufficient SIP accounts"),
                at: Sample.later))
        #expect(try await store.run(run)?.failure?.code == "insufficient_sip_accounts")
    }

    @Test(arguments: StoreEngine.allCases, [RunStatus.completed, .failed, .cannotRunForNow])
    func `D5 however a run ends, its accounts are released once`(engine: StoreEngine, status: RunStatus) async throws {
        let fixture = try await StoreFixture(engine)
        try await fixture.addAccounts(["a", "b"])
        let run = try await fixture.addRun(endpoints: 2)
        _ = try await fixture.store.allocate(run: run, [fixture.demand(2)])
        try await fixture.store.finish(run, RunEnding(status: status, at: Sample.later))
        #expect(try await fixture.store.usage(of: fixture.registrar.id).free == 2)
        #expect(try await fixture.store.release(run) == 0)
        let next = try await fixture.addRun(endpoints: 2)
        _ = try await fixture.store.allocate(run: next, [fixture.demand(2)])
        #expect(try await fixture.store.release(run) == 0, "a late release of the first run frees nothing of the next")
        #expect(try await fixture.store.leases(of: next).count == 2)
    }

    @Test(arguments: StoreEngine.allCases) func `D5 the Contact that was left at the server comes with the next lease`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        let account = try await fixture.addAccounts(["a"])[0].id
        let leftover = LeftoverContact(contact: "<sip:a@127.0.0.1:40000>", expiresAt: Sample.later)
        try await fixture.store.record([
            RegistrationUpdate(account: account, registration: nil, leftover: leftover)
        ])
        let first = try await fixture.addRun()
        #expect(try await fixture.store.allocate(run: first, [fixture.demand(1)])[0].leftover == leftover)
        try await fixture.store.record([RegistrationUpdate(account: account, registration: nil, leftover: nil)])
        try await fixture.store.release(first)
        let second = try await fixture.addRun()
        #expect(try await fixture.store.allocate(run: second, [fixture.demand(1)])[0].leftover == nil)
    }

    @Test(arguments: StoreEngine.allCases) func `only a run that is PENDING takes accounts, and only once`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        try await fixture.addAccounts(["a", "b"])
        let run = try await fixture.addRun()
        _ = try await fixture.store.allocate(run: run, [fixture.demand(1)])
        await #expect(throws: StoreError.wrongStatus(run: run.description, status: "QUEUED")) {
            try await fixture.store.allocate(run: run, [fixture.demand(1)])
        }
        try await fixture.store.finish(run, RunEnding(status: .failed, at: Sample.later))
        await #expect(throws: StoreError.wrongStatus(run: run.description, status: "FAILED")) {
            try await fixture.store.allocate(run: run, [fixture.demand(1)])
        }
        let unknown: RunID = Sample.id()
        await #expect(throws: StoreError.notFound(kind: "run", id: unknown.description)) {
            try await fixture.store.allocate(run: unknown, [fixture.demand(1)])
        }
        #expect(try await fixture.store.usage(of: fixture.registrar.id).inUse == 0)
    }
}
