// SPDX-License-Identifier: Apache-2.0
//
// The folder Contract says what each operation promises.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

public import Bedrock
public import Domain
import GRDB

extension SQLiteStore {
    public func allocate(
        run: RunID, _ groups: [GroupDemand], term: Interval, by who: String
    ) async throws -> Allocation {
        try await write { database in
            try Self.requireStatus(.pending, of: run, in: database)
            for demand in groups { try database.require("registrar", demand.registrar) }
            var taken: LeaseFence?
            try database.inSavepoint {
                taken = try Self.take(groups, for: run, term: term, in: database)
                return taken == nil ? .rollback : .commit
            }
            guard let fence = taken else { throw try Self.shortages(of: groups, in: database) }
            try Self.append(Self.held(under: fence, .allocate, in: database), by: who, in: database)
            try database.execute(
                sql: "UPDATE run SET status = ? WHERE id = ?",
                arguments: [RunStatus.queued.rawValue, run.blob])
            return Allocation(fence: fence, accounts: groups.reduce(0) { $0 + $1.endpoints })
        }
    }

    public func renew(_ fence: LeaseFence, term: Interval) async throws {
        try await write { database in
            try database.execute(
                sql: """
                    UPDATE lease_term SET ends_at = callmeter_now() + ?
                    WHERE fence = ? AND run = ? AND ends_at > callmeter_now()
                    """,
                arguments: [term.nanoseconds, fence.number, fence.run.blob])
            guard database.changesCount == 1 else { throw StoreError.leaseLost(run: fence.run.description) }
        }
    }

