// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Media
import RunMetrics
import SIP
import Testing
import UserAgent

/// Messages that come out of order, too late, twice, or to nobody.
@Suite struct UnexpectedMessageTests {
    private static func up(_ stage: Stage) throws -> SIPText {
        stage.deliver(ServerCallTests.invite(), to: 0)
        let ok = try #require(stage.responses(200).first)
        stage.deliver(ServerCallTests.inDialog("ACK", 1, ok), to: 0)
        return ok
    }

    @Test func `a 2xx after the CANCEL was given up is acknowledged and released`() throws {
        let stage = Stage.lonely { $0.ringTimeout = .seconds(5) }
        stage.server = { $0.method == "INVITE" ? [$0.response(180)] : $0.method == "BYE" ? [$0.response(200)] : [] }
        stage.call(0, "sip:bob@example.org")
        stage.pass(.seconds(38))
        #expect(stage.ended(0) == [false])
        let before = stage.sent.count
        stage.deliver(stage.requests("INVITE")[0].accepted(), to: 0)
        #expect(stage.sent.dropFirst(before).map(\.message.method) == ["ACK", "BYE"])
        #expect(stage.requests("ACK").last?.toTag == "srv1" && (stage.requests("BYE").last?.cSeqNumber ?? 0) > 1)
        #expect(try stage.finished().outcome == .timeout)
    }

    @Test func `every further 2xx of a forked INVITE is acknowledged, released once, and counted`() throws {
        let stage = Stage.lonely()
        stage.server = { request in
            switch request.method {
            case "INVITE":
                [
                    request.accepted(toTag: "one"), request.accepted(toTag: "two"), request.accepted(toTag: "three"),
                    request.accepted(toTag: "two"), request.accepted(toTag: "one"),
                ]
            case "BYE": [request.response(200)]
            default: []
            }
        }
        stage.call(0, "sip:bob@example.org")
        let acks = stage.requests("ACK")
        #expect(acks.map(\.toTag) == ["one", "two", "three", "two", "one"])
        #expect(acks[1].description == acks[3].description && acks[0].description == acks[4].description)
        #expect(stage.requests("BYE").map(\.toTag) == ["two", "three"])
        #expect(try stage.finished().calls[0].features?.forkedAnswers == 2)
    }

    @Test func `a 2xx of a fork after the call is over is acknowledged and released`() throws {
        let stage = Stage.lonely { $0.talkTime = .seconds(1) }
        stage.server = { request in
            request.method == "INVITE" ? [request.accepted()] : request.method == "BYE" ? [request.response(200)] : []
        }
        stage.call(0, "sip:bob@example.org")
        stage.pass(.seconds(3))
        #expect(stage.ended(0) == [true])
        stage.deliver(stage.requests("INVITE")[0].accepted(toTag: "late"), to: 0)
        #expect(stage.requests("ACK").last?.toTag == "late" && stage.requests("BYE").last?.toTag == "late")
        #expect(try stage.finished().outcome == .success)
    }

    @Test func `early dialogs of several branches have routes and numbers of their own`() throws {
        let stage = Stage.lonely { $0.reliableProvisionals = .supported }
        stage.server = { request in
            func ring(_ tag: String, _ host: String) -> String {
                request.response(
                    180, "Ringing", toTag: tag,
                    [
                        "Contact: <sip:\(tag)@192.0.2.1:5060>", "Require: 100rel", "RSeq: 1",
                        "Record-Route: <sip:\(host);lr>",
                    ])
            }
            switch request.method {
            case "INVITE": return [ring("a", "192.0.2.1:5060"), ring("b", "192.0.2.1")]
            case "PRACK": return [request.response(200)]
            case "BYE": return [request.response(200)]
            default: return []
            }
        }
        stage.call(0, "sip:bob@example.org")
        #expect(stage.requests("PRACK").map(\.requestURI) == ["sip:a@192.0.2.1:5060", "sip:b@192.0.2.1:5060"])
        #expect(stage.requests("PRACK").map { $0["Route"] } == ["<sip:192.0.2.1:5060;lr>", "<sip:192.0.2.1;lr>"])
        stage.deliver(stage.requests("INVITE")[0].accepted(contact: "<sip:b@192.0.2.1:5060>", toTag: "b"), to: 0)
        #expect(stage.requests("ACK").last?.toTag == "b")
        _ = try stage.finished()
        #expect(stage.requests("BYE").map(\.cSeqNumber) == [3])
    }

    @Test func `a BYE before the ACK ends the call, the ACK after it is passed over`() throws {
        let stage = Stage.lonely()
        stage.deliver(ServerCallTests.invite(), to: 0)
        let ok = try #require(stage.responses(200).first)
        stage.deliver(ServerCallTests.inDialog("BYE", 2, ok), to: 0)
        #expect(stage.sent.last?.message.status == 200 && stage.ended(0) == [false])
        stage.deliver(ServerCallTests.inDialog("ACK", 1, ok), to: 0)
        stage.pass(.seconds(40))
        #expect(stage.requests("BYE").isEmpty)
        _ = try stage.finished()
    }

