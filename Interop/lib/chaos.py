# SPDX-License-Identifier: Apache-2.0
"""The operations that are killed in their middle: what each starts from, how it is begun, and how old and new are told apart."""
import os
import random
import subprocess
import time

import callmeter
import moments
import peers

SAMPLE = 40  # accounts that are registered after each restart


class Plant:
    """`callmeter serve` on a data folder, taken up again after each kill."""

    def __init__(self, story, data, key=None):
        self.story, self.data, self.key = story, data, key
        self.plane = None

    def __enter__(self):
        self.plane = callmeter.ControlPlane(self.story, data=self.data, key=self.key)
        self.key = self.plane.key
        return self.plane

    def __exit__(self, *_):
        peers.end(self.plane.server.process, 60)

    def kill(self):
        self.plane.server.kill()


def lines(pairs):
    return "".join(f"{user}:{word}\n" for user, word in pairs)


class Operation:
    """One kind of operation on a pool. Its subclasses say what it starts from and what it changes."""

    name = requirement = action = ""
    accounts = 0
    repeats = False  # whether it may be half done and taken up again, as the sealing of a pool under another key

    def __init__(self, story, sizes, known, changed):
        self.story, self.sizes = story, sizes
        self.base = story.path(f"{self.name}-base")
        self.data = story.path(f"{self.name}-data")
        self.scratch = story.path(f"{self.name}-copy")
        self.known, self.changed = known, changed  # ports of the servers with the old and with the new passwords

    def pairs(self):
        return self.sizes.old[: self.accounts or len(self.sizes.old)]

    def prepare(self):
        """The data folder that every moment starts from."""
        os.mkdir(self.base)
        with Plant(self.story, self.base) as plane:
            self.key = plane.key
            self.project = plane.made("POST", "/projects", {"name": "chaos"})["id"]
            self.registrar = self.add_registrar(plane, "pbx")
            plane.made("POST", f"/registrars/{self.registrar}/accounts/import", lines(self.pairs()).encode(), "text/plain")
            for count in {min(SAMPLE, len(self.pairs())), SAMPLE}:
                self.save(plane, f"sample {count}", count, "50ms")
            self.furnish(plane)
        with moments.Snapshot(self.base, self.scratch) as before:
            self.before = before.accounts()
            self.audited = before.audited(self.action)
            self.first = self.fingerprint(before)

    def add_registrar(self, plane, name):
        return plane.made("POST", f"/projects/{self.project}/registrars", {
            "name": name, "domain": peers.HOST, "port": self.known, "transport": "udp"})["id"]

    def save(self, plane, name, endpoints, duration):
        return plane.made("POST", f"/projects/{self.project}/tests", {
            "name": name, "duration": duration, "pacing": {"registrations": "1000/s"},
            "groups": [{"name": "phones", "registrar": "pbx", "endpoints": endpoints, "callee": "none"}]})["id"]

    def furnish(self, plane):
        pass

    def words(self):
        """The command that does it."""
        raise NotImplementedError

    def fingerprint(self, snapshot):
        """What of the database the operation changes."""
        return tuple(snapshot.accounts())

    def state(self, snapshot):
        """old, new or torn."""
        now = self.fingerprint(snapshot)
        return "old" if now == self.first else "new" if self.is_new(snapshot, now) else "torn"

    def is_new(self, snapshot, now):
        raise NotImplementedError

    def begun(self, snapshot):
        """Whether it had begun to write: by what lies in the log, or in rows that only it makes."""
        return snapshot.log_size > 0 or bool(snapshot.leftovers())

    def port(self, state):
        """The server that knows the passwords of that state."""
        return self.known

    def survivors(self, state):
        """How many accounts there are then."""
        return len(self.before)

    # One moment

    def measure(self):
        """How long it takes to the first change of a file and to its end, on this machine, now."""
        moments.copy(self.base, self.data)
        first, end, status = moments.watched(self.words(), self.data, self.story.path("measured.log"))
        if status != 0:
            with open(self.story.path("measured.log"), errors="replace") as log:
                raise RuntimeError(f"{self.name} does not work at all: exit code {status}\n{log.read()}")
        with moments.Snapshot(self.data, self.scratch) as after:
            if self.state(after) != "new":
                raise RuntimeError(f"{self.name} did not do what it should: {self.state(after)}")
        return first, end

    def strike(self, seconds):
        """Does it and kills it so long after its beginning; whether it was still at work."""
        return moments.Killed(self.words(), self.story.path("killed.log")).kill_at(seconds)

    def moment(self, seconds):
        """before, inside or after, and what is wrong then."""
        moments.copy(self.base, self.data)
        alive = self.strike(seconds)
        with moments.Snapshot(self.data, self.scratch) as left:
            state, begun = self.state(left), self.begun(left)
            wrong = left.orphans() + self.agrees(left, state)
        if state == "torn" and not self.repeats:
            wrong.append("neither as before nor as after")
        place = "inside" if state == "torn" or (state == "old" and begun) else "before" if state == "old" else "after"
        if place == "after" and alive:
            place = "after, not ended"
        return place, wrong + self.restart(state)

    def agrees(self, snapshot, state):
        """The audit log tells of it if and only if it is there."""
        told = snapshot.audited(self.action) - self.audited
        if state == "torn":
            return []
        return [] if told == (state == "new") else [f"the data is {state}, and the audit log has {told} entries of it"]

    def restart(self, state):
        """Takes the data up again: what is wrong with it."""
        wrong = []
        plant = Plant(self.story, self.data, self.key)
        try:
            with plant as plane:
                wrong += self.live(plane, state)
        except RuntimeError as error:
            return wrong + [f"the server: {error}"]
        wrong += self.said("vault", "verify", "--json") + self.said("audit", "verify", "--json")
        with moments.Snapshot(self.data, self.scratch) as after:
            now = self.state(after)
            if now != state and not (self.repeats and state == "torn"):
                wrong.append(f"{state} before the restart, {now} after it")
            if after.leftovers():
                wrong.append(f"left behind: {after.leftovers()}")
            wrong += after.orphans() + self.gone(after, now)
        return wrong

    def said(self, *words):
        done = subprocess.run(
            [callmeter.binary(), *words, "--data", self.data], capture_output=True, text=True, timeout=120)
        return [] if done.returncode == 0 else [f"{' '.join(words)}: exit code {done.returncode} {done.stdout}{done.stderr}"]

    def gone(self, snapshot, state):
        return []

    def live(self, plane, state):
        """What a server on the data says, and whether a sample of the accounts registers with the right passwords."""
        usage = peers.wait_for(lambda: self.at_rest(plane), 30)
        if not usage:
            return [f"accounts are still held: {plane.usage(self.registrar)}"]
        if usage["total"] != self.survivors(state) and state != "torn":
            return [f"{usage['total']} accounts, {self.survivors(state)} expected"]
        if self.port(state) != self.known:
            plane.made("PATCH", f"/registrars/{self.registrar}", {"port": self.port(state)})
        return self.register(plane, min(SAMPLE, usage["total"]))

    def at_rest(self, plane):
        usage = plane.usage(self.registrar)
        return usage if usage["inUse"] == 0 else None

    def register(self, plane, count):
        if count == 0:
            return []
        tests = plane.made("GET", f"/projects/{self.project}/tests")
        test = next(one["id"] for one in tests if one["name"] == f"sample {count}")
        run = plane.made("POST", f"/tests/{test}/runs")["id"]
        detail = plane.ended(run, 30) or {}
        good = detail.get("endpoints", {}).get("byOutcome", {}).get("SUCCESS", 0)
        return [] if good == count else [f"{good} of {count} registered: {detail.get('endpoints')} {detail.get('failure')}"]


