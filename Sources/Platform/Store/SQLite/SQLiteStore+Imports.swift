// SPDX-License-Identifier: Apache-2.0
//
// The folder Contract says what each operation promises.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

public import Bedrock
public import Domain
import GRDB

extension SQLiteStore {
    /// Staged rows are removed in transactions of so many, so that the writer is free again soon.
    private static let removedAtOnce = 10_000

    public func beginImport(_ id: ImportID, into registrar: RegistrarID, at time: UnixTime) async throws {
        try await write { database in
            try database.require("registrar", registrar)
            try database.execute(
                sql: "INSERT INTO account_import (id, registrar, begun_at) VALUES (?, ?, ?)",
                arguments: [id.blob, registrar.blob, time.nanoseconds])
        }
    }

    public func stage(_ accounts: [StagedAccount], in id: ImportID) async throws {
        try await write { database in
            try database.execute(
                sql: "UPDATE account_import SET staged = staged + ? WHERE id = ?",
                arguments: [accounts.count, id.blob])
            guard database.changesCount == 1 else { throw StoreError.importClosed(id.description) }
            if let key = accounts.first?.account.secret.key {
                try Self.requireKey(key, of: Self.openImport(id, in: database).0, for: id, in: database)
            }
            let insertion = try database.cachedStatement(
                sql: """
                    INSERT INTO staged_account (import, line, id, username, realm, extension, secret)
                    VALUES (?, ?, ?, ?, ?, ?, ?)
                    """)
            let batch = id.blob
            for staged in accounts {
                let account = staged.account
                try insertion.execute(arguments: [
                    batch, staged.line, account.id.blob, account.username, account.realm, account.extensionNumber,
                    account.secret.blob,
                ])
            }
        }
    }

    public func publish(_ id: ImportID, at time: UnixTime) async throws -> PublishedImport {
        let published = try await write { database in
            let (registrar, staged) = try Self.openImport(id, in: database)
            let last = try Int64.fetchOne(database, sql: "SELECT coalesce(max(position), 0) FROM account") ?? 0
            // The accounts are not read in the same statement: SQLite would hold all rows in memory first.
            try database.execute(
                sql: """
                    INSERT INTO account (id, registrar, username, realm, extension, secret, added_at)
                    SELECT id, ?, username, realm, extension, secret, ? FROM staged_account
                    WHERE import = ? ORDER BY line ON CONFLICT (registrar, username) DO NOTHING
                    """,
                arguments: [registrar.blob, time.nanoseconds, id.blob])
            let created = database.changesCount
            let skipped = staged - created
            var firstSkipped: [SkippedLine] = []
            if skipped > 0 {
                let known = try Self.countKnown(id, registrar: registrar, upTo: last, in: database)
                guard known == skipped else { throw StoreError.engine("a username was staged twice") }
                firstSkipped = try Self.firstKnown(id, registrar: registrar, upTo: last, in: database)
            }
            try database.execute(sql: "DELETE FROM account_import WHERE id = ?", arguments: [id.blob])
            return PublishedImport(created: created, skipped: skipped, firstSkipped: firstSkipped)
        }
        // The accounts are there; rows that cannot be removed now are swept at the next start.
        try? await removeStaged(of: id)
        return published
    }

    public func preview(_ id: ImportID) async throws -> PublishedImport {
        try await read { database in
            let (registrar, staged) = try Self.openImport(id, in: database)
            let known = try Self.countKnown(id, registrar: registrar, upTo: .max, in: database)
            return PublishedImport(
                created: staged - known, skipped: known,
                firstSkipped: try Self.firstKnown(id, registrar: registrar, upTo: .max, in: database))
        }
    }

    public func abandon(_ id: ImportID) async throws {
        try await write { database in
            try database.execute(sql: "DELETE FROM account_import WHERE id = ?", arguments: [id.blob])
        }
        try? await removeStaged(of: id)
    }

    @discardableResult
    public func sweepImports() async throws -> Int {
        try await write { database in
            try database.execute(sql: "DELETE FROM account_import")
            let swept = database.changesCount
            // Rows of an import that was published just before a crash go as well.
            try database.execute(sql: "DELETE FROM staged_account")
            return swept
        }
    }

    /// Staged rows whose username an account up to a position has. The plus keeps the planner from searching by position,
    /// which reads all accounts for every row, rather than by username.
    private static let known = """
        FROM staged_account JOIN account ON account.registrar = ? AND account.username = staged_account.username
        WHERE staged_account.import = ? AND +account.position <= ?
        """

    private static func openImport(_ id: ImportID, in database: Database) throws -> (RegistrarID, Int) {
        let row = try Row.fetchOne(
            database, sql: "SELECT registrar, staged FROM account_import WHERE id = ?", arguments: [id.blob])
        guard let row else { throw StoreError.importClosed(id.description) }
        return (try row.id("registrar"), row["staged"])
    }

    private static func countKnown(
        _ id: ImportID, registrar: RegistrarID, upTo position: Int64, in database: Database
    ) throws -> Int {
        try Int.fetchOne(
            database, sql: "SELECT count(*) \(known)", arguments: [registrar.blob, id.blob, position]) ?? 0
    }

    private static func firstKnown(
        _ id: ImportID, registrar: RegistrarID, upTo position: Int64, in database: Database
    ) throws -> [SkippedLine] {
        try Row.fetchAll(
            database,
            sql: """
                SELECT staged_account.line, staged_account.username \(known) ORDER BY staged_account.line
                LIMIT \(ImportReport.mostProblems)
                """,
            arguments: [registrar.blob, id.blob, position]
        ).map { SkippedLine(line: $0["line"], username: $0["username"]) }
    }

    private func removeStaged(of id: ImportID) async throws {
        while true {
            let removed = try await write { database in
                try database.execute(
                    sql: """
                        DELETE FROM staged_account WHERE import = ? AND line <= coalesce(
                            (SELECT line FROM staged_account WHERE import = ? ORDER BY line
                                LIMIT 1 OFFSET \(Self.removedAtOnce)), \(Int64.max))
                        """,
                    arguments: [id.blob, id.blob])
                return database.changesCount
            }
            if removed <= Self.removedAtOnce { return }
        }
    }
}
