// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Media
import PBX
import SIP
import Testing

@Suite struct ExtensionTests {
    private static let media = TransportAddress(192, 0, 2, 1, port: 40_000)

    private func ring(_ name: String) throws -> (PBXHarness, [PBXHarness.Sent]) {
        let pbx = PBXHarness()
        try pbx.enroll("alice", at: PBXHarness.alice)
        return (pbx, try pbx.call(name))
    }

    private func openCall() throws -> (pbx: PBXHarness, call: UInt64, ok: Message) {
        let (pbx, _) = try ring("echo")
        guard case .needMediaPort(let call)? = pbx.outputs.last else {
            Issue.record("no port was asked for")
            throw ParseError(.startLine, at: 0)
        }
        pbx.engine.mediaReady(call: call, rtp: Self.media, now: pbx.now)
        return (pbx, call, try #require(pbx.drain().first).message)
    }

    @Test func `echo asks for a port, answers with it, and gives it back after BYE`() throws {
        let (pbx, call, ok) = try openCall()
        #expect(ok.status == 200 && ok.hasSDP)
        let answer = try SessionDescription(parsing: Array(ok.bytes(of: ok.body)))
        #expect(answer.media.first?.port == 40_000)
        guard case .openMedia(call, .echo, let agreed)? = pbx.outputs.last else {
            Issue.record("no media was opened")
            return
        }
        #expect(agreed.remoteRTP == TransportAddress(192, 0, 2, 10, port: 4000))
        #expect(agreed.codec == .pcma)

        let tag = try #require(ok.toTag.map { ok.string(of: $0) })
        #expect(pbx.advance(.milliseconds(600)).map(\.message.status) == [200], "repeated until it is acknowledged")
        pbx.feed(
            pbx.inDialog("ACK", cSeq: 2, byCaller: true, route: ok, uri: "sip:echo@192.0.2.1:5060", toTag: tag),
            from: PBXHarness.alice)
        #expect(pbx.advance(.seconds(40)).isEmpty)
        let bye = pbx.feed(
            pbx.inDialog("BYE", cSeq: 3, byCaller: true, route: ok, uri: "sip:echo@192.0.2.1:5060", toTag: tag),
            from: PBXHarness.alice)
        #expect(bye.map(\.message.status) == [200])
        #expect(pbx.outputs.last == .closeMedia(call: call))
        pbx.advance(.seconds(40))
        #expect(pbx.engine.isIdle, "left: \(pbx.engine.pendingWork)")
    }

    @Test func `an answer that nobody acknowledges ends in our BYE`() throws {
        let (pbx, call, _) = try openCall()
        let sent = pbx.advance(.seconds(33))
        let bye = try #require(sent.last { $0.message.method == .bye })
        #expect(bye.destination == PBXHarness.alice)
        #expect(bye.message.requestURI.map { bye.message.string(of: $0) } == "sip:alice@192.0.2.10:5070")
        #expect(pbx.answer(bye.message, 200, from: PBXHarness.alice).isEmpty)
        #expect(pbx.outputs.last == .closeMedia(call: call))
        pbx.advance(.seconds(40))
        #expect(pbx.engine.isIdle)
    }

    @Test func `no port gives 503, no offer that fits 488, busy 486, no answer 487 after CANCEL`() throws {
        let (full, _) = try ring("echo")
        if case .needMediaPort(let call)? = full.outputs.last {
            full.engine.mediaUnavailable(call: call, now: full.now)
        }
        #expect(full.drain().map(\.message.status) == [503])

        #expect(try ring("busy").1.map(\.message.status) == [486])
        let (pbx, ringing) = try ring("noanswer")
        #expect(ringing.map(\.message.status) == [180])
        let cancel = pbx.invite("noanswer", cSeq: 2).replacing("INVITE sip:", with: "CANCEL sip:")
            .replacing("2 INVITE", with: "2 CANCEL")
        let sent = pbx.feed(cancel, from: PBXHarness.alice)
        #expect(sent.map(\.message.status) == [200, 487])
        pbx.acknowledge(sent[1].message, target: "noanswer", cSeq: 2)
        pbx.advance(.seconds(70))
        #expect(pbx.engine.isIdle, "left: \(pbx.engine.pendingWork)")
    }

    @Test func `a call that nobody ends is ended at its limit`() throws {
        let (pbx, _, ok) = try openCall()
        let tag = try #require(ok.toTag.map { ok.string(of: $0) })
        pbx.feed(
            pbx.inDialog("ACK", cSeq: 2, byCaller: true, route: ok, uri: "sip:echo@192.0.2.1:5060", toTag: tag),
            from: PBXHarness.alice)
        #expect(pbx.advance(.seconds(7199)).isEmpty)
        #expect(pbx.advance(.seconds(2)).contains { $0.message.method == .bye })
        pbx.advance(.seconds(40))
        #expect(pbx.engine.isIdle)
    }

    @Test func `an INVITE without an offer is answered with one, and media begins with the ACK's answer`() throws {
        let pbx = PBXHarness { $0.challengesCalls = false }
        try pbx.enroll("alice", at: PBXHarness.alice)
        let body = PBXHarness.offer
        func length(_ text: String) -> Int { text.utf8.count + text.utf8.count { $0 == 0x0A } }
        let bare = pbx.invite("echo").replacing(body, with: "")
            .replacing("Content-Type: application/sdp\nContent-Length: \(length(body))", with: "Content-Length: 0")
        pbx.feed(bare, from: PBXHarness.alice)
        guard case .needMediaPort(let call)? = pbx.outputs.last else {
            Issue.record("no port was asked for")
            return
        }
        pbx.engine.mediaReady(call: call, rtp: Self.media, now: pbx.now)
        let ok = try #require(pbx.drain().first).message
        #expect(ok.status == 200 && ok.string(of: ok.body).contains("m=audio 40000 RTP/AVP 8 0"))
        #expect(pbx.outputs.last == .needMediaPort(call: call))
        let tag = try #require(ok.toTag.map { ok.string(of: $0) })
        func request(_ method: String, _ cSeq: Int, _ body: String) -> String {
            pbx.inDialog(method, cSeq: cSeq, byCaller: true, route: ok, uri: "sip:echo@192.0.2.1:5060", toTag: tag)
                .replacing(
                    "Content-Length: 0\n\n",
                    with: "Content-Type: application/sdp\nContent-Length: \(length(body))\n\n\(body)")
        }
        pbx.feed(request("ACK", 1, body), from: PBXHarness.alice)
        guard case .openMedia(call, .echo, let agreed)? = pbx.outputs.last else {
            Issue.record("no media was opened")
            return
        }
        #expect(agreed.remoteRTP == TransportAddress(192, 0, 2, 10, port: 4000))
        // UPDATE with an offer changes the session (RFC 3311).
        let update = pbx.feed(
            request("UPDATE", 2, body.replacing("4000", with: "4400") + "a=sendonly\n"), from: PBXHarness.alice)
        let answer = try #require(update.first).message
        #expect(answer.status == 200 && answer.string(of: answer.body).contains("a=recvonly"))
        guard case .updateMedia(call, let changed)? = pbx.outputs.last else {
            Issue.record("media was not changed")
            return
        }
        #expect(changed.remoteRTP.port == 4400 && changed.direction == .receiveOnly)
    }
}
