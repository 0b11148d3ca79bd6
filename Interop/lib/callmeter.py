# SPDX-License-Identifier: Apache-2.0
"""Our program as a story sees it: its command line, its REST interface, its files."""
import json
import os
import re
import secrets
import shutil
import subprocess
import urllib.error
import urllib.request

import peers


def binary():
    named = os.environ.get("CALLMETER")
    places = [named] if named else [os.path.join(peers.ROOT, ".build", kind, "callmeter") for kind in ("debug", "release")]
    for place in places:
        place = os.path.join(peers.ROOT, place)
        if os.access(place, os.X_OK):
            return place
    raise RuntimeError("no callmeter binary: run `swift build --product callmeter`, or name it in CALLMETER")


def accounts(count, prefix="user"):
    """(username, password) pairs; the passwords are random, and so can be searched for."""
    return [(f"{prefix}{n:03}", "cnry" + secrets.token_hex(10)) for n in range(count)]


def account_file(path, pairs):
    peers.write_private(path, "".join(f"{user}:{word}\n" for user, word in pairs))
    return path


def registrar(port, transport="udp"):
    return {"pbx": {"domain": peers.HOST, "port": port, "transport": transport}}


def cross_test(port, calls, seconds, transport="udp", name="Cross", **more):
    """A test of `calls` callers who call as many callees, as a test file says it (JSON is YAML)."""
    return {
        "name": name, "registrars": registrar(port, transport), "groups": [
            {"name": "callers", "registrar": "pbx", "endpoints": calls, "callee": {"group": "callees"},
             "audio": {"codec": "PCMA"}},
            {"name": "callees", "registrar": "pbx", "endpoints": calls, "callee": "receive", "audio": {"codec": "PCMA"}},
        ], "duration": f"{seconds}s", "pacing": {"registrations": "50/s", "calls": "20/s"}, **more}


class Finished:
    """What a finished command left."""

    def __init__(self, status, out, err, summary):
        self.status, self.out, self.err, self.summary = status, out, err, summary

    def __getitem__(self, path):
        """A figure of the summary by its dotted path; None where there is none."""
        value = self.summary
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def outcome(self, name):
        return (self["endpoints.byOutcome"] or {}).get(name, 0)

    def __str__(self):
        return f"exit code {self.status}\n{self.err[-1500:]}\n{json.dumps(self.summary)[:2500]}"


