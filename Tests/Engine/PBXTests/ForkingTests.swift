// SPDX-License-Identifier: Apache-2.0

import Bedrock
import PBX
import SIP
import Testing

/// A call to an account with two phones (RFC 3261 §16.6, §16.7), and answers that come late.
@Suite struct ForkingTests {
    private static let desk = PBXHarness.bob
    private static let mobile = TransportAddress(192, 0, 2, 21, port: 5090)

    /// Calls bob, who has two contacts; gives the INVITE to each.
    private func ring() throws -> (pbx: PBXHarness, desk: Message, mobile: Message) {
        let pbx = PBXHarness()
        try pbx.enroll("alice", at: PBXHarness.alice)
        try pbx.enroll("bob", at: Self.desk)
        try pbx.enroll("bob", at: Self.mobile, cSeq: 11, contact: "<sip:bob@\(Self.mobile)>")
        let sent = try pbx.call("bob").filter { $0.message.method == .invite }
        let desk = try #require(sent.first { $0.destination == Self.desk }).message
        let mobile = try #require(sent.first { $0.destination == Self.mobile }).message
        #expect(sent.count == 2 && desk.topVia?.branch != nil)
        #expect(desk.texts(.recordRoute) != mobile.texts(.recordRoute), "each branch has its own way back")
        return (pbx, desk, mobile)
    }

    private func finish(_ pbx: PBXHarness) {
        pbx.advance(.seconds(80))
        #expect(pbx.engine.isIdle, "left: \(pbx.engine.pendingWork)")
    }

    @Test func `all contacts ring, the first 2xx wins, the others are cancelled`() throws {
        let (pbx, desk, mobile) = try ring()
        #expect(pbx.answer(desk, 180).map(\.message.status) == [180])
        #expect(pbx.answer(mobile, 180, from: Self.mobile).map(\.message.status) == [180])
        let sent = pbx.answer(desk, 200, extra: "Contact: <sip:bob@192.0.2.20:5080>")
        #expect(sent.first { $0.message.status == 200 }?.destination == PBXHarness.alice)
        let cancel = try #require(sent.first { $0.message.method == .cancel })
        #expect(cancel.destination == Self.mobile)
        _ = pbx.answer(cancel.message, 200, from: Self.mobile)
        let end = pbx.answer(mobile, 487, from: Self.mobile)
        #expect(end.map(\.destination) == [Self.mobile], "acknowledged, not passed on")
        finish(pbx)
    }

    @Test func `every 2xx is passed on, also one that crosses the CANCEL`() throws {
        let (pbx, desk, mobile) = try ring()
        _ = pbx.answer(mobile, 180, from: Self.mobile)
        _ = pbx.answer(desk, 200)
        let second = pbx.answer(mobile, 200, from: Self.mobile)
        #expect(second.map(\.message.status) == [200] && second[0].destination == PBXHarness.alice)
        finish(pbx)
    }

    @Test func `a branch that had no provisional answer is cancelled when it rings after the 2xx`() throws {
        let (pbx, desk, mobile) = try ring()
        #expect(!pbx.answer(desk, 200).contains { $0.message.method == .cancel })
        let ringing = pbx.answer(mobile, 180, from: Self.mobile)
        #expect(ringing.map(\.message.method) == [.cancel] && ringing[0].destination == Self.mobile)
        _ = pbx.answer(ringing[0].message, 200, from: Self.mobile)
        _ = pbx.answer(mobile, 487, from: Self.mobile)
        finish(pbx)
    }

    @Test(arguments: [
        (486, 404, 486), (404, 486, 404), (503, 486, 486), (486, 407, 407), (302, 486, 302), (500, 503, 500),
    ])
    func `with refusals only the best one is passed on (RFC 3261 §16.7)`(first: Int, second: Int, best: Int) throws {
        let (pbx, desk, mobile) = try ring()
        #expect(!pbx.answer(desk, first).contains { $0.destination == PBXHarness.alice })
        let sent = pbx.answer(mobile, second, from: Self.mobile)
        let refusal = try #require(sent.first { $0.destination == PBXHarness.alice }).message
        #expect(refusal.status == UInt16(best))
        pbx.acknowledge(refusal, target: "bob", cSeq: 2)
        finish(pbx)
    }

