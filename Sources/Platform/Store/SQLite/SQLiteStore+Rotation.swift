// SPDX-License-Identifier: Apache-2.0
//
// The folder Contract says what each operation promises.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

public import Bedrock
public import Domain
import FoundationEssentials
import GRDB

extension SQLiteStore {
    public func beginRotation(_ id: ImportID, of registrar: RegistrarID, at time: UnixTime) async throws {
        try await beginImport(id, into: registrar, at: time)
    }

    public func stageRotation(_ chunk: StagedChunk, in id: ImportID) async throws {
        try await write { database in
            _ = try OpenImport(id, in: database)
            let insertion = try database.cachedStatement(
                sql: """
                    INSERT INTO staged_account (import, line, id, username, realm, extension, secret)
                    VALUES (?, ?, ?, ?, ?, ?, ?)
                    """)
            let batch = id.blob
            for row in chunk.rows {
                let values = chunk.values(of: row)
                try insertion.execute(arguments: [
                    batch, row.line, row.id.blob, values.username, values.realm, values.extensionNumber, values.secret,
                ])
            }
        }
    }

    public func rotate(
        _ id: ImportID, columns: ImportColumns, apply: Bool, at time: UnixTime,
        audit: @escaping @Sendable (PublishedRotation) -> AuditEntry
    ) async throws -> PublishedRotation {
        let rotation = try await write { database in
            let registrar = try OpenImport(id, in: database).registrar
            let pool = try Self.poolEnd(of: registrar, in: database).number
            var rotation = try Self.obstacles(of: id, pool: pool, in: database)
            if apply, rotation.unknown == 0, rotation.held.isEmpty {
                rotation.rotated = try Self.replace(id, pool: pool, columns: columns, at: time, in: database)
                try Self.append(audit(rotation), in: database)
            }
            try database.execute(sql: "DELETE FROM account_import WHERE id = ?", arguments: [id.blob])
            return rotation
        }
        // The accounts are rotated; rows that cannot be removed now are swept at the next start.
        try? await removeStagedRotation(id)
        return rotation
    }

    public func abandonRotation(_ id: ImportID) async throws {
        try await write { database in
            try database.execute(sql: "DELETE FROM account_import WHERE id = ?", arguments: [id.blob])
        }
        try? await removeStagedRotation(id)
    }

    /// Joins what was staged with the accounts of a pool.
    private static let named = """
        staged_account AS staged LEFT JOIN account
            ON account.pool = ? AND account.username = staged.username AND \(visible)
        """

    /// The lines that cannot be rotated; none rotated yet.
    private static func obstacles(
        of id: ImportID, pool: Int64, in database: Database
    ) throws -> PublishedRotation {
        var found = PublishedRotation(rotated: 0, unknown: 0, held: [], problems: [])
        var places: [RunID: Int] = [:]
        let rows = try Row.fetchCursor(
            database,
            sql: """
                SELECT staged.line, staged.username, lease_term.run FROM \(named)
                LEFT JOIN lease ON lease.account = account.position
                LEFT JOIN lease_term ON lease_term.fence = lease.fence
                WHERE staged.import = ? AND (account.position IS NULL OR lease.fence IS NOT NULL) ORDER BY staged.line
                """,
            arguments: [pool, id.blob])
        while let row = try rows.next() {
            let reason: ImportReason
            if let run: RunID = try row.optionalID("run") {
                if places[run] == nil {
                    places[run] = found.held.count
                    found.held.append(AccountHolding(run: run, accounts: 0))
                }
                if let place = places[run] { found.held[place].accounts += 1 }
                reason = .accountInUse(run)
            } else {
                found.unknown += 1
                reason = .usernameUnknown
            }
            if found.problems.count < ImportReport.mostProblems {
                found.problems.append(ImportProblem(line: row["line"], username: row["username"], reason: reason))
            }
        }
        return found
    }

    /// A changed account is a new one at the old place, which is what delete and add again would be but for the position.
    private static func replace(
        _ id: ImportID, pool: Int64, columns: ImportColumns, at time: UnixTime, in database: Database
    ) throws -> Int {
        let staged =
            try Int.fetchOne(
                database, sql: "SELECT count(*) FROM staged_account WHERE import = ?", arguments: [id.blob]) ?? 0
        // A data key that was replaced meanwhile would leave accounts that nobody can open.
        let keyless =
            try Int.fetchOne(
                database,
                sql: """
                    SELECT count(*) FROM (SELECT DISTINCT substr(secret, 2, 16) AS key FROM staged_account WHERE import = ?)
                    WHERE key NOT IN (SELECT id FROM data_key)
                    """, arguments: [id.blob]) ?? 0
        guard keyless == 0 else { throw StoreError.importClosed(id.description) }
        let realm = columns.realm ? ", realm = staged.realm" : ""
        let extensionNumber = columns.extensionNumber ? ", extension = staged.extension" : ""
        try database.execute(
            sql: """
                UPDATE account SET id = staged.id, secret = staged.secret, added_at = ?, registration_status = NULL,
                    registration_reason = NULL, registration_at = NULL\(realm)\(extensionNumber)
                FROM staged_account AS staged WHERE staged.import = ? AND account.pool = ?
                    AND account.username = staged.username AND \(visible)
                """,
            arguments: [time.nanoseconds, id.blob, pool])
        guard database.changesCount == staged else { throw StoreError.engine("a username was staged twice") }
        return staged
    }

    /// In chunks, so that the writer is free again soon.
    private func removeStagedRotation(_ id: ImportID) async throws {
        while true {
            let removed = try await write { database in
                try database.execute(
                    sql: """
                        DELETE FROM staged_account WHERE import = ? AND line IN
                            (SELECT line FROM staged_account WHERE import = ? ORDER BY line LIMIT 10000)
                        """,
                    arguments: [id.blob, id.blob])
                return database.changesCount
            }
            if removed == 0 { return }
        }
    }
}

extension StagedChunk {
    /// The parts of a row as they are stored.
    fileprivate func values(
        of row: Row
    ) -> (username: String, realm: String?, extensionNumber: String?, secret: Data) {
        var place = row.start
        func next(_ count: Int) -> ArraySlice<UInt8> {
            defer { place += count }
            return bytes[place..<place + count]
        }
        func text(_ count: UInt16) -> String? { count == 0 ? nil : String(decoding: next(Int(count)), as: UTF8.self) }
        let username = text(row.username) ?? ""
        let realm = text(row.realm)
        let extensionNumber = text(row.extensionNumber)
        return (username, realm, extensionNumber, Data(next(Int(row.secret))))
    }
}