    public func leases(of run: RunID) async throws -> [LeaseRecord] {
        try await read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT lease.endpoint, lease.fence, account.id, pool.registrar, account.username, account.realm,
                        account.extension, account.leftover_contact, account.leftover_expires_at
                    FROM lease_term JOIN lease ON lease.fence = lease_term.fence
                    JOIN account ON account.position = lease.account \(Self.poolOfAccount)
                    WHERE lease_term.run = ? ORDER BY lease.endpoint
                    """,
                arguments: [run.blob]
            ).map { try Self.lease($0, run: run) }
        }
    }

    public func secrets(under fence: LeaseFence, endpoints: Range<UInt32>) async throws -> [SealedSecret] {
        try await read { database in
            try Self.require(fence, in: database)
            return try Row.fetchAll(
                database,
                sql: """
                    SELECT account.secret FROM lease JOIN account ON account.position = lease.account
                    WHERE lease.fence = ? AND lease.endpoint >= ? AND lease.endpoint < ? ORDER BY lease.endpoint
                    """,
                arguments: [fence.number, Int64(endpoints.lowerBound), Int64(endpoints.upperBound)]
            ).map { try $0.secret("secret") }
        }
    }

    @discardableResult
    public func release(_ run: RunID, by who: String) async throws -> Int {
        try await write { try Self.release(run, by: who, in: $0) }
    }

    public func expireLeases(grace: Interval, by who: String) async throws -> [ExpiredLeases] {
        let overdue = try await read { database in
            try Row.fetchAll(
                database, sql: "SELECT fence, run FROM lease_term WHERE ends_at + ? <= callmeter_now() ORDER BY fence",
                arguments: [grace.nanoseconds]
            ).map { LeaseFence(run: try $0.id("run"), number: $0["fence"]) }
        }
        var expired: [ExpiredLeases] = []
        // A transaction each: many large runs must not keep the writer from others for long.
        for fence in overdue {
            if let one = try await expire(fence, grace: grace, by: who) { expired.append(one) }
        }
        return expired
    }

    /// Ends one run whose leases are over by this transaction's time; nil when they were renewed or released meanwhile.
    private func expire(_ fence: LeaseFence, grace: Interval, by who: String) async throws -> ExpiredLeases? {
        try await write { database in
            let now = try Self.now(in: database)
            let isOver = try Bool.fetchOne(
                database, sql: "SELECT ends_at + ? <= ? FROM lease_term WHERE fence = ? AND run = ?",
                arguments: [grace.nanoseconds, now, fence.number, fence.run.blob])
            guard isOver == true else { return nil }
            let accounts = try Self.end(fence, .expire, by: who, in: database)
            try database.execute(
                sql: """
                    UPDATE run SET status = ?, failure_code = ?, failure_text = ?, verdict = ?, ended_at = ?
                    WHERE id = ? AND ended_at IS NULL
                    """,
                arguments: [
                    RunStatus.failed.rawValue, ExpiredLeases.code, ExpiredLeases.text, RunVerdict.failed.rawValue, now,
                    fence.run.blob,
                ])
            return ExpiredLeases(fence: fence, accounts: accounts)
        }
    }
}

// MARK: - Parts of the operations

extension SQLiteStore {
    /// Throws `leaseLost` unless the run holds its accounts under this very number.
    static func require(_ fence: LeaseFence, in database: Database) throws {
        let holds = try Bool.fetchOne(
            database, sql: "SELECT EXISTS (SELECT 1 FROM lease_term WHERE fence = ? AND run = ?)",
            arguments: [fence.number, fence.run.blob])
        guard holds == true else { throw StoreError.leaseLost(run: fence.run.description) }
    }

    /// Releases a run's accounts within a transaction; gives how many.
    static func release(_ run: RunID, by who: String, in database: Database) throws -> Int {
        let number = try Int64.fetchOne(
            database, sql: "SELECT fence FROM lease_term WHERE run = ?", arguments: [run.blob])
        guard let number else { return 0 }
        return try end(LeaseFence(run: run, number: number), .release, by: who, in: database)
    }

    private static func end(
        _ fence: LeaseFence, _ event: AllocationNote.Event, by who: String, in database: Database
    ) throws -> Int {
        try append(held(under: fence, event, in: database), by: who, in: database)
        try database.execute(sql: "DELETE FROM lease WHERE fence = ?", arguments: [fence.number])
        let accounts = database.changesCount
        try database.execute(sql: "DELETE FROM lease_term WHERE fence = ?", arguments: [fence.number])
        return accounts
    }

    private static func append(_ notes: [AllocationNote], by who: String, in database: Database) throws {
        let now = UnixTime(nanoseconds: try now(in: database))
        for note in notes {
            for entry in note.entries(at: now, by: who) { try append(entry, in: database) }
        }
    }

    /// Takes accounts for the groups in order. Gives nil when a registrar has too few: the caller rolls back.
    private static func take(
        _ groups: [GroupDemand], for run: RunID, term: Interval, in database: Database
    ) throws -> LeaseFence? {
        let number = try Int64.fetchOne(database, sql: "UPDATE fence SET value = value + 1 RETURNING value")
        guard let number else { throw StoreError.engine("the fence has no value") }
        try database.execute(
            sql: "INSERT INTO lease_term (fence, run, ends_at) VALUES (?, ?, callmeter_now() + ?)",
            arguments: [number, run.blob, term.nanoseconds])
        var reached: [RegistrarID: Int64] = [:]
        var endpoint = 0
        for group in groups where group.endpoints > 0 {
            let insertion = try database.cachedStatement(sql: lending)
            try insertion.execute(arguments: [
                number, endpoint, group.registrar.blob, reached[group.registrar] ?? 0, group.endpoints,
            ])
            guard database.changesCount == group.endpoints else { return nil }
            endpoint += group.endpoints
            // What comes before was free and is taken now, or is somebody else's: the next group need not look at it again.
            reached[group.registrar] = database.lastInsertedRowID
        }
        return LeaseFence(run: run, number: number)
    }

    /// Lends the first free accounts of a registrar behind a position, in one statement whatever their number.
    private static let lending = """
        INSERT INTO lease (account, fence, endpoint)
        SELECT position, ?1, ?2 - 1 + row_number() OVER (ORDER BY position) FROM (
            SELECT account.position FROM pool JOIN account ON account.position > max(pool.number << 32, ?4)
                AND account.position <= (pool.number << 32) + 4294967295
            WHERE pool.registrar = ?3 AND \(visible)
                AND NOT EXISTS (SELECT 1 FROM lease WHERE lease.account = account.position)
            ORDER BY account.position LIMIT ?5)
        ORDER BY position
        """

    /// What is lent under a number, each registrar's apart, in order of the registrars.
    private static func held(
        under fence: LeaseFence, _ event: AllocationNote.Event, in database: Database
    ) throws -> [AllocationNote] {
        let rows = try Row.fetchCursor(
            database,
            sql: """
                SELECT registrar, min(position) AS first, max(position) AS last FROM (
                    SELECT pool.registrar, \(place) AS position, account.position - row_number() OVER (
                        PARTITION BY pool.registrar ORDER BY account.position) AS island
                    FROM lease JOIN account ON account.position = lease.account \(poolOfAccount)
                    WHERE lease.fence = ?)
                GROUP BY registrar, island ORDER BY registrar, first
                """,
            arguments: [fence.number])
        var notes: [AllocationNote] = []
        while let row = try rows.next() {
            let registrar: RegistrarID = try row.id("registrar")
            if notes.last?.registrar != registrar {
                notes.append(
                    AllocationNote(event: event, fence: fence, registrar: registrar, positions: PositionRanges()))
            }
            let (first, last): (Int64, Int64) = (row["first"], row["last"])
            notes[notes.count - 1].positions.append(first...last)
        }
        return notes
    }

    /// The numbers of an allocation that could not be, read after it was rolled back.
    private static func shortages(of groups: [GroupDemand], in database: Database) throws -> InsufficientAccounts {
        let usages = try Demand.perRegistrar(groups).map { try usage(of: $0.registrar, in: database) }
        return InsufficientAccounts(shortages: Demand.shortages(of: groups, given: usages))
    }

    private static func lease(_ row: Row, run: RunID) throws -> LeaseRecord {
        let contact: String? = row["leftover_contact"]
        let leftover = contact.map { LeftoverContact(contact: $0, expiresAt: row.time("leftover_expires_at")) }
        return LeaseRecord(
            run: run, endpoint: row["endpoint"], fence: row["fence"], account: try row.id("id"),
            registrar: try row.id("registrar"), username: row["username"], realm: row["realm"],
            extensionNumber: row["extension"], leftover: leftover)
    }
}