    @Test func `a refusal everywhere cancels the others and is what the caller hears`() throws {
        let (pbx, desk, mobile) = try ring()
        _ = pbx.answer(mobile, 180, from: Self.mobile)
        let cancel = try #require(pbx.answer(desk, 603).first { $0.message.method == .cancel }).message
        _ = pbx.answer(cancel, 200, from: Self.mobile)
        let refusal = try #require(
            pbx.answer(mobile, 487, from: Self.mobile).first { $0.destination == PBXHarness.alice }
        ).message
        #expect(refusal.status == 603)
        pbx.acknowledge(refusal, target: "bob", cSeq: 2)
        finish(pbx)
    }

    @Test func `a silent branch does not keep the other's refusal for ever, nor a 2xx from going back`() throws {
        let (pbx, desk, _) = try ring()
        _ = pbx.answer(desk, 486)
        let sent = pbx.advance(.seconds(33))
        let refusal = try #require(sent.first { $0.message.status == 486 }).message
        pbx.acknowledge(refusal, target: "bob", cSeq: 2)
        finish(pbx)
    }

    @Test func `the caller's CANCEL reaches every branch`() throws {
        let (pbx, desk, mobile) = try ring()
        _ = pbx.answer(desk, 180)
        let cancel = pbx.invite("bob", cSeq: 2).replacing("INVITE sip:", with: "CANCEL sip:")
            .replacing("2 INVITE", with: "2 CANCEL")
        let first = pbx.feed(cancel, from: PBXHarness.alice).filter { $0.message.method == .cancel }
        #expect(first.map(\.destination) == [Self.desk])
        let second = pbx.answer(mobile, 180, from: Self.mobile).filter { $0.message.method == .cancel }
        #expect(second.map(\.destination) == [Self.mobile])
        _ = pbx.answer(first[0].message, 200)
        _ = pbx.answer(second[0].message, 200, from: Self.mobile)
        #expect(!pbx.answer(desk, 487).contains { $0.destination == PBXHarness.alice })
        let end = pbx.answer(mobile, 487, from: Self.mobile).first { $0.destination == PBXHarness.alice }
        let refusal = try #require(end).message
        #expect(refusal.status == 487)
        pbx.acknowledge(refusal, target: "bob", cSeq: 2)
        finish(pbx)
    }

    @Test func `a 2xx after the 408 is passed on, not dropped (RFC 3261 §16.7)`() throws {
        let pbx = PBXHarness()
        try pbx.enroll("alice", at: PBXHarness.alice)
        try pbx.enroll("bob", at: Self.desk)
        let invite = try #require(pbx.call("bob").first { $0.message.method == .invite }).message
        _ = pbx.answer(invite, 180)
        pbx.advance(.seconds(191))
        let refusal = try #require(pbx.advance(.seconds(33)).first { $0.message.status == 408 }).message
        pbx.acknowledge(refusal, target: "bob", cSeq: 2)
        let late = pbx.answer(invite, 200, extra: "Contact: <sip:bob@192.0.2.20:5080>")
        #expect(late.map(\.message.status) == [200] && late[0].destination == PBXHarness.alice)
        #expect(late[0].message.elementCount(.via) == 1)
        finish(pbx)
    }

    @Test func `PRACK and UPDATE go along the dialog's route, RAck and all`() throws {
        let pbx = PBXHarness()
        try pbx.enroll("alice", at: PBXHarness.alice)
        try pbx.enroll("bob", at: Self.desk)
        let invite = try #require(pbx.call("bob").first { $0.message.method == .invite }).message
        let reliable = "Require: 100rel\r\nRSeq: 9\r\nContact: <sip:bob@192.0.2.20:5080>"
        let ringing = try #require(pbx.answer(invite, 183, extra: reliable).first).message
        #expect(ringing.reliableSequence == 9)
        for (method, cSeq) in [("PRACK", 3), ("UPDATE", 4)] {
            let text = pbx.inDialog(
                method, cSeq: cSeq, byCaller: true, route: ringing, uri: "sip:bob@192.0.2.20:5080"
            ).replacing("Content-Length", with: "RAck: 9 2 INVITE\nContent-Length")
            let forwarded = try #require(pbx.feed(text, from: PBXHarness.alice).first)
            #expect(forwarded.destination == Self.desk && forwarded.message.text(.rack) == "9 2 INVITE")
            #expect(pbx.answer(forwarded.message, 200).map(\.destination) == [PBXHarness.alice])
        }
        _ = pbx.answer(invite, 200)
        finish(pbx)
    }
}