class Run:
    """`callmeter run` of a test, under way."""

    _count = 0

    def __init__(self, story, test, pairs, *arguments, files=()):
        """`files` are copied beside the test file, which may name them."""
        Run._count += 1
        place = story.path(f"run{Run._count}")
        os.mkdir(place)
        for file in files:
            shutil.copy(file, place)
        self.report = os.path.join(place, "summary.json")
        with open(os.path.join(place, "test.yaml"), "w") as file:
            json.dump(test, file, indent=1)
        self.out, self.err = os.path.join(place, "out"), os.path.join(place, "err")
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen(
                [binary(), "run", os.path.join(place, "test.yaml"), "--accounts",
                 account_file(os.path.join(place, "accounts.txt"), pairs), "--json", self.report, *arguments],
                stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        story.ends(self.process)

    def wait(self, seconds):
        """Its end, which must come by itself."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            peers.end(self.process)
            status = f"none: still running after {seconds} s"
        summary = {}
        if os.path.exists(self.report):
            with open(self.report) as file:
                summary = json.load(file)
        return Finished(status, _text(self.out), _text(self.err), summary)


def _text(path):
    with open(path, errors="replace") as file:
        return file.read()


def run(story, test, pairs, *arguments, seconds=60):
    return Run(story, test, pairs, *arguments).wait(seconds)


class Server:
    """A long-running command of ours (`pbx`, `serve`) with its log."""

    _count = 0

    def __init__(self, story, *arguments, environment=None):
        Server._count += 1
        self.log = story.path(f"{arguments[0]}{Server._count}.log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [binary(), *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=dict(os.environ, **(environment or {})))
        story.ends(self.process)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def text(self):
        return _text(self.log)


def pbx(story, pairs, *arguments):
    """Our SIP server on a free port: (server, port)."""
    port = peers.free_port()
    file = account_file(story.path(f"pbx-{port}.txt"), pairs)
    server = Server(story, "pbx", "--listen", f"{peers.HOST}:{port}", "--accounts", file, *arguments)
    if not peers.wait_for(lambda: server.process.poll() is not None or peers.answers_options(port), 10) \
            or server.process.poll() is not None:
        raise RuntimeError("callmeter pbx did not start: " + server.text())
    return server, port


class ControlPlane:
    """`callmeter serve` on a free port with a key, and every answer it gave."""

    def __init__(self, story, environment=None, arguments=(), data=None, key=None):
        """`environment` and `arguments` go to `serve`; both may be changed between its starts.

        `data` names another folder than the story's own, `key` is one that is known there already.
        """
        self.story = story
        self.environment = environment or {}
        self.arguments = arguments
        self.data = data or story.path("data")
        self.answers = []
        self.logs = []
        self.start()
        if key:
            self.key = key
            return
        made = subprocess.run(
            [binary(), "keys", "create", "--data", self.data, "--role", "admin"], capture_output=True, text=True, timeout=30)
        found = re.search(r"cmk_[0-9A-Za-z]{40}", made.stdout)
        if not found:
            raise RuntimeError("callmeter keys create gave no key: " + made.stdout + made.stderr)
        self.key = found.group()

    def start(self):
        self.port = peers.free_port()
        self.server = Server(
            self.story, "serve", "--data", self.data, "--listen", f"{peers.HOST}:{self.port}", *self.arguments,
            environment={"LOG_LEVEL": "trace", **self.environment})
        self.logs.append(self.server.log)
        if not peers.wait_for(lambda: self.server.process.poll() is not None or self.healthy(), 20) \
                or self.server.process.poll() is not None:
            raise RuntimeError("callmeter serve did not start: " + self.server.text()[-2000:])

    def healthy(self):
        try:
            with urllib.request.urlopen(f"http://{peers.HOST}:{self.port}/healthz", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False

    def ask(self, method, path, body=None, kind="application/json"):
        """(status, parsed answer) of a request under /api/v1."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://{peers.HOST}:{self.port}/api/v1{path}", method=method, data=data,
            headers={"Authorization": "Bearer " + self.key, **({"Content-Type": kind} if data is not None else {})})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        self.answers.append((method, path, text))
        try:
            return status, json.loads(text)
        except ValueError:
            return status, {}

    def made(self, method, path, body=None, kind="application/json"):
        """The data of an answer that must be good."""
        status, answer = self.ask(method, path, body, kind)
        if status >= 300:
            raise RuntimeError(f"{method} {path}: {status} {answer}")
        return answer.get("data", answer)

    def prepare(self, test, pairs, port):
        """A project with the registrar, its accounts and the test; their ids."""
        project = self.made("POST", "/projects", {"name": "interop"})["id"]
        place = self.made(
            "POST", f"/projects/{project}/registrars",
            {"name": "pbx", "domain": peers.HOST, "port": port, "transport": "udp"})["id"]
        lines = "".join(f"{user}:{word}\n" for user, word in pairs).encode()
        report = self.made("POST", f"/registrars/{place}/accounts/import", lines, "text/plain")
        return project, place, self.save(project, test), report

    def save(self, project, test):
        """Saves a test; its registrars are the project's own. Its id."""
        test = {key: value for key, value in test.items() if key != "registrars"}
        return self.made("POST", f"/projects/{project}/tests", test)["id"]

    def usage(self, place):
        return self.made("GET", f"/registrars/{place}/accounts/usage?endpoints=20")

    def status(self, run):
        return self.made("GET", f"/runs/{run}").get("status")

    ENDED = ("COMPLETED", "FAILED", "CANNOT_RUN_FOR_NOW")

    def ended(self, run, seconds):
        """The run's detail once it has ended; None when it did not in time."""
        def detail():
            found = self.made("GET", f"/runs/{run}")
            return found if found.get("status") in self.ENDED else None
        return peers.wait_for(detail, seconds, every=0.2)
