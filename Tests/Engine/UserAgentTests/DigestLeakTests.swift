// SPDX-License-Identifier: Apache-2.0

import Bedrock
import PBX
import RunMetrics
import SIP
import Testing
import UserAgent

/// The SIP digest leak: a challenge where none belongs, made to get a digest of the account's password.
@Suite struct DigestLeakTests {
    private static let echo = CallTarget.uri(Array("sip:echo@example.org".utf8))

    @Test(arguments: ["dialog-challenge", "dialog-challenge=example.net"])
    func `a BYE challenged for a foreign realm is not answered (built-in server)`(fault: String) throws {
        let world = try ServerWorld([fault])
        world.add(0, "alice")
        world.register()
        world.perform(.call(endpoint: 0, target: Self.echo, at: world.now))
        world.pass(.seconds(10))
        #expect(world.requests("BYE").count == 1)
        #expect(world.answers.contains { $0.status == 407 && $0.cSeqMethod == "BYE" })
        #expect(world.server.statistics.stolenDigests == 0)
        #expect(try world.finish().outcome == .success)
    }

    @Test func `calls and registration share a nonce's counts, and none repeats`() throws {
        let world = try ServerWorld { $0.nonceLifetime = .seconds(7200) }
        world.add(0, "alice") {
            $0.realm = Array("example.org".utf8)
            $0.expires = 100
        }
        world.register()
        for _ in 0..<3 {
            world.perform(.call(endpoint: 0, target: Self.echo, at: world.now))
            world.pass(.seconds(50))
        }
        #expect(world.requests("INVITE").count == 4, "only the first INVITE is challenged where the realm is fixed")
        #expect(try world.finish().outcome == .success)
        #expect(Set(world.nonceCounts).count == world.nonceCounts.count)
    }

    @Test func `without a fixed realm a new call waits to be asked (RFC 3261 §22.3)`() throws {
        let world = try ServerWorld()
        world.add(0, "alice")
        world.register()
        for _ in 0..<2 {
            world.perform(.call(endpoint: 0, target: Self.echo, at: world.now))
            world.pass(.seconds(10))
        }
        let invites = world.requests("INVITE")
        #expect(invites.map { $0["Proxy-Authorization"] == nil } == [true, false, true, false])
    }

    /// A call placed through `Stage.server` whose callee answers directly from `contact`; gives its BYEs.
    private func byes(
        contact: String, challenge: Challenge401, direct: TransportAddress? = nil
    ) throws -> [SIPText] {
        let stage = Stage()
        stage.add(0, "alice") { $0.talkTime = .seconds(5) }
        let answer: (SIPText) -> [String] = { request in
            switch request.method {
            case "REGISTER" where request["Authorization"] == nil: [Challenge401(nonce: "r").answer(request)]
            case "REGISTER": [request.registered()]
            case "INVITE" where request["Proxy-Authorization"] == nil:
                [Challenge401(nonce: "n", isProxy: true).answer(request)]
            case "INVITE": [request.accepted(contact: contact)]
            case "BYE": [challenge.answer(request)]
            default: []
            }
        }
        stage.server = answer
        stage.register(0)
        stage.call(0, "sip:bob@example.org")
        stage.pass(.seconds(5))
        if let direct, let bye = stage.requests("BYE").last {
            stage.deliver(challenge.answer(bye), to: 0, from: direct)
        }
        stage.pass(.seconds(1))
        return stage.requests("BYE")
    }

    @Test func `a callee reached directly gets no credentials, whatever realm it names`() throws {
        let peer = TransportAddress(198, 18, 0, 9, port: 5060)
        let byes = try byes(
            contact: "<sip:bob@198.18.0.9:5060>", challenge: Challenge401(nonce: "evil", isProxy: true), direct: peer)
        #expect(byes.count == 1)
        #expect(byes.allSatisfy { !$0.description.contains("uthorization") })
    }

    @Test func `in our own dialog each nonce is answered once, and not for ever`() throws {
        let same = try byes(
            contact: "<sip:bob@192.0.2.1:5060>", challenge: Challenge401(nonce: "again", isProxy: true))
        #expect(same.count == 2 && same[1].credential("nonce", proxy: true) == "again")
        let foreign = try byes(
            contact: "<sip:bob@192.0.2.1:5060>", challenge: Challenge401(realm: "evil", nonce: "x", isProxy: true))
        #expect(foreign.count == 1)
    }

    @Test func `challenges made of anything at all neither crash nor get more than a few answers`() throws {
        var random = SeededRandom(seed: 401)
        let pieces = [
            "Digest ", "realm=", "\"", "nonce=", "example.org", ",", "qop=", "auth", "auth-int", "algorithm=", "MD5",
            "-sess", "SHA-256", "stale=true", "opaque=", "\\", "=", " ", ";", "userhash=true", "nc=ffffffff", "é",
            "Basic ", "\"\"", "\t", "0", String(repeating: "A", count: 5000),
        ]
        for round in 0..<400 {
            let stage = Stage()
            stage.add(0, "alice")
            stage.server = { request in
                var lines: [String] = []
                for _ in 0..<Int(random.next() % 4 + 1) {
                    let isProxy = random.chance(0.5)
                    var value = random.chance(0.6) ? "Digest realm=\"example.org\", nonce=\"n\(random.next())\"" : ""
                    for _ in 0..<Int(random.next() % 12) { value += pieces[Int(random.next() % UInt64(pieces.count))] }
                    lines.append("\(isProxy ? "Proxy" : "WWW")-Authenticate: \(value)")
                }
                return [request.response(random.chance(0.5) ? 401 : 407, "No", lines)]
            }
            stage.register(0)
            #expect(stage.requests("REGISTER").count <= 10, "round \(round)")
            stage.perform(.finish(endpoint: 0))
            #expect(stage.shard.isIdle)
        }
    }
}
