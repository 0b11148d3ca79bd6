// SPDX-License-Identifier: Apache-2.0
//
// The folder Contract says what each operation promises.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

public import Bedrock
public import Domain
import GRDB

extension SQLiteStore {
    public func add(_ project: Project) async throws {
        try await write { database in
            try database.naming("project", project.name) {
                try database.execute(
                    sql: "INSERT INTO project (id, name, created_at) VALUES (?, ?, ?)",
                    arguments: [project.id.blob, project.name, project.createdAt.nanoseconds])
            }
        }
    }

    public func projects() async throws -> [Project] {
        try await read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM project ORDER BY name").map(Self.project)
        }
    }

    public func project(_ id: ProjectID) async throws -> Project? {
        try await read { database in
            try Row.fetchOne(database, sql: "SELECT * FROM project WHERE id = ?", arguments: [id.blob])
                .map(Self.project)
        }
    }

    public func project(named name: String) async throws -> Project? {
        try await read { database in
            try Row.fetchOne(database, sql: "SELECT * FROM project WHERE name = ?", arguments: [name])
                .map(Self.project)
        }
    }

    public func rename(_ id: ProjectID, to name: String) async throws {
        try await write { database in
            try database.naming("project", name) {
                try database.execute(
                    sql: "UPDATE project SET name = ? WHERE id = ?", arguments: [name, id.blob])
            }
            try database.requireChange(of: "project", id)
        }
    }

    private static func project(_ row: Row) throws -> Project {
        Project(id: try row.id("id"), name: row["name"], createdAt: row.time("created_at"))
    }
}
