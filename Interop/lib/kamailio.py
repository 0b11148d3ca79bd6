# SPDX-License-Identifier: Apache-2.0
"""A private Kamailio on loopback, all of its files in one run directory."""
import os
import signal
import sqlite3
import subprocess
import time

import peers

REALM = "interop.example"


def _accounts_database(path, accounts):
    # The layout that Kamailio's htable module loads: key and value as text.
    with sqlite3.connect(path) as base:
        base.executescript(
            "CREATE TABLE version (table_name VARCHAR, table_version INTEGER);"
            "INSERT INTO version VALUES ('password', 2);"
            "CREATE TABLE password (id INTEGER PRIMARY KEY, key_name VARCHAR, key_type INTEGER, value_type INTEGER,"
            " key_value VARCHAR, expires INTEGER);")
        base.executemany("INSERT INTO password VALUES (NULL, ?, 0, 0, ?, 0)", accounts)


def up(run, accounts, port=None, realm=REALM, qop=True, sha256=False, debug=0):
    """Starts it with (username, password) pairs; returns the port when it answers. RuntimeError with its log when not."""
    os.makedirs(run, mode=0o700, exist_ok=True)
    port = port or peers.free_port()
    database = os.path.join(run, "accounts.db")
    if os.path.exists(database):
        os.unlink(database)
    _accounts_database(database, accounts)
    with open(os.path.join(peers.INTEROP, "kamailio", "kamailio.cfg.in")) as file:
        config = file.read()
    for name, value in dict(
            HOST=peers.HOST, PORT=port, RUN=run, REALM=realm, QOP=int(qop), DEBUG=debug).items():
        config = config.replace(f"@{name}@", str(value))
    with open(os.path.join(run, "kamailio.cfg"), "w") as file:
        file.write(config)
    log = open(os.path.join(run, "log"), "wb")
    process = subprocess.Popen(
        ["kamailio", "-f", os.path.join(run, "kamailio.cfg"), "-P", os.path.join(run, "pid"), "-Y", run, "-w", run,
         "-m", "64", "-M", "8", "-DD", "-E"] + (["-A", "SHA256"] if sha256 else []),
        stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    log.close()
    ready = peers.wait_for(lambda: process.poll() is not None or peers.answers_options(port), 15)
    if not ready or process.poll() is not None:
        peers.end(process)
        with open(os.path.join(run, "log"), errors="replace") as file:
            raise RuntimeError("Kamailio did not start:\n" + file.read()[-2000:])
    return port


def down(run, by=signal.SIGTERM):
    """Stops the Kamailio of that run directory, found by its pid file; nothing where there is none."""
    try:
        with open(os.path.join(run, "pid")) as file:
            pid = int(file.read())
        with open(f"/proc/{pid}/comm") as file:
            if file.read().strip() != "kamailio":
                return
        os.kill(pid, by)
    except (OSError, ValueError):
        return
    if not peers.wait_for(lambda: _gone(pid), 10):
        os.killpg(os.getpgid(pid), signal.SIGKILL)


def _gone(pid):
    try:
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return True
    except ChildProcessError:
        pass
    return not os.path.exists(f"/proc/{pid}")


def bindings(run):
    """How many contacts are registered now. Counted by the server: a dump of hundreds does not fit into its answer."""
    answer = subprocess.run(
        ["kamcmd", "-s", "unix:" + os.path.join(run, "ctl"), "stats.fetch", "usrloc.location_contacts"],
        capture_output=True, text=True, timeout=10)
    return int(answer.stdout.split(":")[1].split()[0])


def read_accounts(path):
    """(username, password) pairs of a `username:password` file."""
    with open(path) as file:
        return [tuple(line.rstrip("\r\n").split(":", 1)) for line in file if ":" in line]
