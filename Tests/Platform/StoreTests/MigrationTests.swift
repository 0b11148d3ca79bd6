// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Foundation
import GRDB
import Testing
import Vault

@testable import Store

/// A database of the first schema, with something in every table, that a later version opens.
@Suite struct MigrationTests {
    private static let project = id(1)
    private static let registrar = id(2)
    private static let openRun = RunID(high: 0, low: 7)
    private static let endedRun = RunID(high: 0, low: 8)

    private static func id(_ number: UInt8) -> Data { Data([UInt8](repeating: 0, count: 15) + [number]) }

    /// Two runs, one of which holds the second of three accounts.
    private static let content: [(sql: String, arguments: StatementArguments)] = [
        ("INSERT INTO project VALUES (?, 'Lab', 1)", [project]),
        (
            """
            INSERT INTO registrar VALUES (?, ?, 'pbx', 'pbx.example', 5060, 'udp', NULL, 300, 0, 2)
            """, [registrar, project]
        ),
        ("INSERT INTO data_key VALUES (zeroblob(16), ?, zeroblob(93), 3)", [registrar]),
        ("INSERT INTO test VALUES (?, ?, 'Smoke', x'7b7d', 4, 4)", [id(4), project]),
        account(5, "a", id(10)),
        account(6, "b", id(11)),
        account(9, "c", id(12)),
        (
            """
            INSERT INTO run (id, project, test, test_name, definition, endpoints, status, requested_by, created_at)
            VALUES (?, ?, ?, 'Smoke', x'7b7d', 1, 'RUNNING', 'cli', 8)
            """, [id(7), project, id(4)]
        ),
        (
            """
            INSERT INTO run (id, project, test, test_name, definition, endpoints, status, requested_by, created_at, ended_at)
            VALUES (?, ?, NULL, 'Older', x'7b7d', 1, 'COMPLETED', 'cli', 8, 9)
            """, [id(8), project]
        ),
        ("INSERT INTO lease VALUES (?, 0, ?, 4)", [id(7), id(11)]),
        ("UPDATE fence SET value = 4", []),
        ("INSERT INTO audit (at, who, action, subject, details) VALUES (1, 'cli', 'projects.add', 'project', '')", []),
    ]

    /// Its secret names the only data key.
    private static func account(
        _ position: Int, _ name: String, _ id: Data
    ) -> (sql: String, arguments: StatementArguments) {
        (
            """
            INSERT INTO account (position, id, registrar, username, secret, added_at) VALUES (?, ?, ?, ?, zeroblob(77), 5)
            """, [position, id, registrar, name]
        )
    }

    @Test func `accounts, leases, runs and the audit log of the first schema are as they were after all migrations`()
        async throws
    {
        let folder = FileManager.default.temporaryDirectory.appending(path: "callmeter-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "callmeter.db").path
        let old = try DatabaseQueue(path: path)
        try SQLiteSchema.migrator.migrate(old, upTo: "1 first light")
        try await old.write { database in
            for (sql, arguments) in Self.content { try database.execute(sql: sql, arguments: arguments) }
        }
        try old.close()

        let store = try SQLiteStore(path: path, hash: Fingerprint.sha256)
        let registrar = RegistrarID(high: 0, low: 2)
        let accounts = try await store.accounts(of: registrar, AccountQuery()).items
        #expect(accounts.map(\.username) == ["a", "b", "c"])
        #expect(accounts.map(\.inUseBy) == [nil, Self.openRun, nil])
        let usage = try await store.usage(of: registrar)
        #expect(usage.total == 3 && usage.inUse == 1)
        let leases = try await store.leases(of: Self.openRun)
        #expect(leases.map(\.username) == ["b"])
        #expect(try await store.openRuns().map(\.id) == [Self.openRun])
        let ended = try #require(try await store.run(Self.endedRun))
        #expect(ended.status == .completed && ended.projectName == "Lab" && ended.testName == "Older")
        #expect(try await store.audit(after: 0).map(\.action) == ["projects.add"])
        // Leases of before had no term, so they are over, and the account is free once they are swept.
        let expired = try await store.expireLeases(grace: .zero, by: "test")
        #expect(expired.map(\.fence.run) == [Self.openRun] && expired.map(\.accounts) == [1])
        #expect(try await store.usage(of: registrar).inUse == 0)
        #expect(try await store.inspect().problems == [])
        try await store.close()
    }
}
