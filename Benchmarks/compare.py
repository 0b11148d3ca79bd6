# SPDX-License-Identifier: Apache-2.0
"""Side by side in one run: client CPU per operation of this program and of SIPp against the same answering side.

The client runs on core 0, the answering side on core 1. The variants take turns, round by round, so that what changes on
the machine meets all of them. CPU is what the operating system charged the finished client for its whole life, start-up
included; the ratio is the median of the round-by-round ratios to SIPp's one-socket mode.
"""
import argparse
import json
import os
import re
import secrets
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
CLIENT_CORE, SERVER_CORE = 0, 1
LONGEST = 120  # seconds one client may take before it is ended and the round given up
MOST_ROUNDS = 50


def pinned(core):
    cores = sorted(os.sched_getaffinity(0))
    return lambda: os.sched_setaffinity(0, {cores[min(core, len(cores) - 1)]})


class Answering:
    """Benchmarks/answer.c, compiled for this run."""

    def __init__(self, folder, expires=600):
        program = os.path.join(folder, "answer")
        subprocess.run(["gcc", "-O2", "-o", program, os.path.join(HERE, "answer.c")], check=True)
        self.process = subprocess.Popen([program, "3600", str(expires)], stdout=subprocess.PIPE, text=True, preexec_fn=pinned(SERVER_CORE))
        self.port = int(self.process.stdout.readline())

    def stop(self):
        self.process.terminate()
        self.process.wait()


def measure(command, folder):
    """(CPU seconds, wall seconds, exit code, output) of one client from start to end."""
    path = os.path.join(folder, "output")
    with open(path, "wb") as out:
        begin = time.monotonic()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd=folder,
            env=dict(os.environ, TERM="dumb"), preexec_fn=pinned(CLIENT_CORE))
    late = False
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        if time.monotonic() - begin > LONGEST and not late:
            late = True
            process.send_signal(signal.SIGKILL)
        time.sleep(0.005)
    process.returncode = os.waitstatus_to_exitcode(status)
    with open(path, errors="replace") as out:
        text = out.read()
    return usage.ru_utime + usage.ru_stime, time.monotonic() - begin, process.returncode, text


def sipp_done(text):
    found = re.findall(r"Successful call\s+\|\s+\d+\s+\|\s+(\d+)", text)
    return int(found[-1]) if found else 0


def our_done(text):
    for line in reversed(text.strip().splitlines()):
        try:
            row = json.loads(line)
        except ValueError:
            continue
        return row.get("operations", 0) - row.get("failures", 0)
    return 0


def variants(name, port, count, window, folder, binary):
    """(label, command, how many succeeded in its output)"""
    def sipp(mode):
        command = [
            "sipp", "-sf", os.path.join(HERE, name + ".xml"), "-i", "127.0.0.1", "-t", mode, "-nostdin", "-m", count,
            "-l", window, "-r", 100000, "-max_socket", window + 16, "-buff_size", 4194304]
        command += ["-inf", os.path.join(folder, "users.csv")] if name == "register" else ["-d", 0]
        return [str(word) for word in command + [f"127.0.0.1:{port}"]]
    ours = [
        binary, "bench", name, "--target", f"127.0.0.1:{port}", "--count", str(count),
        "--window", str(window)]
    if name == "register":
        ours += ["--accounts", os.path.join(folder, "accounts.txt")]
    return [
        ("SIPp, one socket", sipp("u1"), sipp_done), ("SIPp, a socket each", sipp("un"), sipp_done),
        ("callmeter, one socket", ours, our_done)]


def write_accounts(folder, count):
    pairs = [(f"bench{n:06}", "w" + secrets.token_hex(8)) for n in range(count)]
    with open(os.path.join(folder, "accounts.txt"), "w") as file:
        file.writelines(f"{user}:{word}\n" for user, word in pairs)
    with open(os.path.join(folder, "users.csv"), "w") as file:
        file.write("SEQUENTIAL\n")
        file.writelines(f"{user};[authentication username={user} password={word}]\n" for user, word in pairs)


def run(name, options, folder, binary):
    answering = Answering(folder)
    rows = {}
    try:
        tried = variants(name, answering.port, options.count[name], options.window, folder, binary)
        for turn in range(options.rounds):
            for label, command, done in tried:
                cpu, wall, status, text = measure(command, folder)
                succeeded = done(text)
                good = status == 0 and succeeded == options.count[name]
                rows.setdefault(label, []).append(
                    {"microseconds": cpu * 1e6 / succeeded if good else None, "perSecond": succeeded / wall})
                if not good:
                    print(f"{name}, {label}: round {turn + 1} failed (exit code {status}, {succeeded} succeeded)\n"
                          + text[-600:], file=sys.stderr)
    finally:
        answering.stop()
    return summary(name, rows)


def summary(name, rows):
    base = rows["SIPp, one socket"]
    result = []
    for label, turns in rows.items():
        good = [turn["microseconds"] for turn in turns if turn["microseconds"]]
        ratios = [
            turn["microseconds"] / other["microseconds"] for turn, other in zip(turns, base)
            if turn["microseconds"] and other["microseconds"]]
        result.append({
            "benchmark": name, "client": label, "rounds": len(turns), "good": len(good),
            "cpuMicroseconds": statistics.median(good) if good else None,
            "least": min(good, default=None), "most": max(good, default=None),
            "ratio": statistics.median(ratios) if ratios else None,
            "perSecond": statistics.median(turn["perSecond"] for turn in turns)})
    return result


def table(rows):
    print(f"{'benchmark':<10} {'client':<22} {'CPU us/op':>10} {'least':>8} {'most':>8} {'ratio':>7} {'op/s':>8}  rounds")
    for row in rows:
        def figure(key, form):
            return "-" if row[key] is None else format(row[key], form)
        print(f"{row['benchmark']:<10} {row['client']:<22} {figure('cpuMicroseconds', '.1f'):>10} {figure('least', '.1f'):>8} "
              f"{figure('most', '.1f'):>8} {figure('ratio', '.2f'):>7} {row['perSecond']:>8.0f}  {row['good']}/{row['rounds']}")
    with open("/proc/loadavg") as file:
        print(f"client on core {CLIENT_CORE}, answering side on core {SERVER_CORE}; load average {file.read().split()[0]}; "
              "compare ratios, not microseconds of different runs")


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", choices=["register", "call"], help="one benchmark only")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--window", type=int, default=64, help="operations in flight")
    parser.add_argument("--registrations", type=int, default=20000)
    parser.add_argument("--calls", type=int, default=10000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not 1 <= options.rounds <= MOST_ROUNDS:
        parser.error(f"--rounds: 1 to {MOST_ROUNDS}")
    options.count = {"register": options.registrations, "call": options.calls}
    binary = os.environ.get("CALLMETER") or os.path.join(ROOT, ".build", "release", "callmeter")
    folder = tempfile.mkdtemp(prefix="bench-")
    os.chmod(folder, 0o700)
    try:
        write_accounts(folder, 1000)
        rows = []
        for name in [options.name] if options.name else ["register", "call"]:
            rows += run(name, options, folder, os.path.abspath(binary))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(rows, indent=1)) if options.json else table(rows)
    sys.exit(0 if all(row["good"] > 0 for row in rows) else 1)


if __name__ == "__main__":
    main()
