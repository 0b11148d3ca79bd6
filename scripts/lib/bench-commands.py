# SPDX-License-Identifier: Apache-2.0
"""`callmeter bench register|call|media` against `callmeter pbx`: each prints one JSON line with its figures."""
import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "Interop", "lib"))
os.environ.setdefault("CALLMETER", os.path.join(ROOT, ".build", "release", "callmeter"))
import callmeter
import peers

with tempfile.TemporaryDirectory() as folder:
    file = callmeter.account_file(os.path.join(folder, "accounts.txt"), callmeter.accounts(200))
    port = peers.free_port()
    server = subprocess.Popen(
        [callmeter.binary(), "pbx", "--listen", f"127.0.0.1:{port}", "--accounts", file], stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    bad = []
    try:
        if not peers.wait_for(lambda: peers.answers_options(port), 10):
            sys.exit("callmeter pbx did not start")
        target = f"127.0.0.1:{port}"
        for words, wanted in (
                (["register", "--target", target, "--accounts", file, "--count", "1000", "--window", "32"],
                 ("operations", "failures", "cpuMicrosecondsPerOperation")),
                (["call", "--target", target, "--accounts", file, "--count", "200", "--uri", f"sip:echo@{target}"],
                 ("operations", "failures", "cpuMicrosecondsPerOperation")),
                (["media", "--target", f"sip:echo@{target}", "--accounts", file, "--streams", "10", "--seconds", "3"],
                 ("packetsSent", "packetsReceived", "packetsLost"))):
            done = subprocess.run([callmeter.binary(), "bench", *words], capture_output=True, text=True, timeout=120)
            try:
                row = json.loads(done.stdout.strip().splitlines()[-1])
            except (ValueError, IndexError):
                bad.append(f"bench {words[0]}: exit code {done.returncode}, no JSON line\n{done.stdout}{done.stderr}")
                continue
            print(f"figure: bench {words[0]}: {json.dumps(row)}")
            missing = [key for key in wanted if key not in row]
            if done.returncode != 0 or missing or row.get("failures"):
                bad.append(f"bench {words[0]}: exit code {done.returncode}, missing {missing}")
    finally:
        peers.end(server)
print("\n".join(bad))
sys.exit(1 if bad else 0)
