// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Foundation
import GRDB
import Store
import Testing
import Vault

/// The invariants that the schema keeps by itself, tried with plain SQL beside the store.
@Suite struct SQLiteSchemaTests {
    private func refused(_ sql: String, by fixture: StoreFixture) throws -> Bool {
        guard let folder = fixture.folder else { return false }
        let queue = try DatabaseQueue(path: folder.appending(path: "callmeter.db").path)
        do {
            try queue.write { try $0.execute(sql: sql) }
            return false
        } catch let error as DatabaseError {
            return error.resultCode == .SQLITE_CONSTRAINT
        }
    }

    @Test func `D2 the database itself refuses a second lease of one account`() async throws {
        let fixture = try await StoreFixture(.sqliteFile)
        try await fixture.addAccounts(["a"])
        let run = try await fixture.addRun(endpoints: 2)
        _ = try await fixture.store.allocate(run: run, [fixture.demand(1)])
        #expect(
            try refused("INSERT INTO lease (account, fence, endpoint) SELECT account, fence, 1 FROM lease", by: fixture)
        )
        #expect(try refused("DELETE FROM account", by: fixture), "a leased account cannot go")
        #expect(try await fixture.store.leases(of: run).count == 1)
    }

    @Test func `D5 the database itself keeps a run that is over from changing or taking accounts`() async throws {
        let fixture = try await StoreFixture(.sqliteFile)
        try await fixture.addAccounts(["a"])
        let run = try await fixture.addRun()
        #expect(try refused("UPDATE run SET status = 'FAILED'", by: fixture), "a final status has an end")
        #expect(try refused("UPDATE run SET status = 'PAUSED'", by: fixture))
        try await fixture.store.finish(run, RunEnding(status: .completed, at: Sample.later))
        #expect(try refused("UPDATE run SET status = 'RUNNING', ended_at = NULL", by: fixture))
        #expect(try refused("INSERT INTO lease_term SELECT 9, id, 1 FROM run", by: fixture))
    }

    @Test func `A2 the database itself refuses a second account of one name, an empty name and a long one`()
        async throws
    {
        let fixture = try await StoreFixture(.sqliteFile)
        try await fixture.addAccounts(["a"])
        let columns = "position, pool, id, username, secret, added_at"
        func insertion(_ name: String) -> String {
            """
            INSERT INTO account (\(columns)) SELECT position + 1, pool, randomblob(16), \(name), secret, 0 FROM account
            """
        }
        #expect(try refused(insertion("'a'"), by: fixture))
        #expect(try refused(insertion("''"), by: fixture))
        #expect(try refused(insertion("hex(zeroblob(128))"), by: fixture), "256 bytes")
        #expect(try !refused(insertion("'b'"), by: fixture))
    }

    @Test func `E6 the database itself keeps the audit log`() async throws {
        let fixture = try await StoreFixture(.sqliteFile)
        try await fixture.store.append(AuditEntry(at: Sample.time, who: "cli", action: "x", subject: "y"))
        #expect(try refused("UPDATE audit SET who = 'nobody'", by: fixture))
        #expect(try refused("DELETE FROM audit", by: fixture))
    }

    @Test func `the file is its owner's alone, its log too, and is opened again as it was left`() async throws {
        let fixture = try await StoreFixture(.sqliteFile)
        let folder = try #require(fixture.folder)
        for name in ["callmeter.db", "callmeter.db-wal", "callmeter.db-shm"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: folder.appending(path: name).path)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
        }
        try await fixture.addAccounts(["a"])
        let second = try SQLiteStore(path: folder.appending(path: "callmeter.db").path, hash: Fingerprint.sha256)
        #expect(try await second.usage(of: fixture.registrar.id).total == 1)
        try await second.close()
    }

    @Test func `a file of a newer version is refused, not changed`() async throws {
        let fixture = try await StoreFixture(.sqliteFile)
        let folder = try #require(fixture.folder)
        let path = folder.appending(path: "callmeter.db").path
        try await DatabaseQueue(path: path).write {
            try $0.execute(sql: "INSERT INTO grdb_migrations (identifier) VALUES ('999 from the future')")
        }
        #expect(throws: StoreError.newerSchema) { try SQLiteStore(path: path, hash: Fingerprint.sha256) }
    }

    @Test func `what is no database is refused in words`() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "callmeter-\(UUID().uuidString).db").path
        try Data(repeating: 0x41, count: 10_000).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let error = #expect(throws: StoreError.self) { try SQLiteStore(path: path, hash: Fingerprint.sha256) }
        #expect(error?.description == "the database failed: file is not a database")
    }
}
