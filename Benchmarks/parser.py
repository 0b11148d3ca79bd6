# SPDX-License-Identifier: Apache-2.0
"""Our parser beside libosip2 and sofia-sip: nanoseconds of processor time per message, on the files in Benchmarks/messages.

Every program takes the same fields out of every message (Benchmarks/parser/bench.h says which, the session description among
them); they must agree on them before anything is timed. The programs run in turn on one processor, round by round; the table
has the medians. Exit code 1 when ours is not the fastest on every message.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
MESSAGES = ["register", "unauthorized", "invite", "answer"]


def build(out):
    """Compiles both yardsticks and our tool; gives their commands by name."""
    os.makedirs(out, exist_ok=True)
    sofia = subprocess.run(["pkg-config", "--cflags", "--libs", "sofia-sip-ua"], check=True, capture_output=True, text=True)
    flags = {"libosip2": ["-losipparser2"], "sofia-sip": sofia.stdout.split()}
    for name, source in (("libosip2", "osip.c"), ("sofia-sip", "sofia.c")):
        subprocess.run(["gcc", "-O2", "-Wall", "-o", f"{out}/{name}", f"{HERE}/parser/{source}", *flags[name]], check=True)
    subprocess.run(
        ["swift", "build", "-c", "release", "--product", "parse-bench", "--scratch-path", out],
        check=True, cwd=ROOT, env={**os.environ, "ENGINE_ONLY": "1"}, stdout=sys.stderr)
    return {"callmeter": f"{out}/release/parse-bench", "libosip2": f"{out}/libosip2", "sofia-sip": f"{out}/sofia-sip"}


def fields(command, files):
    """What a program found, made comparable: libosip2 cuts a Call-ID at its @."""
    lines = subprocess.run([command, "fields", *files], check=True, capture_output=True, text=True).stdout.splitlines()
    return [re.sub(r"(call-id=[^ @]*)@\S*", r"\1", line) for line in lines]


def times(command, files, count, cpu):
    run = subprocess.run(
        ["taskset", "-c", str(cpu), command, "time", str(count), *files], check=True, capture_output=True, text=True)
    return {line.split()[0]: float(line.split()[1]) for line in run.stdout.splitlines()}


def main():
    parser = argparse.ArgumentParser(prog="bench parser", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="at least 5")
    parser.add_argument("--count", type=int, default=50_000, help="messages of each kind in a round")
    parser.add_argument("--cpu", type=int, default=max(os.sched_getaffinity(0)))
    parser.add_argument("--json", action="store_true", help="one line of JSON for each message and program")
    options = parser.parse_args()
    commands = build(os.path.join(ROOT, ".build-bench"))
    files = [os.path.join(HERE, "messages", f"{name}.sip") for name in MESSAGES]
    found = {name: fields(command, files) for name, command in commands.items()}
    if any(lines != found["callmeter"] for lines in found.values()):
        sys.exit("the programs do not agree on the fields:\n" + "\n".join(f"{k}: {v}" for k, v in found.items()))

    rounds = {name: {file: [] for file in files} for name in commands}
    for _ in range(max(5, options.rounds)):
        for name, command in commands.items():
            for file, nanoseconds in times(command, files, options.count, options.cpu).items():
                rounds[name][file].append(nanoseconds)
    slower = []
    if not options.json:
        print(f"{'message':<14}{'bytes':>6}" + "".join(f"{name + ' ns':>16}" for name in commands) + f"{'of osip':>9}{'of sofia':>9}")
    for message, file in zip(MESSAGES, files):
        median = {name: statistics.median(rounds[name][file]) for name in commands}
        ratios = [median["callmeter"] / median[name] for name in ("libosip2", "sofia-sip")]
        if max(ratios) >= 1:
            slower.append(message)
        if options.json:
            for name in commands:
                print(json.dumps({
                    "bench": "parser", "message": message, "bytes": os.path.getsize(file), "program": name,
                    "ns": round(median[name]), "lowest": min(rounds[name][file]), "highest": max(rounds[name][file]),
                    "rounds": len(rounds[name][file])}))
        else:
            print(f"{message:<14}{os.path.getsize(file):>6}" + "".join(f"{median[name]:>16.0f}" for name in commands)
                  + "".join(f"{ratio:>9.2f}" for ratio in ratios))
    if slower:
        sys.exit(f"not faster than both on: {', '.join(slower)}")


if __name__ == "__main__":
    main()
