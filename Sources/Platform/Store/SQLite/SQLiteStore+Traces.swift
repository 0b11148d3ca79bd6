// SPDX-License-Identifier: Apache-2.0
//
// The folder Contract says what each operation promises.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

public import Bedrock
public import Domain
import FoundationEssentials
import GRDB
public import RunMetrics

extension SQLiteStore {
    public func save(_ traces: [EndpointTrace], of run: RunID, under fence: LeaseFence?) async throws {
        // Encoded before the writer is taken.
        let rows = traces.map { (number: Int64($0.endpoint), content: Data($0.encoded)) }
        try await write { database in
            try database.require("run", run)
            if let fence { try Self.require(fence, in: database) }
            let insertion = try database.cachedStatement(
                sql: "INSERT OR REPLACE INTO endpoint_trace (run, number, content) VALUES (?, ?, ?)")
            for row in rows { try insertion.execute(arguments: [run.blob, row.number, row.content]) }
        }
    }

    public func trace(of endpoint: UInt32, of run: RunID) async throws -> EndpointTrace? {
        let content = try await read { database in
            try Data.fetchOne(
                database, sql: "SELECT content FROM endpoint_trace WHERE run = ? AND number = ?",
                arguments: [run.blob, Int64(endpoint)])
        }
        // What another version wrote in another shape is as good as not there (G4).
        return content.flatMap { EndpointTrace(encoded: Array($0)) }
    }

    public func traces(of run: RunID, after endpoint: UInt32?, atMost count: Int) async throws -> [EndpointTrace] {
        let contents = try await read { database in
            try Data.fetchAll(
                database,
                sql: "SELECT content FROM endpoint_trace WHERE run = ? AND number > ? ORDER BY number LIMIT ?",
                arguments: [run.blob, endpoint.map { Int64($0) } ?? -1, count])
        }
        return contents.compactMap { EndpointTrace(encoded: Array($0)) }
    }
}
