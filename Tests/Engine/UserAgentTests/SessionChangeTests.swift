// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Media
import RunMetrics
import SIP
import Testing
import UserAgent

/// re-INVITE, UPDATE, hold and resume, glare.
@Suite struct SessionChangeTests {
    @Test func `hold and resume are re-INVITEs with sendonly and sendrecv, answered with recvonly (RFC 3264 §8.4)`()
        throws
    {
        let pair = CallPair()
        pair.call()
        pair.stage.perform(.hold(endpoint: 0))
        pair.stage.pass(.seconds(3))
        pair.stage.perform(.resume(endpoint: 0))
        let invites = pair.stage.requests("INVITE")
        #expect(invites.count == 3 && invites.map(\.cSeqNumber) == [1, 2, 3])
        #expect(invites[1].body.contains("a=sendonly") && invites[2].body.contains("a=sendrecv"))
        let answers = pair.stage.responses(200).filter { $0.cSeqMethod == "INVITE" }
        #expect(answers[1].body.contains("a=recvonly") && answers[2].body.contains("a=sendrecv"))
        // The session version rises with each description (RFC 3264 §8).
        #expect(invites.map { $0.body.split(separator: " ")[2] } == ["1", "2", "3"])
        #expect(pair.directions(0) == [.sendReceive, .sendOnly, .sendReceive])
        #expect(pair.directions(1) == [.sendReceive, .receiveOnly, .sendReceive])
        let (caller, callee) = try pair.finish()
        #expect(caller.features?.holds == 1 && caller.features?.holdTime == .seconds(3))
        #expect(caller.features?.reinvitesSent == 2 && callee.features?.reinvitesReceived == 2)
        #expect(callee.features?.holdsByPeer == 1 && caller.features?.holdsByPeer == 0)
        #expect(pair.stage.result(0)?.outcome == .success && pair.stage.result(1)?.outcome == .success)
    }

    @Test func `the callee may hold as well, and both at once are inactive`() throws {
        let pair = CallPair()
        pair.call()
        pair.stage.perform(.hold(endpoint: 1))
        pair.stage.perform(.hold(endpoint: 0))
        #expect(pair.stage.requests("INVITE").last?.body.contains("a=inactive") == true)
        #expect(pair.directions(0).last == .inactive && pair.directions(1).last == .inactive)
        pair.stage.pass(.seconds(2))
        let (caller, callee) = try pair.finish()
        #expect(caller.features?.holds == 1 && callee.features?.holds == 1)
        #expect(callee.features?.holdTime == .seconds(3), "a hold lasts until the call's end")
    }

    @Test func `a plain call has no features`() throws {
        let pair = CallPair()
        pair.call()
        let (caller, callee) = try pair.finish()
        #expect(caller.features == nil && callee.features == nil)
    }

    @Test func `two re-INVITEs at once are refused with 491 and tried again after a random time (RFC 3261 §14.1)`()
        throws
    {
        let pair = CallPair()
        pair.call()
        pair.stage.shard.perform(.hold(endpoint: 0), now: pair.stage.now)
        pair.stage.perform(.hold(endpoint: 1))
        #expect(pair.stage.responses(491).count == 2 && pair.stage.requests("INVITE").count == 3)
        let begin = pair.stage.now
        // The callee, who did not make the Call-ID, waits up to 2 s, the caller 2.1 to 4 s.
        pair.stage.pass(.milliseconds(2_050))
        #expect(pair.stage.requests("INVITE").count == 4 && pair.stage.now - begin == .milliseconds(2_050))
        pair.stage.pass(.seconds(2))
        #expect(pair.stage.requests("INVITE").count == 5 && pair.stage.responses(491).count == 2)
        let (caller, callee) = try pair.finish()
        #expect(caller.features?.glares == 2 && callee.features?.glares == 2)
        #expect(caller.features?.holds == 1 && callee.features?.holds == 1)
    }

    @Test func `a refused hold leaves the session as it was (RFC 3261 §14.1)`() throws {
        let stage = Stage.lonely()
        stage.server = { request in
            switch request.method {
            case "INVITE" where request.cSeqNumber == 1: [request.accepted()]
            case "INVITE": [request.response(488)]
            case "BYE": [request.response(200)]
            default: []
            }
        }
        stage.call(0, "sip:bob@example.org")
        stage.perform(.hold(endpoint: 0))
        #expect(stage.requests("BYE").isEmpty && stage.media.count == 1)
        stage.deliver(stage.requests("INVITE")[0].request("INVITE", 1, body: SIPText.answer), to: 0)
        #expect(stage.responses(200).last?.body.contains("a=sendrecv") == true, "not on hold")
        let result = try stage.finished()
        #expect(result.outcome == .success && result.calls[0].features?.holds == 0)
    }

