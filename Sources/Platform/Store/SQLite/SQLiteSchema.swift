// SPDX-License-Identifier: Apache-2.0

import GRDB

/// The schema, as steps that are only ever added to. No step uses a type of the program, so each keeps its meaning.
///
/// Times are nanoseconds since 1970, identifiers 16 bytes. The invariants stand here: what the code forgets, the
/// database refuses.
enum SQLiteSchema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 first light") { database in
            for statement in [projects, accounts, imports, runs, access] { try database.execute(sql: statement) }
        }
        migrator.registerMigration("2 a registrar's DNS server") { database in
            try database.execute(sql: "ALTER TABLE registrar ADD COLUMN dns TEXT CHECK (dns <> '')")
        }
        migrator.registerMigration("3 accounts by pool, imported in place") { database in
            for statement in [pools, pooledAccounts, openImports] { try database.execute(sql: statement) }
        }
        migrator.registerMigration("4 leases with an end, runs without a project") { database in
            for statement in [runsThatStay, leasesThatEnd] { try database.execute(sql: statement) }
        }
        migrator.registerMigration("5 a chained audit log, and keys that change") { database in
            try chainAudit(in: database)
            for statement in [masterKey, leavingKeys] { try database.execute(sql: statement) }
        }
        migrator.registerMigration("6 seconds and traces of runs") { database in
            try database.execute(sql: runDetails)
        }
        return migrator
    }

    private static let projects = """
        CREATE TABLE project (
            id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
            name TEXT NOT NULL UNIQUE CHECK (name <> ''),
            created_at INTEGER NOT NULL
        ) STRICT;

        CREATE TABLE registrar (
            id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
            project BLOB NOT NULL REFERENCES project (id) ON DELETE CASCADE,
            name TEXT NOT NULL CHECK (name <> ''),
            domain TEXT NOT NULL CHECK (domain <> ''),
            port INTEGER CHECK (port BETWEEN 1 AND 65535),
            transport TEXT NOT NULL CHECK (transport IN ('udp', 'tcp', 'tls', 'ws', 'wss', 'auto')),
            outbound_proxy TEXT,
            expires INTEGER NOT NULL CHECK (expires > 0),
            confirmed_public INTEGER NOT NULL CHECK (confirmed_public IN (0, 1)),
            created_at INTEGER NOT NULL,
            UNIQUE (project, name)
        ) STRICT;

        CREATE TABLE data_key (
            id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
            registrar BLOB NOT NULL REFERENCES registrar (id) ON DELETE CASCADE,
            sealed BLOB NOT NULL,
            created_at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX data_key_of_registrar ON data_key (registrar, created_at);

        CREATE TABLE test (
            id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
            project BLOB NOT NULL REFERENCES project (id) ON DELETE CASCADE,
            name TEXT NOT NULL CHECK (name <> ''),
            definition BLOB NOT NULL,
            created_at INTEGER NOT NULL,
            changed_at INTEGER NOT NULL,
            UNIQUE (project, name)
        ) STRICT;
        """

    /// The position is the order of addition over all registrars; AUTOINCREMENT never gives one twice.
    private static let accounts = """
        CREATE TABLE account (
            position INTEGER PRIMARY KEY AUTOINCREMENT,
            id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
            registrar BLOB NOT NULL REFERENCES registrar (id) ON DELETE CASCADE,
            username TEXT NOT NULL CHECK (length(CAST(username AS BLOB)) BETWEEN 1 AND 255),
            realm TEXT CHECK (length(CAST(realm AS BLOB)) BETWEEN 1 AND 255),
            extension TEXT CHECK (length(CAST(extension AS BLOB)) BETWEEN 1 AND 255),
            secret BLOB NOT NULL CHECK (length(secret) > 0),
            added_at INTEGER NOT NULL,
            registration_status INTEGER,
            registration_reason TEXT,
            registration_at INTEGER,
            leftover_contact TEXT,
            leftover_expires_at INTEGER,
            UNIQUE (registrar, username),
            CHECK ((leftover_contact IS NULL) = (leftover_expires_at IS NULL))
        ) STRICT;
        CREATE INDEX account_in_order ON account (registrar, position);
        """

    /// Staged rows have no foreign key: they are removed in chunks after their import is over.
    private static let imports = """
        CREATE TABLE account_import (
            id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
            registrar BLOB NOT NULL REFERENCES registrar (id) ON DELETE CASCADE,
            staged INTEGER NOT NULL DEFAULT 0,
            begun_at INTEGER NOT NULL
        ) STRICT;

        CREATE TABLE staged_account (
            import BLOB NOT NULL,
            line INTEGER NOT NULL CHECK (line > 0),
            id BLOB NOT NULL CHECK (length(id) = 16),
            username TEXT NOT NULL,
            realm TEXT,
            extension TEXT,
            secret BLOB NOT NULL,
            PRIMARY KEY (import, line)
        ) STRICT, WITHOUT ROWID;
        """

    private static let runs = """
        CREATE TABLE run (
            id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
            project BLOB NOT NULL REFERENCES project (id) ON DELETE CASCADE,
            test BLOB REFERENCES test (id) ON DELETE SET NULL,
            test_name TEXT NOT NULL,
            definition BLOB NOT NULL,
            endpoints INTEGER NOT NULL CHECK (endpoints >= 0),
            status TEXT NOT NULL CHECK (status IN ('PENDING', 'QUEUED', 'RUNNING', 'STOPPING', 'COMPLETED', 'FAILED',
                'CANNOT_RUN_FOR_NOW')),
            failure_code TEXT,
            failure_text TEXT,
            verdict TEXT CHECK (verdict IN ('passed', 'failed', 'void')),
            requested_by TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            started_at INTEGER,
            ended_at INTEGER,
            summary BLOB,
            CHECK ((failure_code IS NULL) = (failure_text IS NULL)),
            CHECK ((status IN ('COMPLETED', 'FAILED', 'CANNOT_RUN_FOR_NOW')) = (ended_at IS NOT NULL))
        ) STRICT;
        CREATE INDEX run_of_project ON run (project, id);
        CREATE INDEX run_of_test ON run (test, id);
        CREATE INDEX run_open ON run (id) WHERE ended_at IS NULL;
        CREATE TRIGGER run_over BEFORE UPDATE OF status, ended_at, verdict ON run WHEN old.ended_at IS NOT NULL
            BEGIN SELECT raise(ABORT, 'a run that is over does not change'); END;

        CREATE TABLE fence (value INTEGER NOT NULL) STRICT;
        INSERT INTO fence (value) VALUES (0);

        CREATE TABLE lease (
            run BLOB NOT NULL REFERENCES run (id) ON DELETE RESTRICT,
            endpoint INTEGER NOT NULL CHECK (endpoint >= 0),
            account BLOB NOT NULL REFERENCES account (id) ON DELETE RESTRICT,
            fence INTEGER NOT NULL CHECK (fence > 0),
            PRIMARY KEY (run, endpoint)
        ) STRICT, WITHOUT ROWID;
        CREATE UNIQUE INDEX lease_one_per_account ON lease (account);
        CREATE TRIGGER lease_for_open_run BEFORE INSERT ON lease
            WHEN (SELECT ended_at FROM run WHERE id = new.run) IS NOT NULL
            BEGIN SELECT raise(ABORT, 'a run that is over takes no accounts'); END;

        CREATE TABLE endpoint (
            run BLOB NOT NULL REFERENCES run (id) ON DELETE CASCADE,
            number INTEGER NOT NULL CHECK (number >= 0),
            group_name TEXT NOT NULL,
            username TEXT NOT NULL,
            phase TEXT NOT NULL,
            outcome TEXT NOT NULL,
            registration_status INTEGER,
            call_status INTEGER,
            partner INTEGER,
            diagnosis TEXT,
            evidence BLOB NOT NULL,
            PRIMARY KEY (run, number)
        ) STRICT;
        """

    private static let access = """
        CREATE TABLE api_key (
            id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
            name TEXT NOT NULL CHECK (name <> ''),
            role TEXT NOT NULL CHECK (role IN ('viewer', 'tester', 'editor', 'admin')),
            project BLOB REFERENCES project (id) ON DELETE CASCADE,
            hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
            created_at INTEGER NOT NULL,
            last_used_at INTEGER,
            revoked_at INTEGER
        ) STRICT;

        CREATE TABLE audit (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            at INTEGER NOT NULL,
            who TEXT NOT NULL,
            action TEXT NOT NULL,
            subject TEXT NOT NULL,
            details TEXT NOT NULL
        ) STRICT;
        CREATE TRIGGER audit_unchanged BEFORE UPDATE ON audit
            BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
        CREATE TRIGGER audit_kept BEFORE DELETE ON audit
            BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
        """

    /// A registrar's accounts are its pool. The small number stands for the registrar in every account's row and index;
    /// `accounts` counts those that are seen, `last` is the place in the order of addition that was given last.
    private static let pools = """
        CREATE TABLE pool (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            registrar BLOB NOT NULL UNIQUE REFERENCES registrar (id) ON DELETE CASCADE,
            accounts INTEGER NOT NULL DEFAULT 0 CHECK (accounts >= 0),
            last INTEGER NOT NULL DEFAULT 0 CHECK (last BETWEEN 0 AND 4294967295)
        ) STRICT;
        INSERT INTO pool (registrar, accounts, last)
            SELECT id, (SELECT count(*) FROM account WHERE account.registrar = registrar.id),
                (SELECT coalesce(max(position), 0) FROM account WHERE account.registrar = registrar.id)
            FROM registrar ORDER BY created_at;
        CREATE TRIGGER registrar_has_pool AFTER INSERT ON registrar
            BEGIN INSERT INTO pool (registrar) VALUES (new.id); END;
        """

    /// A position is the pool's number times 2³² plus the place within the pool: the rows of a pool lie together in the
    /// order of addition, and no index is needed for that. No place is given twice.
    private static let pooledAccounts = """
        CREATE TABLE pooled_account (
            position INTEGER PRIMARY KEY,
            pool INTEGER NOT NULL REFERENCES pool (number) ON DELETE CASCADE,
            import INTEGER NOT NULL DEFAULT 0,
            id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
            username TEXT NOT NULL CHECK (length(CAST(username AS BLOB)) BETWEEN 1 AND 255),
            realm TEXT CHECK (length(CAST(realm AS BLOB)) BETWEEN 1 AND 255),
            extension TEXT CHECK (length(CAST(extension AS BLOB)) BETWEEN 1 AND 255),
            secret BLOB NOT NULL CHECK (length(secret) > 0),
            added_at INTEGER NOT NULL,
            registration_status INTEGER,
            registration_reason TEXT,
            registration_at INTEGER,
            leftover_contact TEXT,
            leftover_expires_at INTEGER,
            UNIQUE (pool, username),
            CHECK (position >> 32 = pool),
            CHECK ((leftover_contact IS NULL) = (leftover_expires_at IS NULL))
        ) STRICT;
        INSERT INTO pooled_account
            SELECT (pool.number << 32) + position, pool.number, 0, account.id, username, realm, extension, secret,
                added_at, registration_status, registration_reason, registration_at, leftover_contact,
                leftover_expires_at
            FROM account JOIN pool ON pool.registrar = account.registrar ORDER BY pool.number, position;
        DROP TABLE account;
        ALTER TABLE pooled_account RENAME TO account;
        """

    /// The rows of an import lie among the accounts from the start; they are seen once its row here is gone. So
    /// publishing takes no longer for a million accounts than for one. A registrar has one open import at most.
    private static let openImports = """
        DROP TABLE account_import;
        DELETE FROM staged_account;
        CREATE TABLE account_import (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
            registrar BLOB NOT NULL UNIQUE REFERENCES registrar (id) ON DELETE CASCADE,
            after INTEGER NOT NULL,
            staged INTEGER NOT NULL DEFAULT 0 CHECK (staged >= 0),
            begun_at INTEGER NOT NULL
        ) STRICT;
        """

    /// Runs outlive their project (G4): SQLite changes a column's constraints by a new table only.
    private static let runsThatStay = """
        DROP TRIGGER lease_for_open_run;

        CREATE TABLE run_that_stays (
            id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
            project BLOB REFERENCES project (id) ON DELETE SET NULL,
            project_name TEXT NOT NULL,
            test BLOB REFERENCES test (id) ON DELETE SET NULL,
            test_name TEXT NOT NULL,
            definition BLOB NOT NULL,
            endpoints INTEGER NOT NULL CHECK (endpoints >= 0),
            status TEXT NOT NULL CHECK (status IN ('PENDING', 'QUEUED', 'RUNNING', 'STOPPING', 'COMPLETED', 'FAILED',
                'CANNOT_RUN_FOR_NOW')),
            failure_code TEXT,
            failure_text TEXT,
            verdict TEXT CHECK (verdict IN ('passed', 'failed', 'void')),
            requested_by TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            started_at INTEGER,
            ended_at INTEGER,
            summary BLOB,
            CHECK ((failure_code IS NULL) = (failure_text IS NULL)),
            CHECK ((status IN ('COMPLETED', 'FAILED', 'CANNOT_RUN_FOR_NOW')) = (ended_at IS NOT NULL)),
            CHECK (project IS NOT NULL OR ended_at IS NOT NULL)
        ) STRICT;
        INSERT INTO run_that_stays (id, project, project_name, test, test_name, definition, endpoints, status,
            failure_code, failure_text, verdict, requested_by, created_at, started_at, ended_at, summary)
            SELECT run.id, run.project, project.name, run.test, run.test_name, run.definition, run.endpoints, run.status,
                run.failure_code, run.failure_text, run.verdict, run.requested_by, run.created_at, run.started_at,
                run.ended_at, run.summary
            FROM run JOIN project ON project.id = run.project;
        DROP TABLE run;
        ALTER TABLE run_that_stays RENAME TO run;
        CREATE INDEX run_of_project ON run (project, id);
        CREATE INDEX run_of_test ON run (test, id);
        CREATE INDEX run_open ON run (id) WHERE ended_at IS NULL;
        CREATE TRIGGER run_over BEFORE UPDATE OF status, ended_at, verdict ON run WHEN old.ended_at IS NOT NULL
            BEGIN SELECT raise(ABORT, 'a run that is over does not change'); END;
        """

    /// One row for the leases of a run, so that a renewal is one write whatever the number of accounts. An account is named by
    /// its position, the table's own key: lending 100,000 accounts looks nothing up in another index.
    private static let leasesThatEnd = """
        CREATE TABLE lease_term (
            fence INTEGER NOT NULL PRIMARY KEY CHECK (fence > 0),
            run BLOB NOT NULL UNIQUE REFERENCES run (id) ON DELETE RESTRICT,
            ends_at INTEGER NOT NULL
        ) STRICT;
        INSERT INTO lease_term (fence, run, ends_at) SELECT DISTINCT fence, run, 0 FROM lease;

        CREATE TABLE lease_by_position (
            account INTEGER NOT NULL PRIMARY KEY REFERENCES account (position) ON DELETE RESTRICT,
            fence INTEGER NOT NULL REFERENCES lease_term (fence) ON DELETE RESTRICT,
            endpoint INTEGER NOT NULL CHECK (endpoint >= 0),
            UNIQUE (fence, endpoint)
        ) STRICT;
        INSERT INTO lease_by_position (account, fence, endpoint)
            SELECT account.position, lease.fence, lease.endpoint FROM lease JOIN account ON account.id = lease.account;
        DROP TABLE lease;
        ALTER TABLE lease_by_position RENAME TO lease;

        CREATE TRIGGER lease_for_open_run BEFORE INSERT ON lease_term
            WHEN (SELECT ended_at FROM run WHERE id = new.run) IS NOT NULL
            BEGIN SELECT raise(ABORT, 'a run that is over takes no accounts'); END;
        CREATE TRIGGER run_over_holds_none BEFORE UPDATE OF ended_at ON run
            WHEN new.ended_at IS NOT NULL AND EXISTS (SELECT 1 FROM lease_term WHERE run = new.id)
            BEGIN SELECT raise(ABORT, 'a run that holds accounts is not over'); END;
        """

    /// What was counted in each second of a run, and the messages of some of its endpoints, each as one encoded value.
    private static let runDetails = """
        CREATE TABLE run_window (
            run BLOB NOT NULL REFERENCES run (id) ON DELETE CASCADE,
            second INTEGER NOT NULL CHECK (second >= 0),
            content BLOB NOT NULL,
            PRIMARY KEY (run, second)
        ) STRICT;

        CREATE TABLE endpoint_trace (
            run BLOB NOT NULL REFERENCES run (id) ON DELETE CASCADE,
            number INTEGER NOT NULL CHECK (number >= 0),
            content BLOB NOT NULL,
            PRIMARY KEY (run, number)
        ) STRICT;
        """
}
