// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP
import Testing

@Suite struct DigestTests {
    let arena = SecretArena()
    var verifier: DigestVerifier { DigestVerifier(hashes: .libcrypto, arena: arena) }
    var responder: DigestResponder { DigestResponder(hashes: .libcrypto, arena: arena) }

    private func accepts(_ header: String, method: String, body: String = "", user: String, _ credential: Credential)
        throws
        -> Bool
    {
        let message = try Message.parse(wire("\(method) sip:x@y SIP/2.0\nAuthorization: \(header)\n\n\(body)"))
        var verdict: Bool?
        message.forEachAuthorization(.authorization) { fields in
            verdict = verifier.accepts(fields, of: message, username: Array(user.utf8), credential: credential)
            return false
        }
        return try #require(verdict as Bool?)
    }

    @Test(arguments: [
        // RFC 2617 §3.5
        (
            "Mufasa", "Circle Of Life",
            """
            Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", \
            uri="/dir/index.html", qop=auth, nc=00000001, cnonce="0a4f113b", \
            response="6629fae49393a05397450978507c4ef1", opaque="5ccc069c403ebaf9f0171e9517f40e41"
            """
        ),
        // RFC 7616 §3.9.1, MD5 and SHA-256
        (
            "Mufasa", "Circle of Life",
            """
            Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=MD5, \
            nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, \
            cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, \
            response="8ca523f5e9506fed4657c9700eebdbec"
            """
        ),
        (
            "Mufasa", "Circle of Life",
            """
            Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=SHA-256, \
            nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, \
            cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, \
            response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
            """
        ),
        // RFC 7616 §3.9.2 with the values of erratum 4897: the printed ones are truncated SHA-512
        (
            "Jäsøn Doe", "Secret, or not?",
            """
            Digest username="x", realm="api@example.org", uri="/doe.json", algorithm=SHA-512-256, \
            nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", nc=00000001, \
            cnonce="NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v", qop=auth, \
            response="3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"
            """
        ),
    ]) func `F1: the published vectors are accepted, and with another password they are not`(
        user: String, password: String, header: String
    ) throws {
        #expect(try accepts(header, method: "GET", user: user, .password(arena.store(password))))
        #expect(try !accepts(header, method: "GET", user: user, .password(arena.store(password + "x"))))
        #expect(try !accepts(header, method: "PUT", user: user, .password(arena.store(password))))
    }

