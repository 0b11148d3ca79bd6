# SPDX-License-Identifier: Apache-2.0
"""A private Kamailio on loopback, all of its files in one run directory."""
import os
import secrets
import signal
import sqlite3
import subprocess
import time

import peers

REALM = "interop.example"


def read_accounts(path):
    """The (username, password) pairs of a file of `username:password` lines."""
    with open(path) as file:
        return [tuple(line.rstrip("\r\n").split(":", 1)) for line in file if ":" in line]


def _accounts_database(path, accounts):
    # The layout that Kamailio's htable module loads: key and value as text.
    with sqlite3.connect(path) as base:
        base.executescript(
            "CREATE TABLE version (table_name VARCHAR, table_version INTEGER);"
            "INSERT INTO version VALUES ('password', 2);"
            "CREATE TABLE password (id INTEGER PRIMARY KEY, key_name VARCHAR, key_type INTEGER, value_type INTEGER,"
            " key_value VARCHAR, expires INTEGER);")
        base.executemany("INSERT INTO password VALUES (NULL, ?, 0, 0, ?, 0)", accounts)


def _subscribers(path, sql):
    # The table as Kamailio's own scripts make it (version 7), and the rows as they are given.
    with sqlite3.connect(path) as base:
        base.executescript(
            "INSERT INTO version VALUES ('subscriber', 7);"
            "CREATE TABLE subscriber (id INTEGER PRIMARY KEY NOT NULL, username VARCHAR(64) DEFAULT '' NOT NULL,"
            " domain VARCHAR(64) DEFAULT '' NOT NULL, password VARCHAR(64) DEFAULT '' NOT NULL,"
            " ha1 VARCHAR(128) DEFAULT '' NOT NULL, ha1b VARCHAR(128) DEFAULT '' NOT NULL, UNIQUE (username, domain));")
        base.executescript(sql)


def up(run, accounts, port=None, realm=REALM, qop=True, sha256=False, debug=0, host=peers.HOST, certificate=None,
       endpoints=200, min_expires=10, subscribers=None, max_contacts=10, secret=None, flags=(), forbidden="nobody"):
    """`flags` switches parts of kamailio.cfg.in on: SIGNATURE (it names itself), PIKE, LIMITER, FORBIDDEN (users that fit `forbidden`).

    Starts it with (username, password) pairs, or with the SQL of its table subscriber; returns the port when it answers, with a certificate (chain and key files) the
    ports of UDP and TCP, and of TLS; WebSockets are opened on either. RuntimeError with its log when it does not start."""
    os.makedirs(run, mode=0o700, exist_ok=True)
    port = port or peers.free_port(host=host)
    tls = peers.free_port(host=host) if certificate else port
    database = os.path.join(run, "accounts.db")
    if os.path.exists(database):
        os.unlink(database)
    _accounts_database(database, accounts)
    if subscribers is not None:
        _subscribers(database, subscribers)
    with open(os.path.join(peers.INTEROP, "kamailio", "kamailio.cfg.in")) as file:
        config = file.read()
    for name, value in dict(
            HOST=f"[{host}]" if ":" in host else host, PORT=port, TLSPORT=tls, RUN=run, REALM=realm, QOP=int(qop), DEBUG=debug,
            CONNECTIONS=2 * endpoints + 100, MINEXPIRES=min_expires, CERTIFICATE=certificate.chain if certificate else "",
            KEY=certificate.key if certificate else "", MAXCONTACTS=max_contacts, FORBIDDEN=forbidden,
            SECRET=secret or secrets.token_hex(16)).items():
        config = config.replace(f"@{name}@", str(value))
    with open(os.path.join(run, "kamailio.cfg"), "w") as file:
        file.write(config)
    log = open(os.path.join(run, "log"), "wb")
    # OpenSSL's state of each connection lies in the shared memory too.
    shared = 64 + (endpoints // 2 if certificate else 0)
    process = subprocess.Popen(
        ["kamailio", "-f", os.path.join(run, "kamailio.cfg"), "-P", os.path.join(run, "pid"), "-Y", run, "-w", run,
         "-m", str(shared), "-M", "16", "-DD", "-E"]
        + (["-A", "SHA256"] if sha256 else []) + (["-A", "TLS"] if certificate else [])
        + (["-A", "SUBSCRIBERS"] if subscribers is not None else [])
        + [word for flag in flags for word in ("-A", flag)],
        stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    log.close()
    ready = peers.wait_for(lambda: process.poll() is not None or peers.answers_options(port, host), 15)
    if not ready or process.poll() is not None:
        peers.end(process)
        with open(os.path.join(run, "log"), errors="replace") as file:
            raise RuntimeError("Kamailio did not start:\n" + file.read()[-2000:])
    return (port, tls) if certificate else port


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


def _ask(run, *words, seconds=20):
    """What Kamailio answers to an RPC; asked again while it is too busy to answer. RuntimeError when it never does."""
    said = []
    def answer():
        done = subprocess.run(
            ["kamcmd", "-s", "unix:" + os.path.join(run, "ctl"), *words], capture_output=True, text=True, timeout=10)
        said.append(done.stdout + done.stderr)
        return done.stdout if done.returncode == 0 and done.stdout.strip() else None
    found = peers.wait_for(answer, seconds, every=0.5)
    if found is None:
        with open(os.path.join(run, "log"), errors="replace") as file:
            raise RuntimeError(f"Kamailio does not answer {words}: {said[-1]!r}\n{file.read()[-1500:]}")
    return found


def bindings(run):
    """How many contacts are registered now. Counted by the server: a dump of hundreds does not fit into its answer."""
    return int(_ask(run, "stats.fetch", "usrloc.location_contacts").split(":")[1].split()[0])


def statistic(run, name):
    """One of Kamailio's counters."""
    return int(_ask(run, "stats.get_statistics", name).split("=")[-1])


def ask(run, *words):
    """What Kamailio answers to an RPC."""
    return _ask(run, *words)


def forget(run, users, realm=REALM, host=peers.HOST):
    """Removes the contacts of these users, as an operator's command does."""
    for user in users:
        for name in (user, f"{user}@{host}"):
            subprocess.run(
                ["kamcmd", "-s", "unix:" + os.path.join(run, "ctl"), "ul.rm", "location", name], capture_output=True, timeout=10)


def kill(run):
    """Kills it with all its processes, as a crash would."""
    with open(os.path.join(run, "pid")) as file:
        pid = int(file.read())
    with open(f"/proc/{pid}/comm") as file:
        if file.read().strip() != "kamailio":
            return
    os.killpg(os.getpgid(pid), signal.SIGKILL)
    peers.wait_for(lambda: _gone(pid), 10)
