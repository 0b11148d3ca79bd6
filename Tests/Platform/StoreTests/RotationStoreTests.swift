// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import RunMetrics
import Store
import Testing

@Suite struct RotationStoreTests {
    @Test(arguments: StoreEngine.allCases)
    func `A5 a rotated list has new passwords at the old positions, and accounts not named stay`(engine: StoreEngine)
        async throws
    {
        let fixture = try await StoreFixture(engine)
        let added = try await fixture.addAccounts(["a", "b", "c", "d"])
        let status = RegistrationRecord(status: SIPStatus(code: 401, reason: "Unauthorized"), at: Sample.time)
        let contact = LeftoverContact(contact: "<sip:b@127.0.0.1>", expiresAt: Sample.later)
        try await fixture.store.record([
            RegistrationUpdate(account: added[1].id, registration: status, leftover: contact)
        ])
        let (rotation, entries) = try await Self.rotate(["d", "b"], in: fixture)
        #expect(rotation == PublishedRotation(rotated: 2, unknown: 0, held: [], problems: []))
        #expect(entries == ["2 rotated"])
        let after = try await fixture.store.accounts(of: fixture.registrar.id, AccountQuery()).items
        #expect(after.map(\.username) == ["a", "b", "c", "d"])
        #expect(after.map(\.position) == added.map(\.position))
        #expect([after[0], after[2]] == [added[0], added[2]])
        #expect(after[1].id != added[1].id && after[3].id != added[3].id)
        #expect(after[1].addedAt == Sample.later && after[1].lastRegistration == nil)
        // The binding of the old password may still stand: the next use removes it (D5).
        let run = try await fixture.addRun(endpoints: 4)
        let leases = try await fixture.store.allocate(run: run, [fixture.demand(4)])
        #expect(leases.map(\.account) == after.map(\.id))
        #expect(leases.map(\.leftover) == [nil, contact, nil, nil])
        let fence = try #require(leases.first).fence
        let secrets = try await fixture.store.secrets(
            under: LeaseFence(run: run, number: fence), endpoints: 0..<4)
        #expect(secrets == [Sample.secret(), Sample.secret(9), Sample.secret(), Sample.secret(9)])
    }

