// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP
import Testing

@Suite struct StreamFramerTests {
    private static let stream =
        wire("\n\n") + wire("OPTIONS sip:a@b SIP/2.0\nCall-ID: 1\nl: 4\n\nbody")
        + wire("SIP/2.0 200 OK\nCall-ID: 2\nContent-Length: 0\n\n") + wire("\n")
        + wire("MESSAGE sip:a@b SIP/2.0\nCall-ID: 3\nContent-Length:\n 12\n\nfolded body.")

    private func read(_ pieces: [ArraySlice<UInt8>]) throws -> [String] {
        var framer = StreamFramer()
        var seen: [String] = []
        for piece in pieces {
            piece.withUnsafeBytes { framer.append($0) }
            while let frame = try framer.next() {
                switch frame {
                case .ping: seen.append("ping")
                case .pong: seen.append("pong")
                case .message(let message):
                    seen.append(
                        (message.callID.map { message.string(of: $0) } ?? "") + message.string(of: message.body))
                }
            }
        }
        #expect(framer.waiting == 0)
        return seen
    }

    @Test func `messages and keep-alives come out whole however the stream is cut`() throws {
        // The third message's length is on a folded line.
        let whole = Self.stream
        let expected = ["ping", "1body", "2", "pong", "3folded body."]
        #expect(try read([whole[...]]) == expected)
        for cut in 1..<whole.count {
            let seen = try read([whole[..<cut], whole[cut...]])
            #expect(seen.filter { $0 != "pong" } == expected.filter { $0 != "pong" }, "cut at \(cut)")
        }
        #expect(try read(whole.indices.map { whole[$0...$0] }).suffix(4) == ["1body", "2", "pong", "3folded body."])
    }

    @Test func `a length that is no number or beyond the limit ends the stream`() {
        for length in ["-1", "x", "65536", "99999999999999999999", "4 4", "4\n 4", "4x", ""] {
            #expect(throws: ParseError.self) {
                try read([wire("OPTIONS sip:a@b SIP/2.0\nContent-Length: \(length)\n\n")[...]])
            }
        }
    }

    @Test func `a head without end is cut off at its limit`() {
        var framer = StreamFramer()
        let line = wire("X: \(String(repeating: "x", count: 1000))\n")
        #expect(throws: ParseError(.tooLong, at: Limits.headSize)) {
            for _ in 0..<100 {
                line.withUnsafeBytes { framer.append($0) }
                _ = try framer.next()
            }
        }
    }
}
