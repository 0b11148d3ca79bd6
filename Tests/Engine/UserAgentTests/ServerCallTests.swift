// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Media
import RunMetrics
import SIP
import Testing
import UserAgent

/// Calls against a server that answers as a test writes it.
@Suite struct ServerCallTests {
    private func stage(_ change: (inout EndpointPlan) -> Void = { _ in }) -> Stage {
        let stage = Stage()
        stage.add(0, "alice") {
            $0.registers = false
            $0.talkTime = .seconds(5)
            change(&$0)
        }
        return stage
    }

    private func finished(_ stage: Stage) throws -> EndpointResult {
        stage.pass(.seconds(100))
        stage.perform(.finish(endpoint: 0))
        stage.pass(.seconds(100))
        #expect(stage.shard.isIdle)
        return try #require(stage.result(0))
    }

    private static func bye(_ request: SIPText) -> [String] { request.method == "BYE" ? [request.response(200)] : [] }

    @Test(arguments: [401, 407])
    func `a challenge to INVITE is answered once, with ACK and a higher CSeq (F1)`(status: Int) throws {
        let stage = stage()
        let isProxy = status == 407
        stage.server = { request in
            switch request.method {
            case "INVITE" where request.cSeqNumber == 1:
                [Challenge401(nonce: "n1", isProxy: isProxy).answer(request)]
            case "INVITE": [request.response(180), request.accepted()]
            default: Self.bye(request)
            }
        }
        stage.call(0, "sip:bob@example.org")
        let invites = stage.requests("INVITE")
        #expect(invites.map(\.cSeqNumber) == [1, 2] && invites[0].branch != invites[1].branch)
        #expect(invites[0]["Call-ID"] == invites[1]["Call-ID"] && invites[0].fromTag == invites[1].fromTag)
        #expect(invites[1].toTag == nil)
        #expect(invites[1].credential("uri", proxy: isProxy) == "sip:bob@example.org")
        let acks = stage.requests("ACK")
        #expect(acks.count == 2 && acks[0].branch == invites[0].branch && acks[0].cSeqNumber == 1)
        // The ACK to the 2xx carries the INVITE's credentials (RFC 3261 §22.1).
        let name = isProxy ? "Proxy-Authorization" : "Authorization"
        #expect(acks[1][name] == invites[1][name] && acks[1].cSeqNumber == 2)
        let result = try finished(stage)
        #expect(result.outcome == .success && result.calls[0].challenges == 1 && result.calls[0].credentialsSent)
        #expect(stage.requests("BYE").map(\.cSeqNumber) == [3])
    }

    @Test func `a wrong password on INVITE ends with the status after one answer (F4)`() throws {
        let stage = stage()
        stage.server = { $0.method == "INVITE" ? [Challenge401(nonce: "n1", isProxy: true).answer($0)] : [] }
        stage.call(0, "sip:bob@example.org")
        let result = try finished(stage)
        #expect(stage.requests("INVITE").count == 2)
        #expect(result.outcome == .callFailed && result.calls[0].finalStatus?.code == 407)
    }

    @Test(arguments: [
        (486, CallRole.caller), (404, .caller), (403, .caller), (480, .caller), (603, .caller), (302, .caller),
    ])
    func `a refusal is acknowledged and kept`(status: Int, role: CallRole) throws {
        let stage = stage()
        stage.server = { request in
            request.method == "INVITE"
                ? [
                    request.response(100),
                    request.response(status, "No way", ["Reason: Q.850;cause=17", "Server: PBX"]),
                ] : []
        }
        stage.call(0, "sip:bob@example.org")
        #expect(stage.requests("ACK").count == 1 && stage.requests("ACK")[0]["To"]?.hasSuffix(";tag=srv1") == true)
        let result = try finished(stage)
        #expect(result.outcome == .callFailed && result.calls[0].role == role)
        #expect(result.calls[0].finalStatus == SIPStatus(code: UInt16(status), reason: "No way"))
        #expect(result.calls[0].reason == "Q.850;cause=17" && result.calls[0].server == "PBX")
    }

