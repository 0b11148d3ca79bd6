# SPDX-License-Identifier: Apache-2.0
"""The SIP engine's figures with what is required and aimed at: CPU beside SIPp, memory of idle endpoints, growth, idle cost.

Everything runs in one go on two cores, the client on one, the answering side on the other; SIPp and this program take turns,
and only ratios of one run are judged where a machine's mood would show. Exit 1 when a required figure is missed.

What is required of CPU beside SIPp is beside its one-socket mode (-t u1): at most 0.8 of it for a registration, 0.9 for a call. The
rows "a socket each" beside its -t un are anchors, from a table of figures of our own: measured and printed each time, `met (anchor)` or
`MISSED (anchor)` beside the same bounds, but they do not decide the exit code.
"""
import argparse
import json
import os
import re
import resource
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile

import compare

KIBIBYTE = 1024
SPARE_DESCRIPTORS = 500  # what the process opens besides the endpoints' sockets
REGISTRATIONS, CALLS = 20000, 10000
GROWTH = [1000, 20000, 100000]
HELD = [1000, 10000, 100000]
EXPIRY, HELD_REFRESHED, REFRESH_SECONDS = 60, 10000, 66


def check(name, figure, unit, required, aim, note="", anchor=False):
    """One line of the result; a figure is good when it is at most what is required. An anchor is only told."""
    return {"name": name, "figure": figure, "unit": unit, "required": required, "aim": aim, "anchor": anchor,
            "passed": figure is not None and (required is None or figure <= required),
            "aimed": figure is not None and aim is not None and figure <= aim, "note": note}


def load():
    with open("/proc/loadavg") as file:
        return float(file.read().split()[0])


