# SPDX-License-Identifier: Apache-2.0
"""What kill -9 leaves of a data folder: copies of it, what its files and its database say, and how long an operation takes."""
import os
import shutil
import sqlite3
import subprocess
import time

import callmeter
import peers

DATABASE = "callmeter.sqlite"


def copy(source, target):
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)


def sizes(data):
    """Name, size and time of change of each file, without the lock and SQLite's index of the log."""
    found = {}
    for entry in os.scandir(data):
        if entry.name != "lock" and not entry.name.endswith("-shm"):
            about = entry.stat()
            found[entry.name] = (about.st_size, about.st_mtime_ns)
    return found


class Snapshot:
    """The database as the next process will find it, read from a copy, so that nothing is repaired by looking."""

    def __init__(self, data, scratch):
        shutil.rmtree(scratch, ignore_errors=True)
        os.mkdir(scratch)
        for name in (DATABASE, DATABASE + "-wal"):
            if os.path.exists(os.path.join(data, name)):
                shutil.copy(os.path.join(data, name), scratch)
        self.log = os.path.join(scratch, DATABASE + "-wal")
        self.log_size = os.path.getsize(self.log) if os.path.exists(self.log) else 0
        self.database = sqlite3.connect(os.path.join(scratch, DATABASE))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.database.close()

    def all(self, sql, *arguments):
        return self.database.execute(sql, arguments).fetchall()

    def one(self, sql, *arguments):
        return self.database.execute(sql, arguments).fetchone()[0]

    def tables(self):
        return {name for name, in self.all("SELECT name FROM sqlite_master WHERE type = 'table'")}

    def accounts(self, registrar="pbx"):
        """(id, username) of the accounts that are to be seen, in order of addition."""
        owner = ("pool ON pool.number = account.pool JOIN registrar ON registrar.id = pool.registrar" if self.pooled()
                 else "registrar ON registrar.id = account.registrar")
        return self.all(
            f"SELECT hex(account.id), account.username FROM account JOIN {owner} "
            f"WHERE registrar.name = ? AND {self.visible()} ORDER BY account.position", registrar)

    def pooled(self):
        """Whether imported rows lie among the accounts from the start."""
        return "pool" in self.tables()

    def visible(self):
        """What tells an account from a row of an import that is open."""
        return "account.import NOT IN (SELECT number FROM account_import)" if self.pooled() else "1"

    def leftovers(self):
        """Rows that only a process at work may have."""
        found = {
            "leases": self.one("SELECT count(*) FROM lease"), "imports": self.one("SELECT count(*) FROM account_import"),
            "hidden": self.one(f"SELECT count(*) FROM account WHERE NOT {self.visible()}"),
            "open runs": self.one("SELECT count(*) FROM run WHERE ended_at IS NULL")}
        if "staged_account" in self.tables():
            found["staged"] = self.one("SELECT count(*) FROM staged_account")
        return {name: count for name, count in found.items() if count}

    def orphans(self):
        """Rows whose owner is gone, whatever is there twice, counters that are wrong, and pages that SQLite cannot read."""
        found = [f"{row[0]} row {row[1]} has no {row[2]}" for row in self.all("PRAGMA foreign_key_check")]
        found += [row[0] for row in self.all("PRAGMA integrity_check") if row[0] != "ok"]
        owner = "pool" if self.pooled() else "registrar"
        twice = self.one(f"SELECT count(*) FROM (SELECT 1 FROM account GROUP BY {owner}, username HAVING count(*) > 1)")
        held = self.one("SELECT count(*) FROM (SELECT 1 FROM lease GROUP BY account HAVING count(*) > 1)")
        wrong = self.one(
            "SELECT count(*) FROM pool WHERE accounts <> "
            f"(SELECT count(*) FROM account WHERE pool = pool.number AND {self.visible()})") if self.pooled() else 0
        found += [f"{twice} accounts twice"] if twice else []
        found += [f"{held} accounts held twice"] if held else []
        return found + ([f"{wrong} pools are miscounted"] if wrong else [])

    def audited(self, action):
        return self.one("SELECT count(*) FROM audit WHERE action = ?", action)


class Killed:
    """A process that is killed some time after it was started."""

    def __init__(self, words, log, environment=None):
        self.log = log
        with open(log, "wb") as out:
            self.process = subprocess.Popen(
                [callmeter.binary(), *words], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env=dict(os.environ, **(environment or {})))
        self.begun = time.monotonic()

    def kill_at(self, seconds):
        """Kills it so long after its start; whether it was still there to be killed."""
        wait_until(self.begun + seconds)
        alive = self.process.poll() is None
        self.process.kill()
        self.process.wait()
        return alive

    def text(self):
        with open(self.log, errors="replace") as file:
            return file.read()


def wait_until(moment):
    """Sleeps for most of the time and looks at the clock for the rest: sleeping is a millisecond late at times."""
    while (left := moment - time.monotonic()) > 0:
        if left > 0.002:
            time.sleep(left - 0.0015)


def watched(words, data, log):
    """Runs a command to its end: (seconds until it first changed a file of the folder, seconds until its end, exit code)."""
    before = sizes(data)
    run = Killed(words, log)
    first = None
    while run.process.poll() is None:
        if first is None and sizes(data) != before:
            first = time.monotonic() - run.begun
        time.sleep(0.0005)
    end = time.monotonic() - run.begun
    return (first if first is not None else end), end, run.process.returncode