    @Test func `silence ends with timer B after 7 sendings (RFC 3261 §17.1.1.2)`() throws {
        let stage = stage()
        stage.call(0, "sip:bob@example.org")
        let result = try finished(stage)
        #expect(stage.requests("INVITE").count == 7)
        #expect(result.outcome == .timeout && result.calls[0].transportFault == .silence)
        #expect(result.calls[0].retransmissions == 6)
    }

    @Test func `an ICMP refusal ends the call at once`() throws {
        let stage = stage()
        stage.call(0, "sip:bob@example.org")
        stage.shard.sendRefused(flow: FlowID(raw: 1), destination: Stage.server, fault: .refused, now: stage.now)
        stage.settle()
        let result = try finished(stage)
        #expect(result.outcome == .callFailed && result.calls[0].transportFault == .refused)
    }

    @Test func `routes recorded by proxies are followed in reverse (RFC 3261 §12.1.2)`() throws {
        let stage = stage()
        let routes = ["Record-Route: <sip:203.0.113.2;lr>, <sip:203.0.113.1:5070;lr>"]
        stage.server = { request in
            switch request.method {
            case "INVITE": [request.accepted(contact: "<sip:far@198.18.0.9:5099;x=y>", more: routes)]
            default: []
            }
        }
        stage.call(0, "sip:bob@example.org")
        let ack = try #require(stage.sent.last)
        #expect(ack.message.requestURI == "sip:far@198.18.0.9:5099;x=y")
        #expect(ack.message["Route"] == "<sip:203.0.113.1:5070;lr>, <sip:203.0.113.2;lr>")
        #expect(ack.destination == TransportAddress(203, 0, 113, 1, port: 5070))
    }

    @Test func `a strict router gets the Request-URI (RFC 3261 §12.2.1.1)`() throws {
        let stage = stage()
        stage.server = { request in
            guard request.method == "INVITE" else { return [] }
            return [
                request.accepted(
                    contact: "<sip:far@198.18.0.9>",
                    more: ["Record-Route: <sip:a.example;lr>", "Record-Route: <sip:203.0.113.1>"])
            ]
        }
        stage.call(0, "sip:bob@example.org")
        let ack = try #require(stage.requests("ACK").first)
        #expect(ack.requestURI == "sip:203.0.113.1" && ack["Route"] == "<sip:a.example;lr>, <sip:far@198.18.0.9>")
    }

    @Test func `the 200 of a second branch is acknowledged and released (RFC 3261 §13.2.2.4)`() throws {
        let stage = stage()
        stage.server = { request in
            switch request.method {
            case "INVITE":
                [request.accepted(), request.accepted(contact: "<sip:other@192.0.2.1>", toTag: "second")]
            default: Self.bye(request)
            }
        }
        stage.call(0, "sip:bob@example.org")
        #expect(stage.requests("ACK").map(\.toTag) == ["srv1", "second"])
        #expect(stage.requests("BYE").map(\.toTag) == ["second"])
        #expect(try finished(stage).outcome == .success)
    }

    @Test(arguments: ["", "v=0\r\n", "m=audio 1 RTP/AVP 8\r\n"])
    func `an answer that cannot be used is acknowledged, released and named`(body: String) throws {
        let stage = stage()
        stage.server = { request in
            request.method == "INVITE"
                ? [
                    request.response(
                        200, "OK", ["Contact: <sip:x@192.0.2.1>", "Content-Type: application/sdp"], body: body)
                ]
                : Self.bye(request)
        }
        stage.call(0, "sip:bob@example.org")
        #expect(stage.requests("ACK").count == 1 && stage.requests("BYE").count == 1)
        let result = try finished(stage)
        #expect(result.outcome == .negotiationFailed && result.calls[0].negotiationProblem != nil)
    }

