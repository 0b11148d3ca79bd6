// SPDX-License-Identifier: Apache-2.0

import Bedrock
import CCrypto
import PBX
import SIP
import Simulation
import Testing

@Suite struct SimulationTests {
    private static var hashes: HashFunctions {
        HashFunctions { algorithm, input, output in
            precondition(
                callmeter_digest(Int32(algorithm.rawValue), input.baseAddress, input.count, output.baseAddress) == 1)
        }
    }

    private func run(_ plan: SimulationPlan) -> SimulationReport { Simulation(plan, hashes: Self.hashes).run() }

    @Test(arguments: [1, 2, 3] as [UInt64]) func `endpoints register and call over a rough link, and nothing is left`(
        seed: UInt64
    ) {
        let report = run(SimulationPlan(seed: seed, endpoints: 300))
        #expect(report.registered == 300)
        #expect(report.callsSucceeded == 150)
        #expect(report.violations.isEmpty, "\(report.violations)")
        #expect(report.lost > 50 && report.duplicated > 20, "the link was not rough: \(report)")
    }

    @Test func `the same seed gives the same trace, another seed another one`() {
        let plan = SimulationPlan(seed: 7, endpoints: 60)
        let first = run(plan)
        #expect(run(plan) == first)
        #expect(run(SimulationPlan(seed: 8, endpoints: 60)).traceHash != first.traceHash)
    }

    @Test func `half of all datagrams lost: whatever fails, nothing stays behind`() {
        var plan = SimulationPlan(seed: 11, endpoints: 100)
        plan.link.loss = 0.5
        let report = run(plan)
        #expect(report.closed == 100)
        let leftovers = report.violations.filter { $0.contains("holds") || $0.contains("idle") || $0.contains("rest") }
        #expect(leftovers.isEmpty, "\(leftovers)")
    }

    @Test func `a challenge of a foreign realm to a BYE gets no credentials`() {
        var plan = SimulationPlan(seed: 13, endpoints: 200, link: LinkConditions())
        plan.troubles = [.forgedChallenges(share: 0.5)]
        let report = run(plan)
        #expect(report.forgedChallenges > 20)
        #expect(report.closed == 200)
        #expect(report.violations.isEmpty, "\(report.violations)")
    }

    @Test(arguments: [21, 22] as [UInt64]) func `callers that hang up at any moment leave nothing behind`(seed: UInt64)
    {
        var plan = SimulationPlan(seed: seed, endpoints: 200)
        plan.troubles = [.impatience(share: 1)]
        let report = run(plan)
        #expect(report.registered == 200 && report.closed == 200)
        #expect(report.callsSucceeded < 100, "nobody was impatient")
        #expect(report.violations.isEmpty, "\(report.violations)")
    }

    @Test func `a server that plays faults fails exactly those it is told to`() throws {
        var plan = SimulationPlan(seed: 31, endpoints: 100)
        plan.faults = [
            try PBXFault("wrong-password=user1,user2"), try PBXFault("403=user3"), try PBXFault("404=user4"),
            try PBXFault("silence=user5"),
        ]
        let report = run(plan)
        // A partner is told to finish at once, so it may or may not have registered by then.
        #expect(report.registrationsFailed == 5 && (90...95).contains(report.registered) && report.closed == 100)
        #expect(report.callsSucceeded == 45)
        #expect(report.violations.isEmpty, "\(report.violations)")
    }

    @Test(arguments: [41, 42] as [UInt64]) func `a server killed in the middle leaves every endpoint with a result`(
        seed: UInt64
    ) {
        var plan = SimulationPlan(seed: seed, endpoints: 200)
        plan.troubles = [.restart(at: .milliseconds(1500), down: .zero, refusesMeanwhile: false)]
        let report = run(plan)
        #expect(report.closed == 200)
        #expect(report.violations.isEmpty, "\(report.violations)")
    }