class Import(Operation):
    name, requirement, action, accounts = "import", "B6", "accounts.import", 5

    def furnish(self, plane):
        self.list = callmeter.account_file(self.story.path("import.txt"), self.sizes.fresh)

    def words(self):
        return ["accounts", "import", self.list, "--data", self.data, "--registrar", "pbx", "--project", "chaos"]

    def is_new(self, snapshot, now):
        return now[: len(self.first)] == self.first and [user for _, user in now[len(self.first):]] == [
            user for user, _ in self.sizes.fresh]

    def survivors(self, state):
        return len(self.before) + (len(self.sizes.fresh) if state == "new" else 0)


class Rotation(Operation):
    name, requirement, action = "rotation", "A5", "accounts.rotate"

    def furnish(self, plane):
        self.list = callmeter.account_file(self.story.path("rotate.txt"), self.sizes.rotated)

    def words(self):
        return ["accounts", "rotate", self.list, "--data", self.data, "--registrar", "pbx", "--project", "chaos"]

    def is_new(self, snapshot, now):
        named = {user for user, _ in self.sizes.rotated}
        return [user for _, user in now] == [user for _, user in self.first] and all(
            (old == new) == (user not in named) for (old, user), (new, _) in zip(self.first, now))

    def port(self, state):
        return self.changed if state == "new" else self.known


