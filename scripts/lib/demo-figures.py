# SPDX-License-Identifier: Apache-2.0
"""Checks the demo's summary against what it promises, and prints its figures. usage: demo-figures.py FILE"""
import json
import sys

with open(sys.argv[1]) as file:
    text = file.read()
summary = json.loads(text[text.index("{"):])
registration, calls, media = summary["registration"], summary["calls"], summary["media"]
wanted = {
    "endpoints registered": (registration["succeeded"], 20),
    "calls established": (calls["established"], 10),
    "endpoints with SUCCESS": (summary["endpoints"]["byOutcome"].get("SUCCESS"), 20),
}
bad = [f"{name}: {got}, wanted {want}" for name, (got, want) in wanted.items() if got != want]
# 10 s at 20 ms are 500 packets a stream; 20 streams.
if not media["packetsReceived"] >= 20 * 480:
    bad.append(f"packets received: {media['packetsReceived']}, wanted about {20 * 500}")
for label, value in (
        ("registration delay p50 / p95, ms", (registration["delayMs"]["p50"], registration["delayMs"]["p95"])),
        ("post-dial delay p50 / p95, ms", (calls["postDialDelayMs"]["p50"], calls["postDialDelayMs"]["p95"])),
        ("loss avg, %", (media["lossPercent"]["avg"],)), ("jitter avg, ms", (media["jitterMs"]["avg"],)),
        ("MOS avg / min", (media["mos"]["avg"], media["mos"]["min"]))):
    if None in value:
        bad.append(label + ": not measured")
    else:
        print(f"figure: {label}: " + " / ".join(f"{one:.2f}" for one in value))
print("\n".join(bad))
sys.exit(1 if bad else 0)
