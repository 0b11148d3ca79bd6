// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import FoundationEssentials
import GRDB

/// The fifth step of the schema.
extension SQLiteSchema {
    /// Gives every entry of the audit log its hash. The encoding has its version in it: it never changes.
    static func chainAudit(in database: Database) throws {
        try database.execute(sql: chainedAudit)
        var head = AuditChain.start
        let rows = try Row.fetchCursor(database, sql: "SELECT * FROM audit ORDER BY sequence")
        let insertion = try database.makeStatement(
            sql: """
                INSERT INTO chained_audit (sequence, at, who, action, subject, details, hash)
                VALUES (?, ?, ?, ?, ?, ?, \(SQLiteStore.hashFunction)(?)) RETURNING hash
                """)
        while let row = try rows.next() {
            let entry = AuditEntry(
                sequence: row["sequence"], at: row.time("at"), who: row["who"], action: row["action"],
                subject: row["subject"], details: row["details"])
            let chained = try Row.fetchOne(
                insertion,
                arguments: [
                    entry.sequence, entry.at.nanoseconds, entry.who, entry.action, entry.subject, entry.details,
                    Data(AuditChain.encoding(of: entry, after: head)),
                ])
            head = chained?.bytes("hash") ?? head
        }
        try database.execute(sql: "DROP TABLE audit; ALTER TABLE chained_audit RENAME TO audit; \(appendOnly)")
    }

    private static let chainedAudit = """
        CREATE TABLE chained_audit (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            at INTEGER NOT NULL,
            who TEXT NOT NULL,
            action TEXT NOT NULL,
            subject TEXT NOT NULL,
            details TEXT NOT NULL,
            hash BLOB NOT NULL CHECK (length(hash) = 32)
        ) STRICT;
        """

    private static let appendOnly = """
        CREATE TRIGGER audit_unchanged BEFORE UPDATE ON audit
            BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
        CREATE TRIGGER audit_kept BEFORE DELETE ON audit
            BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
        """

    /// The database names the master key it is under, never holds it.
    static let masterKey = """
        CREATE TABLE vault (
            place INTEGER NOT NULL PRIMARY KEY CHECK (place = 1),
            master BLOB NOT NULL CHECK (length(master) = 16)
        ) STRICT;
        INSERT INTO vault (place, master) SELECT 1, substr(sealed, 2, 16) FROM data_key LIMIT 1;
        """

    /// A registrar has one data key that new secrets are sealed under. An earlier one stays until nothing is sealed under it;
    /// an import that is open when its key is replaced is noted with it.
    static let leavingKeys = """
        ALTER TABLE data_key ADD COLUMN retired_at INTEGER;
        CREATE UNIQUE INDEX data_key_present ON data_key (registrar) WHERE retired_at IS NULL;
        ALTER TABLE account_import ADD COLUMN key BLOB CHECK (length(key) = 16);
        """
}