    @Test func `an end in the middle of ringing leaves no transaction on either side`() {
        var plan = SimulationPlan(seed: 51, endpoints: 20, link: LinkConditions())
        plan.answerAfter = .seconds(30)
        plan.troubles = [.end(at: .seconds(5), deadline: .seconds(1))]
        let report = run(plan)
        #expect(report.closed == 20 && report.callsSucceeded == 0)
        #expect(report.violations.isEmpty, "\(report.violations)")
    }

    // MARK: Small worlds

    @Test func `small worlds with all their troubles break no invariant`() {
        for seed in 1...60 as ClosedRange<UInt64> {
            let report = run(.small(seed: seed))
            #expect(report.violations.isEmpty, "scripts/sim \(seed) --small: \(report.violations)")
        }
    }

    @Test func `a small world goes the same way twice, with or without a log`() {
        for seed in [5, 42, 77, 1081] as [UInt64] {
            var plan = SimulationPlan.small(seed: seed)
            let first = run(plan)
            plan.keepsLog = true
            #expect(run(plan) == first, "seed \(seed)")
        }
    }

    @Test func `seeds draw every fault of the server, streams and shared sockets, calm and trouble`() {
        let plans = (1...2000 as ClosedRange<UInt64>).map { SimulationPlan.small(seed: $0) }
        for kind in PBXFault.Kind.allCases {
            #expect(plans.contains { $0.faults.contains { $0.kind == kind } }, "\(kind) is never drawn")
        }
        let troubles = plans.flatMap(\.troubles).map(\.description).joined(separator: "; ")
        let words = [
            "restart", "refusing", "moving", "loss", "slow", "leap", "sleep", "deaf", "still clock", "flow of",
            "reopens",
            "challenges stale", "challenges unmarked", "challenges realms", "challenges same", "forged", "echoes",
            "replay", "flippedBits", "truncation", "inDialogRequest", "strayRequest", "otherStatus", "impatience",
            "end@",
            "deadline", "random commands",
        ]
        for word in words { #expect(troubles.contains(word), "\(word) is never drawn") }
        #expect(plans.contains { $0.streamEvery == 1 } && plans.contains { $0.sharesSockets })
        let calm = plans.count { $0.isCalm }
        #expect((100...400).contains(calm), "\(calm) of \(plans.count) are calm")
    }

    @Test func `a server that says stale for ever does not get answers for ever`() {
        var plan = SimulationPlan(seed: 61, endpoints: 20, link: LinkConditions())
        plan.troubles = [.challengeStorm(from: .zero, until: .seconds(1000), share: 1, .stale)]
        let report = run(plan)
        #expect(report.registered == 0 && report.registrationsFailed == 20 && report.closed == 20)
        #expect(report.delivered < 20 * 2 * 12, "\(report.delivered) datagrams for 20 registrations")
        #expect(report.violations.isEmpty, "\(report.violations)")
    }

    @Test func `endpoints on connections register and call in pieces of bytes, and nothing is left`() {
        var plan = SimulationPlan(seed: 71, endpoints: 40)
        plan.streamEvery = 1
        let report = run(plan)
        #expect(report.registered == 40 && report.callsSucceeded == 20)
        #expect(report.lost == 0 && report.delivered > 40 * 4 * 2)
        #expect(report.violations.isEmpty, "\(report.violations)")
    }

    @Test func `endpoints of a machine that slept for an hour still give their result`() {
        var plan = SimulationPlan(seed: 81, endpoints: 40)
        plan.troubles = [.doze(.shard(0), at: .seconds(3), for: .seconds(3600), loses: true)]
        let report = run(plan)
        #expect(report.closed == 40 && report.virtualTime > .seconds(3600))
        #expect(report.violations.isEmpty, "\(report.violations)")
    }

    @Test func `seeds that once broke an invariant do not break it again`() {
        // A call that ended in the middle of what was due; an ACK before the answer; copies of a late 2xx; ends in the middle of ringing.
        for seed in [436, 1498, 2655, 3448, 4909, 10, 1567, 1946] as [UInt64] {
            let report = run(.small(seed: seed))
            #expect(report.violations.isEmpty, "scripts/sim \(seed) --small: \(report.violations)")
        }
    }
}
