// SPDX-License-Identifier: Apache-2.0
//
// The folder Contract says what each operation promises.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

public import Bedrock
public import Domain
import GRDB

extension SQLiteStore {
    public func add(_ registrar: Registrar) async throws {
        try await write { database in
            try database.require("project", registrar.project)
            try database.naming("registrar", registrar.name) {
                try database.execute(
                    sql: """
                        INSERT INTO registrar (name, domain, port, transport, outbound_proxy, dns, expires,
                            confirmed_public, id, project, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                        """,
                    arguments: Self.arguments(registrar) + [
                        registrar.id.blob, registrar.project.blob, registrar.createdAt.nanoseconds,
                    ])
            }
        }
    }

    public func registrars(of project: ProjectID) async throws -> [Registrar] {
        try await read { database in
            try Row.fetchAll(
                database, sql: "SELECT * FROM registrar WHERE project = ? ORDER BY name", arguments: [project.blob]
            ).map(Self.registrar)
        }
    }

    public func registrar(_ id: RegistrarID) async throws -> Registrar? {
        try await read { database in
            try Row.fetchOne(database, sql: "SELECT * FROM registrar WHERE id = ?", arguments: [id.blob])
                .map(Self.registrar)
        }
    }

    public func registrar(named name: String, of project: ProjectID) async throws -> Registrar? {
        try await read { database in
            try Row.fetchOne(
                database, sql: "SELECT * FROM registrar WHERE project = ? AND name = ?",
                arguments: [project.blob, name]
            ).map(Self.registrar)
        }
    }

    public func update(_ registrar: Registrar) async throws {
        try await write { database in
            try database.naming("registrar", registrar.name) {
                try database.execute(
                    sql: """
                        UPDATE registrar SET name = ?, domain = ?, port = ?, transport = ?, outbound_proxy = ?,
                            dns = ?, expires = ?, confirmed_public = ? WHERE id = ?
                        """,
                    arguments: Self.arguments(registrar) + [registrar.id.blob])
            }
            try database.requireChange(of: "registrar", registrar.id)
        }
    }

    public func addDataKey(_ key: WrappedKey) async throws -> WrappedKey {
        try await write { database in
            try database.require("registrar", key.registrar)
            if let known = try Self.presentKey(of: key.registrar, in: database) { return known }
            guard try Self.noteMasterKey(key.sealed.key, in: database) == key.sealed.key else {
                throw StoreError.otherMasterKey
            }
            try Self.insert(key, in: database)
            return key
        }
    }

    public func dataKey(of registrar: RegistrarID) async throws -> WrappedKey? {
        try await read { try Self.presentKey(of: registrar, in: $0) }
    }

    public func dataKeys(_ ids: [KeyID]) async throws -> [WrappedKey] {
        try await read { database in
            try ids.compactMap { id in
                try Row.fetchOne(database, sql: "SELECT * FROM data_key WHERE id = ?", arguments: [id.blob])
                    .map(Self.wrappedKey)
            }
        }
    }

    private static func presentKey(of registrar: RegistrarID, in database: Database) throws -> WrappedKey? {
        try Row.fetchOne(
            database, sql: "SELECT * FROM data_key WHERE registrar = ? AND retired_at IS NULL",
            arguments: [registrar.blob]
        ).map(wrappedKey)
    }

    private static func arguments(_ registrar: Registrar) -> StatementArguments {
        [
            registrar.name, registrar.domain, registrar.port.map { Int64($0) }, registrar.transport.rawValue,
            registrar.outboundProxy, registrar.dns, Int64(registrar.expires), registrar.confirmedPublic,
        ]
    }

    private static func registrar(_ row: Row) throws -> Registrar {
        Registrar(
            id: try row.id("id"), project: try row.id("project"), name: row["name"], domain: row["domain"],
            port: row["port"], transport: try row.word("transport"), outboundProxy: row["outbound_proxy"],
            dns: row["dns"], expires: row["expires"], confirmedPublic: row["confirmed_public"],
            createdAt: row.time("created_at"))
    }
}