    @Test(arguments: StoreEngine.allCases)
    func `A5 an unknown username or an account that a run holds changes nothing, and each is named`(engine: StoreEngine)
        async throws
    {
        let fixture = try await StoreFixture(engine)
        try await fixture.addAccounts(["a", "b", "c"])
        let run = try await fixture.addRun(endpoints: 2)
        try await fixture.store.allocate(run: run, [fixture.demand(2)])
        let before = try await fixture.store.accounts(of: fixture.registrar.id, AccountQuery()).items
        let (rotation, entries) = try await Self.rotate(["c", "B", "b", "x", "a"], in: fixture)
        #expect(rotation.rotated == 0 && rotation.unknown == 2)
        #expect(rotation.held == [AccountHolding(run: run, accounts: 2)])
        #expect(
            rotation.problems == [
                ImportProblem(line: 2, username: "B", reason: .usernameUnknown),
                ImportProblem(line: 3, username: "b", reason: .accountInUse(run)),
                ImportProblem(line: 4, username: "x", reason: .usernameUnknown),
                ImportProblem(line: 5, username: "a", reason: .accountInUse(run)),
            ])
        #expect(entries == [])
        #expect(try await fixture.store.accounts(of: fixture.registrar.id, AccountQuery()).items == before)
        // Free again, the same list without the unknown names is taken.
        try await fixture.store.release(run)
        #expect(try await Self.rotate(["c", "b", "a"], in: fixture).0.rotated == 3)
    }

    @Test(arguments: StoreEngine.allCases)
    func `A5 accounts of another registrar or of an import that is not over are unknown`(engine: StoreEngine)
        async throws
    {
        let fixture = try await StoreFixture(engine)
        let other = Sample.registrar("other", in: fixture.project.id)
        try await fixture.store.add(other)
        try await fixture.addAccounts(["a"], to: other)
        #expect(try await Self.rotate(["a"], in: fixture).0.unknown == 1)
        let (id, second): (ImportID, ImportID) = (Sample.id(), Sample.id())
        try await fixture.store.beginImport(id, into: fixture.registrar.id, at: Sample.time)
        // One list at a time: what the import adds could not be judged.
        await #expect(throws: StoreError.self) {
            try await fixture.store.beginRotation(second, of: fixture.registrar.id, at: Sample.time)
        }
        try await fixture.store.abandon(id)
    }

    @Test(arguments: StoreEngine.allCases)
    func `A5 and B6 a rotation that is not applied, abandoned or swept leaves nothing`(engine: StoreEngine) async throws
    {
        let fixture = try await StoreFixture(engine)
        let before = try await fixture.addAccounts(["a"])
        #expect(try await Self.rotate(["a"], apply: false, in: fixture).0.rotated == 0)
        let id: ImportID = Sample.id()
        try await fixture.store.beginRotation(id, of: fixture.registrar.id, at: Sample.time)
        try await fixture.store.stageRotation(Self.chunk(["a"]), in: id)
        try await fixture.store.abandonRotation(id)
        try await fixture.store.abandonRotation(id)
        await #expect(throws: StoreError.importClosed(id.description)) {
            try await fixture.store.stageRotation(Self.chunk(["a"]), in: id)
        }
        let left: ImportID = Sample.id()
        try await fixture.store.beginRotation(left, of: fixture.registrar.id, at: Sample.time)
        try await fixture.store.stageRotation(Self.chunk(["a"]), in: left)
        #expect(try await fixture.store.sweepImports() == 1)
        await #expect(throws: StoreError.importClosed(left.description)) {
            try await fixture.store.rotate(left, columns: ImportColumns(), apply: true, at: Sample.time) { _ in
                Sample.entry
            }
        }
        #expect(try await fixture.store.accounts(of: fixture.registrar.id, AccountQuery()).items == before)
    }

    @Test(arguments: StoreEngine.allCases)
    func `A5 realm and extension change only where the list has such columns`(engine: StoreEngine) async throws {
        let fixture = try await StoreFixture(engine)
        let key = try await Self.key(of: fixture)
        let account = NewAccount(
            id: Sample.id(), username: "a", realm: "old", extensionNumber: "1", secret: Sample.secret())
        try await fixture.store.add(account, to: fixture.registrar.id, at: Sample.time)
        for (columns, realm, number) in [
            (ImportColumns(), "old", "1" as String?), (ImportColumns(realm: true), "new", "1"),
            (ImportColumns(realm: true, extensionNumber: true), "new", nil),
        ] {
            var chunk = StagedChunk()
            chunk.append(
                StagedAccount(
                    line: 1,
                    account: NewAccount(id: Sample.id(), username: "a", realm: "new", secret: try Self.secret(9, key))))
            let id: ImportID = Sample.id()
            try await fixture.store.beginRotation(id, of: fixture.registrar.id, at: Sample.time)
            try await fixture.store.stageRotation(chunk, in: id)
            _ = try await fixture.store.rotate(id, columns: columns, apply: true, at: Sample.later) { _ in Sample.entry
            }
            let after = try await fixture.store.accounts(of: fixture.registrar.id, AccountQuery()).items[0]
            #expect(after.realm == realm && after.extensionNumber == number)
        }
    }

    @Test(arguments: StoreEngine.allCases)
    func `E1 a list sealed under a key that is gone is not taken`(engine: StoreEngine) async throws {
        let fixture = try await StoreFixture(engine)
        let before = try await fixture.addAccounts(["a"])
        let id: ImportID = Sample.id()
        try await fixture.store.beginRotation(id, of: fixture.registrar.id, at: Sample.time)
        var chunk = StagedChunk()
        let foreign = NewAccount(id: Sample.id(), username: "a", secret: try Self.secret(9, KeyID(high: 9, low: 9)))
        chunk.append(StagedAccount(line: 1, account: foreign))
        try await fixture.store.stageRotation(chunk, in: id)
        await #expect(throws: StoreError.importClosed(id.description)) {
            try await fixture.store.rotate(id, columns: ImportColumns(), apply: true, at: Sample.time) { _ in
                Sample.entry
            }
        }
        #expect(try await fixture.store.accounts(of: fixture.registrar.id, AccountQuery()).items == before)
    }

    @Test(arguments: StoreEngine.allCases)
    func `A5 a list of 25,000 is rotated whole`(engine: StoreEngine) async throws {
        let fixture = try await StoreFixture(engine)
        let names = (0..<25_000).map { "user-\($0)" }
        #expect(try await fixture.importNames(names).created == names.count)
        #expect(try await Self.rotate(names.reversed(), in: fixture).0.rotated == names.count)
        #expect(try await fixture.names() == Array(names.prefix(500)))
    }

    /// Rotates names to passwords with the mark 9; gives the result and the details of the audit.
    private static func rotate(
        _ names: [String], apply: Bool = true, in fixture: StoreFixture
    ) async throws -> (PublishedRotation, [String]) {
        _ = try await key(of: fixture)
        let id: ImportID = Sample.id()
        try await fixture.store.beginRotation(id, of: fixture.registrar.id, at: Sample.time)
        for start in stride(from: 0, to: names.count, by: 10_000) {
            let part = Array(names[start..<min(start + 10_000, names.count)])
            try await fixture.store.stageRotation(chunk(part, from: start + 1), in: id)
        }
        let rotation = try await fixture.store.rotate(
            id, columns: ImportColumns(), apply: apply, at: Sample.later
        ) { done in
            AuditEntry(
                at: Sample.later, who: "test", action: "accounts.rotate", subject: "",
                details: "\(done.rotated) rotated")
        }
        let entries = try await fixture.store.audit(after: 0).filter { $0.action == "accounts.rotate" }.map(\.details)
        return (rotation, entries)
    }

    private static func chunk(_ names: [String], from line: Int = 1) -> StagedChunk {
        var chunk = StagedChunk(capacity: names.count)
        for (place, name) in names.enumerated() {
            let account = NewAccount(id: Sample.id(), username: name, secret: Sample.secret(9))
            chunk.append(StagedAccount(line: line + place, account: account))
        }
        return chunk
    }

    /// The key that sample secrets name.
    private static func key(of fixture: StoreFixture) async throws -> KeyID {
        let key = KeyID(high: 1, low: 2)
        _ = try await fixture.store.addDataKey(
            WrappedKey(id: key, registrar: fixture.registrar.id, sealed: Sample.secret(), createdAt: Sample.time))
        return key
    }

    private static func secret(_ mark: UInt8, _ key: KeyID) throws -> SealedSecret {
        try SealedSecret(
            key: key, nonce: [UInt8](repeating: mark, count: 12), ciphertext: [UInt8](repeating: mark, count: 32),
            tag: [UInt8](repeating: mark, count: 16))
    }
}