    @Test func `the user hash of RFC 7616 section 3.9.2 with the value of erratum 4897`() {
        var digest = [UInt8](repeating: 0, count: 32)
        Array("Jäsøn Doe:api@example.org".utf8).withUnsafeBytes { input in
            digest.withUnsafeMutableBytes { HashFunctions.libcrypto.hash(.sha512_256, input, $0) }
        }
        var text = ByteWriter()
        digest.withUnsafeBytes { text.append(hexOf: $0) }
        #expect(
            String(decoding: text.bytes, as: UTF8.self)
                == "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b")
    }

    /// A challenge as a server would send it.
    private func challenge(_ algorithm: DigestAlgorithm, qop: String, nonce: String) throws -> Challenge {
        let offered = qop.isEmpty ? "" : ", qop=\"\(qop)\""
        let message = try Message.parse(
            wire(
                """
                SIP/2.0 401 Unauthorized
                WWW-Authenticate: Digest realm="pbx.example", nonce="\(nonce)"\(offered), algorithm=\(algorithm.name), opaque="op"


                """))
        return try #require(message.challenges(.wwwAuthenticate).first)
    }

    private static let passwords = ["secret", "with:colon", "p\"q\\r s", "pässwörd", "0x41", " leading and trailing "]

    @Test
    func `F1: Python accepts every answer of ours: each algorithm, protection, nonce count, from password and key`()
        throws
    {
        var cases: [(command: String, fields: [[UInt8]])] = []
        var random = SeededRandom(seed: 8760)
        let uri = Array("sip:bob@pbx.example;transport=udp".utf8)
        for algorithm in DigestAlgorithm.all {
            for (place, qop) in ["", "auth", "auth-int", "auth-int,auth"].enumerated() {
                for count: UInt32 in [1, 2, 9, 10, 255, 0xFFFF_FFFF] {
                    let password = Self.passwords[Int(count &+ UInt32(place)) % Self.passwords.count]
                    let user = Array((count == 2 ? "al\"i\\ce" : "alice").utf8)
                    let body = Array((count == 9 ? "" : "v=0\r\n").utf8)
                    var credential = Credential.password(arena.store(password))
                    if count == 10 {
                        var key = [UInt8](repeating: 0, count: algorithm.hash.digestLength * 2)
                        key.withUnsafeMutableBytes { key in
                            (user + Array(":pbx.example:\(password)".utf8)).withUnsafeBytes { text in
                                var digest = [UInt8](repeating: 0, count: algorithm.hash.digestLength)
                                digest.withUnsafeMutableBytes {
                                    HashFunctions.libcrypto.hash(algorithm.hash, text, $0)
                                }
                                digest.withUnsafeBytes { Hex.write($0, into: key) }
                            }
                        }
                        credential = .ha1(key.withUnsafeBytes { arena.store($0) }, algorithm.hash)
                    }
                    if count == 255 || count == 9 {
                        var keys = [UInt8](repeating: 0, count: HashFunctions.digestKeysLength)
                        keys.withUnsafeMutableBytes { keys in
                            (user + Array(":pbx.example:\(password)".utf8)).withUnsafeBytes {
                                HashFunctions.libcrypto.writeDigestKeys(of: $0, into: keys)
                            }
                        }
                        credential = .digestKeys(keys.withUnsafeBytes { arena.store($0) })
                    }
                    var writer = MessageWriter()
                    try responder.write(
                        .authorization, for: challenge(algorithm, qop: qop, nonce: "n\(count)+/="), username: user,
                        credential: credential,
                        request: .init(
                            method: .register, uri: uri, body: body, nonceCount: count, cnonce: random.next()),
                        to: &writer)
                    let value = writer.bytes.dropFirst("Authorization: ".utf8.count).dropLast(2)
                    cases.append(("verify", [Array("REGISTER".utf8), body, user, Array(password.utf8), Array(value)]))
                }
            }
        }
        // One that must be refused shows that the judge judges.
        var wrong = cases[0]
        wrong.fields[3].append(0x78)
        cases.append(wrong)
        let answers = try DigestOracle.answers(to: cases)
        #expect(answers.count == 6 * 4 * 6 + 1)
        #expect(answers.dropLast().allSatisfy { $0 == "ok" }, "\(answers.filter { $0 != "ok" }.prefix(3))")
        #expect(answers.last?.hasPrefix("bad expected") == true)
    }

    @Test func `F1: we accept every answer of Python's and refuse it for another password`() throws {
        var cases: [(command: String, fields: [[UInt8]])] = []
        for algorithm in DigestAlgorithm.all {
            for qop in ["", "auth", "auth-int"] {
                for count in ["00000001", "0000000a", "ffffffff"] {
                    for user in ["alice", "al\"i\\ce"] {
                        let fields = [
                            "INVITE", "v=0", user, "se:cret", "pbx", "nonce+/=", "sip:bob@pbx", "\(algorithm.name)",
                            qop,
                            count, "c0ffee",
                        ]
                        cases.append(("make", fields.map { Array($0.utf8) }))
                    }
                }
            }
        }
        let answers = try DigestOracle.answers(to: cases)
        #expect(answers.count == cases.count)
        let right = Credential.password(arena.store("se:cret"))
        let wrong = Credential.password(arena.store("se:creT"))
        for (answer, item) in zip(answers, cases) {
            let user = String(decoding: item.fields[2], as: UTF8.self)
            #expect(try accepts(answer, method: "INVITE", body: "v=0", user: user, right), "\(answer)")
            #expect(try !accepts(answer, method: "INVITE", body: "v=0", user: user, wrong), "\(answer)")
        }
    }

    @Test(arguments: [#"a\"#, #"+\"6-sess"#, #"a"b"#])
    func `a bare value with a quote or a backslash is none, so that an answer of ours cannot take it over`(
        value: String
    )
        throws
    {
        let message = try Message.parse(
            wire("SIP/2.0 401 Unauthorized\nWWW-Authenticate: Digest realm=\"r\", nonce=\(value), qop=auth\n\n"))
        let found = message.challenges(.wwwAuthenticate)
        #expect(!found.isEmpty && found.allSatisfy { !$0.isAnswerable })
    }

    @Test func `F1: several challenges in one answer are read in order, over lines and within one`() throws {
        let message = try Message.parse(
            wire(
                """
                SIP/2.0 401 Unauthorized
                WWW-Authenticate: Digest realm="a", nonce="1", algorithm="SHA-512-256", qop="auth,auth-int" , \
                Digest realm="b,c", nonce = "2",stale=TRUE, Basic realm="x"
                WWW-Authenticate: Negotiate abc==
                WWW-Authenticate: Digest nonce="3", algorithm=token, realm=bare, opaque=""
                Proxy-Authenticate: Digest realm="p", nonce="4", qop=auth



                """))
        let found = message.challenges(.wwwAuthenticate)
        #expect(found.map(\.realmText) == ["a", "b,c", "x", "", "bare"])
        #expect(found.map(\.isAnswerable) == [true, true, false, false, false])
        #expect(found[0].algorithm == DigestAlgorithm(.sha512_256))
        #expect(found[0].qop == [.auth, .authInt])
        #expect(!found[1].namesAlgorithm && found[1].isStale && found[1].chosenQop == .none)
        #expect(found[4].hasOpaque && found[4].opaque.isEmpty)
        #expect(message.challenges(.proxyAuthenticate).map(\.chosenQop) == [.auth])
    }

    @Test func `an answer names the algorithm only when the challenge did, and a wiped secret answers nothing`() throws
    {
        let message = try Message.parse(wire("SIP/2.0 407 x\nProxy-Authenticate: Digest realm=\"r\", nonce=\"n\"\n\n"))
        let challenge = try #require(message.challenges(.proxyAuthenticate).first)
        let credential = Credential.password(arena.store("pw"))
        let request = DigestResponder.Request(method: .invite, uri: Array("sip:b@r".utf8), nonceCount: 1, cnonce: 7)
        var writer = MessageWriter()
        try responder.write(
            .proxyAuthorization, for: challenge, username: Array("u".utf8), credential: credential, request: request,
            to: &writer)
        let line = String(decoding: writer.bytes, as: UTF8.self)
        #expect(
            line.hasPrefix(
                "Proxy-Authorization: Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"sip:b@r\", response="))
        #expect(!line.contains("algorithm") && !line.contains("cnonce") && !line.contains("opaque"))

        #expect(throws: DigestError.keyOfOtherAlgorithm) {
            try responder.write(
                .authorization, for: challenge, username: [], credential: .ha1(arena.store("x"), .sha256),
                request: request,
                to: &writer)
        }
        arena.wipeAll()
        #expect(throws: DigestError.secretGone) {
            try responder.write(
                .authorization, for: challenge, username: [], credential: credential, request: request, to: &writer)
        }
    }

    @Test func `the next nonce of Authentication-Info takes the place of the old one`() throws {
        let ok = try Message.parse(
            wire("SIP/2.0 200 OK\nAuthentication-Info: qop=auth, nextnonce=\"fresh\", nc=00000001\n\n"))
        #expect(ok.nextNonce.map { ok.string(of: $0) } == "fresh")
        let old = try challenge(DigestAlgorithm(.sha256), qop: "auth", nonce: "old")
        let fresh = try #require(ok.nextNonce)
        let next = try #require(old.with(nonce: ok.bytes(of: fresh)))
        #expect(
            next.nonce.elementsEqual("fresh".utf8) && next.realm == old.realm && next.opaque.elementsEqual("op".utf8))
    }
}
