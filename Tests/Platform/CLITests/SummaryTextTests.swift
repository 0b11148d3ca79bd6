// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import RunMetrics
import Testing

@testable import callmeter

struct SummaryTextTests {
    private static func caller(_ index: UInt32, delay: Int, ringing: Int) -> EndpointResult {
        var result = EndpointResult(index: index, group: "callers", username: "user\(index)")
        result.phase = .closed
        result.registration.attempts = 2
        result.registration.sentAt = .milliseconds(10)
        result.registration.firstResponseAt = .milliseconds(11)
        result.registration.registeredAt = .milliseconds(10 + delay)
        result.registration.finalStatus = SIPStatus(code: 200, reason: "OK")
        var call = CallEvidence(role: .caller, target: "sip:b@pbx")
        call.invitedAt = .milliseconds(100)
        call.ringingAt = .milliseconds(100 + ringing)
        call.answeredAt = .milliseconds(110 + ringing)
        call.establishedAt = .milliseconds(110 + ringing)
        call.finalStatus = SIPStatus(code: 200, reason: "OK")
        var media = MediaResult(codec: "PCMA")
        media.packetsSent = 500
        media.packetsReceived = 499
        media.packetsLost = 1
        media.lossPercent = 0.2
        media.jitterMeanMs = 1.25
        media.jitterMaxMs = 2.5
        media.mosLq = 4.4
        media.mosCq = 4.36
        media.rttMs = 3
        call.media = media
        result.calls = [call]
        return result
    }

    private static func refused(_ index: UInt32) -> EndpointResult {
        var result = EndpointResult(index: index, group: "callers", username: "user\(index)")
        result.outcome = .registrationFailed
        result.phase = .closed
        result.registration.attempts = 2
        result.registration.credentialsSent = true
        result.registration.sentAt = .milliseconds(10)
        result.registration.firstResponseAt = .milliseconds(12)
        result.registration.finalStatus = SIPStatus(code: 401, reason: "Unauthorized")
        return result
    }

    @Test func `a summary reads as it should`() throws {
        let results = [
            Self.caller(0, delay: 12, ringing: 40), Self.caller(1, delay: 120, ringing: 80), Self.refused(2),
        ]
        let summary = RunSummary(
            status: .completed, results: results, thresholds: [try Threshold("mos.avg >= 4.0")],
            diagnoses: Diagnosis.explain(results))
        let text = SummaryText(summary, terminal: .plain).lines(title: "Golden", seconds: 4.26)
        #expect(
            text.joined(separator: "\n") == """
                PASSED  Golden  3 endpoints, 4.3 s

                  ✓  mos.avg >= 4.0  4.36

                               attempted  succeeded  failed  not begun
                registrations          3          2       1          –
                calls                  2          2       0          –

                                        p50      p95      p99      max
                registration delay  12.0 ms   120 ms   120 ms   120 ms
                post-dial delay     40.0 ms  80.0 ms  80.0 ms  80.0 ms
                setup time          50.0 ms  90.0 ms  90.0 ms  90.0 ms

                                avg   min    p5   p95   max
                MOS            4.36  4.36  4.36  4.36  4.36
                loss %         0.20  0.20  0.20  0.20  0.20
                jitter ms      1.25  1.25  1.25  1.25  1.25
                round trip ms  3.00  3.00  3.00  3.00  3.00
                2 streams, 1000 RTP packets sent, 998 received, 2 lost

                outcomes  2 SUCCESS, 1 REGISTRATION_FAILED
                REGISTER  2 × 200, 1 × 401
                INVITE    2 × 200

                1 endpoint failed: one cause

                Wrong password, or a user the server does not know
                  1 endpoint, wrong_credentials
                  seen    REGISTER with credentials was answered 401 Unauthorized again
                  do      Compare username and password with the server's configuration; case matters. Many servers
                          answer 401 for an unknown user too.
                  where   endpoint 2

                generator valid
                """)
    }

    @Test func `a run that sent nothing says only why`() {
        let summary = RunSummary(
            status: .failed, failure: "Insufficient SIP accounts: registrar pbx needs 21, has 20, missing 1",
            results: [],
            thresholds: [], diagnoses: [])
        #expect(
            SummaryText(summary, terminal: .plain).lines(title: "Short", seconds: nil) == [
                "FAILED  Short  nothing was sent, FAILED", "",
                "Insufficient SIP accounts: registrar pbx needs 21, has 20, missing 1",
            ])
    }

    @Test func `colour is there only where the terminal has it`() {
        let summary = RunSummary(
            status: .completed, results: [Self.refused(0)], thresholds: [],
            diagnoses: Diagnosis.explain([Self.refused(0)]))
        let plain = SummaryText(summary, terminal: .plain).lines(title: "x", seconds: nil)
        #expect(!plain.contains { $0.contains("\u{1B}") })
        let coloured = Terminal(colour: true, progress: false, width: 100)
        let styled = SummaryText(summary, terminal: coloured).lines(title: "x", seconds: nil)
        #expect(styled.contains { $0.contains("\u{1B}[31mFAILED\u{1B}[0m") })
    }

    @Test func `where only ASCII is shown, only ASCII is printed`() throws {
        let results = [Self.caller(0, delay: 12, ringing: 40), Self.refused(1)]
        let summary = RunSummary(
            status: .completed, results: results, thresholds: [try Threshold("mos.avg >= 4.5")],
            diagnoses: Diagnosis.explain(results))
        let ascii = Terminal(colour: false, progress: false, width: 80, symbols: false)
        let lines = SummaryText(summary, terminal: ascii).lines(title: "x", seconds: nil)
        #expect(lines.allSatisfy { $0.allSatisfy(\.isASCII) }, "\(lines)")
        #expect(lines.contains("  NO  mos.avg >= 4.5  4.36"))
    }

    @Test func `a void run says so, and its reasons stand with the generator`() {
        var summary = RunSummary(status: .completed, results: [Self.refused(0)], thresholds: [], diagnoses: [])
        summary.verdict = .void
        summary.generator.verdict = .void
        summary.generator.reasons = ["requests left 480 ms late (p99); 50 ms are allowed"]
        let lines = SummaryText(summary, terminal: .plain).lines(title: "x", seconds: nil)
        #expect(lines.first?.hasPrefix("VOID  x") == true)
        #expect(lines.suffix(2) == ["generator void", "          requests left 480 ms late (p99); 50 ms are allowed"])
    }

    @Test(arguments: [
        (0.0, 1, "0.0"), (0.05, 1, "0.1"), (12.345, 2, "12.35"), (-1.5, 1, "-1.5"), (0.004, 2, "0.00"),
        (99.96, 1, "100.0"),
        (1234.5, 0, "1235"), (.infinity, 1, "–"), (.nan, 1, "–"),
    ])
    func `numbers have exactly the digits asked for`(value: Double, digits: Int, text: String) {
        #expect(SummaryText.number(value, digits) == text)
    }

    @Test func `long lines are broken between words and indented`() {
        let terminal = Terminal(colour: false, progress: false, width: 40)
        #expect(
            terminal.wrapped("  do      Compare username and password with the server", indent: 10) == [
                "  do      Compare username and password", "          with the server",
            ])
    }

    @Test func `columns are aligned, numbers to the right`() {
        var table = Table(["name", "n"], right: [1])
        table.add(["a", "5"])
        table.add(["longer", "500"])
        #expect(table.lines() == ["name      n", "a         5", "longer  500"])
    }
}