    @Test func `a challenge to our BYE is answered in a call that we placed, for a realm met before`() throws {
        let stage = stage()
        stage.server = { request in
            switch request.method {
            case "INVITE" where request.cSeqNumber == 1: [Challenge401(nonce: "n", isProxy: true).answer(request)]
            case "INVITE": [request.accepted()]
            case "BYE" where request.credential("nonce", proxy: true) == "n":
                [Challenge401(nonce: "m", more: ", stale=true", isProxy: true).answer(request)]
            case "BYE": [request.response(200)]
            default: []
            }
        }
        stage.call(0, "sip:bob@example.org")
        stage.pass(.seconds(5))
        let byes = stage.requests("BYE")
        try #require(byes.count == 2)
        // What the INVITE was asked for goes along at once, with the next count (RFC 3261 §22.3).
        #expect(byes[0].credential("nc", proxy: true) == "00000002" && byes[1].cSeqNumber == byes[0].cSeqNumber + 1)
        #expect(byes[1].credential("nonce", proxy: true) == "m" && byes[1].credential("nc", proxy: true) == "00000001")
        #expect(try finished(stage).outcome == .success)
    }

    @Test(arguments: [401, 407])
    func `a challenge to a BYE in a call that the peer placed is never answered: no digest leaks`(status: Int) throws {
        let stage = stage()
        stage.deliver(Self.invite(), to: 0)
        let ok = try #require(stage.responses(200).first)
        stage.deliver(Self.inDialog("ACK", 1, ok), to: 0)
        stage.server = { request in
            request.method == "BYE" ? [Challenge401(nonce: "n", isProxy: status == 407).answer(request)] : []
        }
        stage.perform(.hangUp(endpoint: 0))
        #expect(stage.requests("BYE").count == 1)
        _ = try finished(stage)
        #expect(!stage.sent.contains { $0.message.description.contains("uthorization") })
    }

    @Test func `a challenge to our BYE with a realm that the call never met is not answered`() throws {
        let stage = stage()
        stage.server = { request in
            switch request.method {
            case "INVITE": [request.accepted()]
            case "BYE": [Challenge401(realm: "evil", nonce: "n", isProxy: true).answer(request)]
            default: []
            }
        }
        stage.call(0, "sip:bob@example.org")
        stage.pass(.seconds(5))
        #expect(stage.requests("BYE").count == 1 && stage.requests("BYE")[0]["Proxy-Authorization"] == nil)
    }

    // MARK: A peer that calls

    static func invite(
        _ more: [String] = [], body: String = SIPText.answer, branch: String = "z9hG4bKpeer1", user: String = "alice",
        cSeq: Int = 1, tag: String = ""
    ) -> String {
        let lines =
            [
                "INVITE sip:\(user)@198.51.100.1:6000 SIP/2.0",
                "Via: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=\(branch)",
                "Max-Forwards: 70", "From: <sip:peer@192.0.2.1>;tag=p1", "To: <sip:\(user)@198.51.100.1>\(tag)",
                "Call-ID: call-1", "CSeq: \(cSeq) INVITE", "Contact: <sip:peer@192.0.2.1:5060>",
            ] + (body.isEmpty ? [] : ["Content-Type: application/sdp"]) + more
            + ["Content-Length: \(body.utf8.count)"]
        return lines.joined(separator: "\r\n") + "\r\n\r\n" + body
    }

    static func inDialog(_ method: String, _ cSeq: Int, _ ok: SIPText, _ more: [String] = [], body: String = "")
        -> String
    {
        let lines =
            [
                "\(method) sip:alice@198.51.100.1:6000 SIP/2.0",
                "Via: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK\(method)\(cSeq)", "Max-Forwards: 70",
                "From: \(ok["From"] ?? "")", "To: \(ok["To"] ?? "")", "Call-ID: \(ok["Call-ID"] ?? "")",
                "CSeq: \(cSeq) \(method)",
            ] + more + ["Content-Length: \(body.utf8.count)"]
        return lines.joined(separator: "\r\n") + "\r\n\r\n" + body
    }