    @Test(arguments: [408, 481])
    func `a re-INVITE that the peer knows no dialog for ends the call (RFC 3261 §12.2.1.2)`(status: Int) throws {
        let stage = Stage.lonely()
        stage.server = { request in
            switch request.method {
            case "INVITE" where request.cSeqNumber == 1: [request.accepted()]
            case "INVITE": [request.response(status)]
            case "BYE": [request.response(200)]
            default: []
            }
        }
        stage.call(0, "sip:bob@example.org")
        stage.perform(.hold(endpoint: 0))
        #expect(stage.requests("BYE").count == 1 && stage.ended(0) == [false])
        _ = try stage.finished()
    }

    @Test func `a re-INVITE that only rings is given up, and the call with it`() throws {
        let stage = Stage.lonely()
        stage.server = { request in
            switch request.method {
            case "INVITE" where request.cSeqNumber == 1: [request.accepted()]
            case "INVITE": [request.response(180)]
            case "BYE": [request.response(200)]
            default: []
            }
        }
        stage.call(0, "sip:bob@example.org")
        stage.perform(.hold(endpoint: 0))
        stage.pass(.seconds(65))
        #expect(stage.requests("BYE").count == 1)
        #expect(try stage.finished().outcome == .timeout)
    }

    @Test func `the 200 to a re-INVITE gets the same ACK each time it comes, wrong tags change nothing`() throws {
        let stage = Stage.lonely()
        stage.server = { request in
            switch request.method {
            case "INVITE" where request.cSeqNumber == 1: [request.accepted()]
            case "INVITE": [request.accepted(), request.accepted(), request.accepted(toTag: "wrong")]
            case "BYE": [request.response(200)]
            default: []
            }
        }
        stage.call(0, "sip:bob@example.org")
        stage.perform(.refreshSession(endpoint: 0))
        let acks = stage.requests("ACK").filter { $0.cSeqNumber == 2 }
        #expect(acks.count == 3 && Set(acks.map(\.description)).count == 1)
        #expect(try stage.finished().outcome == .success)
    }

    @Test func `UPDATE with an offer is answered, without one it refreshes (RFC 3311 §5.2)`() throws {
        let stage = Stage.lonely()
        stage.deliver(ServerCallTests.invite(), to: 0)
        let ok = try #require(stage.responses(200).first)
        stage.deliver(ServerCallTests.inDialog("ACK", 1, ok), to: 0)
        let sdp = SIPText.answer + "a=sendonly\r\n"
        stage.deliver(
            ServerCallTests.inDialog("UPDATE", 2, ok, ["Content-Type: application/sdp"], body: sdp), to: 0)
        let answer = try #require(stage.sent.last?.message)
        #expect(answer.status == 200 && answer.body.contains("a=recvonly") && answer["Contact"] != nil)
        stage.deliver(ServerCallTests.inDialog("UPDATE", 3, ok), to: 0)
        #expect(stage.sent.last?.message.status == 200 && stage.sent.last?.message.body == "")
        stage.deliver(ServerCallTests.inDialog("UPDATE", 4, ok, ["Content-Type: text/plain"], body: "x"), to: 0)
        #expect(stage.sent.last?.message.status == 415 && stage.sent.last?.message["Accept"] == "application/sdp")
        stage.deliver(
            ServerCallTests.inDialog(
                "UPDATE", 5, ok, ["Content-Type: application/sdp"], body: sdp.replacing("AVP 8", with: "AVP 96")),
            to: 0)
        #expect(stage.sent.last?.message.status == 488)
        stage.deliver(ServerCallTests.inDialog("BYE", 6, ok), to: 0)
        let features = try #require(try stage.finished().calls[0].features)
        #expect(features.updatesReceived == 2 && features.holdsByPeer == 1)
    }

