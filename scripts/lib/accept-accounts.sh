#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The acceptance lines of accounts, vault and allocation; sourced by scripts/accept. All with the release build, but for the tests.
# MOMENTS (200) and LIST (1000000) shorten the two long ones.

story() { line "$1" "CALLMETER=.build/release/callmeter Interop/run-all $2 | tee /dev/stderr | tail -n 1 | sed 's/^/figure: /'"; }

line 'formatting, the dependency rule, the table of requirements' 'scripts/lint'
line 'a test for each number A1 to E6, named after it: docs/requirements.md' 'scripts/requirements --check'
line 'the tests of the numbers pass' "platform_tests '^RequirementTests\.'"
line 'scripts/test passes' 'scripts/test | tee .build/test-sum; echo "figure: $(tail -n 1 .build/test-sum)"'
line 'files: the sample, CRLF, BOM, blanks, tabs, colons, quotes, Unicode, NUL, 1 MB line, 0 bytes' \
    "platform_tests '^RequirementTests\.ImportRequirements'"
line 'any mix of lines, CSV and SIPp: created + skipped + failed = lines, a second import creates none' \
    "platform_tests '^RequirementTests\.ImportProperties'"
line 'the release build' 'scripts/build'
line "${LIST:-1000000} valid lines over HTTP while other requests are served" \
    "CALLMETER=.build/release/callmeter Interop/import-while-serving/run --lines ${LIST:-1000000} --patience 250 | tee /dev/stderr | sed 's/^/figure: /'"
line "kill -9 at ${MOMENTS:-200} moments of an import, a rotation, key rotations, deletions and an allocation" \
    "scripts/chaos --moments ${MOMENTS:-200} | tee /dev/stderr | sed 's/^/figure: /'"
line 'a history of 50 concurrent runs with paused workers: no account in two hands' \
    "platform_tests '^StoreTests\.AllocationRaceTests'"
line 'memory: 1,000 accounts after a run and after an import, and a core from its middle, hold no password and no HA1' \
    'CALLMETER=.build/release/callmeter Interop/memory-scan/run --accounts 1000 | tee /dev/stderr | sed "s/^/figure: /"'
story 'canaries: no password in database, WAL, logs, answers, exports, traces, pages' canary-passwords
story 'the accounts commands by hand, on a folder and on a server' accounts-by-hand
line 'scripts/bench accounts: import of 100,000 and 1,000,000, allocation of 100,000, page 1 of a million' \
    'scripts/bench accounts | tee /dev/stderr | sed "s/^/figure: /"'
