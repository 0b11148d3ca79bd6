#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The acceptance lines of "First light"; sourced by scripts/accept.

line 'the skeleton: scripts, CI, documents and licence are there' \
    'for f in scripts/{demo,test,build,bench,lint} .ci/run; do test -x $f; done
        for f in README.md docs/ARCHITECTURE.md CONTRIBUTING.md CHANGELOG.md LICENSE .swift-format; do test -s $f; done'
line 'formatting and the dependency rule' 'scripts/lint'
line 'the tidy test can fail: each check finds its offending text' "engine_tests '^TidyTests\.(SourceText|ImportCheck|CodeCheck|LeftoverCheck|ShapeCheck)Tests'"
line 'the fast inner loop: the engine alone builds and tests' \
    's=$SECONDS; engine_tests "^(Bedrock|SIP|Media|RunMetrics|Domain|UserAgent|PBX|Tidy)Tests\."; echo "figure: $((SECONDS - s)) s with what was built before"'
line 'scripts/demo --once: 20 accounts, 20 registrations by digest, 10 calls with audio for 10 s, exit 0' \
    'scripts/demo --once --json > .build/demo.json; python3 scripts/lib/demo-figures.py .build/demo.json'
line 'scripts/test passes' 'scripts/test | tee .build/test-sum; echo "figure: $(tail -n 1 .build/test-sum)"'

story() { line "$1" "Interop/run-all $2 | tee /dev/stderr | tail -n 1 | sed 's/^/figure: /'"; }
story 'Kamailio with digest, over UDP and over TCP' kamailio-calls
story 'SIPp as the answering side' sipp-answers
story 'SIPp as the calling side' sipp-calls
story 'baresip as one end of a call' baresip-call
story 'a wrong password: one REGISTRATION_FAILED with 401, one diagnosis, its partner NOT_ATTEMPTED' wrong-password
story '21 endpoints, 20 accounts: refused before any packet, exit code 3, with the numbers' too-few-accounts
story 'the built-in server killed in mid-run: the run ends with the cause, accounts released' pbx-killed
story 'the control plane killed with SIGKILL and restarted: nothing allocated, nothing RUNNING' control-plane-killed
story 'no password in database, WAL, debug log or any API answer' canary-passwords

line 'digest vectors; the independent oracle (hashlib) both ways' "engine_tests '^SIPTests\..*Digest'"
line 'the RFC 4475 messages that matter to a user agent' "engine_tests '^SIPTests\.TortureTests'"
line 'simulation: 10,000 endpoints, 5 % loss, duplication, reordering, from a seed (release build)' \
    'scripts/sim > .build/sim.log; sed "s/^/figure: /" .build/sim.log'
line 'callmeter bench register|call|media' 'python3 scripts/lib/bench-commands.py'
line 'scripts/bench: CPU per registration and per call, this program and SIPp side by side' \
    'scripts/bench | sed "s/^/figure: /"'