    @Test func `a peer's call is answered, changed, and ended by its BYE`() throws {
        let stage = stage()
        stage.deliver(Self.invite(["Record-Route: <sip:192.0.2.1;lr>"]), to: 0)
        let ok = try #require(stage.responses(200).first)
        #expect(ok["Record-Route"] == "<sip:192.0.2.1;lr>")
        #expect(ok["Via"] == "SIP/2.0/UDP 192.0.2.1:5060;rport=5060;branch=z9hG4bKpeer1;received=192.0.2.1")
        stage.deliver(Self.inDialog("ACK", 1, ok), to: 0)
        stage.deliver(
            Self.inDialog(
                "INVITE", 2, ok, ["Contact: <sip:new@192.0.2.1:5062>", "Content-Type: application/sdp"],
                body: SIPText.answer.replacing("audio 4000", with: "audio 4444")), to: 0)
        let updated = stage.media.contains { output in
            if case .updateMedia(_, let audio) = output { audio.remoteRTP.port == 4444 } else { false }
        }
        #expect(updated)
        stage.deliver(Self.inDialog("ACK", 2, ok), to: 0)
        stage.deliver(Self.inDialog("BYE", 3, ok, ["Reason: Q.850;cause=16"]), to: 0)
        #expect(stage.sent.last?.message.status == 200 && stage.ended(0) == [true])
        let result = try finished(stage)
        #expect(result.calls[0].reason == "Q.850;cause=16" && result.outcome == .success)
    }

    @Test func `an INVITE without an offer gets one, and its ACK answers it (RFC 3261 §13.2.1)`() throws {
        let stage = stage()
        stage.deliver(Self.invite(body: ""), to: 0)
        let ok = try #require(stage.responses(200).first)
        #expect(ok.body.contains("m=audio 20000 RTP/AVP 8 0") && stage.media.isEmpty)
        stage.deliver(Self.inDialog("ACK", 1, ok, ["Content-Type: application/sdp"], body: SIPText.answer), to: 0)
        #expect(stage.media.count == 1 && stage.events.contains(.established(endpoint: 0)))
    }

    @Test func `a CANCEL ends a ringing call with 487, one without a call gets 481`() throws {
        let stage = stage { $0.answerAfter = .seconds(5) }
        stage.deliver(Self.invite(), to: 0)
        let ringing = try #require(stage.responses(180).first)
        let cancel = Self.inDialog("CANCEL", 1, SIPText(Self.invite())).replacing(
            "z9hG4bKCANCEL1", with: "z9hG4bKpeer1")
        stage.deliver(cancel, to: 0)
        #expect(stage.responses(487).count == 1 && stage.ended(0) == [false])
        #expect(stage.responses(200).first?.cSeqMethod == "CANCEL" && stage.responses(200)[0].toTag == ringing.toTag)
        stage.deliver(cancel.replacing("z9hG4bKpeer1", with: "z9hG4bKother"), to: 0)
        #expect(stage.responses(481).count == 1)
        _ = try finished(stage)
    }

    @Test func `the same INVITE by another way is 482, another one while busy 486 (RFC 3261 §8.2.2.2)`() throws {
        let stage = stage()
        stage.deliver(Self.invite(), to: 0)
        stage.deliver(Self.invite(), to: 0)
        #expect(stage.responses(200).count == 1, "a copy is absorbed")
        stage.deliver(Self.invite(branch: "z9hG4bKpeer2"), to: 0)
        #expect(stage.responses(482).count == 1)
        stage.deliver(Self.invite(branch: "z9hG4bKpeer3").replacing("call-1", with: "call-2"), to: 0)
        #expect(stage.responses(486).count == 1)
    }

