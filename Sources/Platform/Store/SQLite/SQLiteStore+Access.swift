// SPDX-License-Identifier: Apache-2.0
//
// The folder Contract says what each operation promises.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

public import Bedrock
public import Domain
import FoundationEssentials
import GRDB

extension SQLiteStore {
    /// No answer holds more entries of the audit log.
    private static let mostAuditEntries = 500

    public func add(_ key: APIKeyRecord, audit: @escaping @Sendable () -> AuditEntry) async throws {
        try await write { database in
            if let project = key.project { try database.require("project", project) }
            try database.naming("API key", key.name) {
                try database.execute(
                    sql: """
                        INSERT INTO api_key (id, name, role, project, hash, created_at, last_used_at, revoked_at)
                        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                        """,
                    arguments: [
                        key.id.blob, key.name, key.role.rawValue, key.project?.blob, Data(key.hash),
                        key.createdAt.nanoseconds, key.lastUsedAt?.nanoseconds, key.revokedAt?.nanoseconds,
                    ])
            }
            try Self.append(audit(), in: database)
        }
    }

    public func apiKey(hash: [UInt8]) async throws -> APIKeyRecord? {
        try await read { database in
            try Row.fetchOne(
                database, sql: "SELECT * FROM api_key WHERE hash = ? AND revoked_at IS NULL",
                arguments: [Data(hash)]
            ).map(Self.apiKey)
        }
    }

    public func apiKeys() async throws -> [APIKeyRecord] {
        try await read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM api_key ORDER BY id DESC").map(Self.apiKey)
        }
    }

    public func revoke(
        _ id: APIKeyID, at time: UnixTime, audit: @escaping @Sendable () -> AuditEntry
    ) async throws {
        try await write { database in
            try database.execute(
                sql: "UPDATE api_key SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?",
                arguments: [time.nanoseconds, id.blob])
            try database.requireChange(of: "API key", id)
            try Self.append(audit(), in: database)
        }
    }

    public func touch(_ ids: [APIKeyID], at time: UnixTime) async throws {
        try await write { database in
            for id in ids {
                try database.execute(
                    sql: "UPDATE api_key SET last_used_at = max(coalesce(last_used_at, 0), ?) WHERE id = ?",
                    arguments: [time.nanoseconds, id.blob])
            }
        }
    }

    @discardableResult
    public func append(_ entry: AuditEntry) async throws -> Int64 {
        try await write { database in
            try Self.append(entry, in: database)
            return database.lastInsertedRowID
        }
    }

    /// Appends to the audit log in the transaction of what the entry tells of: neither is there without the other.
    static func append(_ entry: AuditEntry, in database: Database) throws {
        var entry = entry
        entry.sequence = try appended(in: database) + 1
        // SQLite ends a text at a zero byte, and the hash must be of what is kept.
        for text in [\AuditEntry.who, \.action, \.subject, \.details] where entry[keyPath: text].utf8.contains(0) {
            entry[keyPath: text] = entry[keyPath: text].split(separator: "\0").joined(separator: "\u{FFFD}")
        }
        let encoding = AuditChain.encoding(of: entry, after: try head(in: database))
        let insertion = try database.cachedStatement(
            sql: """
                INSERT INTO audit (sequence, at, who, action, subject, details, hash)
                VALUES (?, ?, ?, ?, ?, ?, \(hashFunction)(?))
                """)
        try insertion.execute(arguments: [
            entry.sequence, entry.at.nanoseconds, entry.who, entry.action, entry.subject, entry.details, Data(encoding),
        ])
    }

    /// The place of the last entry ever appended, whether or not it is still there.
    private static func appended(in database: Database) throws -> Int64 {
        let statement = try database.cachedStatement(sql: "SELECT seq FROM sqlite_sequence WHERE name = 'audit'")
        return try Int64.fetchOne(statement) ?? 0
    }

    private static func head(in database: Database) throws -> [UInt8] {
        let statement = try database.cachedStatement(sql: "SELECT hash FROM audit ORDER BY sequence DESC LIMIT 1")
        return try Row.fetchOne(statement)?.bytes("hash") ?? AuditChain.start
    }

    public func audit(after sequence: Int64) async throws -> [AuditEntry] {
        try await read { database in
            try Row.fetchAll(
                database,
                sql: "SELECT * FROM audit WHERE sequence > ? ORDER BY sequence LIMIT \(Self.mostAuditEntries)",
                arguments: [sequence]
            ).map { row in
                AuditEntry(
                    sequence: row["sequence"], at: row.time("at"), who: row["who"], action: row["action"],
                    subject: row["subject"], details: row["details"], hash: row.bytes("hash"))
            }
        }
    }

    public func auditEnd() async throws -> AuditEnd {
        try await read { try Self.auditEnd(in: $0) }
    }

    static func auditEnd(in database: Database) throws -> AuditEnd {
        AuditEnd(appended: try appended(in: database), head: try head(in: database))
    }

    private static func apiKey(_ row: Row) throws -> APIKeyRecord {
        APIKeyRecord(
            id: try row.id("id"), name: row["name"], role: try row.word("role"), project: try row.optionalID("project"),
            hash: row.bytes("hash"), createdAt: row.time("created_at"), lastUsedAt: row.optionalTime("last_used_at"),
            revokedAt: row.optionalTime("revoked_at"))
    }
}
