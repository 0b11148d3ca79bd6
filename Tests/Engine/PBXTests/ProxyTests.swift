// SPDX-License-Identifier: Apache-2.0

import Bedrock
import PBX
import SIP
import Testing

@Suite struct ProxyTests {
    private func harness() throws -> PBXHarness {
        let pbx = PBXHarness()
        try pbx.enroll("alice", at: PBXHarness.alice)
        try pbx.enroll("bob", at: PBXHarness.bob)
        return pbx
    }

    @Test func `a call goes through: 407, INVITE, 180, 200, ACK, BYE from either side, and nothing is left`() throws {
        for callerHangsUp in [true, false] {
            let pbx = try harness()
            let sent = try pbx.call("bob")
            let invite = try #require(sent.first { $0.message.method == .invite })
            #expect(invite.destination == PBXHarness.bob)
            #expect(invite.message.requestURI.map { invite.message.string(of: $0) } == "sip:bob@192.0.2.20:5080")
            #expect(invite.message.maxForwards == 69)
            #expect(invite.message.elementCount(.via) == 2)
            #expect(invite.message.texts(.recordRoute).count == 1)
            #expect(invite.message.first(.proxyAuthorization) == nil, "credentials for this server must not travel on")
            #expect(invite.message.string(of: invite.message.body) == PBXHarness.offer.replacing("\n", with: "\r\n"))

            let ringing = try #require(pbx.answer(invite.message, 180).first)
            #expect(ringing.message.status == 180 && ringing.destination == PBXHarness.alice)
            #expect(ringing.message.elementCount(.via) == 1)
            let answered = try #require(
                pbx.answer(invite.message, 200, extra: "Contact: <sip:bob@192.0.2.20:5080>\r\nX-Kept: yes").first)
            #expect(answered.message.status == 200 && answered.message.first(named: "x-kept") != nil)
            // A repeated 200 is passed on as well: the caller's ACK may have been lost.
            #expect(pbx.answer(invite.message, 200).first?.message.status == 200)

            let ack = pbx.inDialog(
                "ACK", cSeq: 2, byCaller: true, route: answered.message, uri: "sip:bob@192.0.2.20:5080")
            let first = try #require(pbx.feed(ack, from: PBXHarness.alice).first)
            #expect(first.message.method == .ack && first.destination == PBXHarness.bob)
            #expect(first.message.elementCount(.route) == 0)
            let again = try #require(pbx.feed(ack, from: PBXHarness.alice).first)
            #expect(
                again.message.topVia?.branch.map { again.message.string(of: $0) }
                    == first.message.topVia?.branch.map { first.message.string(of: $0) })

