// SPDX-License-Identifier: Apache-2.0
//
// The folder Contract says what each operation promises.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

public import Domain
import FoundationEssentials
import GRDB
import RunMetrics

extension SQLiteStore {
    public func save(_ endpoints: [EndpointRecord], under fence: LeaseFence?) async throws {
        let encoder = JSONEncoder()
        // Encoded before the writer is taken.
        let rows = try endpoints.map { (record: $0, evidence: try encoder.encode($0.result)) }
        try await write { database in
            for run in Set(endpoints.map(\.run)) { try database.require("run", run) }
            if let fence { try Self.require(fence, in: database) }
            let insertion = try database.cachedStatement(
                sql: """
                    INSERT OR REPLACE INTO endpoint (run, number, group_name, username, phase, outcome,
                        registration_status, call_status, partner, diagnosis, evidence)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """)
            for (record, evidence) in rows {
                let result = record.result
                try insertion.execute(arguments: [
                    record.run.blob, Int64(result.index), result.group, result.username, result.phase.name,
                    result.outcome.name, result.registration.finalStatus.map { Int64($0.code) },
                    result.calls.last?.finalStatus.map { Int64($0.code) }, result.partner.map { Int64($0) },
                    record.diagnosis, evidence,
                ])
            }
        }
    }

    public func endpoints(of run: RunID, _ query: EndpointQuery) async throws -> Page<EndpointRecord> {
        try await read { database in
            var condition = "run = ?"
            var arguments: StatementArguments = [run.blob]
            let filters = [
                ("outcome", query.outcome?.name), ("group_name", query.group), ("diagnosis", query.diagnosis),
            ]
            for case (let column, let value?) in filters {
                condition += " AND \(column) = ?"
                arguments += [value]
            }
            let total = try Int.fetchOne(
                database, sql: "SELECT count(*) FROM endpoint WHERE \(condition)", arguments: arguments)
            let rows = try Row.fetchAll(
                database, sql: "SELECT * FROM endpoint WHERE \(condition) ORDER BY number LIMIT ? OFFSET ?",
                arguments: arguments + [query.page.perPage, query.page.offset])
            let decoder = JSONDecoder()
            return Page(items: try rows.map { try Self.endpoint($0, decoder) }, total: total ?? 0)
        }
    }

    public func endpoint(_ index: UInt32, of run: RunID) async throws -> EndpointRecord? {
        try await read { database in
            try Row.fetchOne(
                database, sql: "SELECT * FROM endpoint WHERE run = ? AND number = ?",
                arguments: [run.blob, Int64(index)]
            ).map { try Self.endpoint($0, JSONDecoder()) }
        }
    }

    private static func endpoint(_ row: Row, _ decoder: JSONDecoder) throws -> EndpointRecord {
        let evidence: Data = row["evidence"]
        // Evidence that another version wrote in another shape still leaves the columns to read (G4).
        let result = (try? decoder.decode(EndpointResult.self, from: evidence)) ?? Self.bareResult(row)
        return EndpointRecord(run: try row.id("run"), result: result, diagnosis: row["diagnosis"])
    }

    private static func bareResult(_ row: Row) -> EndpointResult {
        var result = EndpointResult(index: row["number"], group: row["group_name"], username: row["username"])
        let phase: String = row["phase"]
        let outcome: String = row["outcome"]
        let status: UInt16? = row["registration_status"]
        result.phase = EndpointPhase.allCases.first { $0.name == phase } ?? .closed
        result.outcome = EndpointOutcome.allCases.first { $0.name == outcome } ?? .osError
        result.registration.finalStatus = status.map { SIPStatus(code: $0, reason: "") }
        result.partner = row["partner"]
        return result
    }
}
