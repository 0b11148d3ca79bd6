// SPDX-License-Identifier: Apache-2.0
//
// The folder Contract says what each operation promises.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

import GRDB

extension SQLiteStore {
    /// SQLite's check stops after so many findings; one is as bad as a hundred.
    private static let mostDamages = 20

    public func inspect() async throws -> StoreInspection {
        try await read { database in
            var problems = try String.fetchAll(database, sql: "PRAGMA integrity_check(\(Self.mostDamages))")
                .filter { $0 != "ok" }.map { "SQLite's check: \($0)" }
            let dangling = try Row.fetchAll(database, sql: "PRAGMA foreign_key_check").count
            if dangling > 0 { problems.append("\(dangling) rows refer to what is not there") }
            for (rule, sql) in Self.rules {
                let count = try Int.fetchOne(database, sql: sql) ?? 0
                if count > 0 { problems.append("\(count) \(rule)") }
            }
            return StoreInspection(
                counts: try Self.count(in: database),
                leftovers: try Self.leftovers.map { name, sql in
                    NamedCount(name: name, count: try Int.fetchOne(database, sql: sql) ?? 0)
                },
                problems: problems)
        }
    }

    /// How much there is of everything.
    static func count(in database: Database) throws -> [NamedCount] {
        try counts.map { name, table in
            NamedCount(name: name, count: try Int.fetchOne(database, sql: "SELECT count(*) FROM \(table)") ?? 0)
        }
    }

    private static let counts: KeyValuePairs = [
        "projects": "project", "registrars": "registrar", "accounts": "account", "dataKeys": "data_key", "runs": "run",
        "leases": "lease", "auditEntries": "audit",
    ]

    /// What is there until the next start, or the end of what is under way.
    private static let leftovers: KeyValuePairs = [
        "openImports": "SELECT count(*) FROM account_import",
        "stagedRows": "SELECT count(*) FROM staged_account",
        "openRuns": "SELECT count(*) FROM run WHERE ended_at IS NULL",
        "leavingKeys": "SELECT count(*) FROM data_key WHERE retired_at IS NOT NULL",
    ]

    /// Each counts what must not be. Foreign keys and unique indexes are checked by SQLite itself; these are the rest.
    private static let rules: KeyValuePairs = [
        "accounts are sealed under a key that is gone or another registrar's": """
        SELECT count(*) FROM account \(poolOfAccount) WHERE NOT EXISTS (SELECT 1 FROM data_key
            WHERE data_key.id = substr(account.secret, 2, 16) AND data_key.registrar = pool.registrar)
        """,
        "data keys are wrapped under another master key than the database names": """
        SELECT count(*) FROM data_key WHERE substr(sealed, 2, 16) IS NOT (SELECT master FROM vault)
        """,
        "registrars have other than one data key in use": """
        SELECT count(*) FROM (SELECT registrar FROM data_key GROUP BY registrar HAVING sum(retired_at IS NULL) <> 1)
        """,
        "runs that are over still hold leases": """
        SELECT count(*) FROM lease_term JOIN run ON run.id = lease_term.run WHERE run.ended_at IS NOT NULL
        """,
        "leases are beyond their run's endpoints": """
        SELECT count(*) FROM lease JOIN lease_term USING (fence) JOIN run ON run.id = lease_term.run
            WHERE lease.endpoint >= run.endpoints
        """,
        "lease terms are of no account": """
        SELECT count(*) FROM lease_term WHERE NOT EXISTS (SELECT 1 FROM lease WHERE lease.fence = lease_term.fence)
            AND (SELECT endpoints FROM run WHERE run.id = lease_term.run) > 0
        """,
        "fences are above the last one given out": """
        SELECT count(*) FROM lease_term WHERE fence > (SELECT value FROM fence)
        """,
        "accounts are held by more than one lease": """
        SELECT count(*) FROM (SELECT account FROM lease GROUP BY account HAVING count(*) > 1)
        """,
        "registrars count other than the accounts that they have": """
        SELECT count(*) FROM pool WHERE accounts <> (SELECT count(*) FROM account WHERE pool = number AND \(visible))
        """,
        "registrars have no pool of accounts": """
        SELECT count(*) FROM registrar WHERE NOT EXISTS (SELECT 1 FROM pool WHERE pool.registrar = registrar.id)
        """,
        "accounts of an open import are lent": """
        SELECT count(*) FROM lease JOIN account ON account.position = lease.account WHERE NOT \(visible)
        """,
        "usernames occur more than once on a registrar": """
        SELECT count(*) FROM (SELECT 1 FROM account GROUP BY pool, username HAVING count(*) > 1)
        """,
    ]
}