class Bench:
    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.binary = os.path.abspath(
            os.environ.get("CALLMETER") or os.path.join(compare.ROOT, ".build", "release", "callmeter"))
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.sockets = max(1000, min(15000, (hard if hard > 0 else 1 << 20) - SPARE_DESCRIPTORS))
        self.dropped = 0

    def ours(self, name, port, count, *more):
        words = [self.binary, "bench", name, "--target", f"127.0.0.1:{port}", "--count", str(count), "--window",
                 str(self.options.window)]
        if name == "register":
            words += ["--accounts", self.accounts(count)]
        return words + [str(word) for word in more]

    def accounts(self, count):
        """A file with an account for every endpoint."""
        path = os.path.join(self.folder, f"accounts{count}.txt")
        if not os.path.exists(path):
            with open(path, "w") as file:
                file.writelines(f"bench{number:06}:{secrets.token_hex(8)}\n" for number in range(count))
        return path

    def run(self, command):
        """The JSON line of one of our runs and its CPU for each operation from start to end; None when it failed."""
        cpu, _, status, text = compare.measure(command, self.folder)
        for line in reversed(text.strip().splitlines()):
            try:
                row = json.loads(line)
            except ValueError:
                continue
            self.dropped += row.get("droppedDatagrams", 0)
            if status == 0:
                done = row.get("operations", row.get("endpoints", 0))
                return dict(row, whole=cpu * 1e6 / max(1, done))
        print(" ".join(command) + f": exit code {status}\n" + text[-400:], file=sys.stderr)
        return None

    # CPU beside SIPp

    def speed(self, port, name, count, own):
        """Rounds of SIPp and us by turns; the ratios, round by round."""
        rows = {}
        turns = {
            "SIPp u1": (self.sipp(name, port, "u1", count), count), "SIPp un": (self.sipp(name, port, "un", own), own),
            "shared": (self.ours(name, port, count), count),
            "own": (self.ours(name, port, own, "--flow", "endpoint"), own)}
        for _ in range(self.options.rounds):
            for label, (command, expected) in turns.items():
                cpu, _, status, text = compare.measure(command, self.folder)
                done = compare.sipp_done(text) if label.startswith("SIPp") else compare.our_done(text)
                good = status == 0 and done == expected
                if not good:
                    print(f"{name}, {label}: exit code {status}, {done} succeeded\n{text[-400:]}", file=sys.stderr)
                rows.setdefault(label, []).append(cpu * 1e6 / done if good else None)
        return [self.ratio(name, rows, "shared", "SIPp u1"), self.ratio(name, rows, "own", "SIPp un")]

    def sipp(self, name, port, mode, count):
        command = ["sipp", "-sf", os.path.join(compare.HERE, name + ".xml"), "-i", "127.0.0.1", "-t", mode, "-nostdin",
                   "-m", count, "-l", self.options.window, "-r", 100000, "-max_socket", self.options.window + 16,
                   "-buff_size", 4194304]
        command += ["-inf", os.path.join(self.folder, "users.csv")] if name == "register" else ["-d", 0]
        return [str(word) for word in command + [f"127.0.0.1:{port}"]]

    def ratio(self, name, rows, ours, theirs):
        pairs = [(a, b) for a, b in zip(rows[ours], rows[theirs]) if a and b]
        required, aim = {"register": (0.8, 0.40 if ours == "shared" else 0.42), "call": (0.9, 0.55)}[name]
        label = {"register": "digest registration", "call": "call"}[name]
        sockets = "one socket" if ours == "shared" else "a socket each"
        anchor = ours == "own"
        name = f"{label}, {sockets}: CPU beside {theirs}"
        if len(pairs) < min(self.options.rounds, 3):
            return check(name, None, "x", required, aim, "too few good rounds", anchor)
        figure = statistics.median(a / b for a, b in pairs)
        note = (f"{statistics.median(a for a, _ in pairs):.1f} us against {statistics.median(b for _, b in pairs):.1f} us, "
                f"median of {len(pairs)}")
        return check(name, round(figure, 3), "x", required, aim, note, anchor)

    # Memory, growth, idle cost

    def memory(self, port):
        result, flat = [], {}
        for count, flow in [(count, "shared") for count in HELD] + [(10000, "endpoint")]:
            row = self.run(self.ours("register", port, count, "--flow", flow, "--hold", 1))
            figure = round(row["bytesPerEndpoint"] / KIBIBYTE, 2) if row and row["failures"] == 0 else None
            # A thousand endpoints still carry what the process needs once.
            required = 6 if count >= 10000 else None
            sockets = "one socket" if flow == "shared" else "own sockets"
            result.append(check(f"memory of an idle endpoint, {count:,}, {sockets}", figure, "KiB", required, 4))
            flat[count, flow] = figure
        small, large = flat[10000, "shared"], flat[100000, "shared"]
        rise = round(100 * (large / small - 1), 1) if small and large else None
        return result + [check("memory of an endpoint, 100,000 over 10,000", rise, "%", 25, 5)]

    def growth(self, port):
        rows = {count: [] for count in GROWTH}
        for _ in range(self.options.growth_rounds):
            for count in GROWTH:
                row = self.run(self.ours("register", port, count))
                if row and row["failures"] == 0:
                    rows[count].append(row["cpuMicrosecondsPerOperation"])
        medians = {count: statistics.median(found) for count, found in rows.items() if found}
        complete = len(medians) == len(GROWTH)
        figure = round(100 * (max(medians.values()) / min(medians.values()) - 1), 1) if complete else None
        note = ", ".join(f"{count:,}: {value:.1f} us" for count, value in medians.items())
        return [check("CPU of a registration, 1,000 to 100,000 accounts", figure, "% apart", 25, 5, note)]

    def idle(self, port, refreshing_port):
        still = self.run(self.ours("register", port, 100000, "--hold", 10, "--expires", 600))
        # The same number of refreshes a second as 100,000 endpoints with ten times the expiry have.
        moving = self.run(
            self.ours("register", refreshing_port, HELD_REFRESHED, "--hold", REFRESH_SECONDS, "--expires", EXPIRY))
        figure = round(still["idlePercentOfCore"] + moving["idlePercentOfCore"], 2) if still and moving else None
        note = ""
        if figure is not None:
            note = (f"{still['idlePercentOfCore']:.2f} waiting, {moving['idlePercentOfCore']:.2f} for the refreshes "
                    f"({HELD_REFRESHED:,} with {EXPIRY} s)")
        return [check("100,000 registrations held, expiry 600 s", figure, "% of a core", 5, 1, note)]

    # The parser

    def parser(self):
        program = os.path.join(compare.ROOT, "scripts", "bench")
        run = subprocess.run([program, "parser"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        print(run.stdout.rstrip(), file=sys.stderr if self.options.json else sys.stdout)
        faster = 0 if run.returncode == 0 else 1
        return [check("parser slower than libosip2 or sofia-sip (0 no, 1 yes)", faster, "", 0, 0, "scripts/bench parser")]


def write_users(folder):
    with open(os.path.join(folder, "users.csv"), "w") as file:
        file.write("SEQUENTIAL\n")
        file.writelines(
            f"bench{number:06};[authentication username=bench{number:06} password={secrets.token_hex(8)}]\n"
            for number in range(1000))


def line(row):
    if row["anchor"]:
        state = "met (anchor)" if row["passed"] else "MISSED (anchor)"
    else:
        state = "FAIL" if not row["passed"] else "PASS, aim met" if row["aimed"] else "PASS"
    figure = "-" if row["figure"] is None else f"{row['figure']:g} {row['unit']}"
    required = "-" if row["required"] is None else f"{row['required']:g}"
    return f"{state:<15} {row['name']:<58} {figure:>16}  required {required:>5}  aim {row['aim']:>5g}  {row['note']}"


def main():
    parser = argparse.ArgumentParser(
        prog="scripts/bench sip", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="of SIPp and this program by turns")
    parser.add_argument("--growth-rounds", type=int, default=5)
    parser.add_argument("--window", type=int, default=64, help="operations in flight")
    parser.add_argument("--without-parser", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not (1 <= options.rounds <= compare.MOST_ROUNDS and 1 <= options.growth_rounds <= compare.MOST_ROUNDS):
        parser.error(f"rounds: 1 to {compare.MOST_ROUNDS}")
    folder = tempfile.mkdtemp(prefix="bench-")
    os.chmod(folder, 0o700)
    answering, refreshing = compare.Answering(folder), None
    rows = []

    def add(found):
        rows.extend(found)
        if not options.json:
            print("\n".join(line(row) for row in found), flush=True)

    try:
        write_users(folder)
        bench = Bench(options, folder)
        refreshing = compare.Answering(folder, expires=EXPIRY)
        before = load()
        add(bench.speed(answering.port, "register", REGISTRATIONS, min(REGISTRATIONS, bench.sockets)))
        add(bench.speed(answering.port, "call", CALLS, min(CALLS, bench.sockets)))
        add(bench.growth(answering.port))
        add(bench.memory(answering.port))
        add(bench.idle(answering.port, refreshing.port))
        if not options.without_parser:
            add(bench.parser())
        add([check("datagrams dropped by this machine on our sockets", bench.dropped, "", 0, 0)])
    finally:
        answering.stop()
        if refreshing:
            refreshing.stop()
        shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        print(json.dumps({"checks": rows, "loadBefore": before, "loadAfter": load()}, indent=1))
    else:
        print(f"client on core {compare.CLIENT_CORE}, answering side on core {compare.SERVER_CORE}; load average {before:g} "
              f"before, {load():g} after; ratios hold on a busy machine, microseconds do not")
    sys.exit(0 if all(row["passed"] or row["anchor"] for row in rows) else 1)


main()