    @Test func `a BYE while it rings is answered, and the INVITE with 487 (RFC 3261 §15.1.2)`() throws {
        let stage = Stage.lonely { $0.answerAfter = .seconds(5) }
        stage.deliver(ServerCallTests.invite(), to: 0)
        stage.deliver(ServerCallTests.inDialog("BYE", 2, try #require(stage.responses(180).first)), to: 0)
        #expect(stage.responses(200).map(\.cSeqMethod) == ["BYE"] && stage.responses(487).count == 1)
        _ = try stage.finished()
    }

    @Test func `a copy of the 200 after our BYE gets its ACK again`() throws {
        let stage = Stage.lonely { $0.talkTime = .seconds(1) }
        stage.server = { $0.method == "INVITE" ? [$0.accepted()] : [] }
        stage.call(0, "sip:bob@example.org")
        stage.pass(.seconds(2))
        #expect(!stage.requests("BYE").isEmpty)
        stage.deliver(stage.requests("INVITE")[0].accepted(), to: 0)
        let acks = stage.requests("ACK")
        #expect(acks.count == 2 && acks[0].description == acks[1].description)
        _ = try stage.finished()
    }

    @Test func `strays get 481, stray ACKs and responses nothing`() throws {
        let stage = Stage.lonely()
        let tag = ";tag=0000000000000000ffffffff"
        for method in ["BYE", "UPDATE", "PRACK", "INFO", "REFER", "NOTIFY", "INVITE", "OPTIONS"] {
            stage.deliver(
                ServerCallTests.invite(body: "", branch: "z9hG4bK\(method)", tag: tag).replacing(
                    "INVITE", with: method),
                to: 0)
            #expect(stage.sent.last?.message.status == 481, "\(method)")
        }
        let count = stage.sent.count
        stage.deliver(
            ServerCallTests.invite(body: "", branch: "z9hG4bKack", tag: tag).replacing("INVITE", with: "ACK"), to: 0)
        stage.deliver(SIPText(ServerCallTests.invite()).accepted(), to: 0)
        #expect(stage.sent.count == count)
        _ = try stage.finished()
    }

    @Test func `another version is 505, another scheme 416, an unknown method 501 with Allow`() throws {
        let stage = Stage.lonely()
        stage.deliver(ServerCallTests.invite().replacing("SIP/2.0\r\nVia", with: "SIP/7.0\r\nVia"), to: 0)
        let refusal = try #require(stage.sent.last?.message)
        #expect(refusal.status == 505 && refusal["CSeq"] == "1 INVITE" && refusal["Call-ID"] == "call-1")
        stage.deliver(
            ServerCallTests.invite(branch: "z9hG4bKs").replacing(
                "INVITE sip:alice@198.51.100.1:6000", with: "INVITE mailto:alice@example.org"), to: 0)
        #expect(stage.sent.last?.message.status == 416)
        stage.deliver(
            ServerCallTests.invite(body: "", branch: "z9hG4bKf").replacing("INVITE", with: "FOO"), to: 0)
        #expect(stage.sent.last?.message.status == 501 && stage.sent.last?.message["Allow"] != nil)
        stage.deliver(
            ServerCallTests.invite(["Content-Encoding: gzip"], branch: "z9hG4bKe").replacing("call-1", with: "c2"),
            to: 0)
        #expect(stage.sent.last?.message.status == 415 && stage.sent.last?.message["Accept-Encoding"] == "identity")
        _ = try stage.finished()
    }

    @Test func `OPTIONS is answered in a dialog and outside one, with what is understood`() throws {
        let stage = Stage.lonely()
        let ok = try Self.up(stage)
        stage.deliver(ServerCallTests.inDialog("OPTIONS", 2, ok), to: 0)
        let inside = try #require(stage.sent.last?.message)
        stage.deliver(
            ServerCallTests.invite(body: "", branch: "z9hG4bKo").replacing("INVITE", with: "OPTIONS"), to: 0)
        for answer in [inside, try #require(stage.sent.last?.message)] {
            #expect(answer.status == 200 && answer["Accept"] == "application/sdp")
            for method in ["PRACK", "UPDATE", "INFO", "REFER", "NOTIFY"] {
                #expect(answer["Allow"]?.contains(method) == true)
            }
        }
        stage.deliver(ServerCallTests.inDialog("BYE", 3, ok), to: 0)
        _ = try stage.finished()
    }

    @Test func `INFO with a digit is accepted, another body 415; a digit is sent on command`() throws {
        let pair = CallPair()
        pair.call()
        pair.stage.perform(.sendDigit(endpoint: 0, digit: UInt8(ascii: "5")))
        pair.stage.perform(.sendDigit(endpoint: 0, digit: UInt8(ascii: "x")))
        let info = try #require(pair.stage.requests("INFO").first)
        #expect(info.body == "Signal=5\r\nDuration=160\r\n" && info["Content-Type"] == "application/dtmf-relay")
        let (caller, callee) = try pair.finish()
        #expect(caller.features?.infosSent == 1 && callee.features?.infosReceived == 1)

        let stage = Stage.lonely()
        let ok = try Self.up(stage)
        stage.deliver(ServerCallTests.inDialog("INFO", 2, ok, ["Content-Type: text/html"], body: "x"), to: 0)
        #expect(stage.sent.last?.message.status == 415)
        stage.deliver(ServerCallTests.inDialog("INFO", 3, ok), to: 0)
        #expect(stage.sent.last?.message.status == 200)
        stage.deliver(ServerCallTests.inDialog("BYE", 4, ok), to: 0)
        _ = try stage.finished()
    }

    @Test func `a lower CSeq in a dialog is 500 with Retry-After and changes nothing`() throws {
        let stage = Stage.lonely()
        let ok = try Self.up(stage)
        stage.deliver(ServerCallTests.inDialog("UPDATE", 5, ok), to: 0)
        stage.deliver(ServerCallTests.inDialog("BYE", 4, ok), to: 0)
        #expect(stage.sent.last?.message.status == 500 && stage.sent.last?.message["Retry-After"] != nil)
        #expect(stage.ended(0).isEmpty)
        stage.deliver(ServerCallTests.inDialog("BYE", 6, ok), to: 0)
        _ = try stage.finished()
    }

    // MARK: Challenges within dialogs

    @Test(arguments: ["INVITE", "UPDATE", "REFER", "INFO", "BYE"])
    func `a challenge in a dialog that the peer opened is never answered: no digest leaks`(method: String) throws {
        for status in [401, 407] {
            let stage = Stage.lonely { $0.sessionTimer = SessionTimerPlan(seconds: 90, refresher: .local) }
            stage.deliver(ServerCallTests.invite(["Supported: timer", "Allow: UPDATE"]), to: 0)
            let ok = try #require(stage.responses(200).first)
            stage.deliver(ServerCallTests.inDialog("ACK", 1, ok), to: 0)
            stage.server = { request in
                request.method == method
                    ? [Challenge401(nonce: "n", isProxy: status == 407).answer(request)] : [request.response(200)]
            }
            Self.send(method, stage)
            #expect(stage.requests(method).count == 1, "\(method)")
            _ = try stage.finished()
            #expect(!stage.sent.contains { $0.message.description.contains("uthorization") })
        }
    }

    @Test(arguments: ["INVITE", "UPDATE", "REFER", "INFO", "BYE"])
    func `a challenge in a dialog of ours is answered once for a realm met before, never for another`(method: String)
        throws
    {
        for realm in ["example.org", "elsewhere"] {
            let stage = Stage.lonely { $0.sessionTimer = SessionTimerPlan(seconds: 90, refresher: .local) }
            stage.server = { request in
                switch request.method {
                case "INVITE" where request.cSeqNumber == 1:
                    [Challenge401(nonce: "n1", isProxy: true).answer(request)]
                case "INVITE" where request.cSeqNumber == 2:
                    [request.accepted(more: ["Session-Expires: 90;refresher=uac", "Allow: UPDATE"])]
                case method: [Challenge401(realm: realm, nonce: "n2", isProxy: true).answer(request)]
                case "ACK": []
                default: [request.response(200)]
                }
            }
            stage.call(0, "sip:bob@example.org")
            Self.send(method, stage)
            let later = stage.requests(method).filter { $0.cSeqNumber > 2 }
            let answered = later.filter { $0.credential("nonce", proxy: true) == "n2" }
            #expect(later.count == (realm == "elsewhere" ? 1 : 2), "\(method) \(realm)")
            #expect(answered.count == (realm == "elsewhere" ? 0 : 1), "\(method) \(realm)")
            _ = try stage.finished()
        }
    }

    /// Makes an endpoint whose call is up send a request of this method.
    private static func send(_ method: String, _ stage: Stage) {
        switch method {
        case "INVITE": stage.perform(.hold(endpoint: 0))
        case "UPDATE": stage.pass(.seconds(46))
        case "REFER": stage.perform(.transfer(endpoint: 0, to: Array("sip:x@example.org".utf8)))
        case "INFO": stage.perform(.sendDigit(endpoint: 0, digit: UInt8(ascii: "1")))
        default: stage.perform(.hangUp(endpoint: 0))
        }
    }
}