class DataKeyRotation(Operation):
    name, requirement, action, repeats = "data key", "E1", "vault.rotate-data", True

    def words(self):
        return ["vault", "rotate-data", "--registrar", "pbx", "--data", self.data]

    def fingerprint(self, snapshot):
        return tuple(snapshot.all("SELECT hex(id) FROM data_key ORDER BY id"))

    def is_new(self, snapshot, now):
        return len(now) == len(self.first) and not set(now) & set(self.first)

    def restart(self, state):
        wrong = super().restart(state)
        # Half done or not, it can be done again, to its end.
        return wrong + self.said("vault", "rotate-data", "--registrar", "pbx") + self.said("vault", "verify")


class MasterKeyRotation(DataKeyRotation):
    name, action, repeats = "master key", "vault.rotate-master", False

    def furnish(self, plane):
        for number in range(self.sizes.keys):
            place = self.add_registrar(plane, f"other-{number}")
            plane.made("POST", f"/registrars/{place}/accounts", {"username": "only", "password": "cnry-only"})

    def words(self):
        return ["vault", "rotate-master", "--data", self.data]

    def fingerprint(self, snapshot):
        return tuple(snapshot.all("SELECT hex(id), hex(sealed) FROM data_key ORDER BY id"))

    def is_new(self, snapshot, now):
        return [key for key, _ in now] == [key for key, _ in self.first] and all(
            old != new for (_, old), (_, new) in zip(self.first, now))

    def restart(self, state):
        return Operation.restart(self, state) + self.said("vault", "rotate-master") + self.said("vault", "verify")


class Deletion(Operation):
    name, requirement, action = "delete accounts", "A4", "accounts.delete"

    def words(self):
        return ["accounts", "delete", "--match", "b", "--yes", "--data", self.data, "--registrar", "pbx", "--project", "chaos"]

    def is_new(self, snapshot, now):
        return list(now) == [one for one in self.first if "b" not in one[1]]

    def survivors(self, state):
        return sum(state != "new" or "b" not in user for _, user in self.first)


class RegistrarDeletion(Operation):
    name, requirement, action = "delete registrar", "E1", "registrars.delete"

    def prepare(self):
        super().prepare()
        with moments.Snapshot(self.base, self.scratch) as before:
            # The wrapped key without what SQLite may cut off at a page's end.
            self.wrapped = [bytes.fromhex(text)[-40:] for text, in before.all("SELECT hex(sealed) FROM data_key")]

    def words(self):
        return ["registrars", "delete", "pbx", "--yes", "--data", self.data, "--project", "chaos"]

    def fingerprint(self, snapshot):
        return (tuple(snapshot.all("SELECT name FROM registrar")), tuple(snapshot.accounts()),
                snapshot.one("SELECT count(*) FROM data_key"))

    def is_new(self, snapshot, now):
        return now == ((), (), 0) and snapshot.one("SELECT count(*) FROM account") == 0

    def live(self, plane, state):
        if state == "old":
            return super().live(plane, state)
        status, _ = plane.ask("GET", f"/registrars/{self.registrar}")
        return [] if status == 404 else [f"the registrar answers {status}"]

    def gone(self, snapshot, state):
        """Once it is gone its key is in no file any more, so what was sealed under it stays closed for ever."""
        if state != "new":
            return []
        found = []
        for name in os.listdir(self.data):
            with open(os.path.join(self.data, name), "rb") as file:
                text = file.read()
            found += [f"the deleted key is still in {name}"] if any(key in text for key in self.wrapped) else []
        return found


