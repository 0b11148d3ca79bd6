// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP
import Testing

@testable import PBX

@Suite struct RegistrarTests {
    @Test func `a registration is challenged, then granted with its contact and lifetime`() throws {
        let pbx = PBXHarness()
        let challenge = try #require(
            pbx.feed(pbx.register("alice", at: PBXHarness.alice), from: PBXHarness.alice).first)
        #expect(challenge.message.status == 401)
        #expect(challenge.destination == PBXHarness.alice)
        #expect(challenge.message.topVia?.rport == 5070)
        let ok = try pbx.enroll("alice", at: PBXHarness.alice, cSeq: 2)
        #expect(ok.status == 200)
        #expect(ok.texts(.contact) == ["<sip:alice@192.0.2.10:5070>;expires=3600"])
        #expect(pbx.engine.registeredAccounts(at: pbx.now) == 1)
        #expect(pbx.engine.registeredAccounts(at: pbx.now + .seconds(3600)) == 0)
        pbx.advance(.seconds(40))
        #expect(pbx.engine.isIdle)
    }

    @Test(arguments: DigestAlgorithm.all, [true, false]) func `F1: every algorithm registers, with and without qop`(
        algorithm: DigestAlgorithm, offersQop: Bool
    ) throws {
        let pbx = PBXHarness {
            $0.algorithms = [algorithm]
            $0.offersQop = offersQop
        }
        #expect(try pbx.enroll("alice", at: PBXHarness.alice).status == 200)
        #expect(try pbx.enroll("bob", at: PBXHarness.bob, password: "secret-a").status == 401)
    }

    @Test func `a wrong password gets 401 without stale, an unknown user 404, somebody else's name 403`() throws {
        let pbx = PBXHarness()
        let refused = try pbx.enroll("alice", at: PBXHarness.alice, password: "wrong")
        #expect(refused.status == 401)
        #expect(refused.challenges(.wwwAuthenticate).first?.isStale == false)
        #expect(try pbx.enroll("mallory", at: PBXHarness.alice).status == 404)
        let challenge = try #require(pbx.feed(pbx.register("bob", at: PBXHarness.alice), from: PBXHarness.alice).first)
            .message
        let line = try pbx.credentials(
            for: challenge, .register, uri: "sip:pbx.example", user: "alice", password: "secret-a")
        let answer = pbx.feed(pbx.register("bob", at: PBXHarness.alice, cSeq: 9, extra: line), from: PBXHarness.alice)
        #expect(answer.first?.message.status == 403)
    }

    @Test func `an old nonce, a used nonce count, and a nonce of another instance are stale; the next count is not`()
        throws
    {
        let pbx = PBXHarness()
        func attempt(_ challenge: Message, count: UInt32, cSeq: Int, at pbx: PBXHarness) throws -> Message {
            let line = try pbx.credentials(
                for: challenge, .register, uri: "sip:pbx.example", user: "alice", password: "secret-a", count: count)
            let text = pbx.register("alice", at: PBXHarness.alice, cSeq: cSeq, extra: line)
            return try #require(pbx.feed(text, from: PBXHarness.alice).first).message
        }
        func isStale(_ answer: Message) -> Bool {
            answer.status == 401 && answer.challenges(.wwwAuthenticate).first?.isStale == true
        }
        let challenge = try #require(
            pbx.feed(pbx.register("alice", at: PBXHarness.alice), from: PBXHarness.alice).first
        ).message
        #expect(try attempt(challenge, count: 1, cSeq: 2, at: pbx).status == 200)
        #expect(try attempt(challenge, count: 2, cSeq: 3, at: pbx).status == 200)
        #expect(try isStale(attempt(challenge, count: 2, cSeq: 4, at: pbx)))
        #expect(try attempt(challenge, count: 3, cSeq: 5, at: pbx).status == 200)
        #expect(try isStale(attempt(challenge, count: 1, cSeq: 2, at: PBXHarness(seed: 2))))
        pbx.advance(.seconds(301))
        #expect(try isStale(attempt(challenge, count: 4, cSeq: 6, at: pbx)))
    }

    @Test func `expires 0 removes one contact, a star removes all, and too short a time gets 423`() throws {
        let pbx = PBXHarness()
        try pbx.enroll("alice", at: PBXHarness.alice, contact: "<sip:a@192.0.2.10:1>, <sip:a@192.0.2.10:2>")
        let one = try pbx.enroll("alice", at: PBXHarness.alice, cSeq: 3, contact: "<sip:a@192.0.2.10:1>;expires=0")
        #expect(one.texts(.contact).map { $0.prefix(22) } == ["<sip:a@192.0.2.10:2>;e"])
        let short = try pbx.enroll("alice", at: PBXHarness.alice, expires: "59", cSeq: 5)
        #expect(short.status == 423)
        #expect(short.minExpires == 60)
        #expect(try pbx.enroll("alice", at: PBXHarness.alice, expires: "10", cSeq: 7, contact: "*").status == 400)
        let all = try pbx.enroll("alice", at: PBXHarness.alice, expires: "0", cSeq: 9, contact: "*")
        #expect(all.status == 200 && all.texts(.contact).isEmpty)
        let query = try pbx.enroll("alice", at: PBXHarness.alice, cSeq: 11, contact: "")
        #expect(query.status == 200 && query.texts(.contact).isEmpty)
        let cut = try pbx.enroll("alice", at: PBXHarness.alice, expires: "999999", cSeq: 13)
        #expect(cut.texts(.contact) == ["<sip:alice@192.0.2.10:5070>;expires=7200"])
    }

    @Test func `a late copy of an older REGISTER changes nothing`() throws {
        let pbx = PBXHarness()
        try pbx.enroll("alice", at: PBXHarness.alice, cSeq: 10)
        #expect(try pbx.enroll("alice", at: PBXHarness.alice, expires: "0", cSeq: 5).status == 500)
        #expect(pbx.engine.registeredAccounts(at: pbx.now) == 1)
    }

    @Test func `OPTIONS to the server is answered`() throws {
        let pbx = PBXHarness()
        let text = pbx.inDialog(
            "OPTIONS", cSeq: 1, byCaller: true, route: try Message.parse(Array("SIP/2.0 200 OK\n\n".utf8)),
            uri: "sip:pbx.example"
        )
        .replacing(";tag=callee", with: "")
        let answer = try #require(pbx.feed(text, from: PBXHarness.alice).first).message
        #expect(answer.status == 200)
        #expect(answer.lists(.allow, "invite"))
    }

    @Test func `faults: each is read from text and played to those it names`() throws {
        #expect(try PBXFault("403") == PBXFault(.forbidden))
        #expect(try PBXFault("silence=5%") == PBXFault(.silence, .share(500)))
        #expect(
            try PBXFault("wrong-password=a,b") == PBXFault(.wrongPassword, .users([Array("a".utf8), Array("b".utf8)])))
        for text in ["", "nonsense", "404=", "404=a,,b", "silence=101%", "silence=x%"] {
            #expect(throws: PBXFault.ReadingError.self) { try PBXFault(text) }
        }
        #expect(try PBXFault("503=7") == PBXFault(.unavailable, value: .number(7)))
        #expect(
            try PBXFault("302=192.0.2.7:5061@alice")
                == PBXFault(.redirect, .users([Array("alice".utf8)]), value: .text(Array("192.0.2.7:5061".utf8))))
        #expect(try PBXFault("stale-each-time@5%") == PBXFault(.staleEachTime, .share(500)))
        for text in ["423=soon", "503=-1", "slow=4294967296", "302=", "503=5@", "403=alice@bob"] {
            #expect(throws: PBXFault.ReadingError.self, "\(text)") { try PBXFault(text) }
        }
        for kind in PBXFault.Kind.allCases {
            #expect(!kind.explanation.isEmpty && kind.usage.hasPrefix(kind.rawValue))
            #expect(try PBXFault(kind.rawValue) == PBXFault(kind))
        }
        for (name, expected) in [("wrong-password", 401), ("403", 403), ("404", 404)] {
            let fault = try PBXFault("\(name)=alice")
            let pbx = PBXHarness { $0.faults = [fault] }
            #expect(try Int(pbx.enroll("alice", at: PBXHarness.alice).status ?? 0) == expected)
            #expect(try pbx.enroll("bob", at: PBXHarness.bob).status == 200)
        }
        let silent = PBXHarness { $0.faults = [PBXFault(.silence, .users([Array("alice".utf8)]))] }
        #expect(silent.feed(silent.register("alice", at: PBXHarness.alice), from: PBXHarness.alice).isEmpty)
        #expect(try silent.enroll("bob", at: PBXHarness.bob).status == 200)
        #expect(silent.advance(.seconds(60)).isEmpty)
        #expect(silent.engine.isIdle && silent.engine.statistics.silenced == 1)
        let mute = PBXHarness { $0.faults = [PBXFault(.silence)] }
        #expect(mute.feed(mute.register("mallory", at: PBXHarness.alice), from: PBXHarness.alice).isEmpty)
    }

    @Test func `a share of the accounts is about that share, and always the same ones`() throws {
        let fault = PBXFault(.forbidden, .share(1000))
        let names = (0..<5000).map { Array("user\($0)".utf8) }
        let met = names.filter { fault.meets($0) }
        #expect((400...600).contains(met.count))
        #expect(names.filter { fault.meets($0) } == met)
        #expect(names.allSatisfy { PBXFault(.forbidden, .share(10_000)).meets($0) })
        #expect(!names.contains { PBXFault(.forbidden, .share(0)).meets($0) })
    }
}