    @Test func `what is not understood is refused as RFC 3261 §8.2 says`() throws {
        let stage = stage()
        stage.deliver(Self.invite(["Require: 100rel, x"]), to: 0)
        #expect(stage.responses(420).first?["Unsupported"] == "100rel, x")
        stage.deliver(Self.invite(branch: "z9hG4bKb").replacing("application/sdp", with: "text/plain"), to: 0)
        #expect(stage.responses(415).first?["Accept"] == "application/sdp")
        for (method, status) in [
            ("OPTIONS", 200), ("BYE", 481), ("MESSAGE", 405), ("REGISTER", 405), ("NOTIFY", 481), ("FOO", 501),
        ] {
            let before = stage.sent.count
            stage.deliver(
                Self.invite(body: "", branch: "z9hG4bK\(method)").replacing("INVITE", with: method), to: 0)
            #expect(stage.sent.count == before + 1 && stage.sent.last?.message.status == status, "\(method)")
        }
        #expect(
            stage.responses(405).allSatisfy {
                ($0["Allow"] ?? "").hasPrefix("INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK")
            })
        stage.deliver(Self.invite(branch: "z9hG4bKt", tag: ";tag=0000000000000000ffffffff"), to: 0)
        #expect(stage.responses(481).count == 3)
    }

    @Test func `requests in a dialog out of order get 500, unknown ones 405 (RFC 3261 §12.2.2)`() throws {
        let stage = stage()
        stage.deliver(Self.invite(cSeq: 5), to: 0)
        let ok = try #require(stage.responses(200).first)
        stage.deliver(Self.inDialog("ACK", 5, ok), to: 0)
        stage.deliver(Self.inDialog("SUBSCRIBE", 6, ok), to: 0)
        #expect(stage.sent.last?.message.status == 405)
        stage.deliver(Self.inDialog("BYE", 4, ok), to: 0)
        #expect(stage.sent.last?.message.status == 500 && stage.ended(0).isEmpty)
        stage.deliver(Self.inDialog("OPTIONS", 7, ok), to: 0)
        #expect(stage.sent.last?.message.status == 200)
        stage.deliver(Self.inDialog("BYE", 8, ok).replacing("tag=p1", with: "tag=p2"), to: 0)
        #expect(stage.sent.last?.message.status == 481 && stage.ended(0).isEmpty)
    }

    @Test func `endpoints on one flow are told apart by the Contact user`() throws {
        let stage = Stage()
        for (index, name) in ["alice", "bob", "carol"].enumerated() {
            stage.add(UInt32(index), name) {
                $0.registers = false
                $0.flow = FlowID(raw: 1)
                $0.localAddress.port = 6000
                $0.answerAfter = .seconds(1)
            }
        }
        stage.deliver(Self.invite(user: "bob"), to: 0)
        #expect(stage.events.contains(.ringing(endpoint: 1)))
        stage.deliver(Self.invite(branch: "z9hG4bKx", user: "dave"), to: 0)
        #expect(stage.responses(404).count == 1)
        let ping = Self.invite(body: "", branch: "z9hG4bKp").replacing("INVITE", with: "OPTIONS")
        stage.deliver(ping.replacing("sip:alice@", with: "sip:"), to: 0)
        #expect(stage.responses(200).count == 1)
        stage.deliver(ping.replacing("alice", with: "mallory").replacing("4bKp", with: "4bKq"), to: 0)
        #expect(stage.responses(404).count == 2)
    }

    @Test func `no message traps, whatever state it meets`() throws {
        let seeds = [Self.invite(), Self.invite(body: "", branch: "z9hG4bKq")]
        let stage = stage { $0.answerAfter = .seconds(1) }
        stage.server = { request in
            [
                request.response(180), request.accepted(), request.response(200), request.response(401),
                request.response(487),
            ]
        }
        var random = SeededRandom(seed: 3)
        for round in 0..<400 {
            if round % 20 == 0 { stage.call(0, "sip:bob@example.org") }
            var pool = seeds + stage.sent.suffix(20).map(\.message.description)
            pool += stage.sent.suffix(5).map(\.message).filter(\.isRequest).map {
                $0.response(200, "OK", toTag: "t\(round)")
            }
            var bytes = Array(pool[Int(random.next() % UInt64(pool.count))].utf8)
            for _ in 0..<Int(random.next() % 4) {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(random.next() & 127)
            }
            bytes.withUnsafeBytes {
                stage.shard.receive($0, flow: FlowID(raw: 1), source: Stage.server, now: stage.now)
            }
            stage.server = { _ in [] }
            stage.settle()
            stage.pass(.milliseconds(Int(random.next() % 3000)))
        }
        #expect(stage.shard.openEndpoints == 1)
        stage.perform(.finish(endpoint: 0))
        stage.pass(.seconds(200))
        #expect(stage.shard.openEndpoints == 0 && stage.shard.isIdle)
    }
}
