// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import GRDB

/// Parts of statements that everything shares that reads accounts.
extension SQLiteStore {
    /// True for an account that is there for everybody: not one of an import that is still open. Whatever reads, changes,
    /// lends or deletes accounts has this in its WHERE; only the import itself has not.
    static let visible = "account.import NOT IN (SELECT number FROM account_import)"

    /// The FROM for accounts of the pool of a registrar in order of addition: add `WHERE pool.registrar = ?` and
    /// `ORDER BY account.position`. Reads a range of the table, no index.
    static let poolInOrder = """
        pool JOIN account ON account.position BETWEEN (pool.number << 32) AND (pool.number << 32) + 4294967295
        """

    /// The FROM for accounts of the pool of a registrar by username: add `WHERE pool.registrar = ?`, and
    /// `account.username = ?` or `ORDER BY account.username`.
    static let poolByName = "pool JOIN account ON account.pool = pool.number"

    /// The FROM for what is lent of the pool of a registrar, with the run's term: add `WHERE pool.registrar = ?`.
    static let poolLent = """
        pool JOIN lease ON lease.account BETWEEN (pool.number << 32) AND (pool.number << 32) + 4294967295
        JOIN lease_term ON lease_term.fence = lease.fence
        """

    /// The FROM that leads from an account found otherwise to the registrar: `pool.registrar`.
    static let poolOfAccount = "JOIN pool ON pool.number = account.pool"

    /// The place of an account in the order of addition within its registrar, from 1: what people see as its position.
    static let place = "(account.position & 4294967295)"

    /// Where the next accounts of a pool belong.
    struct PoolEnd {
        /// The pool's number.
        var number: Int64
        /// The position of the account added last.
        var last: Int64
    }

    /// Where the next account of a registrar belongs. Throws `notFound`.
    static func poolEnd(of registrar: RegistrarID, in database: Database) throws -> PoolEnd {
        let row = try Row.fetchOne(
            database, sql: "SELECT number, (number << 32) + last AS position FROM pool WHERE registrar = ?",
            arguments: [registrar.blob])
        guard let row else { throw StoreError.notFound(kind: "registrar", id: registrar.description) }
        return PoolEnd(number: row["number"], last: row["position"])
    }

    /// Notes the position given last, and by how many the accounts that are seen became more.
    static func update(_ end: PoolEnd, accounts: Int, in database: Database) throws {
        try database.execute(
            sql: "UPDATE pool SET last = ? & 4294967295, accounts = accounts + ? WHERE number = ?",
            arguments: [end.last, accounts, end.number])
    }
}
