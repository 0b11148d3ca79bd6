// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Media
import RunMetrics
import SIP
import Testing
import UserAgent

/// Early media and reliable provisional responses.
@Suite struct ReliabilityTests {
    private static let answer = ["Contact: <sip:peer@192.0.2.1:5060>", "Content-Type: application/sdp"]

    @Test func `183 with a description opens the stream before the answer, and evidence says when`() throws {
        let pair = CallPair(callee: {
            $0.earlyMedia = true
            $0.answerAfter = .seconds(4)
        })
        pair.stage.pass(.seconds(1))
        pair.call()
        #expect(pair.stage.responses(183).count == 1 && pair.stage.responses(180).isEmpty)
        #expect(pair.stage.media.count == 2 && pair.stage.requests("PRACK").isEmpty)
        pair.stage.pass(.seconds(5))
        let ok = try #require(pair.stage.responses(200).first)
        #expect(ok.body == pair.stage.responses(183)[0].body, "an unreliable answer is repeated")
        #expect(pair.stage.media.count == 2, "the same answer changes nothing")
        let (caller, callee) = try pair.finish()
        #expect(caller.features?.earlyMediaAt == .seconds(1) && callee.features?.earlyMediaAt == .seconds(1))
        #expect(caller.establishedAt == .seconds(5) && caller.postDialDelay == .zero)
    }

    @Test func `a stream that was opened early is closed when the call is refused`() throws {
        let stage = Stage.lonely()
        stage.server = { request in
            request.method == "INVITE"
                ? [request.response(183, "Progress", Self.answer, body: SIPText.answer), request.response(480)] : []
        }
        stage.call(0, "sip:bob@example.org")
        #expect(stage.media.count == 2 && stage.media.last == .closeMedia(stream: 0))
        let call = try stage.finished().calls[0]
        #expect(call.features?.earlyMediaAt == .zero && call.finalStatus?.code == 480 && call.media != nil)
    }

    @Test func `a 200 without a description takes the one of its own early dialog`() throws {
        let stage = Stage.lonely()
        stage.server = { request in
            switch request.method {
            case "INVITE":
                [
                    request.response(183, "Progress", Self.answer, body: SIPText.answer),
                    request.response(200, "OK", ["Contact: <sip:peer@192.0.2.1:5060>"]),
                ]
            case "BYE": [request.response(200)]
            default: []
            }
        }
        stage.call(0, "sip:bob@example.org")
        #expect(stage.events.contains(.established(endpoint: 0)))
        #expect(try stage.finished().outcome == .success)
    }

    @Test func `100rel: Supported, Require and RSeq, PRACK with RAck, both roles (RFC 3262)`() throws {
        let pair = CallPair(
            caller: { $0.reliableProvisionals = .supported },
            callee: {
                $0.reliableProvisionals = .supported
                $0.answerAfter = .seconds(3)
            })
        pair.call()
        let ringing = try #require(pair.stage.responses(180).first)
        let prack = try #require(pair.stage.requests("PRACK").first)
        #expect(pair.stage.requests("INVITE")[0]["Supported"] == "100rel" && ringing["Require"] == "100rel")
        #expect(prack["RAck"] == "\(ringing["RSeq"] ?? "") 1 INVITE" && prack.cSeqNumber == 2)
        #expect(prack.toTag == ringing.toTag && prack.requestURI == "sip:bob@198.51.100.1:6001")
        #expect(pair.stage.responses(200).count == 1 && pair.stage.responses(200)[0].cSeqMethod == "PRACK")
        pair.stage.pass(.seconds(4))
        #expect(pair.stage.responses(180).count == 1, "not repeated after its PRACK")
        let (caller, callee) = try pair.finish()
        #expect(caller.features?.reliableProvisionals == 1 && callee.features?.reliableProvisionals == 1)
        #expect(pair.stage.requests("BYE").first?.cSeqNumber == 3, "the numbers of the early dialog go on")
        #expect(pair.stage.result(0)?.outcome == .success)
    }

    @Test func `a reliable 183 answers the offer, and the 200 does not repeat it`() throws {
        let pair = CallPair(
            caller: { $0.reliableProvisionals = .required },
            callee: {
                $0.reliableProvisionals = .required
                $0.earlyMedia = true
                $0.answerAfter = .seconds(3)
            })
        pair.call()
        #expect(pair.stage.requests("INVITE")[0]["Require"] == "100rel" && pair.stage.media.count == 2)
        pair.stage.pass(.seconds(4))
        let ok = try #require(pair.stage.responses(200).last { $0.cSeqMethod == "INVITE" })
        #expect(ok.body == "" && pair.stage.media.count == 2)
        _ = try pair.finish()
        #expect(pair.stage.result(0)?.outcome == .success && pair.stage.result(1)?.outcome == .success)
    }

