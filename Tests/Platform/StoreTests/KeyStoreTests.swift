// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Foundation
import GRDB
import Store
import Testing
import Vault

/// What the store remembers of keys, and what is left in its files of what it forgot.
@Suite struct KeyStoreTests {
    private static let master = KeyID(high: 77, low: 1)

    private static func key(
        _ mark: UInt8, of registrar: RegistrarID, under master: KeyID = KeyStoreTests.master
    ) throws -> WrappedKey {
        WrappedKey(
            id: Sample.id(), registrar: registrar,
            sealed: try SealedSecret(
                key: master, nonce: [UInt8](repeating: mark, count: 12),
                ciphertext: (0..<32).map { _ in UInt8.random(in: 0...255) }, tag: [UInt8](repeating: mark, count: 16)),
            createdAt: Sample.time)
    }

    private static func secret(under key: KeyID) throws -> SealedSecret {
        try SealedSecret(
            key: key, nonce: [UInt8](repeating: 1, count: 12),
            ciphertext: (0..<32).map { _ in UInt8.random(in: 0...255) }, tag: [UInt8](repeating: 2, count: 16))
    }

    private static func note(_ action: String) -> AuditEntry {
        AuditEntry(at: Sample.time, who: "test", action: action, subject: "key")
    }

    private static func add(
        _ names: [String], under key: KeyID, to fixture: StoreFixture, _ registrar: RegistrarID? = nil
    ) async throws -> [SealedSecret] {
        var secrets: [SealedSecret] = []
        for name in names {
            let account = NewAccount(id: Sample.id(), username: name, secret: try secret(under: key))
            try await fixture.store.add(account, to: registrar ?? fixture.registrar.id, at: Sample.time)
            secrets.append(account.secret)
        }
        return secrets
    }

