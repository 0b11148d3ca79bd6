#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The acceptance lines of runs, diagnosis and verdicts; sourced by scripts/accept. All with the release build, but for the tests.

story() { line "$1" "CALLMETER=.build/release/callmeter Interop/run-all $2 | tee /dev/stderr | tail -n 1 | sed 's/^/figure: /'"; }
engine_tests() { echo "ENGINE_ONLY=1 swift test --scratch-path .build-engine --filter '$1'"; }

line 'formatting, the dependency rule, the table of requirements' 'scripts/lint'
line 'scripts/test passes' 'scripts/test | tee .build/test-sum; echo "figure: $(tail -n 1 .build/test-sum)"'
line 'tests as files and as records, without loss; errors with line, column and the nearest key' \
    "$(engine_tests '^DomainTests\.')"
line 'the release build' 'scripts/build'
story 'each fault of G2 and of the field, shown to some of 50: its cause for exactly those; the confusion table' confusion
story 'causes made by the packet filter only' packet-filter
story 'Kamailio: killed and restarted, limiters, secret changed, location emptied' kamailio-faults
line 'exports are pure: JUnit, CSV, HTML, SIPp; two runs compared: chance alone in at most 5 of 100, a fifth found' \
    "$(engine_tests '^ReportsTests\.')"
story 'thresholds at the boundary; exit codes 0, 1, 2, 3, 4, 5, 99, 105' thresholds
story 'JUnit by its schema, SIPp columns as SIPp writes them, the HTML report in a browser with no network, compare' exports
story 'traces: pcap read back by tshark with as many messages as were sent; TLS and WSS; HEP3; nothing to replay' traces
story 'stop during registration, set-up, calls, and twice: nothing registered, accounts free' stop
story 'starved of the processor a run is void, unhindered it is valid' generator-oath
story 'capacity search: steps up, holds, judges, steps back, confirms, and says the sentence' capacity
story 'doctor: ready, not ready, unreachable; the canary' doctor
line 'scripts/bench runs: overhead of a full run at 1,000 endpoints, page data of 10,000 in a second' \
    'scripts/bench runs | tee /dev/stderr | sed "s/^/figure: /"'
