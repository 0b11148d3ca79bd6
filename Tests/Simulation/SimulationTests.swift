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
}
