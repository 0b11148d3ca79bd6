// SPDX-License-Identifier: Apache-2.0
//
// The folder Contract says what each operation promises.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

public import Bedrock
public import Domain
import FoundationEssentials
import GRDB

extension SQLiteStore {
    public func deletion(of id: RegistrarID) async throws -> Deletion {
        try await read { try Self.deletion(of: id, in: $0) }
    }

    public func deletion(of id: ProjectID) async throws -> Deletion {
        try await read { try Self.deletion(of: id, in: $0) }
    }

    @discardableResult
    public func deleteRegistrar(
        _ id: RegistrarID, audit: @escaping @Sendable (Deletion) -> AuditEntry
    ) async throws -> Deletion {
        try await delete("registrar", id.blob, audit) { try Self.deletion(of: id, in: $0) }
    }

    @discardableResult
    public func deleteProject(
        _ id: ProjectID, audit: @escaping @Sendable (Deletion) -> AuditEntry
    ) async throws -> Deletion {
        try await delete("project", id.blob, audit) { try Self.deletion(of: id, in: $0) }
    }

    /// Deletes one row with all that hangs on it, unless a run is at work there.
    private func delete(
        _ table: String, _ id: Data, _ audit: @escaping @Sendable (Deletion) -> AuditEntry,
        _ examine: @escaping @Sendable (Database) throws -> Deletion
    ) async throws -> Deletion {
        let deletion = try await write { database in
            let deletion = try examine(database)
            guard deletion.inUseBy.isEmpty else {
                throw StoreError.inUse(runs: deletion.inUseBy.map(\.description))
            }
            try database.execute(sql: "DELETE FROM \(table) WHERE id = ?", arguments: [id])
            try Self.append(audit(deletion), in: database)
            return deletion
        }
        await afterForgetting()
        return deletion
    }

    private static func deletion(of id: RegistrarID, in database: Database) throws -> Deletion {
        let usage = try usage(of: id, in: database)
        let runs = try Int.fetchOne(
            database,
            sql: "SELECT count(*) FROM run WHERE project = (SELECT project FROM registrar WHERE id = ?)",
            arguments: [id.blob])
        return Deletion(
            name: usage.registrarName, registrars: 0, accounts: usage.total, tests: 0, apiKeys: 0,
            runsThatStay: runs ?? 0, inUseBy: usage.holders.map(\.run))
    }

    private static func deletion(of id: ProjectID, in database: Database) throws -> Deletion {
        let name = try String.fetchOne(database, sql: "SELECT name FROM project WHERE id = ?", arguments: [id.blob])
        guard let name else { throw StoreError.notFound(kind: "project", id: id.description) }
        func count(_ table: String) throws -> Int {
            try Int.fetchOne(
                database, sql: "SELECT count(*) FROM \(table) WHERE project = ?", arguments: [id.blob]) ?? 0
        }
        let registrars = try Row.fetchAll(
            database, sql: "SELECT id FROM registrar WHERE project = ?", arguments: [id.blob]
        ).map { row -> RegistrarID in try row.id("id") }
        let accounts = try registrars.reduce(0) { $0 + (try usage(of: $1, in: database).total) }
        let open = try Row.fetchAll(
            database, sql: "SELECT id FROM run WHERE project = ? AND ended_at IS NULL ORDER BY id", arguments: [id.blob]
        ).map { row -> RunID in try row.id("id") }
        return Deletion(
            name: name, registrars: registrars.count, accounts: accounts, tests: try count("test"),
            apiKeys: try count("api_key"), runsThatStay: try count("run"), inUseBy: open)
    }
}
