// SPDX-License-Identifier: Apache-2.0
//
// The folder Contract says what each operation promises.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

public import Bedrock
public import Domain
import GRDB
import Synchronization

extension SQLiteStore {
    /// Rows are removed in transactions of so many places, so that the writer is soon free again.
    private static let removedAtOnce: Int64 = 5_000

    public func beginImport(_ id: ImportID, into registrar: RegistrarID, at time: UnixTime) async throws {
        while let other = try await open(id, into: registrar, at: time) {
            guard !begunHere.withLock({ $0.contains(other.number) }) else {
                throw StoreError.importOpen(registrar: registrar.description)
            }
            // Nobody else writes accounts beside us, so it is that of a process that is gone, or one that could not be
            // removed when it failed.
            try await remove(other)
        }
    }

    /// Opens an import; gives the one that stands in the way, if there is one.
    private func open(_ id: ImportID, into registrar: RegistrarID, at time: UnixTime) async throws -> OpenImport? {
        try await write { database in
            let end = try Self.poolEnd(of: registrar, in: database)
            if let other = try Row.fetchOne(
                database, sql: "SELECT * FROM account_import WHERE registrar = ?", arguments: [registrar.blob])
            {
                return try OpenImport(other)
            }
            try database.execute(
                sql: "INSERT INTO account_import (id, registrar, after, begun_at) VALUES (?, ?, ?, ?)",
                arguments: [id.blob, registrar.blob, end.last, time.nanoseconds])
            let number = database.lastInsertedRowID
            self.begunHere.withLock { _ = $0.insert(number) }
            return nil
        }
    }

    @discardableResult
    public func stage(_ chunk: StagedChunk, in id: ImportID) async throws -> Staging {
        try await write { database in
            let open = try OpenImport(id, in: database)
            if let key = chunk.key { try Self.requireKey(key, of: open.registrar, for: id, in: database) }
            var end = try Self.poolEnd(of: open.registrar, in: database)
            let staging = try AccountInsertion(open, in: database).insert(chunk, after: &end, in: database)
            try Self.update(end, accounts: 0, in: database)
            try database.execute(
                sql: "UPDATE account_import SET staged = staged + ? WHERE number = ?",
                arguments: [staging.created, open.number])
            return staging
        }
    }

    public func preview(_ chunk: StagedChunk, into registrar: RegistrarID) async throws -> Staging {
        try await read { database in
            let pool = try Self.poolEnd(of: registrar, in: database).number
            let search = try database.cachedStatement(
                sql: "SELECT 1 FROM account WHERE pool = ? AND username = ? AND \(Self.visible)")
            var staging = Staging()
            for row in chunk.rows {
                let username = chunk.username(of: row)
                if try Bool.fetchOne(search, arguments: [pool, username]) == nil {
                    staging.created += 1
                } else {
                    staging.skip(line: row.line, username: username)
                }
            }
            return staging
        }
    }

    public func publish(_ id: ImportID, audit: @escaping @Sendable () -> AuditEntry) async throws {
        try await write { database in
            let open = try OpenImport(id, in: database)
            try Self.update(
                try Self.poolEnd(of: open.registrar, in: database), accounts: open.staged, in: database)
            try database.execute(sql: "DELETE FROM account_import WHERE number = ?", arguments: [open.number])
            try Self.append(audit(), in: database)
            self.begunHere.withLock { _ = $0.remove(open.number) }
        }
    }

    public func abandon(_ id: ImportID) async throws {
        let rest = try await write { database -> OpenImport? in
            do { return try OpenImport(id, in: database) } catch StoreError.importClosed { return nil }
        }
        guard let rest else { return }
        // From here on the next import may remove what is left of this one.
        begunHere.withLock { _ = $0.remove(rest.number) }
        try await remove(rest)
    }

    @discardableResult
    public func sweepImports() async throws -> Int {
        let rests = try await write { database -> [OpenImport] in
            try Row.fetchAll(database, sql: "SELECT * FROM account_import").map(OpenImport.init)
        }
        for rest in rests { try await remove(rest) }
        var removed = 1
        while removed > 0 {
            removed = try await write { database in
                try database.execute(
                    sql: """
                        DELETE FROM staged_account WHERE (import, line) IN (
                            SELECT import, line FROM staged_account LIMIT \(Self.removedAtOnce))
                        """)
                return database.changesCount
            }
        }
        return rests.count
    }

    /// Removes an import's rows from the last to the first, then the import: stopped anywhere, the rows that are left are
    /// still those of an open import, and the next start removes them.
    private func remove(_ open: OpenImport) async throws {
        let end = try await read { try Self.poolEnd(of: open.registrar, in: $0) }
        var last = end.last
        while last > open.after {
            let (first, upTo) = (max(open.after, last - Self.removedAtOnce), last)
            try await write { database in
                try database.execute(
                    sql: "DELETE FROM account WHERE position > ? AND position <= ? AND import = ?",
                    arguments: [first, upTo, open.number])
            }
            last = first
        }
        try await write { database in
            try database.execute(sql: "DELETE FROM account_import WHERE number = ?", arguments: [open.number])
        }
    }
}

/// An import that is neither published nor removed.
struct OpenImport {
    /// What its rows are marked with.
    var number: Int64
    /// The registrar it goes into.
    var registrar: RegistrarID
    /// The position given last when it began: its rows come behind.
    var after: Int64
    /// How many rows it has.
    var staged: Int
    /// When it began, which is when its accounts are added.
    var begunAt: Int64

    /// Throws `importClosed` where there is none.
    init(_ id: ImportID, in database: Database) throws {
        let row = try Row.fetchOne(
            database, sql: "SELECT * FROM account_import WHERE id = ?", arguments: [id.blob])
        guard let row else { throw StoreError.importClosed(id.description) }
        try self.init(row)
    }

    init(_ row: Row) throws {
        number = row["number"]
        registrar = try row.id("registrar")
        after = row["after"]
        staged = row["staged"]
        begunAt = row["begun_at"]
    }
}
