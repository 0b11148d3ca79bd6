// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP
import Testing

struct RedactionTests {
    private func redacted(_ text: String) -> String {
        String(decoding: Redaction.redacted(Array(text.utf8)), as: UTF8.self)
    }

    private static let register = """
        REGISTER sip:pbx SIP/2.0\r
        Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK1\r
        Authorization: Digest username="alice", realm="pbx", nonce="n0", uri="sip:pbx", \
        response="6629fae49393a05397450978507c4ef1", algorithm=MD5, cnonce="0a4f113b", qop=auth, nc=00000001\r
        X-Response: response="6629fae49393a05397450978507c4ef1"\r
        Content-Length: 0\r
        \r\n
        """

    @Test func `E4 response and cnonce are overwritten, what a challenge shows and all other headers stay`() {
        let expected = """
            REGISTER sip:pbx SIP/2.0\r
            Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK1\r
            Authorization: Digest username="alice", realm="pbx", nonce="n0", uri="sip:pbx", \
            response="********************************", algorithm=MD5, cnonce="********", qop=auth, nc=00000001\r
            X-Response: response="6629fae49393a05397450978507c4ef1"\r
            Content-Length: 0\r
            \r\n
            """
        #expect(redacted(Self.register) == expected)
    }

    @Test(arguments: [
        (
            "Proxy-Authorization: Digest response=\"abc\", realm=\"r\"",
            "Proxy-Authorization: Digest response=\"***\", realm=\"r\""
        ),
        ("AUTHORIZATION:digest response=abc,nc=00000001", "AUTHORIZATION:digest response=***,nc=00000001"),
        (
            "authorization \t: Digest\r\n\tresponse =\r\n \"abc\"",
            "authorization \t: Digest\r\n\tresponse =\r\n \"***\""
        ),
        (
            "Authorization: Digest username=\"a\\\"b, response=x\", RESPONSE=\"abc\"",
            "Authorization: Digest username=\"a\\\"b, response=x\", RESPONSE=\"***\""
        ),
        ("Authorization: Digest response=\"ab\r\n c\"", "Authorization: Digest response=\"**\r\n *\""),
        (
            "Authorization: Digest response=\"abc\", unknown=\"abc\", auts=\"abc\"",
            "Authorization: Digest response=\"***\", unknown=\"***\", auts=\"***\""
        ),
        (
            "Authentication-Info: nextnonce=\"n1\", rspauth=\"abc\", cnonce=\"c\", qop=auth, nc=00000001",
            "Authentication-Info: nextnonce=\"n1\", rspauth=\"***\", cnonce=\"*\", qop=auth, nc=00000001"
        ),
        // What is no list of parameters goes whole.
        ("Authorization: Basic YWxhZGRpbg==", "Authorization: ***** ************"),
        ("Authorization: Digest response=\"abc", "Authorization: ****** *************"),
        ("Authorization: Digest realm=\"r\" response=\"abc\"", "Authorization: ****** ********* **************"),
        (
            "Authorization: Digest realm=\"r\", Digest response=abc",
            "Authorization: ****** ********** ****** ************"
        ),
        (
            "Authorization: Digest realm=\"r\",\nresponse=\"abc\"\nTo: x",
            "Authorization: ****** **********\n**************\nTo: x"
        ),
        ("Authorization:", "Authorization:"),
        ("Authorizations: Digest response=abc", "Authorizations: Digest response=abc"),
        (
            "X: a\r\nAuthorization: abc\r\n\r\nAuthorization: abc",
            "X: a\r\nAuthorization: ***\r\n\r\nAuthorization: ***"
        ),
    ])
    func `E4 credentials in every form a header can have`(given: String, expected: String) {
        #expect(redacted(given) == expected)
        #expect(redacted(expected) == expected)
    }

