// SPDX-License-Identifier: Apache-2.0
//
// The folder Contract says what each operation promises.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

public import Bedrock
public import Domain
import GRDB

extension SQLiteStore {
    public func allocate(run: RunID, _ groups: [GroupDemand]) async throws -> [LeaseRecord] {
        try await write { database in
            try Self.requireStatus(.pending, of: run, in: database)
            let fence = try Int64.fetchOne(database, sql: "UPDATE fence SET value = value + 1 RETURNING value")
            guard let fence else { throw StoreError.engine("the fence has no value") }
            var free: [RegistrarID: [Row]] = [:]
            var shortages: [AccountShortage] = []
            for demand in Demand.perRegistrar(groups) {
                let rows = try Self.freeAccounts(demand, in: database)
                if rows.count < demand.accounts {
                    let usage = try Self.usage(of: demand.registrar, in: database)
                    shortages.append(AccountShortage(needs: demand.accounts, usage: usage))
                }
                free[demand.registrar] = rows
            }
            // Thrown out of the transaction: nothing stays taken.
            guard shortages.isEmpty else { throw InsufficientAccounts(shortages: shortages) }
            let leases = try Self.assign(free, to: groups, run: run, fence: fence)
            let insertion = try database.cachedStatement(
                sql: "INSERT INTO lease (run, endpoint, account, fence) VALUES (?, ?, ?, ?)")
            for lease in leases {
                try insertion.execute(arguments: [run.blob, Int64(lease.endpoint), lease.account.blob, fence])
            }
            try database.execute(
                sql: "UPDATE run SET status = ? WHERE id = ?",
                arguments: [RunStatus.queued.rawValue, run.blob])
            return leases
        }
    }

    public func leases(of run: RunID) async throws -> [LeaseRecord] {
        try await read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT lease.endpoint, lease.fence, \(Self.leaseColumns) FROM lease
                    JOIN account ON account.id = lease.account WHERE lease.run = ? ORDER BY lease.endpoint
                    """,
                arguments: [run.blob]
            ).map { try Self.lease($0, run: run, endpoint: $0["endpoint"], fence: $0["fence"]) }
        }
    }

    @discardableResult
    public func release(_ run: RunID) async throws -> Int {
        try await write { try Self.release(run, in: $0) }
    }

    /// Releases a run's accounts within a transaction.
    static func release(_ run: RunID, in database: Database) throws -> Int {
        try database.execute(sql: "DELETE FROM lease WHERE run = ?", arguments: [run.blob])
        return database.changesCount
    }

    private static let leaseColumns = """
        account.id, account.registrar, account.username, account.realm, account.extension, account.secret,
        account.leftover_contact, account.leftover_expires_at
        """

    private static func freeAccounts(_ demand: RegistrarDemand, in database: Database) throws -> [Row] {
        try database.require("registrar", demand.registrar)
        return try Row.fetchAll(
            database,
            sql: """
                SELECT \(leaseColumns) FROM account WHERE account.registrar = ?
                    AND NOT EXISTS (SELECT 1 FROM lease WHERE lease.account = account.id)
                ORDER BY account.position LIMIT ?
                """,
            arguments: [demand.registrar.blob, demand.accounts])
    }

    /// Hands the free accounts out to the endpoints, each registrar's in order.
    private static func assign(
        _ free: [RegistrarID: [Row]], to groups: [GroupDemand], run: RunID, fence: Int64
    ) throws -> [LeaseRecord] {
        var taken: [RegistrarID: Int] = [:]
        var leases: [LeaseRecord] = []
        for group in groups {
            let rows = free[group.registrar] ?? []
            let first = taken[group.registrar, default: 0]
            taken[group.registrar] = first + group.endpoints
            for row in rows[first..<first + group.endpoints] {
                leases.append(try lease(row, run: run, endpoint: UInt32(leases.count), fence: fence))
            }
        }
        return leases
    }

    private static func lease(_ row: Row, run: RunID, endpoint: UInt32, fence: Int64) throws -> LeaseRecord {
        let contact: String? = row["leftover_contact"]
        let leftover = contact.map { LeftoverContact(contact: $0, expiresAt: row.time("leftover_expires_at")) }
        return LeaseRecord(
            run: run, endpoint: endpoint, fence: fence, account: try row.id("id"), registrar: try row.id("registrar"),
            username: row["username"], realm: row["realm"], extensionNumber: row["extension"],
            secret: try row.secret("secret"), leftover: leftover)
    }
}