class Allocation(Operation):
    name, requirement, action = "allocation", "D5", "accounts.allocate"

    def furnish(self, plane):
        self.many = self.save(plane, "many", self.sizes.endpoints, "1h")

    def measure(self):
        moments.copy(self.base, self.data)
        with Plant(self.story, self.data, self.key) as plane:
            before, begun = moments.sizes(self.data), time.monotonic()
            ask = self.ask(plane)
            first = peers.wait_for(lambda: moments.sizes(self.data) != before and time.monotonic(), 20, every=0.0005)
            ask.wait(30)
            end = time.monotonic()
            with moments.Snapshot(self.data, self.scratch) as after:
                if self.state(after) != "new":
                    raise RuntimeError("the run took no accounts: " + str(after.all("SELECT status, failure_text FROM run")))
        return first - begun, end - begun

    def ask(self, plane):
        """Asks for the run without waiting for the answer."""
        ask = subprocess.Popen(
            ["curl", "-s", "-o", os.devnull, "-X", "POST", "-H", "@-",
             f"http://{peers.HOST}:{plane.port}/api/v1/tests/{self.many}/runs"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ask.stdin.write(f"Authorization: Bearer {self.key}\n".encode())
        ask.stdin.close()
        return ask

    def strike(self, seconds):
        plant = Plant(self.story, self.data, self.key)
        with plant as plane:
            begun = time.monotonic()
            ask = self.ask(plane)
            moments.wait_until(begun + seconds)
            alive = ask.poll() is None
            plant.kill()
            ask.wait(30)
        return alive

    def fingerprint(self, snapshot):
        return tuple(snapshot.all(
            "SELECT hex(account.id), lease.endpoint FROM lease JOIN account ON account.position = lease.account "
            "ORDER BY lease.endpoint"))

    def state(self, snapshot):
        held = self.fingerprint(snapshot)
        wanted = tuple((account, number) for number, (account, _) in enumerate(self.before[: self.sizes.endpoints]))
        return "old" if not held else "new" if held == wanted else "torn"

    def begun(self, snapshot):
        return snapshot.one("SELECT count(*) FROM run") > 0

    def restart(self, state):
        # Whoever held them, nobody does any more.
        return super().restart("old")

    def gone(self, snapshot, state):
        open_runs = snapshot.all("SELECT status FROM run WHERE ended_at IS NULL")
        return [f"runs that never end: {open_runs}"] if open_runs else []


OPERATIONS = [Import, Rotation, DataKeyRotation, MasterKeyRotation, Deletion, RegistrarDeletion, Allocation]


class Sizes:
    """How much there is to do in each operation; larger ones take longer, and so are hit more often in their middle."""

    def __init__(self, scale):
        random_word = random.SystemRandom()
        word = lambda: f"cnry{random_word.getrandbits(80):020x}"
        self.old = [(f"{'ab'[n % 2]}user{n:06}", word()) for n in range(scale)]
        self.fresh = [(f"fresh{n:06}", word()) for n in range(3 * scale)]
        self.rotated = [(user, word()) for number, (user, _) in enumerate(self.old) if number % 4 != 3]
        self.keys = max(20, scale // 100)
        self.endpoints = scale // 2

    def later(self):
        """Every account as it is once the list was rotated."""
        return {**dict(self.old), **dict(self.rotated)}.items()
