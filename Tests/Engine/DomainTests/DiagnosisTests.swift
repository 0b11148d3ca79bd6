// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import RunMetrics
import Testing

@Suite struct DiagnosisTests {
    /// A failed endpoint as user agents record it, changed by `edit`.
    static func failed(
        _ index: UInt32, _ outcome: EndpointOutcome = .registrationFailed, _ edit: (inout EndpointResult) -> Void
    ) -> EndpointResult {
        var result = EndpointResult(index: index, group: "g", username: "u\(index)")
        result.outcome = outcome
        result.registration.attempts = 1
        result.registration.sentAt = .zero
        result.registration.firstResponseAt = .milliseconds(1)
        edit(&result)
        return result
    }

    static func answered(_ index: UInt32, _ code: UInt16, credentials: Bool = true) -> EndpointResult {
        failed(index) {
            $0.registration.finalStatus = SIPStatus(code: code, reason: "")
            $0.registration.credentialsSent = credentials
        }
    }

    static func registered(_ index: UInt32, _ outcome: EndpointOutcome, _ edit: (inout CallEvidence) -> Void)
        -> EndpointResult
    {
        failed(index, outcome) {
            $0.registration.registeredAt = .milliseconds(20)
            var call = CallEvidence(role: .caller, target: "sip:b@pbx")
            call.invitedAt = .milliseconds(30)
            edit(&call)
            $0.calls = [call]
        }
    }

    /// An endpoint whose connection did not get as far as SIP.
    static func unsecured(_ fault: TransportFault, detail: String? = nil) -> EndpointResult {
        failed(1) {
            $0.registration.firstResponseAt = nil
            $0.registration.attempts = 0
            $0.registration.transportFault = fault
            $0.registration.transportDetail = detail
        }
    }

    @Test func `what is wrong with a certificate is quoted, and different certificates are different causes`() {
        let first = Self.unsecured(.certificateExpired, detail: "the server's certificate expired on 2026-01-31")
        var second = Self.unsecured(.certificateExpired, detail: "the server's certificate expired on 2025-12-24")
        second.index = 2
        let diagnoses = Diagnosis.explain([first, second])
        #expect(diagnoses.count == 2)
        #expect(diagnoses.flatMap(\.evidence).contains("the server's certificate expired on 2026-01-31"))
        #expect(diagnoses.allSatisfy { $0.remedy.hasPrefix("Renew the certificate") })
    }

    @Test func `a certificate that goes bad after registration is not taken for a server that stopped`() {
        let result = Self.registered(1, .callFailed) { $0.transportFault = .certificateExpired }
        #expect(Diagnosis.explain([result]).map(\.cause) == [.certificateExpired])
    }

    static func noted(_ code: UInt16, _ notes: [RegistrationNote], retryAfter: UInt32? = nil) -> EndpointResult {
        failed(1) {
            $0.registration.finalStatus = SIPStatus(code: code, reason: "")
            $0.registration.credentialsSent = code == 401
            $0.registration.notes = notes
            $0.registration.retryAfter = retryAfter
        }
    }

    static let table: [(DiagnosisCause, EndpointResult)] = [
        (.authenticationCircle, noted(401, [.realmChanged(from: "a", to: "b"), .realmsNeverSettled])),
        (.authenticationCircle, noted(401, [.noncesNeverAccepted])),
        (.wrongCredentials, noted(401, [.realmChanged(from: "a", to: "b")])),
        (.foreignChallenge, noted(401, [.redirected(to: "192.0.2.7"), .foreignRealm("evil")])),
        (.registrationRedirected, noted(302, [.redirectRefused(to: "sbc.example")])),
        (
            .registrationRedirected,
            failed(1) {
                $0.registration.notes = [.redirected(to: "192.0.2.7:5060")]
                $0.registration.transportFault = .refused
            }
        ),
        (.expiryTooBrief, noted(423, [.expiryRaised(to: 600)])),
        (.serverBusy, noted(503, [.waitTooLong(asked: 600, status: 503)], retryAfter: 600)),
        (.serverBusy, noted(480, [.waited(seconds: 5, asked: 5, status: 480)], retryAfter: 5)),
        (
            .refreshRefused,
            failed(1) {
                $0.registration.registeredAt = .milliseconds(20)
                $0.registration.finalStatus = SIPStatus(code: 403, reason: "Forbidden")
            }
        ),
        (.wrongCredentials, answered(1, 401)), (.wrongCredentials, answered(1, 407)),
        (.registrationForbidden, answered(1, 403)), (.unknownUser, answered(1, 404)),
        (.registrationRefused, answered(1, 503)), (.unknown, answered(1, 401, credentials: false)),
        (
            .realmMismatch,
            failed(1) {
                $0.registration.missingRealm = "a"
                $0.registration.offeredRealms = ["b"]
                $0.registration.finalStatus = SIPStatus(code: 401, reason: "")
            }
        ),
        (
            .noAnswer,
            failed(1, .timeout) {
                $0.registration.firstResponseAt = nil
                $0.registration.transportFault = .silence
            }
        ),
        (
            .portClosed,
            failed(1, .osError) {
                $0.registration.firstResponseAt = nil
                $0.registration.transportFault = .refused
            }
        ),
        (
            .connectionLost,
            failed(1) {
                $0.registration.firstResponseAt = nil
                $0.registration.transportFault = .reset
            }
        ),
        (.certificateExpired, unsecured(.certificateExpired)),
        (.certificateWrongHost, unsecured(.certificateWrongHost)),
        (.certificateUntrusted, unsecured(.certificateUntrusted)),
        (.certificateRefused, unsecured(.certificateRefused)), (.tlsFailed, unsecured(.tls)),
        (.webSocketRefused, unsecured(.webSocketRefused)),
        (.serverStopped, registered(1, .timeout) { $0.transportFault = .silence }),
        (.callRefused, registered(1, .callFailed) { $0.finalStatus = SIPStatus(code: 404, reason: "Not Found") }),
        (.noCommonCodec, registered(1, .negotiationFailed) { $0.negotiationProblem = "no common codec" }),
        (.callUnanswered, registered(1, .callFailed) { _ in }),
    ]

    @Test(arguments: table.indices)
    func `G2: each failure has its cause`(row: Int) {
        let (cause, result) = Self.table[row]
        let diagnoses = Diagnosis.explain([result])
        #expect(diagnoses.map(\.cause) == [cause])
        #expect(diagnoses.first?.endpoints == [1])
        #expect(diagnoses.first?.evidence.isEmpty == false)
        #expect(diagnoses.first?.remedy.isEmpty == false)
    }

    @Test func `G1: equal causes are one diagnosis, partners and successes have none`() {
        var partner = EndpointResult(index: 7, group: "g", username: "p")
        partner.outcome = .notAttempted
        partner.partner = 1
        let results = [Self.answered(1, 401), Self.answered(2, 401), Self.answered(3, 403), partner]
        let diagnoses = Diagnosis.explain(results)
        #expect(diagnoses.map(\.cause) == [.wrongCredentials, .registrationForbidden])
        #expect(diagnoses.map(\.count) == [2, 1])
        #expect(diagnoses[0].endpoints == [1, 2])
        #expect(Diagnosis.causes(of: results) == [.wrongCredentials, .wrongCredentials, .registrationForbidden, nil])
    }
}
