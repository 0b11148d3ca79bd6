// SPDX-License-Identifier: Apache-2.0
//
// The folder Contract says what each operation promises.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

public import Bedrock
public import Domain
import FoundationEssentials
import GRDB

extension SQLiteStore {
    public func masterKey() async throws -> KeyID? {
        try await read { try Self.masterKey(in: $0) }
    }

    /// The same for whoever opens the store and cannot wait on a task yet: one row, read once.
    public func masterKeyAtOpening() throws -> KeyID? {
        do {
            return try writer.read { try Self.masterKey(in: $0) }
        } catch let error as DatabaseError {
            throw StoreError(error)
        }
    }

    @discardableResult
    public func noteMasterKey(_ id: KeyID) async throws -> KeyID {
        try await write { try Self.noteMasterKey(id, in: $0) }
    }

    public func rewrapDataKeys(
        from old: KeyID, to new: KeyID, audit: @escaping @Sendable (Int) -> AuditEntry,
        _ rewrap: @escaping @Sendable (WrappedKey) throws -> WrappedKey
    ) async throws -> Int {
        // The old key's file is replaced next: by then this must be on the disk for good.
        try await writeToDisk { database in
            let noted = try Self.noteMasterKey(old, in: database)
            guard noted == old else { throw StoreError.otherMasterKey }
            let keys = try Row.fetchAll(database, sql: "SELECT * FROM data_key").map(Self.wrappedKey)
            for key in keys {
                let wrapped = try rewrap(key)
                guard wrapped.id == key.id, wrapped.registrar == key.registrar, wrapped.sealed.key == new else {
                    throw StoreError.engine("a data key was wrapped as another one")
                }
                try database.execute(
                    sql: "UPDATE data_key SET sealed = ? WHERE id = ?", arguments: [wrapped.sealed.blob, key.id.blob])
            }
            try database.execute(sql: "UPDATE vault SET master = ?", arguments: [new.blob])
            try Self.append(audit(keys.count), in: database)
            return keys.count
        }
    }

    public func allDataKeys() async throws -> [DataKeyRecord] {
        try await read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM data_key ORDER BY registrar, created_at, id").map { row in
                DataKeyRecord(key: try Self.wrappedKey(row), isLeaving: row.optionalTime("retired_at") != nil)
            }
        }
    }

    public func replaceDataKey(
        with key: WrappedKey, audit: @escaping @Sendable () -> AuditEntry
    ) async throws -> Bool {
        try await write { database in
            try database.require("registrar", key.registrar)
            guard try Self.noteMasterKey(key.sealed.key, in: database) == key.sealed.key else {
                throw StoreError.otherMasterKey
            }
            let leaving = try Bool.fetchOne(
                database,
                sql: "SELECT EXISTS (SELECT 1 FROM data_key WHERE registrar = ? AND retired_at IS NOT NULL)",
                arguments: [key.registrar.blob])
            if leaving == true { return false }
            // An import that is open has the earlier key in its hands and may go on sealing under it.
            try database.execute(
                sql: """
                    UPDATE account_import SET key = (SELECT id FROM data_key WHERE registrar = ?) WHERE registrar = ?
                    """,
                arguments: [key.registrar.blob, key.registrar.blob])
            try database.execute(
                sql: "UPDATE data_key SET retired_at = ? WHERE registrar = ?",
                arguments: [key.createdAt.nanoseconds, key.registrar.blob])
            try Self.insert(key, in: database)
            try Self.append(audit(), in: database)
            return true
        }
    }

    public func sealedAccounts(
        of registrar: RegistrarID?, only key: KeyID?, after position: Int64, limit: Int
    ) async throws -> [SealedAccount] {
        try await read { database in
            var from = "account \(Self.poolOfAccount) WHERE account.position > ?"
            var arguments: StatementArguments = [position]
            if let registrar {
                from = """
                    pool JOIN account ON account.position > max(pool.number << 32, ?)
                        AND account.position <= (pool.number << 32) + 4294967295 WHERE pool.registrar = ?
                    """
                arguments += [registrar.blob]
            }
            if let key {
                from += " AND \(Self.keyOfSecret) = ?"
                arguments += [key.blob]
            }
            return try Row.fetchAll(
                database,
                sql: """
                    SELECT account.position, account.id, pool.registrar, account.secret FROM \(from)
                    ORDER BY account.position LIMIT ?
                    """,
                arguments: arguments + [limit]
            ).map { row in
                SealedAccount(
                    position: row["position"], account: try row.id("id"), registrar: try row.id("registrar"),
                    secret: try row.secret("secret"))
            }
        }
    }

    public func countAccounts(of registrar: RegistrarID, under key: KeyID) async throws -> Int {
        try await read { database in
            try Int.fetchOne(
                database,
                sql: """
                    SELECT count(*) FROM \(Self.poolInOrder) WHERE pool.registrar = ? AND \(Self.keyOfSecret) = ?
                    """,
                arguments: [registrar.blob, key.blob]) ?? 0
        }
    }

    public func reseal(_ changes: [ResealedAccount]) async throws -> Int {
        try await write { database in
            let update = try database.cachedStatement(
                sql: "UPDATE account SET secret = ? WHERE position = ? AND secret = ?")
            var changed = 0
            for change in changes {
                try update.execute(arguments: [change.new.blob, change.position, change.old.blob])
                changed += database.changesCount
            }
            return changed
        }
    }

    public func removeDataKey(_ id: KeyID, audit: @escaping @Sendable () -> AuditEntry) async throws -> Bool {
        // What is found unused stays so: no new value is kept under a key on its way out, except by the imports that are noted
        // with it. So all accounts are looked through before the writer is taken.
        let mayGo = try await read { database in
            let leaving = try Row.fetchOne(
                database, sql: "SELECT registrar FROM data_key WHERE id = ? AND retired_at IS NOT NULL",
                arguments: [id.blob])
            guard let leaving else { return false }
            let registrar: RegistrarID = try leaving.id("registrar")
            let isUsed = try Bool.fetchOne(
                database,
                sql: """
                    SELECT EXISTS (SELECT 1 FROM account_import WHERE key = ?)
                        OR EXISTS (SELECT 1 FROM staged_account WHERE \(Self.keyOfSecret) = ?)
                        OR EXISTS (SELECT 1 FROM \(Self.poolInOrder) WHERE pool.registrar = ? AND \(Self.keyOfSecret) = ?)
                    """,
                arguments: [id.blob, id.blob, registrar.blob, id.blob])
            return isUsed == false
        }
        guard mayGo else { return false }
        let isGone = try await write { database in
            try database.execute(sql: "DELETE FROM data_key WHERE id = ?", arguments: [id.blob])
            guard database.changesCount == 1 else { return false }
            try Self.append(audit(), in: database)
            return true
        }
        if isGone { await afterForgetting() }
        return isGone
    }
}

