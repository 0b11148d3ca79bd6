// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics
import Testing

@Suite struct CallEvidenceTests {
    @Test(arguments: [CallRole.caller, .callee])
    func `only the caller has a post-dial delay and a setup time`(role: CallRole) {
        var call = CallEvidence(role: role, target: "sip:b@pbx")
        #expect(call.postDialDelay == nil && call.setupTime == nil)
        call.invitedAt = .milliseconds(100)
        call.ringingAt = .milliseconds(130)
        call.answeredAt = .milliseconds(150)
        #expect(call.postDialDelay == (role == .caller ? .milliseconds(30) : nil))
        #expect(call.setupTime == (role == .caller ? .milliseconds(50) : nil))
    }
}