    @Test func `a reliable response is repeated with doubled pauses until its PRACK; the 200 waits for it`() throws {
        let pair = CallPair(
            caller: { $0.reliableProvisionals = .supported }, callee: { $0.reliableProvisionals = .supported })
        var deaf = true
        pair.stage.drop = { deaf && $0.isRequest && $0.method == "PRACK" }
        pair.call()
        pair.stage.pass(.milliseconds(3_600))
        // Sent at 0, 0.5, 1.5 and 3.5 s; the caller sends no second PRACK for a copy, its transaction repeats the first.
        #expect(pair.stage.responses(180).count == 4 && Set(pair.stage.requests("PRACK").map(\.cSeqNumber)) == [2])
        #expect(!pair.stage.responses(200).contains { $0.cSeqMethod == "INVITE" })
        deaf = false
        pair.stage.pass(.seconds(5))
        #expect(pair.stage.responses(200).contains { $0.cSeqMethod == "INVITE" })
        let (caller, _) = try pair.finish()
        #expect(caller.establishedAt != nil)
    }

    @Test func `without any PRACK the INVITE is refused after 64 times T1 (RFC 3262 §3)`() throws {
        let stage = Stage.lonely {
            $0.reliableProvisionals = .supported
            $0.answerAfter = .seconds(60)
        }
        stage.deliver(ServerCallTests.invite(["Supported: 100rel"]), to: 0)
        stage.pass(.seconds(33))
        #expect(stage.responses(504).first?.cSeqMethod == "INVITE" && stage.ended(0) == [false])
        #expect(try stage.finished().outcome == .timeout)
    }

    @Test func `a PRACK that matches nothing is 481, a second one too; an offer in it is answered`() throws {
        let stage = Stage.lonely {
            $0.reliableProvisionals = .supported
            $0.earlyMedia = true
            $0.answerAfter = .seconds(5)
        }
        stage.deliver(ServerCallTests.invite(["Supported: 100rel"]), to: 0)
        let progress = try #require(stage.responses(183).first)
        let number = try #require(progress["RSeq"])
        func prack(_ cSeq: Int, _ rack: String) -> String {
            ServerCallTests.inDialog(
                "PRACK", cSeq, progress, ["RAck: \(rack)", "Content-Type: application/sdp"],
                body: SIPText.answer.replacing("audio 4000", with: "audio 4002"))
        }
        stage.deliver(prack(2, "1 2 INVITE"), to: 0)
        #expect(stage.sent.last?.message.status == 481)
        stage.deliver(prack(3, "\(number) 1 INVITE"), to: 0)
        #expect(stage.sent.last?.message.status == 200 && stage.sent.last?.message.body.contains("m=audio") == true)
        stage.deliver(prack(4, "\(number) 1 INVITE"), to: 0)
        #expect(stage.sent.last?.message.status == 481)
        stage.deliver(ServerCallTests.inDialog("PRACK", 5, progress, ["RAck: nonsense"]), to: 0)
        #expect(stage.sent.last?.message.status == 481)
        stage.deliver(ServerCallTests.inDialog("BYE", 6, progress), to: 0)
        _ = try stage.finished()
    }

    @Test func `a reliable response out of order is not acknowledged until those before it came (RFC 3262 §4)`() throws
    {
        let stage = Stage.lonely { $0.reliableProvisionals = .supported }
        stage.server = { request in
            func progress(_ number: Int, _ tag: String = "srv1") -> String {
                request.response(
                    183, "Progress", toTag: tag,
                    ["Contact: <sip:peer@192.0.2.1:5060>", "Require: 100rel", "RSeq: \(number)"])
            }
            return request.method == "INVITE"
                ? [progress(7), progress(9), progress(7), progress(8), progress(9), progress(100, "fork")] : []
        }
        stage.call(0, "sip:bob@example.org")
        let pracks = stage.requests("PRACK")
        #expect(pracks.map { $0["RAck"] ?? "" } == ["7 1 INVITE", "8 1 INVITE", "9 1 INVITE", "100 1 INVITE"])
        // Early dialogs are told apart by their tags and count for themselves.
        #expect(pracks.map(\.toTag) == ["srv1", "srv1", "srv1", "fork"] && pracks.map(\.cSeqNumber) == [2, 3, 4, 2])
    }

    @Test func `a caller that requires 100rel is refused with 420, one that lacks it with 421`() throws {
        let without = Stage.lonely()
        without.deliver(ServerCallTests.invite(["Require: 100rel"]), to: 0)
        #expect(without.responses(420).first?["Unsupported"] == "100rel")
        let requiring = Stage.lonely { $0.reliableProvisionals = .required }
        requiring.deliver(ServerCallTests.invite(), to: 0)
        #expect(requiring.responses(421).first?["Require"] == "100rel")
        let with = Stage.lonely { $0.reliableProvisionals = .supported }
        with.deliver(ServerCallTests.invite(["Require: 100rel, timer, replaces"]), to: 0)
        #expect(with.responses(420).first?["Unsupported"] == "replaces")
    }

    @Test func `a CANCEL while a PRACK is awaited ends the repetitions`() throws {
        let stage = Stage.lonely {
            $0.reliableProvisionals = .supported
            $0.answerAfter = .seconds(5)
        }
        stage.deliver(ServerCallTests.invite(["Supported: 100rel"]), to: 0)
        let cancel = ServerCallTests.inDialog("CANCEL", 1, SIPText(ServerCallTests.invite())).replacing(
            "z9hG4bKCANCEL1", with: "z9hG4bKpeer1")
        stage.deliver(cancel, to: 0)
        stage.pass(.seconds(20))
        #expect(stage.responses(180).count == 1 && !stage.responses(487).isEmpty)
        _ = try stage.finished()
    }
}
