#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The acceptance lines of the SIP engine; sourced by scripts/accept. FUZZ_SECONDS (600) shortens the fuzzing.

story() { line "$1" "Interop/run-all $2 | tee /dev/stderr | tail -n 1 | sed 's/^/figure: /'"; }

line 'formatting and the dependency rule' 'scripts/lint'
line 'scripts/test passes' 'scripts/test | tee .build/test-sum; echo "figure: $(tail -n 1 .build/test-sum)"'
line 'Kamailio: UDP, TCP, TLS, WS and WSS, IPv4 and IPv6, each 1,000 accounts registered, refreshed twice and removed, 200 calls' \
    'scripts/build; CALLMETER=.build/release/callmeter Interop/kamailio-transports/run --accounts 1000 | tee /dev/stderr | sed "s/^/figure: /"'
story 'DNS: SRV failover with the first target down, NAPTR selection, weights, against dnsmasq' dns-failover
line 'a test for each line of digest and calls (points 2 and 3)' 'scripts/lib/sip-features'
story 'call features against SIPp' sipp-features
line 'CPU per registration and per call beside SIPp, memory per endpoint, growth, parser beside libosip2 and sofia-sip' \
    'scripts/bench sip | tee /dev/stderr | sed "s/^/figure: /"'
line 'simulator: one million endpoints registered and refreshed in virtual time' \
    'scripts/sim --million | tee /dev/stderr | sed "s/^/figure: /"'
line 'simulator: 10,000 seeds of small runs with all faults, no invariant broken' \
    'scripts/sim --seeds 10000 | tee /dev/stderr | tail -n 8 | sed "s/^/figure: /"'
line 'RFC 4475 and RFC 5118 in full, as tables' "engine_tests '^SIPTests\..*Torture'"
line "fuzzing: each target ${FUZZ_SECONDS:-600} s without a crash or hang" \
    "scripts/fuzz ${FUZZ_SECONDS:-600} | tee /dev/stderr | sed 's/^/figure: /'"
story 'callmeter register and callmeter call: every step; wrong port, transport, password, realm, expired certificate' one-endpoint
