// SPDX-License-Identifier: Apache-2.0

import Domain
import RunMetrics
import Testing

@Suite struct PathSentencesTests {
    @Test func `the way to the server is told in words`() {
        var path = PathEvidence()
        #expect(path.sentences.isEmpty)
        path.failedServers = [
            FailedServer(address: "10.0.0.1:5060", transport: "UDP", fault: .silence),
            FailedServer(address: "10.0.0.2:5060", transport: "TCP", status: 503),
        ]
        path.server = "10.0.0.3:5060"
        path.reconnects = 2
        path.publicAddress = "203.0.113.5:33000"
        path.largeRequests = .fellBackToUDP
        #expect(
            path.sentences == [
                "the first server 10.0.0.1:5060 (UDP) did not answer",
                "the second server 10.0.0.2:5060 (TCP) answered 503", "registered at 10.0.0.3:5060",
                "the connection was lost and made again 2 times",
                "the server sees this endpoint at 203.0.113.5:33000: a NAT is between",
                "TCP was refused, so requests over 1,300 bytes went by UDP and may be cut in pieces",
            ])
    }

    @Test func `a failed endpoint's diagnosis names every server that was tried`() {
        let result = DiagnosisTests.failed(1) {
            $0.registration.firstResponseAt = nil
            $0.registration.transportFault = .refused
            var path = PathEvidence()
            path.failedServers = [FailedServer(address: "10.0.0.1:5060", transport: "TCP", fault: .refused)]
            $0.path = path
        }
        let diagnosis = Diagnosis.explain([result]).first
        #expect(diagnosis?.cause == .portClosed)
        #expect(diagnosis?.evidence.last == "the first server 10.0.0.1:5060 (TCP) refused: nothing listens there")
    }
}
