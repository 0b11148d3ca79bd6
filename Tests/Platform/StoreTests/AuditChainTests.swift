// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Foundation
import GRDB
import Testing
import Vault

@testable import Store

/// The audit log's chain, and what a walk over it finds after somebody with the file in their hands.
@Suite struct AuditChainTests {
    private static let entry = AuditEntry(
        at: Sample.time, who: "key ci", action: "accounts.import", subject: "registrar pbx", details: "created 2 ü")

    /// A store in a file with so many entries.
    private func fixture(_ count: Int) async throws -> StoreFixture {
        let fixture = try await StoreFixture(.sqliteFile)
        for _ in 0..<count { try await fixture.store.append(Self.entry) }
        return fixture
    }

    private func tamper(_ fixture: StoreFixture, _ sql: String) async throws {
        let folder = try #require(fixture.folder)
        let queue = try DatabaseQueue(path: folder.appending(path: "callmeter.db").path)
        try await queue.write { try $0.execute(sql: "DROP TRIGGER audit_unchanged; DROP TRIGGER audit_kept; \(sql)") }
    }

    private func walk(_ store: any Store, noted: [UInt8]? = nil) async throws -> AuditFinding {
        var walk = AuditWalk(noted: noted, hash: Fingerprint.sha256)
        var place = Int64.min
        while let last = try await store.audit(after: place).last {
            for entry in try await store.audit(after: place) where !walk.take(entry) { break }
            place = last.sequence
        }
        return walk.finish(appended: try await store.auditEnd().appended)
    }

    @Test func `E6 each hash covers the hash before it, the place and every text, as anybody computes it`() async throws
    {
        let fixture = try await fixture(2)
        // Computed with Python's hashlib and struct from the description of the encoding.
        #expect(
            try await fixture.store.audit(after: 0).map { AuditChain.text(of: $0.hash) } == [
                "ee47a51209288f1dff9ef1b27b29f19e985823b3f9b5b231e4dba41dcbcdd864",
                "f38445fc05dd25879ed0f0537dcc051105dbe343a583a52054c88ebb14eaed35",
            ])
        let finding = try await walk(fixture.store)
        #expect(finding.isIntact && finding.count == 2)
        #expect(try await fixture.store.auditEnd() == AuditEnd(appended: 2, head: finding.head))
    }

    @Test func `E6 an empty log is intact, and its head is the chain's start`() async throws {
        let fixture = try await fixture(0)
        let finding = try await walk(fixture.store, noted: AuditChain.start)
        #expect(finding.isIntact && finding.count == 0 && finding.head == AuditChain.start && finding.notedAt == 0)
    }

    @Test(arguments: [
        "who = 'nobody'", "at = at + 1", "action = 'x'", "subject = subject || ' '", "details = ''",
        "who = 'key ciaccounts', action = '.import'", "hash = zeroblob(32)",
    ]) func `E6 a changed entry is named`(change: String) async throws {
        let fixture = try await fixture(1_200)
        try await tamper(fixture, "UPDATE audit SET \(change) WHERE sequence = 777")
        let finding = try await walk(fixture.store)
        #expect(finding.fault == .changed(sequence: 777))
        #expect(finding.count == 776)
    }

    @Test func `E6 an entry that was put in with a fitting hash of its own breaks the next`() async throws {
        let fixture = try await fixture(3)
        let entries = try await fixture.store.audit(after: 0)
        var forged = entries[1]
        forged.who = "nobody"
        let hash = AuditChain.encoding(of: forged, after: entries[0].hash).withUnsafeBytes {
            Fingerprint.sha256(of: $0)
        }
        try await tamper(
            fixture, "UPDATE audit SET who = 'nobody', hash = x'\(AuditChain.text(of: hash))' WHERE sequence = 2")
        #expect(try await walk(fixture.store).fault == .changed(sequence: 3))
    }

    @Test func `E6 entries taken out of the middle, the beginning or the end are named`() async throws {
        let middle = try await fixture(10)
        try await tamper(middle, "DELETE FROM audit WHERE sequence IN (4, 5)")
        #expect(try await walk(middle.store).fault == .missing(first: 4, last: 5))
        let beginning = try await fixture(10)
        try await tamper(beginning, "DELETE FROM audit WHERE sequence < 4")
        #expect(try await walk(beginning.store).fault == .missing(first: 1, last: 3))
        let end = try await fixture(10)
        try await tamper(end, "DELETE FROM audit WHERE sequence > 7")
        #expect(try await walk(end.store).fault == .cutOff(last: 7, appended: 10))
        let all = try await fixture(10)
        try await tamper(all, "DELETE FROM audit")
        #expect(try await walk(all.store).fault == .cutOff(last: 0, appended: 10))
    }

    @Test func `E6 what is appended after the end was cut off does not cover the hole`() async throws {
        let fixture = try await fixture(10)
        try await tamper(fixture, "DELETE FROM audit WHERE sequence > 7")
        #expect(try await fixture.store.append(Self.entry) == 11)
        #expect(try await walk(fixture.store).fault == .missing(first: 8, last: 10))
    }

    @Test func `E6 a chain computed anew is only given away by a head that was noted elsewhere`() async throws {
        let fixture = try await fixture(5)
        let head = try await fixture.store.auditEnd().head
        try await fixture.store.append(Self.entry)
        #expect(try await walk(fixture.store, noted: head).notedAt == 5)
        // The end is cut off with every trace of it.
        try await tamper(
            fixture, "DELETE FROM audit WHERE sequence > 4; UPDATE sqlite_sequence SET seq = 4 WHERE name = 'audit'")
        #expect(try await walk(fixture.store).isIntact)
        let finding = try await walk(fixture.store, noted: head)
        #expect(finding.fault == .headNotFound && finding.notedAt == nil)
    }

    @Test func `E6 entries of a database from before the chain are chained when it is opened`() async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "callmeter-\(UUID().uuidString).db").path
        defer { for ending in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + ending) } }
        let queue = try DatabaseQueue(path: path)
        let migrator = SQLiteSchema.migrator
        let chain = try #require(migrator.migrations.firstIndex { $0.hasPrefix("5 ") })
        try migrator.migrate(queue, upTo: migrator.migrations[chain - 1])
        try await queue.write { database in
            for number in 1...700 {
                try database.execute(
                    sql: "INSERT INTO audit (at, who, action, subject, details) VALUES (?, 'cli', 'x', 'y', ?)",
                    arguments: [number, "entry \(number)"])
            }
        }
        try queue.close()
        let store = try SQLiteStore(path: path, hash: Fingerprint.sha256)
        #expect(try await store.append(Self.entry) == 701)
        let finding = try await walk(store)
        #expect(finding.isIntact && finding.count == 701)
        #expect(try await store.audit(after: 699).first?.details == "entry 700")
        try await store.close()
    }

    @Test func `E6 a text with a zero byte is chained as it is kept`() async throws {
        let fixture = try await fixture(0)
        try await fixture.store.append(AuditEntry(at: Sample.time, who: "a\0b", action: "x", subject: "y"))
        #expect(try await walk(fixture.store).isIntact)
        #expect(try await fixture.store.audit(after: 0).first?.who == "a\u{FFFD}b")
    }

    @Test func `E6 entries appended by many at once form one chain`() async throws {
        let fixture = try await fixture(0)
        let store = fixture.store
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<64 { group.addTask { try await store.append(Self.entry) } }
            try await group.waitForAll()
        }
        let finding = try await walk(store)
        #expect(finding.isIntact && finding.count == 64)
    }
}
