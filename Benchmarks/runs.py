# SPDX-License-Identifier: Apache-2.0
"""What a run costs beside the bare engine, and how fast the page of a large one is read.

(a) The same work twice, in turn, on the same core: 1,000 endpoints that register and call for some seconds with audio. Once as
`bench register` and `bench media`, which keep nothing; once as `callmeter run` with everything: accounts imported and sealed, a result
and a trace for each endpoint, seconds, diagnosis, verdict, JSON with every endpoint. CPU of the process from start to end
(getrusage); the ratio of each round, their median. Required: less than 15 % more.

(b) `callmeter serve` with a database on disk plays 10,000 endpoints (`none`, shared flow); then what the page of that run needs is read
over HTTP: the run with its summary, the first page of endpoints, the seconds. Required: all of it in less than a second.

Exit 1 when a required figure is missed.
"""
import argparse
import json
import os
import re
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

import compare

REQUIRED_OVERHEAD, AIM_OVERHEAD = 1.15, 1.08
REQUIRED_READ, AIM_READ = 1.0, 0.3


class PBX:
    """Our own SIP server on the answering side's core: registrar and echo."""

    def __init__(self, binary, folder, accounts):
        self.port = free_port()
        self.log = open(os.path.join(folder, "pbx.log"), "wb")
        self.process = subprocess.Popen(
            [binary, "pbx", "--listen", f"127.0.0.1:{self.port}", "--accounts", accounts], stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=self.log, preexec_fn=compare.pinned(compare.SERVER_CORE))
        wait(lambda: b"SIP server on" in open(self.log.name, "rb").read() or self.process.poll() is not None, 20)
        if self.process.poll() is not None:
            sys.exit("callmeter pbx did not start: " + open(self.log.name).read())

    def stop(self):
        self.process.terminate()
        self.process.wait()


