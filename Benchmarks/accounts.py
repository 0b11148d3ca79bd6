# SPDX-License-Identifier: Apache-2.0
"""Bulk import of accounts beside a floor program, in turn: import-floor.c does nothing but seal and insert.

callmeter imports by the path of page and API: text judged line by line, sealed, stored, audited, while somebody else
writes. What is required is a ratio to the floor of the same run (3.07: 0.8 s and 8 s where the floor took 0.26 s and
2.6 s), less than 100 MiB of memory, a second import into the same registrar no more than a fifth slower, 100,000 accounts
lent in a second, and page 1 of the list in 20 ms. Medians; exit code 1 when a figure is missed.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
SIZES = [(100_000, 5), (1_000_000, 3)]  # accounts, rounds at least
REQUIRED_RATIO = 0.8 / 0.26
AIM_RATIO = 2.0


def build(out):
    floor = os.path.join(out, "import-floor")
    subprocess.run(
        ["gcc", "-O2", "-Wall", "-o", floor, f"{HERE}/import-floor.c", "-lsqlite3", "-lcrypto"], check=True)
    return floor


def run_floor(floor, count, folder):
    path = os.path.join(folder, "floor.sqlite")
    out = subprocess.run([floor, str(count), path], check=True, capture_output=True, text=True).stdout
    for end in ("", "-wal", "-shm"):
        if os.path.exists(path + end):
            os.unlink(path + end)
    return dict(zip(("wall", "cpu"), map(float, out.split())))


def run_ours(program, count, folder):
    with tempfile.TemporaryDirectory(dir=folder) as data:
        run = subprocess.run(
            [program, "bench", "accounts", "--count", str(count), "--data", data], check=True, capture_output=True,
            text=True)
    return json.loads(run.stdout)


def judge(count, floor, ours):
    """The figures of one size: name, value, limit, aim; the limit is None where nothing is required."""
    def median(key):
        return statistics.median(one[key] for one in ours)

    wall = statistics.median(one["wall"] for one in floor)
    first = median("importSeconds")
    rows = [
        ("floor, s", wall, None, None),
        ("floor, CPU s", statistics.median(one["cpu"] for one in floor), None, None),
        ("import, s", first, None, None),
        ("import, CPU s", median("importCPUSeconds"), None, None),
        ("import / floor", first / wall, REQUIRED_RATIO, AIM_RATIO),
        ("second import / first", statistics.median(
            one["secondImportSeconds"] / one["importSeconds"] for one in ours), 1.2, 1.05),
        ("memory growth, MiB", max(one["memoryGrowthMiB"] for one in ours), 100, 64),
        ("longest wait of another writer, ms", max(one["longestOtherWriteMs"] for one in ours), None, None),
        ("list page 1, ms", median("listMs"), 20, 5),
        ("list page 1 by username, ms", median("listByUsernameMs"), 20, 5),
        ("search, ms", median("searchMs"), None, None),
    ]
    if ours[0]["allocated"] == 100_000:
        rows.append(("allocation of 100,000, s", median("allocateSeconds"), 1, 0.5))
        rows.append(("release of 100,000, s", median("releaseSeconds"), None, None))
    return rows


def main():
    parser = argparse.ArgumentParser(
        prog="bench accounts", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=0, help="more than the usual 5 (100,000) and 3 (1,000,000)")
    parser.add_argument("--count", type=int, help="only this many accounts; judged like the others")
    parser.add_argument("--json", action="store_true", help="one line of JSON for each figure")
    options = parser.parse_args()
    program = os.environ.get("CALLMETER", os.path.join(ROOT, ".build", "release", "callmeter"))
    sizes = [(options.count, 5)] if options.count else SIZES
    missed = []
    with tempfile.TemporaryDirectory(prefix="callmeter-bench.") as folder:
        floor = build(folder)
        for count, rounds in sizes:
            measured = {"floor": [], "ours": []}
            for _ in range(max(rounds, options.rounds)):
                measured["floor"].append(run_floor(floor, count, folder))
                measured["ours"].append(run_ours(program, count, folder))
            if not options.json:
                print(f"{count:,} accounts, {len(measured['ours'])} rounds")
            for name, value, limit, aim in judge(count, measured["floor"], measured["ours"]):
                good = limit is None or value <= limit
                if not good:
                    missed.append(f"{count:,}: {name}")
                if options.json:
                    print(json.dumps({
                        "bench": "accounts", "count": count, "figure": name, "value": round(value, 3),
                        "required": limit and round(limit, 2), "aim": aim, "met": good}))
                else:
                    told = "" if limit is None else f"required {limit:g}"[:14] + f", aim {aim:g}"
                    print(f"  {name:<38}{value:>10.3f}  {told}{'' if good else '  MISSED'}")
    if missed:
        sys.exit("missed: " + "; ".join(missed))


if __name__ == "__main__":
    main()
