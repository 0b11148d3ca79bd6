// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import RunMetrics
import Store
import Testing

@Suite struct AccountStoreTests {
    @Test(arguments: StoreEngine.allCases) func `A1 and A6 an account is listed with all but its secret`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        let account = NewAccount(
            id: Sample.id(), username: "alice", realm: "sip.example.com", extensionNumber: "1001",
            secret: Sample.secret(0xAB))
        let added = try await fixture.store.add(account, to: fixture.registrar.id, at: Sample.time)
        #expect(added.realm == "sip.example.com" && added.extensionNumber == "1001" && added.addedAt == Sample.time)
        #expect(try await fixture.store.account(account.id) == added)
        let page = try await fixture.store.accounts(of: fixture.registrar.id, AccountQuery())
        #expect(page.items == [added] && page.total == 1)
        var text = ""
        dump(page, to: &text)
        #expect(!text.lowercased().contains("secret") && !text.contains("- 171\n"), "0xAB fills the sealed secret")
    }

    @Test(arguments: StoreEngine.allCases)
    func `A2 a username is unique within its registrar, case-sensitive, byte by byte`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        try await fixture.addAccounts(["bob", "Bob", "caf\u{E9}", "cafe\u{301}"])
        await #expect(throws: StoreError.nameTaken(kind: "account", name: "bob")) {
            try await fixture.addAccounts(["bob"])
        }
        let other = Sample.registrar("other", in: fixture.project.id)
        try await fixture.store.add(other)
        try await fixture.addAccounts(["bob"], to: other)
        #expect(try await fixture.store.usage(of: fixture.registrar.id).total == 4)
        #expect(try await fixture.store.usage(of: other.id).total == 1)
    }

    @Test(arguments: StoreEngine.allCases) func `A4 accounts are paged, sorted and filtered`(engine: StoreEngine)
        async throws
    {
        let fixture = try await StoreFixture(engine)
        try await fixture.addAccounts(["c-3", "A-1", "b_2", "bx2", "50%"])
        #expect(try await fixture.names() == ["c-3", "A-1", "b_2", "bx2", "50%"])
        #expect(try await fixture.names(AccountQuery(order: .username)) == ["50%", "A-1", "b_2", "bx2", "c-3"])
        #expect(try await fixture.names(AccountQuery(order: .position, descending: true)).first == "50%")
        #expect(try await fixture.names(AccountQuery(text: "a-")) == ["A-1"])
        #expect(try await fixture.names(AccountQuery(text: "b_")) == ["b_2"], "wildcards are taken literally")
        #expect(try await fixture.names(AccountQuery(text: "%")) == ["50%"])
        let page = try await fixture.store.accounts(
            of: fixture.registrar.id, AccountQuery(page: PageRequest(page: 2, perPage: 2)))
        #expect(page.items.map(\.username) == ["b_2", "bx2"] && page.total == 5)
        let run = try await fixture.addRun(endpoints: 2)
        _ = try await fixture.store.allocate(run: run, [fixture.demand(2)])
        #expect(try await fixture.names(AccountQuery(inUse: true)) == ["c-3", "A-1"])
        #expect(try await fixture.names(AccountQuery(inUse: false)) == ["b_2", "bx2", "50%"])
    }

    @Test(arguments: StoreEngine.allCases)
    func `A6 the list shows the run that holds an account and its last registration`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        let account = try await fixture.addAccounts(["a"])[0].id
        let run = try await fixture.addRun()
        _ = try await fixture.store.allocate(run: run, [fixture.demand(1)])
        let refused = RegistrationRecord(status: SIPStatus(code: 403, reason: "Forbidden"), at: Sample.later)
        try await fixture.store.record([
            RegistrationUpdate(account: account, registration: refused, leftover: nil),
            RegistrationUpdate(account: Sample.id(), registration: refused, leftover: nil),
        ])
        let shown = try await fixture.store.account(account)
        #expect(shown?.inUseBy == run && shown?.lastRegistration == refused)
        try await fixture.store.record([
            RegistrationUpdate(
                account: account, registration: RegistrationRecord(status: nil, at: Sample.time), leftover: nil)
        ])
        #expect(
            try await fixture.store.account(account)?.lastRegistration
                == RegistrationRecord(status: nil, at: Sample.time))
    }

    @Test(arguments: StoreEngine.allCases) func `A4 accounts are deleted one by one, by filter, and all`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        let registrar = fixture.registrar.id
        let accounts = try await fixture.addAccounts(["a1", "a2", "b1", "b2", "c"])
        let other = Sample.registrar("other", in: fixture.project.id)
        try await fixture.store.add(other)
        let foreign = try await fixture.addAccounts(["a1"], to: other)
        let ids = [accounts[0].id, accounts[0].id, foreign[0].id, Sample.id()]
        let one = try await fixture.store.deleteAccounts(of: registrar, .ids(ids), expectedCount: nil)
        #expect(one.deleted == 1 && one.refusedCount == 0)
        let some = try await fixture.store.deleteAccounts(of: registrar, .matching("B"), expectedCount: 2)
        #expect(some.deleted == 2)
        #expect(try await fixture.names() == ["a2", "c"])
        await #expect(throws: StoreError.countChanged(expected: 3, actual: 2)) {
            try await fixture.store.deleteAccounts(of: registrar, .all, expectedCount: 3)
        }
        #expect(try await fixture.names() == ["a2", "c"])
        #expect(try await fixture.store.deleteAccounts(of: registrar, .all, expectedCount: 2).deleted == 2)
        #expect(try await fixture.store.usage(of: other.id).total == 1)
    }

    @Test(arguments: StoreEngine.allCases)
    func `A7 an account that a live run holds is not deleted, and the run is named`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        let accounts = try await fixture.addAccounts(["a", "b", "c"])
        let run = try await fixture.addRun(endpoints: 2)
        _ = try await fixture.store.allocate(run: run, [fixture.demand(2)])
        let held = [
            HeldAccount(account: accounts[0].id, username: "a", run: run),
            HeldAccount(account: accounts[1].id, username: "b", run: run),
        ]
        let ids = Array(accounts.map(\.id).reversed())
        let named = try await fixture.store.deleteAccounts(of: fixture.registrar.id, .ids(ids), expectedCount: 3)
        #expect(named == AccountDeletion(deleted: 1, refusedCount: 2, refused: held))
        let all = try await fixture.store.deleteAccounts(of: fixture.registrar.id, .all, expectedCount: 2)
        #expect(all == AccountDeletion(deleted: 0, refusedCount: 2, refused: held))
        try await fixture.store.release(run)
        #expect(
            try await fixture.store.deleteAccounts(of: fixture.registrar.id, .all, expectedCount: nil).deleted == 2)
    }

    @Test(arguments: StoreEngine.allCases) func `A7 results keep the username of an account that was deleted`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        try await fixture.addAccounts(["alice"])
        let run = try await fixture.addRun()
        _ = try await fixture.store.allocate(run: run, [fixture.demand(1)])
        let result = EndpointResult(index: 0, group: "callers", username: "alice")
        try await fixture.store.save([EndpointRecord(run: run, result: result)])
        try await fixture.store.finish(run, RunEnding(status: .completed, at: Sample.later))
        #expect(
            try await fixture.store.deleteAccounts(of: fixture.registrar.id, .all, expectedCount: 1).deleted == 1)
        try await fixture.store.deleteRegistrar(fixture.registrar.id)
        #expect(try await fixture.store.endpoint(0, of: run)?.result == result)
    }

    @Test(arguments: StoreEngine.allCases) func `B4 a position is never given twice, so the order of addition stays`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        let first = try await fixture.addAccounts(["a", "b"])
        _ = try await fixture.store.deleteAccounts(of: fixture.registrar.id, .all, expectedCount: nil)
        let second = try await fixture.addAccounts(["c"])
        #expect(first[0].position < first[1].position && first[1].position < second[0].position)
    }
}
