// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import GRDB
import GRDBSQLite

/// The insertion of an import's rows, a million times the same statement: its values are bound as pointers into the chunk,
/// which stays where it is while the statement runs, without an object for each.
struct AccountInsertion {
    private static let sql = """
        INSERT INTO account (position, pool, import, id, username, realm, extension, secret, added_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (pool, username) DO NOTHING
        """

    private let open: OpenImport
    private let statement: Statement

    init(_ open: OpenImport, in database: Database) throws {
        self.open = open
        statement = try database.cachedStatement(sql: Self.sql)
    }

    /// Inserts the rows behind `end`, which is moved on. A username that the pool has already leaves its row out.
    func insert(
        _ chunk: StagedChunk, after end: inout SQLiteStore.PoolEnd, in database: Database
    ) throws -> Staging {
        let handle = statement.sqliteStatement
        defer {
            sqlite3_reset(handle)
            // No pointer into the chunk stays bound.
            sqlite3_clear_bindings(handle)
        }
        sqlite3_bind_int64(handle, 2, end.number)
        sqlite3_bind_int64(handle, 3, open.number)
        sqlite3_bind_int64(handle, 9, open.begunAt)
        var staging = Staging()
        try chunk.bytes.withUnsafeBytes { bytes in
            for row in chunk.rows {
                sqlite3_bind_int64(handle, 1, end.last + 1)
                let code = Self.step(handle, row, bytes)
                guard code == SQLITE_DONE else {
                    throw DatabaseError(
                        resultCode: ResultCode(rawValue: code), message: database.lastErrorMessage)
                }
                sqlite3_reset(handle)
                if sqlite3_changes(database.sqliteConnection) > 0 {
                    end.last += 1
                    staging.created += 1
                } else {
                    let username = chunk.username(of: row)
                    try requireKnown(username, in: database)
                    staging.skip(line: row.line, username: username)
                }
            }
        }
        return staging
    }

    /// Binds what differs from row to row, and inserts. SQLite copies what it keeps: nil as the destructor means that the
    /// bytes stay where they are for as long as the statement runs.
    private static func step(_ handle: SQLiteStatement, _ row: StagedChunk.Row, _ bytes: UnsafeRawBufferPointer)
        -> Int32
    {
        let high = row.id.high.bigEndian
        let low = row.id.low.bigEndian
        return withUnsafeTemporaryAllocation(byteCount: 16, alignment: 8) { id in
            id.storeBytes(of: high, as: UInt64.self)
            id.storeBytes(of: low, toByteOffset: 8, as: UInt64.self)
            sqlite3_bind_blob(handle, 4, id.baseAddress, 16, nil)
            var place = row.start
            bind(handle, 5, bytes, &place, Int(row.username))
            bind(handle, 6, bytes, &place, Int(row.realm))
            bind(handle, 7, bytes, &place, Int(row.extensionNumber))
            sqlite3_bind_blob(handle, 8, bytes.baseAddress! + place, Int32(row.secret), nil)
            return sqlite3_step(handle)
        }
    }

    /// Binds the next text of a row; none for a length of 0.
    private static func bind(
        _ handle: SQLiteStatement, _ index: Int32, _ bytes: UnsafeRawBufferPointer, _ place: inout Int, _ count: Int
    ) {
        guard count > 0 else {
            sqlite3_bind_null(handle, index)
            return
        }
        let text = (bytes.baseAddress! + place).assumingMemoryBound(to: CChar.self)
        sqlite3_bind_text(handle, index, text, Int32(count), nil)
        place += count
    }

    /// A skipped username must be that of an account: within one import they differ.
    private func requireKnown(_ username: String, in database: Database) throws {
        let search = try database.cachedStatement(
            sql: "SELECT account.import = ? FROM account JOIN pool ON pool.number = account.pool "
                + "WHERE pool.registrar = ? AND username = ?")
        let own = try Bool.fetchOne(search, arguments: [open.number, open.registrar.blob, username])
        guard own == false else { throw StoreError.engine("a username was staged twice") }
    }
}

extension StagedChunk {
    /// The username of a row.
    func username(of row: Row) -> String {
        String(decoding: bytes[row.start..<row.start + Int(row.username)], as: UTF8.self)
    }

    /// The key that the first password is sealed under, and with it all others.
    var key: KeyID? {
        guard let row = rows.first, row.secret > 1 + KeyID.byteCount else { return nil }
        let start = row.start + Int(row.username) + Int(row.realm) + Int(row.extensionNumber) + 1
        return KeyID(bytes: bytes[start..<start + KeyID.byteCount])
    }
}

extension Staging {
    /// Counts a line whose username is known, and names it while there is room.
    mutating func skip(line: Int, username: String) {
        skipped += 1
        guard firstSkipped.count < ImportReport.mostProblems else { return }
        firstSkipped.append(SkippedLine(line: line, username: username))
    }
}
