// SPDX-License-Identifier: Apache-2.0
//
// The folder Contract says what each operation promises.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

public import Bedrock
public import Domain
import FoundationEssentials
import GRDB

extension SQLiteStore {
    public func add(_ test: TestRecord) async throws {
        try await write { database in
            try database.require("project", test.project)
            try database.naming("test", test.name) {
                try database.execute(
                    sql: """
                        INSERT INTO test (id, project, name, definition, created_at, changed_at)
                        VALUES (?, ?, ?, ?, ?, ?)
                        """,
                    arguments: [
                        test.id.blob, test.project.blob, test.name, Data(test.definition),
                        test.createdAt.nanoseconds, test.changedAt.nanoseconds,
                    ])
            }
        }
    }

    public func tests(of project: ProjectID) async throws -> [TestRecord] {
        try await read { database in
            try Row.fetchAll(
                database, sql: "SELECT * FROM test WHERE project = ? ORDER BY name", arguments: [project.blob]
            ).map(Self.test)
        }
    }

    public func test(_ id: TestID) async throws -> TestRecord? {
        try await read { database in
            try Row.fetchOne(database, sql: "SELECT * FROM test WHERE id = ?", arguments: [id.blob]).map(Self.test)
        }
    }

    public func update(_ test: TestRecord) async throws {
        try await write { database in
            try database.naming("test", test.name) {
                try database.execute(
                    sql: "UPDATE test SET name = ?, definition = ?, changed_at = ? WHERE id = ?",
                    arguments: [test.name, Data(test.definition), test.changedAt.nanoseconds, test.id.blob])
            }
            try database.requireChange(of: "test", test.id)
        }
    }

    public func deleteTest(_ id: TestID) async throws {
        try await write { database in
            try database.execute(sql: "DELETE FROM test WHERE id = ?", arguments: [id.blob])
            try database.requireChange(of: "test", id)
        }
    }

    private static func test(_ row: Row) throws -> TestRecord {
        TestRecord(
            id: try row.id("id"), project: try row.id("project"), name: row["name"],
            definition: row.bytes("definition"), createdAt: row.time("created_at"),
            changedAt: row.time("changed_at"))
    }
}
