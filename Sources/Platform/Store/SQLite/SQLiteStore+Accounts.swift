// SPDX-License-Identifier: Apache-2.0
//
// The folder Contract says what each operation promises.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

public import Bedrock
public import Domain
import FoundationEssentials
import GRDB
import RunMetrics

extension SealedSecret {
    /// As it is bound to a statement.
    var blob: Data { Data(encoded) }
}

extension SQLiteStore {
    @discardableResult
    public func add(
        _ account: NewAccount, to registrar: RegistrarID, at time: UnixTime, audit: @escaping @Sendable () -> AuditEntry
    ) async throws -> AccountSummary {
        try await write { database in
            var end = try Self.poolEnd(of: registrar, in: database)
            end.last += 1
            try Self.requireKey(account.secret.key, of: registrar, in: database)
            do {
                try database.execute(
                    sql: """
                        INSERT INTO account (position, pool, id, username, realm, extension, secret, added_at)
                        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                        """,
                    arguments: [
                        end.last, end.number, account.id.blob, account.username, account.realm,
                        account.extensionNumber, account.secret.blob, time.nanoseconds,
                    ])
            } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_CONSTRAINT_UNIQUE {
                throw try Self.taken(account.username, in: end.number, database)
            }
            try Self.update(end, accounts: 1, in: database)
            try Self.append(audit(), in: database)
            return AccountSummary(
                id: account.id, registrar: registrar, username: account.username, realm: account.realm,
                extensionNumber: account.extensionNumber, position: end.last & Self.placeMask, addedAt: time,
                inUseBy: nil, lastRegistration: nil)
        }
    }