    @Test func `E4 our own requests lose response and cnonce and stay the same message otherwise`() throws {
        let arena = SecretArena()
        let responder = DigestResponder(hashes: .libcrypto, arena: arena)
        for algorithm in DigestAlgorithm.all {
            let challenge =
                "SIP/2.0 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"pbx\", nonce=\"n\", qop=\"auth\", "
                + "algorithm=\(algorithm.name)\r\nContent-Length: 0\r\n\r\n"
            let message = try Array(challenge.utf8).withUnsafeBytes { try Message.parse(datagram: .init($0)) }
            var writer = MessageWriter()
            try responder.write(
                .proxyAuthorization, for: try #require(message.challenges(.wwwAuthenticate).first),
                username: Array("alice".utf8), credential: .password(arena.store("secret")),
                request: .init(
                    method: .invite, uri: Array("sip:bob".utf8), nonceCount: 1, cnonce: 0x1122_3344_5566_7788),
                to: &writer)
            let line = String(decoding: writer.bytes, as: UTF8.self)
            let response = try #require(line.firstMatch(of: /response="([0-9a-f]+)"/)?.output.1)
            let shown = redacted(line)
            #expect(!shown.contains(response) && !shown.contains("1122334455667788"))
            #expect(shown.utf8.count == line.utf8.count)
            #expect(
                shown
                    == line.replacing(response, with: String(repeating: "*", count: response.count))
                    .replacing("1122334455667788", with: String(repeating: "*", count: 16)))
        }
    }

    /// Two headers in any of many shapes; then bytes are changed, cut, put in and lines broken at random.
    @Test(arguments: 0..<16) func `E4 no response survives, whatever a message looks like`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let secret = "5ec4e7" + String(random.next() | 1 << 63, radix: 16)
        let spaces = ["", " ", "\r\n ", "\t", "\n\t "]
        func space() -> String { spaces[Int(random.next() % UInt64(spaces.count))] }
        for _ in 0..<250 {
            let names = ["Authorization", "PROXY-AUTHORIZATION", "proxy-authorization", "authorization"]
            var text = "REGISTER sip:pbx SIP/2.0\r\nTo: <sip:alice@pbx>\r\n"
            for _ in 0...(random.next() % 2) {
                text += names[Int(random.next() % 4)] + space() + ":" + space() + "Digest "
                text += "username=\"al\\\"ice\"" + space() + "," + space() + "uri=\"sip:pbx\"," + space()
                let quote = random.next() % 2 == 0 ? "\"" : ""
                text +=
                    "response" + space() + "=" + space() + quote + secret + quote + "," + space() + "realm=\"r\"\r\n"
            }
            text += "Content-Length: 0\r\n\r\n"
            var bytes = Array(text.utf8)
            let whole = bytes.firstIndex(of: UInt8(ascii: ":")) ?? 0
            for _ in 0..<(random.next() % 4) {
                // Names, colons and the URI stay, or it is another header; all else may change.
                let places = Self.credentialPlaces(bytes, from: whole)
                guard let place = places.randomElement(using: &random) else { break }
                switch random.next() % 4 {
                case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next()) | 0x80
                case 1: bytes.insert(UInt8(ascii: "\""), at: place)
                // An empty line would end the head.
                case 2 where ![0x0A, 0x0D].contains(bytes[place]) && ![0x0A, 0x0D].contains(bytes[place - 1]):
                    bytes.insert(UInt8(ascii: "\n"), at: place)
                default: bytes.remove(at: place)
                }
            }
            let shown = Redaction.redacted(bytes)
            #expect(shown.count == bytes.count)
            #expect(shown.firstRange(of: Array(secret.utf8)) == nil, "\(String(decoding: bytes, as: UTF8.self))")
            if shown.firstRange(of: Array(secret.utf8)) != nil { return }
        }
    }

    /// Places behind `Digest ` of a header with credentials, and before its end.
    private static func credentialPlaces(_ bytes: [UInt8], from start: Int) -> [Int] {
        var places: [Int] = []
        var isInside = false
        for place in start..<bytes.count {
            if bytes[place...].starts(with: Array("Digest ".utf8)) { isInside = true }
            if bytes[place...].starts(with: Array("realm=\"r\"\r\n".utf8)) { isInside = false }
            if isInside, bytes[place] != UInt8(ascii: ":"), place > start + 8 { places.append(place) }
        }
        return places
    }
}
