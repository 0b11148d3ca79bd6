// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics
import Testing

@testable import Reports

@Suite struct LadderTests {
    @Test func `a registration is drawn with its times, its repetition and its credentials`() {
        let text = Ladder.text(TraceSamples.registration, columns: 80)
        #expect(
            text == """
                             127.0.0.1:40112                                     127.0.0.1:5060
                      0.0 ms        │─────────────────── REGISTER 1 ───────────────────→│
                    500.0 ms        │─────────────── REGISTER 1, again ────────────────→│
                    501.0 ms        │←───────── 401 Unauthorized (REGISTER 1) ──────────│
                    502.0 ms        │──────────── REGISTER 2, credentials ─────────────→│
                     12.6 s         │←────────────── 200 OK (REGISTER 2) ───────────────│
                """)
    }

    @Test(arguments: [40, 60, 80, 100, 200]) func `no line is wider than it may be, in either character set`(
        columns: Int
    ) {
        for isASCII in [false, true] {
            let text = Ladder.text(TraceSamples.registration, columns: columns, isASCII: isASCII)
            let longest = text.split(separator: "\n").map(\.count).max() ?? 0
            #expect(longest <= max(columns, 65), "\(longest)\n\(text)")
            #expect(text.utf8.allSatisfy { $0 < 128 } == isASCII)
        }
    }

    @Test func `a second server has a column of its own, and too many are named on their arrows`() {
        var trace = TraceSamples.registration
        trace.messages[3].remote = TransportAddress(127, 0, 0, 2, port: 5_060)
        let two = Ladder.text(trace, columns: 120)
        #expect(two.contains("127.0.0.2:5060"))
        #expect(two.split(separator: "\n")[4].filter { $0 == "│" }.count == 2)
        for number in trace.messages.indices {
            trace.messages[number].remote = TransportAddress(127, 0, 1, UInt8(number), port: 5_060)
        }
        let many = Ladder.text(trace, columns: 100)
        #expect(many.contains("→  127.0.1.0:5060  REGISTER 1"))
        #expect(many.contains("←  127.0.1.2:5060  401 Unauthorized (REGISTER 1)"))
    }

    @Test func `what a peer sends cannot act on the terminal`() {
        var trace = TraceSamples.registration
        trace.messages.append(
            TraceSamples.message("\u{1B}[2Jgarbage", at: 700, isSent: false))
        trace.messages.append(
            TraceSamples.message(
                TraceSamples.response("200 \u{1B}[31mred", to: "REGISTER"), at: 701, isSent: false))
        let text = Ladder.text(trace, columns: 100)
        #expect(!text.contains("\u{1B}"))
        #expect(text.contains("not readable: "))
    }

    @Test func `of a long trace the first and the last messages are shown`() {
        var trace = TraceSamples.registration
        trace.isTruncated = true
        for number in 0..<100 {
            trace.messages.append(
                TraceSamples.message(TraceSamples.request("OPTIONS", number), at: number, isSent: true))
        }
        let lines = Ladder.text(trace, columns: 100, mostMessages: 6).split(separator: "\n")
        #expect(lines.count == 1 + 1 + 6 + 1)
        #expect(lines.contains { $0.contains("99 messages more") })
        #expect(lines.contains { $0.contains("earlier messages were not kept") })
        #expect(lines.last?.contains("OPTIONS 99") == true)
    }

    @Test func `a session description is noted, and nothing is said of no message`() {
        var trace = TraceSamples.registration
        let invite = TraceSamples.request("INVITE", headers: "Content-Type: application/sdp\r\n", body: "v=0\r\n")
        trace.messages = [TraceSamples.message(invite, at: 0, isSent: true)]
        #expect(Ladder.text(trace).contains("INVITE 1, SDP"))
        trace.messages = []
        #expect(Ladder.text(trace) == "no message was sent or received")
    }
}