// MARK: - Parts of the operations

extension SQLiteStore {
    /// One transaction of the writer that survives a loss of power once this returns. The others survive that from the next
    /// checkpoint on, and the end of the process at once.
    private func writeToDisk<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws -> Value {
        do {
            return try await writer.writeWithoutTransaction { database in
                let level = try Int.fetchOne(database, sql: "PRAGMA synchronous") ?? 1
                try database.execute(sql: "PRAGMA synchronous = FULL")
                defer { try? database.execute(sql: "PRAGMA synchronous = \(level)") }
                var value: Value?
                try database.inTransaction {
                    value = try body(database)
                    return .commit
                }
                guard let value else { throw StoreError.engine("a transaction gave nothing") }
                return value
            }
        } catch let error as DatabaseError {
            throw StoreError(error)
        }
    }

    /// The identifier of the key that a sealed value names, behind the byte with its version.
    static let keyOfSecret = "substr(secret, 2, 16)"

    static func masterKey(in database: Database) throws -> KeyID? {
        try Row.fetchOne(database, sql: "SELECT master FROM vault").map { try $0.id("master") }
    }

    /// Notes a master key where none is, and gives the one that is.
    static func noteMasterKey(_ id: KeyID, in database: Database) throws -> KeyID {
        if let noted = try masterKey(in: database) { return noted }
        try database.execute(sql: "INSERT INTO vault (place, master) VALUES (1, ?)", arguments: [id.blob])
        return id
    }

    /// Throws `keyLeaving` unless a secret may be kept under this key: the registrar's own, or for the import that had it
    /// already one on its way out. A registrar without keys has no say.
    static func requireKey(
        _ key: KeyID, of registrar: RegistrarID, for batch: ImportID? = nil, in database: Database
    ) throws {
        let statement = try database.cachedStatement(
            sql: """
                SELECT NOT EXISTS (SELECT 1 FROM data_key WHERE registrar = ?)
                    OR EXISTS (SELECT 1 FROM data_key WHERE id = ? AND registrar = ? AND retired_at IS NULL)
                    OR EXISTS (SELECT 1 FROM account_import WHERE id = ? AND key = ?)
                """)
        let fits = try Bool.fetchOne(
            statement, arguments: [registrar.blob, key.blob, registrar.blob, batch?.blob, key.blob])
        guard fits == true else { throw StoreError.keyLeaving }
    }

    static func insert(_ key: WrappedKey, in database: Database) throws {
        try database.execute(
            sql: "INSERT INTO data_key (id, registrar, sealed, created_at) VALUES (?, ?, ?, ?)",
            arguments: [key.id.blob, key.registrar.blob, key.sealed.blob, key.createdAt.nanoseconds])
    }

    static func wrappedKey(_ row: Row) throws -> WrappedKey {
        WrappedKey(
            id: try row.id("id"), registrar: try row.id("registrar"), sealed: try row.secret("sealed"),
            createdAt: row.time("created_at"))
    }
}
