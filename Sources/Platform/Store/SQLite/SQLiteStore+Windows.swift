// SPDX-License-Identifier: Apache-2.0
//
// The folder Contract says what each operation promises.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

public import Domain
import FoundationEssentials
import GRDB
public import RunMetrics

extension SQLiteStore {
    public func save(_ windows: [Window], late: [Window], of run: RunID, under fence: LeaseFence?) async throws {
        guard !windows.isEmpty || !late.isEmpty else { return }
        let encoder = JSONEncoder()
        // Encoded before the writer is taken.
        let rows = try windows.map { (second: Int64($0.second), content: try encoder.encode($0)) }
        try await write { database in
            try database.require("run", run)
            if let fence { try Self.require(fence, in: database) }
            for row in rows { try Self.put(row.content, second: row.second, of: run, in: database) }
            for part in late {
                var whole = try Self.window(part.second, of: run, in: database) ?? Window(second: part.second)
                whole.merge(part)
                try Self.put(try encoder.encode(whole), second: Int64(part.second), of: run, in: database)
            }
        }
    }

    private static func put(_ content: Data, second: Int64, of run: RunID, in database: Database) throws {
        try database.cachedStatement(sql: "INSERT OR REPLACE INTO run_window (run, second, content) VALUES (?, ?, ?)")
            .execute(arguments: [run.blob, second, content])
    }

    private static func window(_ second: UInt32, of run: RunID, in database: Database) throws -> Window? {
        let content = try Data.fetchOne(
            database, sql: "SELECT content FROM run_window WHERE run = ? AND second = ?",
            arguments: [run.blob, Int64(second)])
        return content.flatMap { try? JSONDecoder().decode(Window.self, from: $0) }
    }

    public func windows(of run: RunID, in seconds: ClosedRange<UInt32>, limit: Int) async throws -> [Window] {
        let contents = try await read { database in
            try Data.fetchAll(
                database,
                sql: "SELECT content FROM run_window WHERE run = ? AND second BETWEEN ? AND ? ORDER BY second LIMIT ?",
                arguments: [run.blob, Int64(seconds.lowerBound), Int64(seconds.upperBound), limit])
        }
        let decoder = JSONDecoder()
        // A second that another version wrote in another shape is left out rather than the whole run (G4).
        return contents.compactMap { try? decoder.decode(Window.self, from: $0) }
    }
}
