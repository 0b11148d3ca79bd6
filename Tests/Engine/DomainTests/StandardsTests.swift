// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import RunMetrics
import Testing

/// RFC 6076's formulas on calls written by hand.
@Suite struct StandardsTests {
    static func call(status: UInt16?, fault: TransportFault? = nil) -> CallEvidence {
        var call = CallEvidence(role: .caller, target: "sip:a@b")
        call.invitedAt = .milliseconds(0)
        call.lastInvitedAt = .milliseconds(10)
        call.finalStatus = status.map { SIPStatus(code: $0, reason: "") }
        call.transportFault = fault
        if status == 200 {
            call.progressedAt = .milliseconds(30)
            call.answeredAt = .milliseconds(100)
            call.establishedAt = .milliseconds(100)
            call.byeSentAt = .milliseconds(2_100)
            call.byeConfirmedAt = .milliseconds(2_105)
            call.endedAt = .milliseconds(2_105)
        } else if status != nil {
            call.refusedAt = .milliseconds(60)
        }
        return call
    }

    static func standards(_ calls: [CallEvidence]) -> RunSummary.Standards {
        var result = EndpointResult(index: 0, group: "g", username: "u")
        result.calls = calls
        return RunSummary(status: .completed, results: [result], thresholds: [], diagnoses: []).standards
    }

    @Test func `SER and SEER leave redirections and challenges out, ISA and SCR count all`() {
        let statuses: [UInt16?] = [200, 200, 486, 480, 600, 603, 404, 302, 407, 401, 402, 500, 503, 504, 408]
        let figures = Self.standards(statuses.map { Self.call(status: $0) } + [Self.call(status: nil, fault: .silence)])
        // 16 calls, 4 of them redirected or challenged.
        #expect(figures.serPercent == 100 * 2.0 / 12)
        #expect(figures.seerPercent == 100 * 6.0 / 12)
        #expect(figures.isaPercent == 100 * 5.0 / 16)
        #expect(figures.scrPercent == 100 * 2.0 / 16)
    }

    @Test func `SRD, SDD and SDT are measured as RFC 6076 says`() {
        let figures = Self.standards([Self.call(status: 200), Self.call(status: 486), Self.call(status: 407)])
        #expect(figures.srdSuccessMs.max == 20)
        #expect(figures.srdFailedMs.max == 50)
        #expect(figures.sddMs.max == 5)
        #expect(figures.sdtMs.max == 2_000)
    }

    @Test func `a call that the peer's BYE ended is complete, one whose end nobody confirmed is not`() {
        var call = Self.call(status: 200)
        call.byeConfirmedAt = nil
        #expect(Self.standards([call]).scrPercent == 0)
        call.byeReceivedAt = .milliseconds(2_101)
        #expect(Self.standards([call]).scrPercent == 100)
    }

    @Test func `RRD counts from the REGISTER that the 200 answered, the registration delay from the first`() {
        var result = ThresholdTests.result(0, delayMs: 50)
        result.registration.lastSentAt = .milliseconds(20)
        let summary = RunSummary(status: .completed, results: [result], thresholds: [], diagnoses: [])
        #expect(summary.standards.rrdMs.max == 30)
        #expect(summary.registration.delayMs.max == 50)
        #expect(summary.standards.iraPercent == 0)
    }

    @Test func `where nothing was measured there is no figure`() {
        #expect(Self.standards([]) == RunSummary.Standards())
        #expect(Self.standards([Self.call(status: 302)]).serPercent == nil)
    }
}