    public func accounts(of registrar: RegistrarID, _ query: AccountQuery) async throws -> Page<AccountSummary> {
        try await read { database in
            let (condition, arguments) = Self.condition(registrar, query)
            let total = try Self.total(of: registrar, query, in: database)
            // No more rows than there are: looking for another would read every hidden row of an open import.
            let wanted = min(query.page.perPage, total - query.page.offset)
            guard wanted > 0 else { return Page(items: [], total: total) }
            let direction = query.descending ? "DESC" : "ASC"
            // Every account is added with the time of its addition, so both orders are the order of places.
            let column =
                switch query.order {
                case .position, .addedAt: "position"
                case .username: "username"
                }
            let from =
                if query.inUse == true {
                    "\(Self.poolLent) JOIN account ON account.position = lease.account"
                } else {
                    query.order == .username ? Self.poolByName : Self.poolInOrder
                }
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT \(Self.summaryColumns) FROM \(from) WHERE \(condition)
                    ORDER BY account.\(column) \(direction) LIMIT ? OFFSET ?
                    """,
                arguments: arguments + [wanted, query.page.offset])
            return Page(items: try rows.map(Self.summary), total: total)
        }
    }

    public func account(_ id: AccountID) async throws -> AccountSummary? {
        try await read { database in
            try Row.fetchOne(
                database,
                sql: """
                    SELECT \(Self.summaryColumns) FROM account \(Self.poolOfAccount)
                    WHERE account.id = ? AND \(Self.visible)
                    """,
                arguments: [id.blob]
            ).map(Self.summary)
        }
    }

    public func usage(of registrar: RegistrarID) async throws -> AccountUsage {
        try await read { try Self.usage(of: registrar, in: $0) }
    }

    public func deleteAccounts(
        of registrar: RegistrarID, _ selection: AccountSelection, expectedCount: Int?,
        audit: @escaping @Sendable (AccountDeletion) -> AuditEntry
    ) async throws -> AccountDeletion {
        let deletion = try await write { database in
            let pool = try Self.poolEnd(of: registrar, in: database)
            let deletion =
                switch selection {
                case .ids(let ids): try Self.delete(ids, of: registrar, in: database)
                case .matching(let text): try Self.delete(AccountQuery(text: text), of: registrar, in: database)
                case .all: try Self.delete(AccountQuery(), of: registrar, in: database)
                }
            let selected = deletion.deleted + deletion.refusedCount
            if let expectedCount, expectedCount != selected {
                // Thrown out of the transaction, this takes the deletion back.
                throw StoreError.countChanged(expected: expectedCount, actual: selected)
            }
            try Self.update(pool, accounts: -deletion.deleted, in: database)
            try Self.append(audit(deletion), in: database)
            return deletion
        }
        if deletion.deleted > 0 { await afterForgetting() }
        return deletion
    }

    public func record(_ updates: [RegistrationUpdate], under fence: LeaseFence?) async throws {
        try await write { database in
            if let fence { try Self.require(fence, in: database) }
            let lent = """
                (?2 IS NULL OR EXISTS (SELECT 1 FROM lease WHERE lease.account = account.position AND fence = ?2))
                """
            let registration = try database.cachedStatement(
                sql: """
                    UPDATE account SET registration_status = ?3, registration_reason = ?4, registration_at = ?5
                    WHERE id = ?1 AND \(lent)
                    """)
            let leftover = try database.cachedStatement(
                sql: "UPDATE account SET leftover_contact = ?3, leftover_expires_at = ?4 WHERE id = ?1 AND \(lent)")
            for update in updates {
                if let record = update.registration {
                    try registration.execute(arguments: [
                        update.account.blob, fence?.number, record.status.map { Int64($0.code) }, record.status?.reason,
                        record.at.nanoseconds,
                    ])
                }
                try leftover.execute(arguments: [
                    update.account.blob, fence?.number, update.leftover?.contact,
                    update.leftover?.expiresAt.nanoseconds,
                ])
            }
        }
    }
}

// MARK: - Parts of the operations

extension SQLiteStore {
    /// Counts a registrar's accounts and those its runs hold. Throws `notFound`.
    static func usage(of registrar: RegistrarID, in database: Database) throws -> AccountUsage {
        let row = try Row.fetchOne(
            database,
            sql: """
                SELECT registrar.name, pool.accounts FROM registrar JOIN pool ON pool.registrar = registrar.id
                WHERE registrar.id = ?
                """,
            arguments: [registrar.blob])
        guard let row else { throw StoreError.notFound(kind: "registrar", id: registrar.description) }
        return AccountUsage(
            registrar: registrar, registrarName: row["name"], total: row["accounts"],
            holders: try holders(of: registrar, in: database))
    }

    /// The runs that hold accounts of a registrar, oldest first.
    static func holders(of registrar: RegistrarID, in database: Database) throws -> [AccountHolding] {
        try Row.fetchAll(
            database,
            sql: """
                SELECT lease_term.run, count(*) AS accounts FROM \(poolLent)
                WHERE pool.registrar = ? GROUP BY lease.fence ORDER BY lease_term.run
                """,
            arguments: [registrar.blob]
        ).map { AccountHolding(run: try $0.id("run"), accounts: $0["accounts"]) }
    }

    private static let placeMask: Int64 = 0xFFFF_FFFF

    /// Who has the account is looked up for the rows of the page only, not for those before it.
    private static let summaryColumns = """
        account.id, pool.registrar, account.username, account.realm, account.extension, \(place) AS place,
        account.added_at, account.registration_status, account.registration_reason, account.registration_at,
        (SELECT lease_term.run FROM lease JOIN lease_term ON lease_term.fence = lease.fence
            WHERE lease.account = account.position) AS run,
        (SELECT lease.endpoint FROM lease WHERE lease.account = account.position) AS endpoint
        """

    private static func summary(_ row: Row) throws -> AccountSummary {
        let status: UInt16? = row["registration_status"]
        let reason: String? = row["registration_reason"]
        let registration = row.optionalTime("registration_at").map { time in
            RegistrationRecord(status: status.map { SIPStatus(code: $0, reason: reason ?? "") }, at: time)
        }
        return AccountSummary(
            id: try row.id("id"), registrar: try row.id("registrar"), username: row["username"], realm: row["realm"],
            extensionNumber: row["extension"], position: row["place"], addedAt: row.time("added_at"),
            inUseBy: try row.optionalID("run"), endpoint: row["endpoint"], lastRegistration: registration)
    }

    /// The WHERE of a query over a pool's accounts.
    private static func condition(_ registrar: RegistrarID, _ query: AccountQuery) -> (String, StatementArguments) {
        var condition = "pool.registrar = ? AND \(visible)"
        var arguments: StatementArguments = [registrar.blob]
        if let text = query.text, !text.isEmpty {
            condition += " AND account.username LIKE ? ESCAPE '\\'"
            arguments += [pattern(containing: text)]
        }
        if let inUse = query.inUse { condition += inUse ? " AND \(held)" : " AND NOT \(held)" }
        return (condition, arguments)
    }

    private static let held = "EXISTS (SELECT 1 FROM lease WHERE lease.account = account.position)"

    /// How many accounts a query finds: from the counters where no username is asked for.
    private static func total(
        of registrar: RegistrarID, _ query: AccountQuery, in database: Database
    ) throws -> Int {
        if let text = query.text, !text.isEmpty {
            let (condition, arguments) = condition(registrar, query)
            return try Int.fetchOne(
                database, sql: "SELECT count(*) FROM \(poolInOrder) WHERE \(condition)", arguments: arguments) ?? 0
        }
        let all = try Int.fetchOne(
            database, sql: "SELECT accounts FROM pool WHERE registrar = ?", arguments: [registrar.blob])
        guard let all, let inUse = query.inUse else { return all ?? 0 }
        let held = try holders(of: registrar, in: database).reduce(0) { $0 + $1.accounts }
        return inUse ? held : all - held
    }

    /// Why a username cannot be added: an account has it, or an import that is not over.
    private static func taken(_ username: String, in pool: Int64, _ database: Database) throws -> StoreError {
        let seen = try Bool.fetchOne(
            database, sql: "SELECT \(visible) FROM account WHERE pool = ? AND username = ?",
            arguments: [pool, username])
        return seen == false ? .nameInImport(username) : .nameTaken(kind: "account", name: username)
    }

    private static func delete(
        _ query: AccountQuery, of registrar: RegistrarID, in database: Database
    ) throws -> AccountDeletion {
        let (condition, arguments) = condition(registrar, query)
        let taken = """
            FROM \(poolLent) JOIN account ON account.position = lease.account WHERE \(condition)
            """
        let count = try Int.fetchOne(database, sql: "SELECT count(*) \(taken)", arguments: arguments) ?? 0
        let named = try Row.fetchAll(
            database,
            sql: """
                SELECT account.id, account.username, lease_term.run \(taken) ORDER BY account.position
                LIMIT \(AccountDeletion.mostNamed)
                """,
            arguments: arguments
        ).map { HeldAccount(account: try $0.id("id"), username: $0["username"], run: try $0.id("run")) }
        try database.execute(
            sql: """
                DELETE FROM account WHERE position IN (
                    SELECT account.position FROM \(poolInOrder) WHERE \(condition) AND NOT \(held))
                """,
            arguments: arguments)
        return AccountDeletion(deleted: database.changesCount, refusedCount: count, refused: named)
    }

    private static func delete(
        _ ids: [AccountID], of registrar: RegistrarID, in database: Database
    ) throws -> AccountDeletion {
        let lookup = try database.cachedStatement(
            sql: """
                SELECT account.username, account.position, lease_term.run FROM account \(poolOfAccount)
                JOIN lease ON lease.account = account.position JOIN lease_term ON lease_term.fence = lease.fence
                WHERE account.id = ? AND pool.registrar = ?
                """)
        let removal = try database.cachedStatement(
            sql: """
                DELETE FROM account WHERE id = ? AND \(visible)
                    AND pool = (SELECT number FROM pool WHERE registrar = ?)
                """)
        var deleted = 0
        var held: [(position: Int64, account: HeldAccount)] = []
        for id in Set(ids) {
            if let row = try Row.fetchOne(lookup, arguments: [id.blob, registrar.blob]) {
                let account = HeldAccount(account: id, username: row["username"], run: try row.id("run"))
                held.append((row["position"], account))
            } else {
                try removal.execute(arguments: [id.blob, registrar.blob])
                deleted += database.changesCount
            }
        }
        held.sort { $0.position < $1.position }
        return AccountDeletion(
            deleted: deleted, refusedCount: held.count,
            refused: held.prefix(AccountDeletion.mostNamed).map(\.account))
    }
}
