#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Counting results; sourced. Each prints "PASSED FAILED". A stage that says nothing, or ends badly without a failed test, counts as
# one failure: silence is not success.

# count_swift LOG STATUS: swift-testing's summary lines ("Test run with 28 tests in 6 suites passed after ...").
count_swift() {
    local log=$1 status=$2 total failed
    total=$(sed -nE 's/^. Test run with ([0-9]+) tests?.* (passed|failed) after .*/\1/p' "$log" |
        awk '{ n += $1 } END { print n + 0 }')
    failed=$(grep -E '^✘ Test .* failed after ' "$log" | grep -cvE '^✘ Test run with ' || true)
    settle $((total - failed)) "$failed" "$status"
}

# count_facts LOG STATUS: the last line of the form `N passed, N failed`.
count_facts() {
    local log=$1 status=$2 line
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -n 1 || true)
    [ -n "$line" ] || line='0 passed, 0 failed'
    settle "${line%% *}" "$(sed -E 's/.*, ([0-9]+) failed/\1/' <<<"$line")" "$status"
}

settle() {
    local good=$1 bad=$2 status=$3
    [ "$good" -ge 0 ] || good=0
    if [ "$bad" = 0 ] && { [ "$status" != 0 ] || [ "$good" = 0 ]; }; then bad=1; fi
    echo "$good $bad"
}

# engine_tests PATTERN: the engine's tests that the pattern names; at least one must run. Prints a figure.
engine_tests() { named_tests "$1" env ENGINE_ONLY=1 swift test --scratch-path .build-engine; }

# platform_tests PATTERN: the same of the whole package's tests.
platform_tests() { named_tests "$1" swift test; }

named_tests() {
    local pattern=$1 log status=0 good bad
    shift
    log=$(mktemp)
    "$@" --filter "$pattern" >"$log" 2>&1 || status=$?
    read -r good bad < <(count_swift "$log" "$status")
    [ "$bad" = 0 ] || grep -E '^✘|error:' "$log" | tail -n 12
    rm -f "$log"
    echo "figure: $good tests passed, $bad failed"
    [ "$bad" = 0 ]
}