            let bye = pbx.inDialog(
                "BYE", cSeq: 3, byCaller: callerHangsUp, route: callerHangsUp ? answered.message : invite.message,
                uri: callerHangsUp ? "sip:bob@192.0.2.20:5080" : "sip:alice@192.0.2.10:5070")
            let forwarded = try #require(pbx.feed(bye, from: callerHangsUp ? PBXHarness.alice : PBXHarness.bob).first)
            #expect(forwarded.message.method == .bye)
            #expect(forwarded.destination == (callerHangsUp ? PBXHarness.bob : PBXHarness.alice))
            let other = callerHangsUp ? PBXHarness.bob : PBXHarness.alice
            #expect(pbx.answer(forwarded.message, 200, from: other).first?.message.status == 200)
            pbx.advance(.seconds(70))
            #expect(pbx.engine.isIdle, "left: \(pbx.engine.pendingWork)")
        }
    }

    @Test func `unknown users get 404, unregistered ones 480, and no hops left 483`() throws {
        let pbx = PBXHarness()
        try pbx.enroll("alice", at: PBXHarness.alice)
        #expect(try pbx.call("nobody").last?.message.status == 404)
        let second = PBXHarness()
        try second.enroll("alice", at: PBXHarness.alice)
        #expect(try second.call("bob").last?.message.status == 480)

        let third = try harness()
        let challenge = try #require(third.feed(third.invite("bob"), from: PBXHarness.alice).first).message
        let line = try third.credentials(
            for: challenge, .invite, uri: "sip:bob@pbx.example", user: "alice", password: "secret-a")
        let answer = third.feed(third.invite("bob", cSeq: 2, maxForwards: 0, extra: line), from: PBXHarness.alice)
        #expect(answer.last?.message.status == 483)
    }

    @Test func `a call without credentials never reaches anybody`() throws {
        let pbx = try harness()
        let challenge = try #require(pbx.feed(pbx.invite("bob"), from: PBXHarness.alice).first).message
        let wrong = try pbx.credentials(
            for: challenge, .invite, uri: "sip:bob@pbx.example", user: "alice", password: "guess")
        #expect(
            pbx.feed(pbx.invite("bob", cSeq: 2, extra: wrong), from: PBXHarness.alice).map(\.message.status) == [407])
        let borrowed = try pbx.credentials(
            for: challenge, .invite, uri: "sip:bob@pbx.example", user: "bob", password: "secret-b")
        #expect(
            pbx.feed(pbx.invite("bob", cSeq: 3, extra: borrowed), from: PBXHarness.alice).map(\.message.status) == [403]
        )
        #expect(!pbx.sent.contains { $0.destination == PBXHarness.bob && $0.message.method == .invite })
    }

    @Test func `CANCEL before and after ringing ends in 487 at the caller`() throws {
        for ringsFirst in [true, false] {
            let pbx = try harness()
            let invite = try #require(pbx.call("bob").first { $0.message.method == .invite }).message
            if ringsFirst { _ = pbx.answer(invite, 180) }
            let cancel = pbx.invite("bob", cSeq: 2).replacing("INVITE sip:", with: "CANCEL sip:")
                .replacing("2 INVITE", with: "2 CANCEL")
            var sent = pbx.feed(cancel, from: PBXHarness.alice)
            #expect(sent.first?.message.status == 200)
            if !ringsFirst {
                #expect(!sent.contains { $0.message.method == .cancel }, "CANCEL must wait for a provisional answer")
                sent = pbx.answer(invite, 180)
            }
            let forwarded = try #require(sent.first { $0.message.method == .cancel })
            #expect(forwarded.destination == PBXHarness.bob)
            _ = pbx.answer(forwarded.message, 200)
            let end = pbx.answer(invite, 487)
            #expect(end.contains { $0.message.method == .ack && $0.destination == PBXHarness.bob })
            let refusal = try #require(end.first { $0.message.status == 487 }).message
            pbx.acknowledge(refusal, target: "bob", cSeq: 2)
            pbx.advance(.seconds(70))
            #expect(pbx.engine.isIdle, "left: \(pbx.engine.pendingWork)")
        }
    }

    @Test func `a callee that never answers costs 408, one that only rings is cancelled by timer C`() throws {
        let pbx = try harness()
        _ = try pbx.call("bob")
        let repeated = pbx.advance(.seconds(33))
        #expect(
            repeated.filter { $0.message.method == .invite }.count == 6,
            "timer A doubles from 500 ms to the end at 32 s")
        #expect(repeated.contains { $0.message.status == 408 && $0.destination == PBXHarness.alice })
        pbx.advance(.seconds(40))
        #expect(pbx.engine.isIdle)

        let ringing = try harness()
        let invite = try #require(ringing.call("bob").first { $0.message.method == .invite }).message
        _ = ringing.answer(invite, 180)
        #expect(ringing.advance(.seconds(191)).contains { $0.message.method == .cancel })
        #expect(ringing.advance(.seconds(40)).contains { $0.message.status == 408 })
        ringing.advance(.seconds(40))
        #expect(ringing.engine.isIdle, "left: \(ringing.engine.pendingWork)")
    }

    @Test func `a forged or foreign route token is not followed`() throws {
        let pbx = try harness()
        let invite = try #require(pbx.call("bob").first { $0.message.method == .invite }).message
        let route = try #require(invite.texts(.recordRoute).first)
        let forged = try Message.parse(
            Array(
                "SIP/2.0 200 OK\nRecord-Route: \(route.replacing("5080", with: "5090").replacing("13d8", with: "13d9"))\n\n"
                    .utf8))
        #expect(forged.texts(.recordRoute).first != route)
        let bye = pbx.inDialog("BYE", cSeq: 3, byCaller: true, route: forged, uri: "sip:elsewhere@192.0.2.20:5090")
        #expect(pbx.feed(bye, from: PBXHarness.alice).map(\.message.status) == [481])
    }

    @Test func `a peer that keeps no routes still ends its call`() throws {
        let pbx = try harness()
        let invite = try #require(pbx.call("bob").first { $0.message.method == .invite }).message
        let ok = try #require(pbx.answer(invite, 200).first).message
        let plain = try Message.parse(Array("SIP/2.0 200 OK\r\n\r\n".utf8))
        for (method, cSeq) in [("ACK", 2), ("BYE", 3)] {
            let text = pbx.inDialog(method, cSeq: cSeq, byCaller: true, route: plain, uri: "sip:bob@192.0.2.20:5080")
            #expect(pbx.feed(text, from: PBXHarness.alice).first?.destination == PBXHarness.bob)
        }
        #expect(ok.toTag != nil)
    }

    @Test func `peers on TCP and UDP call each other; both sides are recorded, and a closed connection is not called`()
        throws
    {
        let pbx = PBXHarness()
        let tcp = FlowID(raw: 7)
        pbx.engine.flowOpened(tcp, transport: .tcp, local: PBXHarness.server)
        try pbx.enroll("alice", at: PBXHarness.alice, flow: tcp, transport: "TCP")
        try pbx.enroll("bob", at: PBXHarness.bob)
        let invite = try #require(pbx.call("bob", flow: tcp, transport: "TCP").first { $0.message.method == .invite })
        #expect(invite.flow == PBXHarness.udp)
        let routes = invite.message.texts(.recordRoute)
        #expect(routes.count == 2 && !routes[0].contains("transport=tcp") && routes[1].contains("transport=tcp"))
        #expect(pbx.answer(invite.message, 200).first?.flow == tcp)
        let bye = pbx.inDialog("BYE", cSeq: 3, byCaller: false, route: invite.message, uri: "sip:alice@192.0.2.10:5070")
        let forwarded = try #require(pbx.feed(bye, from: PBXHarness.bob).first)
        #expect(forwarded.flow == tcp && forwarded.message.elementCount(.route) == 0)
        pbx.engine.flowClosed(tcp, now: pbx.now)
        #expect(pbx.engine.registeredAccounts(at: pbx.now) == 1)
    }
}