    @Test func `an UPDATE whose offer meets ours is 491, one before an answer 500 with Retry-After (RFC 3311 §5.2)`()
        throws
    {
        let stage = Stage.lonely()
        stage.server = { request in
            request.method == "INVITE" && request.cSeqNumber == 1
                ? [request.accepted()] : request.method == "BYE" ? [request.response(200)] : []
        }
        stage.call(0, "sip:bob@example.org")
        let invite = stage.requests("INVITE")[0]
        stage.perform(.hold(endpoint: 0))
        stage.deliver(invite.request("UPDATE", 1, body: SIPText.answer), to: 0)
        #expect(stage.sent.last?.message.status == 491)

        let callee = Stage.lonely { $0.answerAfter = .seconds(5) }
        callee.deliver(ServerCallTests.invite(), to: 0)
        let ringing = try #require(callee.responses(180).first)
        callee.deliver(
            ServerCallTests.inDialog("UPDATE", 2, ringing, ["Content-Type: application/sdp"], body: SIPText.answer),
            to: 0)
        let refusal = try #require(callee.sent.last?.message)
        #expect(refusal.status == 500 && (Int(refusal["Retry-After"] ?? "") ?? 99) <= 10)
    }

    @Test func `a re-INVITE before the ACK waits with 491, a second one before its ACK with 500`() throws {
        let stage = Stage.lonely()
        stage.deliver(ServerCallTests.invite(), to: 0)
        let ok = try #require(stage.responses(200).first)
        let sdp = ["Contact: <sip:peer@192.0.2.1>", "Content-Type: application/sdp"]
        stage.deliver(ServerCallTests.inDialog("INVITE", 2, ok, sdp, body: SIPText.answer), to: 0)
        #expect(stage.sent.last?.message.status == 491)
        stage.deliver(ServerCallTests.inDialog("ACK", 1, ok), to: 0)
        stage.deliver(ServerCallTests.inDialog("INVITE", 3, ok, sdp, body: SIPText.answer), to: 0)
        #expect(stage.sent.last?.message.status == 200)
        stage.deliver(ServerCallTests.inDialog("INVITE", 4, ok, sdp, body: SIPText.answer), to: 0)
        #expect(stage.sent.last?.message.status == 500 && stage.sent.last?.message["Retry-After"] != nil)
        stage.deliver(ServerCallTests.inDialog("ACK", 3, ok), to: 0)
        stage.deliver(ServerCallTests.inDialog("BYE", 5, ok), to: 0)
        _ = try stage.finished()
    }

    @Test func `a re-INVITE without an offer is answered with one, and its ACK answers it (RFC 3261 §14.2)`() throws {
        let stage = Stage.lonely()
        stage.deliver(ServerCallTests.invite(), to: 0)
        let ok = try #require(stage.responses(200).first)
        stage.deliver(ServerCallTests.inDialog("ACK", 1, ok), to: 0)
        stage.deliver(ServerCallTests.inDialog("INVITE", 2, ok, ["Contact: <sip:peer@192.0.2.1>"]), to: 0)
        #expect(stage.sent.last?.message.body.contains("m=audio 20000 RTP/AVP 8 0") == true)
        let answer = SIPText.answer.replacing("audio 4000", with: "audio 4800")
        stage.deliver(
            ServerCallTests.inDialog("ACK", 2, ok, ["Content-Type: application/sdp"], body: answer), to: 0)
        let ports = stage.media.compactMap { output -> UInt16? in
            if case .updateMedia(_, let audio) = output { audio.remoteRTP.port } else { nil }
        }
        #expect(ports == [4800])
        stage.deliver(ServerCallTests.inDialog("BYE", 3, ok), to: 0)
        #expect(try stage.finished().outcome == .success)
    }

    @Test func `a re-INVITE's 200 that is never acknowledged ends the call with BYE (RFC 3261 §14.2)`() throws {
        let stage = Stage.lonely()
        stage.server = { $0.method == "BYE" ? [$0.response(200)] : [] }
        stage.deliver(ServerCallTests.invite(), to: 0)
        let ok = try #require(stage.responses(200).first)
        stage.deliver(ServerCallTests.inDialog("ACK", 1, ok), to: 0)
        stage.deliver(ServerCallTests.inDialog("INVITE", 2, ok, ["Contact: <sip:peer@192.0.2.1>"]), to: 0)
        stage.pass(.seconds(33))
        #expect(stage.requests("BYE").count == 1)
        #expect(try stage.finished().outcome == .timeout)
    }

    @Test func `a hold that is commanded before the call is up waits for it`() throws {
        let pair = CallPair(callee: { $0.answerAfter = .seconds(2) })
        pair.call()
        pair.stage.perform(.hold(endpoint: 0))
        #expect(pair.stage.requests("INVITE").count == 1)
        pair.stage.pass(.seconds(3))
        #expect(pair.stage.requests("INVITE").count == 2)
        let (caller, _) = try pair.finish()
        #expect(caller.features?.holds == 1)
    }
}
