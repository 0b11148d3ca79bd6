// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Foundation
import Store
import Testing
import Vault

/// What others see and may do while an import is open, and what its accounts count.
@Suite struct OpenImportTests {
    @Test(arguments: StoreEngine.allCases)
    func `B6 accounts of an open import are not listed, counted, lent or deleted, while others write and read`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        let store = fixture.store
        let registrar = fixture.registrar.id
        let id: ImportID = Sample.id()
        try await store.beginImport(id, into: registrar, at: Sample.time)
        for chunk in 0..<4 {
            let names = (0..<50).map { "import-\(chunk)-\($0)" }
            try await store.stage(Sample.staged(names, from: chunk * 50 + 1), in: id)
            try await store.add(Sample.account("single-\(chunk)"), to: registrar, at: Sample.time)
            #expect(try await store.usage(of: registrar).total == chunk + 1)
            let page = try await store.accounts(of: registrar, AccountQuery(order: .username))
            #expect(page.total == chunk + 1 && page.items.allSatisfy { $0.username.hasPrefix("single") })
        }
        #expect(try await store.accounts(of: registrar, AccountQuery(text: "import")).total == 0)
        let run = try await fixture.addRun(endpoints: 5)
        await #expect(throws: InsufficientAccounts.self) { try await store.allocate(run: run, [fixture.demand(5)]) }
        #expect(try await store.deleteAccounts(of: registrar, .all, expectedCount: 4).deleted == 4)
        try await store.publish(id) { Sample.entry }
        #expect(try await store.usage(of: registrar).total == 200)
        #expect(try await fixture.names().first == "import-0-0")
        #expect(try await store.inspect().problems.filter { $0.contains("count") && !$0.contains("key") } == [])
    }

    @Test(arguments: StoreEngine.allCases) func `B4 a username of an open import is taken, and words say by what`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        let registrar = fixture.registrar.id
        let id: ImportID = Sample.id()
        try await fixture.store.beginImport(id, into: registrar, at: Sample.time)
        try await fixture.store.stage(Sample.staged(["alice"]), in: id)
        let error = await #expect(throws: StoreError.nameInImport("alice")) {
            try await fixture.store.add(Sample.account("alice"), to: registrar, at: Sample.time)
        }
        #expect(error?.description.contains("import that is under way") == true)
        await #expect(throws: StoreError.importOpen(registrar: registrar.description)) {
            try await fixture.store.beginImport(Sample.id(), into: registrar, at: Sample.time)
        }
        try await fixture.store.abandon(id)
        try await fixture.store.add(Sample.account("alice"), to: registrar, at: Sample.time)
        #expect(try await fixture.importNames(["alice", "bob"]).skipped == 1)
    }

    @Test func `B6 an import that a dead process left gives way to the next one, and no count is off`() async throws {
        let fixture = try await StoreFixture(.sqliteFile)
        let registrar = fixture.registrar.id
        try await fixture.addAccounts(["a"])
        let left: ImportID = Sample.id()
        try await fixture.store.beginImport(left, into: registrar, at: Sample.time)
        // More than are removed in one transaction.
        try await fixture.store.stage(Sample.staged((0..<12_000).map { "left-\($0)" }), in: left)
        let path = try #require(fixture.folder).appending(path: "callmeter.db").path
        let next = try SQLiteStore(path: path, hash: Fingerprint.sha256)
        let id: ImportID = Sample.id()
        try await next.beginImport(id, into: registrar, at: Sample.time)
        #expect(try await next.stage(Sample.staged(["left-7", "a"]), in: id).created == 1)
        try await next.publish(id) { Sample.entry }
        #expect(try await next.usage(of: registrar).total == 2)
        await #expect(throws: StoreError.importClosed(left.description)) {
            try await fixture.store.publish(left) { Sample.entry }
        }
        #expect(try await next.inspect().problems.filter { !$0.contains("key") } == [])
        try await next.close()
    }
}
