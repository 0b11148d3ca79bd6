// SPDX-License-Identifier: Apache-2.0
//
// The folder Contract says what each operation promises.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

public import Bedrock
public import Domain
import FoundationEssentials
import GRDB

extension SQLiteStore {
    public func add(_ run: RunRecord) async throws {
        try await write { database in
            guard let project = run.project else { throw StoreError.notFound(kind: "project", id: "of the run") }
            try database.require("project", project)
            if let test = run.test { try database.require("test", test) }
            try database.execute(
                sql: """
                    INSERT INTO run (id, project, project_name, test, test_name, definition, endpoints, status,
                        failure_code, failure_text, verdict, requested_by, created_at, started_at, ended_at, summary)
                    SELECT ?, id, name, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM project WHERE id = ?
                    """,
                arguments: [
                    run.id.blob, run.test?.blob, run.testName, Data(run.definition), run.endpoints,
                    run.status.rawValue, run.failure?.code, run.failure?.text, run.verdict?.rawValue,
                    run.requestedBy, run.createdAt.nanoseconds, run.startedAt?.nanoseconds, run.endedAt?.nanoseconds,
                    run.summary.map { Data($0) }, project.blob,
                ])
        }
    }

    public func advance(_ run: RunID, to status: RunStatus, at time: UnixTime) async throws {
        precondition(!status.isFinal, "a run is ended by finish, which releases its accounts")
        try await write { database in
            try Self.requireStatus(nil, of: run, in: database)
            try database.execute(
                sql: "UPDATE run SET status = ?, started_at = coalesce(started_at, ?) WHERE id = ?",
                arguments: [status.rawValue, status == .running ? time.nanoseconds : nil, run.blob])
        }
    }

    public func finish(_ run: RunID, _ ending: RunEnding, under fence: LeaseFence?, by who: String) async throws {
        precondition(ending.status.isFinal, "a run ends with a final status")
        try await write { database in
            try Self.requireStatus(nil, of: run, in: database)
            if let fence { try Self.require(fence, in: database) }
            _ = try Self.release(run, by: who, in: database)
            try database.execute(
                sql: """
                    UPDATE run SET status = ?, failure_code = ?, failure_text = ?, verdict = ?, summary = ?,
                        ended_at = ? WHERE id = ?
                    """,
                arguments: [
                    ending.status.rawValue, ending.failure?.code, ending.failure?.text, ending.verdict?.rawValue,
                    ending.summary.map { Data($0) }, ending.at.nanoseconds, run.blob,
                ])
        }
    }

    public func summarise(_ run: RunID, _ summary: [UInt8]) async throws {
        try await write { database in
            try database.execute(
                sql: "UPDATE run SET summary = coalesce(summary, ?) WHERE id = ? AND ended_at IS NOT NULL",
                arguments: [Data(summary), run.blob])
            guard database.changesCount == 0 else { return }
            let status = try String.fetchOne(
                database, sql: "SELECT status FROM run WHERE id = ?", arguments: [run.blob])
            guard let status else { throw StoreError.notFound(kind: "run", id: run.description) }
            throw StoreError.wrongStatus(run: run.description, status: status)
        }
    }

    public func run(_ id: RunID) async throws -> RunRecord? {
        try await read { database in
            try Row.fetchOne(database, sql: "SELECT * FROM run WHERE id = ?", arguments: [id.blob]).map(Self.run)
        }
    }

    public func runs(of project: ProjectID?, test: TestID?, _ page: PageRequest) async throws -> Page<RunRecord> {
        try await read { database in
            // IS finds NULL as well, which is what a run of a deleted project has.
            var condition = "project IS ?"
            var arguments: StatementArguments = [project?.blob]
            if let test {
                condition += " AND test = ?"
                arguments += [test.blob]
            }
            let total = try Int.fetchOne(
                database, sql: "SELECT count(*) FROM run WHERE \(condition)", arguments: arguments)
            let rows = try Row.fetchAll(
                database, sql: "SELECT * FROM run WHERE \(condition) ORDER BY id DESC LIMIT ? OFFSET ?",
                arguments: arguments + [page.perPage, page.offset])
            return Page(items: try rows.map(Self.run), total: total ?? 0)
        }
    }

    public func openRuns() async throws -> [RunRecord] {
        try await read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM run WHERE ended_at IS NULL ORDER BY id").map(Self.run)
        }
    }

    /// Throws unless the run exists and has this status; without one, unless it is not over.
    static func requireStatus(_ needed: RunStatus?, of run: RunID, in database: Database) throws {
        let text = try String.fetchOne(database, sql: "SELECT status FROM run WHERE id = ?", arguments: [run.blob])
        guard let text else { throw StoreError.notFound(kind: "run", id: run.description) }
        let status = RunStatus(rawValue: text)
        let fits = needed.map { $0 == status } ?? (status?.isFinal == false)
        guard fits else { throw StoreError.wrongStatus(run: run.description, status: text) }
    }

    private static func run(_ row: Row) throws -> RunRecord {
        var run = RunRecord(
            id: try row.id("id"), project: try row.optionalID("project"), test: try row.optionalID("test"),
            testName: row["test_name"], definition: row.bytes("definition"), endpoints: row["endpoints"],
            status: try row.word("status"), requestedBy: row["requested_by"], createdAt: row.time("created_at"))
        run.projectName = row["project_name"]
        let code: String? = row["failure_code"]
        run.failure = code.map { RunFailure(code: $0, text: row["failure_text"]) }
        let verdict: String? = row["verdict"]
        run.verdict = verdict.flatMap(RunVerdict.init(rawValue:))
        run.startedAt = row.optionalTime("started_at")
        run.endedAt = row.optionalTime("ended_at")
        run.summary = row.optionalBytes("summary")
        return run
    }
}