    @Test(arguments: StoreEngine.allCases)
    func `E1 the first data key names the database's master key, and one under another is refused`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        let store = fixture.store
        #expect(try await store.masterKey() == nil)
        let first = try Self.key(1, of: fixture.registrar.id)
        #expect(try await store.addDataKey(first) == first)
        #expect(try await store.masterKey() == Self.master)
        #expect(try await store.noteMasterKey(KeyID(high: 1, low: 1)) == Self.master)
        let other = Sample.registrar("other", in: fixture.project.id)
        try await store.add(other)
        let foreign = try Self.key(2, of: other.id, under: KeyID(high: 5, low: 5))
        await #expect(throws: StoreError.otherMasterKey) { try await store.addDataKey(foreign) }
        await #expect(throws: StoreError.otherMasterKey) {
            try await store.replaceDataKey(with: foreign) { Self.note("x") }
        }
        #expect(try await store.audit(after: 0).isEmpty)
    }

    @Test(arguments: StoreEngine.allCases)
    func `E1 the master key changes for all data keys or for none`(engine: StoreEngine) async throws {
        let fixture = try await StoreFixture(engine)
        let store = fixture.store
        let second = Sample.registrar("second", in: fixture.project.id)
        try await store.add(second)
        let keys = [try Self.key(1, of: fixture.registrar.id), try Self.key(2, of: second.id)]
        for key in keys { _ = try await store.addDataKey(key) }
        let new = KeyID(high: 78, low: 1)
        await #expect(throws: VaultError.notAuthentic) {
            try await store.rewrapDataKeys(from: Self.master, to: new, audit: { _ in Self.note("rotate") }) { key in
                if key.id == keys[1].id { throw VaultError.notAuthentic }
                var wrapped = key
                wrapped.sealed = try Self.key(3, of: key.registrar, under: new).sealed
                return wrapped
            }
        }
        await #expect(throws: StoreError.otherMasterKey) {
            try await store.rewrapDataKeys(from: new, to: new, audit: { _ in Self.note("rotate") }) { $0 }
        }
        #expect(try await store.dataKeys(keys.map(\.id)) == keys)
        #expect(try await store.masterKey() == Self.master)
        #expect(try await store.audit(after: 0).isEmpty)
        let count = try await store.rewrapDataKeys(from: Self.master, to: new, audit: { _ in Self.note("rotate") }) {
            var key = $0
            key.sealed = try Self.key(4, of: $0.registrar, under: new).sealed
            return key
        }
        #expect(count == 2)
        #expect(try await store.masterKey() == new)
        #expect(try await store.dataKeys(keys.map(\.id)).allSatisfy { $0.sealed.key == new })
        #expect(try await store.audit(after: 0).map(\.action) == ["rotate"])
    }

    @Test(arguments: StoreEngine.allCases)
    func `E1 a data key on its way out takes nothing more, but from the import that had it`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        let store = fixture.store
        let registrar = fixture.registrar.id
        let old = try Self.key(1, of: registrar)
        _ = try await store.addDataKey(old)
        let secrets = try await Self.add(["a", "b"], under: old.id, to: fixture)
        let batch: ImportID = Sample.id()
        try await store.beginImport(batch, into: registrar, at: Sample.time)
        let new = try Self.key(2, of: registrar)
        #expect(try await store.replaceDataKey(with: new) { Self.note("rotate") })
        #expect(try await store.dataKey(of: registrar)?.id == new.id)
        #expect(try await !store.replaceDataKey(with: Self.key(3, of: registrar)) { Self.note("again") })
        await #expect(throws: StoreError.keyLeaving) { try await Self.add(["c"], under: old.id, to: fixture) }
        #expect(try await store.countAccounts(of: registrar, under: old.id) == 2)

        // One account is changed by somebody else between its reading and its sealing.
        let read = try await store.sealedAccounts(of: registrar, only: old.id, after: 0, limit: 10)
        #expect(read.map(\.secret) == secrets)
        let fresh = try read.map {
            ResealedAccount(position: $0.position, old: $0.secret, new: try Self.secret(under: new.id))
        }
        var stale = fresh[0]
        stale.old = try Self.secret(under: old.id)
        #expect(try await store.reseal([stale, fresh[1]]) == 1)
        #expect(try await !store.removeDataKey(old.id) { Self.note("gone") }, "an account is under it")
        #expect(try await store.reseal([fresh[0]]) == 1)
        #expect(try await !store.removeDataKey(old.id) { Self.note("gone") }, "an import may use it")
        let account = NewAccount(id: Sample.id(), username: "late", secret: try Self.secret(under: old.id))
        var chunk = StagedChunk()
        chunk.append(StagedAccount(line: 1, account: account))
        try await store.stage(chunk, in: batch)
        try await store.publish(batch) { Self.note("import") }
        #expect(try await !store.removeDataKey(old.id) { Self.note("gone") }, "the import's account is under it")
        let late = try await store.sealedAccounts(of: registrar, only: old.id, after: 0, limit: 10)
        #expect(late.map(\.account) == [account.id])
        let last = ResealedAccount(
            position: late[0].position, old: late[0].secret, new: try Self.secret(under: new.id))
        #expect(try await store.reseal([last]) == 1)
        #expect(try await store.removeDataKey(old.id) { Self.note("gone") })
        #expect(try await store.dataKeys([old.id]).isEmpty)
        await #expect(throws: StoreError.keyLeaving) { try await Self.add(["d"], under: old.id, to: fixture) }
        #expect(try await !store.removeDataKey(new.id) { Self.note("gone") }, "the key in use stays")
        let actions = try await store.audit(after: 0).map(\.action)
        #expect(actions.filter { ["rotate", "again", "gone"].contains($0) } == ["rotate", "gone"])
        #expect(try await store.inspect().problems.isEmpty)
    }

    @Test func `E1 the database itself keeps one data key in use for each registrar`() async throws {
        let fixture = try await StoreFixture(.sqliteFile)
        _ = try await fixture.store.addDataKey(Self.key(1, of: fixture.registrar.id))
        let folder = try #require(fixture.folder)
        let queue = try DatabaseQueue(path: folder.appending(path: "callmeter.db").path)
        await #expect(throws: DatabaseError.self) {
            try await queue.write {
                try $0.execute(
                    sql: """
                        INSERT INTO data_key (id, registrar, sealed, created_at)
                        SELECT randomblob(16), registrar, sealed, 0 FROM data_key
                        """)
            }
        }
    }

    /// Every byte of the store's files.
    private static func bytes(of fixture: StoreFixture) throws -> Data {
        let folder = try #require(fixture.folder)
        return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().reduce(into: Data()) {
            $0.append(try Data(contentsOf: folder.appending(path: $1)))
        }
    }

    private static func holds(_ data: Data, _ secret: SealedSecret) -> Bool {
        data.range(of: Data(secret.ciphertext)) != nil
    }

    enum Way: CaseIterable { case registrar, project, accounts, key }

    @Test(arguments: Way.allCases)
    func `E5 after a deletion no file holds the wrapped key or a sealed password, while the store is open`(
        way: Way
    ) async throws {
        let fixture = try await StoreFixture(.sqliteFile)
        let store = fixture.store
        let registrar = fixture.registrar.id
        let key = try Self.key(1, of: registrar)
        _ = try await store.addDataKey(key)
        // Enough rows that pages of the table and its indexes split and merge, in an order that is not theirs.
        let names = (0..<600).map { "user-\($0)" }.shuffled()
        let secrets = try await Self.add(names, under: key.id, to: fixture)
        let before = try Self.bytes(of: fixture)
        #expect(
            Self.holds(before, key.sealed) && secrets.allSatisfy { Self.holds(before, $0) }, "the search finds them")
        switch way {
        case .registrar: try await store.deleteRegistrar(registrar)
        case .project: try await store.deleteProject(fixture.project.id)
        case .accounts: _ = try await store.deleteAccounts(of: registrar, .all, expectedCount: 600)
        case .key:
            let new = try Self.key(2, of: registrar)
            _ = try await store.replaceDataKey(with: new) { Self.note("rotate") }
            let read = try await store.sealedAccounts(of: registrar, only: key.id, after: 0, limit: 1_000)
            _ = try await store.reseal(
                read.map {
                    ResealedAccount(position: $0.position, old: $0.secret, new: try Self.secret(under: new.id))
                })
            #expect(try await store.removeDataKey(key.id) { Self.note("gone") })
        }
        let after = try Self.bytes(of: fixture)
        #expect(secrets.count { Self.holds(after, $0) } == 0)
        if way != .accounts { #expect(!Self.holds(after, key.sealed)) }
        let folder = try #require(fixture.folder)
        let log = folder.appending(path: "callmeter.db-wal").path
        #expect(try FileManager.default.attributesOfItem(atPath: log)[.size] as? Int == 0, "the log is cut")
    }

    @Test func `E5 accounts deleted in parts leave nothing, and the others are whole`() async throws {
        let fixture = try await StoreFixture(.sqliteFile)
        let key = try Self.key(1, of: fixture.registrar.id)
        _ = try await fixture.store.addDataKey(key)
        let secrets = try await Self.add((0..<900).map { "user-\($0)" }.shuffled(), under: key.id, to: fixture)
        let all = try await fixture.store.sealedAccounts(of: nil, only: nil, after: 0, limit: 1_000)
        let doomed = all.shuffled().prefix(450)
        for part in stride(from: 0, to: 450, by: 50) {
            let ids = doomed.dropFirst(part).prefix(50).map(\.account)
            _ = try await fixture.store.deleteAccounts(of: fixture.registrar.id, .ids(ids), expectedCount: nil)
        }
        await fixture.store.forget()
        let after = try Self.bytes(of: fixture)
        let gone = Set(doomed.map(\.secret))
        #expect(gone.count { Self.holds(after, $0) } == 0)
        #expect(secrets.filter { !gone.contains($0) }.allSatisfy { Self.holds(after, $0) })
    }

    @Test func `E5 a reader that holds the log delays its end, not the deletion`() async throws {
        let fixture = try await StoreFixture(.sqliteFile)
        let folder = try #require(fixture.folder)
        let key = try Self.key(1, of: fixture.registrar.id)
        _ = try await fixture.store.addDataKey(key)
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let reader = try DatabaseQueue(
            path: folder.appending(path: "callmeter.db").path, configuration: configuration)
        try reader.inDatabase { database in
            try database.execute(sql: "BEGIN; SELECT count(*) FROM data_key")
        }
        try await fixture.store.deleteRegistrar(fixture.registrar.id)
        #expect(try await fixture.store.registrar(fixture.registrar.id) == nil)
        #expect(try Self.holds(Self.bytes(of: fixture), key.sealed), "the reader sees it still")
        try reader.inDatabase { try $0.execute(sql: "COMMIT") }
        await fixture.store.forget()
        #expect(try !Self.holds(Self.bytes(of: fixture), key.sealed))
    }

    @Test func `E5 what is deleted goes from the log although whoever deleted it is cancelled meanwhile`() async throws
    {
        let fixture = try await StoreFixture(.sqliteFile)
        let key = try Self.key(1, of: fixture.registrar.id)
        _ = try await fixture.store.addDataKey(key)
        try await fixture.store.append(Self.note("more for the log"))
        let forgetting = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            await fixture.store.forget()
        }
        await forgetting.value
        let folder = try #require(fixture.folder)
        let log = folder.appending(path: "callmeter.db-wal").path
        #expect(try FileManager.default.attributesOfItem(atPath: log)[.size] as? Int == 0)
    }

    @Test func `E5 a backup is whole while others write, its owner's alone, and in one file`() async throws {
        let fixture = try await StoreFixture(.sqliteFile)
        let store = fixture.store
        let folder = try #require(fixture.folder)
        let registrar = fixture.registrar.id
        let key = try Self.key(1, of: registrar)
        _ = try await store.addDataKey(key)
        _ = try await Self.add((0..<300).map { "user-\($0)" }, under: key.id, to: fixture)
        try await store.append(Self.note("before"))
        let copies = folder.appending(path: "copies")
        try FileManager.default.createDirectory(at: copies, withIntermediateDirectories: false)
        let writing = Task {
            var number = 0
            while !Task.isCancelled {
                number += 1
                let account = NewAccount(
                    id: Sample.id(), username: "late-\(number)", secret: try Self.secret(under: key.id))
                try await store.add(account, to: registrar, at: Sample.time)
                try await store.append(Self.note("late"))
            }
        }
        for number in 0..<5 {
            let path = copies.appending(path: "copy-\(number)").path
            let copy = try await store.backUp(to: path)
            #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
            #expect(copy.masterKey == Self.master)
            let restored = try SQLiteStore(path: path, hash: Fingerprint.sha256)
            let inspection = try await restored.inspect()
            #expect(inspection.problems.isEmpty && inspection.counts == copy.counts)
            #expect(try await restored.auditEnd() == copy.audit)
            try await restored.close()
        }
        writing.cancel()
        _ = try? await writing.value
        await #expect(throws: StoreError.self) { try await store.backUp(to: copies.appending(path: "copy-0").path) }
        let left = try FileManager.default.contentsOfDirectory(atPath: copies.path).filter { !$0.contains("-wal") }
        #expect(left.filter { !$0.contains("-shm") }.sorted() == (0..<5).map { "copy-\($0)" })
    }

    @Test func `E1 an inspection tells what breaks the rules`() async throws {
        let fixture = try await StoreFixture(.sqliteFile)
        let folder = try #require(fixture.folder)
        _ = try await fixture.store.addDataKey(Self.key(1, of: fixture.registrar.id))
        #expect(try await fixture.store.inspect().problems.isEmpty)
        let queue = try DatabaseQueue(path: folder.appending(path: "callmeter.db").path)
        try await queue.write {
            try $0.execute(
                sql: """
                    INSERT INTO account (position, pool, id, username, secret, added_at)
                        SELECT (number << 32) + 1, number, randomblob(16), 'a', zeroblob(77), 0 FROM pool;
                    UPDATE vault SET master = randomblob(16)
                    """)
        }
        let problems = try await fixture.store.inspect().problems
        #expect(
            problems == [
                "1 accounts are sealed under a key that is gone or another registrar's",
                "1 data keys are wrapped under another master key than the database names",
                "1 registrars count other than the accounts that they have",
            ])
    }
}