def free_port():
    import socket
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait(condition, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    return None


class Overhead:
    def __init__(self, options, binary, folder):
        self.options, self.binary, self.folder = options, binary, folder
        # Accounts of their own: the bare engine leaves its registrations behind, and a run tells of such.
        self.accounts, self.others, self.all = (os.path.join(folder, name) for name in ("bare.txt", "run.txt", "all.txt"))
        for path, prefix in ((self.accounts, "bare"), (self.others, "run")):
            lines = [f"{prefix}{number:06}:{secrets.token_hex(8)}\n" for number in range(options.endpoints)]
            for name, mode in ((path, "w"), (self.all, "a")):
                with open(name, mode) as file:
                    file.writelines(lines)

    def one(self, *words):
        """(CPU seconds, exit code, output) of one command."""
        cpu, _, status, text = compare.measure([self.binary, *map(str, words)], self.folder)
        return cpu, status, text

    def bare(self, port):
        count = self.options.endpoints
        cpu, status, text = self.one(
            "bench", "register", "--target", f"127.0.0.1:{port}", "--accounts", self.accounts, "--count", count)
        row = last_json(text)
        if status != 0 or not row:
            raise RuntimeError("bench register: " + text[-400:])
        # Of the registrations only what they cost; the process that calls has its own start counted below.
        registrations = row["cpuMicrosecondsPerOperation"] * count / 1e6
        cpu, status, text = self.one(
            "bench", "media", "--target", f"sip:echo@127.0.0.1:{port}", "--streams", count, "--seconds",
            self.options.seconds, "--accounts", self.accounts)
        if status != 0:
            raise RuntimeError("bench media: " + text[-400:])
        return registrations + cpu

    def whole(self, port):
        count = self.options.endpoints
        test = os.path.join(self.folder, "test.yaml")
        with open(test, "w") as file:
            json.dump({
                "name": "Overhead", "registrars": {"pbx": {"domain": "127.0.0.1", "port": port}},
                "groups": [{"name": "callers", "registrar": "pbx", "endpoints": count, "flow": "shared",
                            "callee": {"uri": f"sip:echo@127.0.0.1:{port}"}, "audio": {"codec": "PCMA"}}],
                "duration": f"{self.options.seconds}s", "pacing": {"registrations": "1000/s", "calls": "1000/s"}}, file)
        report = os.path.join(self.folder, "run.json")
        cpu, status, text = self.one(
            "run", test, "--accounts", self.others, "--json", report, "--json-endpoints", "--quiet")
        with open(report) as file:
            summary = json.load(file)
        good = summary["endpoints"]["byOutcome"].get("SUCCESS", 0)
        kept = len(summary["endpointResults"])
        if good < count * 0.99 or kept != count:
            raise RuntimeError(f"run: exit code {status}, {good} of {count} succeeded, {kept} results, {summary['endpoints']}, {summary['diagnoses']}\n{text[-400:]}")
        return cpu

    def measure(self):
        server = PBX(self.binary, self.folder, self.all)
        bare, whole = [], []
        try:
            for _ in range(self.options.rounds):
                bare.append(self.bare(server.port))
                whole.append(self.whole(server.port))
        finally:
            server.stop()
        ratio = statistics.median(a / b for a, b in zip(whole, bare))
        per = 1e6 / self.options.endpoints
        return [
            (f"bare engine, {self.options.endpoints:,} endpoints, CPU us an endpoint", statistics.median(bare) * per, None, None),
            ("run with results and traces, CPU us an endpoint", statistics.median(whole) * per, None, None),
            ("run / bare engine", ratio, REQUIRED_OVERHEAD, AIM_OVERHEAD),
        ]


def last_json(text):
    for line in reversed(text.strip().splitlines()):
        try:
            return json.loads(line)
        except ValueError:
            continue
    return None


class Page:
    """A server with a database on disk, and the page of a run of 10,000 endpoints."""

    def __init__(self, options, binary, folder):
        self.options, self.binary = options, binary
        self.data = os.path.join(folder, "data")
        self.log = os.path.join(folder, "serve.log")
        self.port = free_port()

    def call(self, method, path, body=None, kind="application/json"):
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/v1{path}", data=body, method=method,
            headers={"Authorization": "Bearer " + self.key, "Content-Type": kind})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())["data"]

    def healthy(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False

    def measure(self, registrar_port):
        count = self.options.page_endpoints
        with open(self.log, "wb") as log:
            server = subprocess.Popen(
                [self.binary, "serve", "--data", self.data, "--listen", f"127.0.0.1:{self.port}"], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log)
        try:
            if not wait(lambda: server.poll() is not None or self.healthy(), 30) or server.poll() is not None:
                raise RuntimeError("callmeter serve did not start: " + open(self.log).read()[-800:])
            made = subprocess.run(
                [self.binary, "keys", "create", "--data", self.data, "--role", "admin"], capture_output=True, text=True)
            self.key = re.search(r"cmk_[0-9A-Za-z]{40}", made.stdout).group()
            project = self.call("POST", "/projects", {"name": "bench"})["id"]
            registrar = self.call(
                "POST", f"/projects/{project}/registrars", {"name": "pbx", "domain": "127.0.0.1", "port": registrar_port})["id"]
            lines = "".join(f"bench{number:06}:{secrets.token_hex(8)}\n" for number in range(count))
            self.call("POST", f"/registrars/{registrar}/accounts/import", lines.encode(), "text/plain")
            test = self.call("POST", f"/projects/{project}/tests", {
                "name": "Many", "duration": "2s", "pacing": {"registrations": "2000/s"}, "groups": [
                    {"name": "phones", "registrar": "pbx", "endpoints": count, "callee": "none", "flow": "shared"}]})["id"]
            begin = time.monotonic()
            run = self.call("POST", f"/tests/{test}/runs")["id"]
            final = wait(lambda: self.final(run), 180)
            took = time.monotonic() - begin
            if not final or final["endpoints"]["total"] != count or final["endpoints"]["byOutcome"].get("SUCCESS", 0) < count * 0.99:
                raise RuntimeError(f"the run of {count}: {json.dumps(final)[:600]}")
            return self.read(run, count, took)
        finally:
            server.terminate()
            server.wait()

    def final(self, run):
        now = self.call("GET", f"/runs/{run}")
        return now if now["status"] in ("COMPLETED", "FAILED", "CANNOT_RUN_FOR_NOW") else None

    def read(self, run, count, took):
        parts = [("the run and its summary", f"/runs/{run}"), ("the first page of endpoints", f"/runs/{run}/endpoints?perPage=100"),
                 ("the seconds", f"/runs/{run}/windows")]
        rows = [(f"run of {count:,}, from its start until everything is stored, s", took, None, None)]
        totals, single = [], {name: [] for name, _ in parts}
        for _ in range(5):
            total = 0
            for name, path in parts:
                begin = time.monotonic()
                found = self.call("GET", path)
                took = time.monotonic() - begin
                if not found:
                    raise RuntimeError(f"{path} gave nothing")
                single[name].append(took)
                total += took
            totals.append(total)
        rows += [(f"  {name}, s", statistics.median(values), None, None) for name, values in single.items()]
        # The first reading is the one a person waits for: nothing is in a cache yet.
        return rows + [("page data of that run, the first time, s", totals[0], REQUIRED_READ, AIM_READ),
                       ("page data of that run, again, s", statistics.median(totals[1:]), REQUIRED_READ, AIM_READ)]


def main():
    parser = argparse.ArgumentParser(
        prog="scripts/bench runs", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="of the bare engine and the run by turns")
    parser.add_argument("--endpoints", type=int, default=1000, help="that call in part (a)")
    parser.add_argument("--seconds", type=int, default=20, help="of audio in part (a)")
    parser.add_argument("--page-endpoints", type=int, default=10000, help="of the run in part (b)")
    parser.add_argument("--json", action="store_true", help="one line of JSON for each figure")
    options = parser.parse_args()
    if not 1 <= options.rounds <= compare.MOST_ROUNDS:
        parser.error(f"rounds: 1 to {compare.MOST_ROUNDS}")
    binary = os.path.abspath(
        os.environ.get("CALLMETER") or os.path.join(compare.ROOT, ".build", "release", "callmeter"))
    folder = tempfile.mkdtemp(prefix="bench-")
    os.chmod(folder, 0o700)
    missed = []

    def show(rows):
        for name, value, limit, aim in rows:
            good = limit is None or value < limit
            if not good:
                missed.append(name.strip())
            if options.json:
                print(json.dumps({"bench": "runs", "figure": name.strip(), "value": round(value, 4), "required": limit, "aim": aim,
                                  "met": good}), flush=True)
            else:
                told = "" if limit is None else f"required {limit:g}, aim {aim:g}"
                print(f"{name:<66}{value:>12.3f}  {told}{'' if good else '  MISSED'}", flush=True)

    answering = None
    try:
        show(Overhead(options, binary, folder).measure())
        answering = compare.Answering(folder)
        show(Page(options, binary, folder).measure(answering.port))
    finally:
        if answering:
            answering.stop()
        shutil.rmtree(folder, ignore_errors=True)
    if missed:
        sys.exit("missed: " + "; ".join(missed))


if __name__ == "__main__":
    main()
