// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Testing

@testable import Runtime

struct MessageNoteTests {
    private static func note(_ text: String) throws -> MessageNote {
        let peer = TransportAddress(192, 0, 2, 1, port: 5060)
        let bytes = Array(text.utf8)
        return try #require(
            bytes.withUnsafeBytes { MessageNote($0, at: Instant(nanoseconds: 0), isSent: false, peer: peer) })
    }

    private static func response(_ line: String, method: String = "REGISTER", _ headers: String...) -> String {
        let usual = [
            "SIP/2.0 \(line)", "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1", "From: <sip:a@b>;tag=1",
            "To: <sip:a@b>;tag=2", "Call-ID: 1", "CSeq: 1 \(method)", "Content-Length: 0",
        ]
        return (usual + headers).joined(separator: "\r\n") + "\r\n\r\n"
    }

    @Test func `what a server writes for a terminal to act on is shown as numbers, in every part of a step`() throws {
        let notes = [
            try Self.note(Self.response("200 OK \"\\\u{1B}[2J\"\u{9B}H\u{7F}")),
            try Self.note(
                Self.response(
                    "401 Unauthorized",
                    "WWW-Authenticate: Digest realm=\"a\\\u{1B}[31mb\\\u{7}\u{202E}\", nonce=\"n\"")),
            try Self.note(Self.response("503 Later", "Retry-After: 5 (\u{9D}0;x)")),
            try Self.note(Self.response("423 Brief", "Min-Expires: 60\u{9B}1m")),
        ]
        #expect(notes[0].title == "200 OK \"\\\\u{1B}[2J\"\\u{9B}H\\u{7F}")
        #expect(notes[1].remarks == ["realm \"a\\\\u{1B}[31mb\\\\u{7}\\u{202E}\", MD5"])
        #expect(notes[2].remarks == ["try again after 5 (\\u{9D}0;x) s"])
        #expect(notes[3].remarks == ["at least 60\\u{9B}1m s"])
    }
}
