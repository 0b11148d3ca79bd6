// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Media
import RunMetrics
import SIP
import Testing
import UserAgent

/// Blind transfer (RFC 3515).
@Suite struct TransferTests {
    /// A caller (0), a callee (1) that may be transferred, and the target (2) at the callee's server address.
    private func three(_ policy: TransferPolicy, target: (inout EndpointPlan) -> Void = { _ in }) -> Stage {
        let pair = CallPair(callee: {
            $0.acceptsTransfers = policy
            $0.registrar = TransportAddress(198, 51, 100, 1, port: 6002)
        })
        pair.stage.add(2, "carol") {
            $0.registers = false
            target(&$0)
        }
        pair.call()
        return pair.stage
    }

    private func finish(_ stage: Stage) {
        stage.pass(.seconds(1))
        stage.perform(.finishAll(deadline: stage.now + .seconds(200)))
        stage.pass(.seconds(400))
        #expect(stage.shard.openEndpoints == 0 && stage.shard.isIdle, "something is left")
    }

    @Test func `REFER is followed with a call of its own, NOTIFY tells how it went, and the first call ends`() throws {
        let stage = three(.allBut([]))
        stage.perform(.transfer(endpoint: 0, to: Array("sip:carol@198.51.100.1:6002".utf8)))
        let refer = try #require(stage.requests("REFER").first)
        #expect(refer["Refer-To"] == "<sip:carol@198.51.100.1:6002>" && stage.responses(202).count == 1)
        let notifies = stage.requests("NOTIFY")
        #expect(notifies.map(\.body) == ["SIP/2.0 100 Trying\r\n", "SIP/2.0 200 OK\r\n"])
        #expect(notifies.allSatisfy { $0["Event"] == "refer" && $0["Content-Type"] == "message/sipfrag;version=2.0" })
        #expect(notifies[1]["Subscription-State"] == "terminated;reason=noresource")
        #expect(stage.requests("INVITE").last?.requestURI == "sip:carol@198.51.100.1:6002")
        #expect(stage.requests("BYE").count == 1 && stage.ended(0) == [true])
        #expect(stage.events.contains(.established(endpoint: 2)) && stage.ended(1) == [true])
        finish(stage)
        let callee = try #require(stage.result(1))
        #expect(callee.calls.count == 2 && stage.result(0)?.calls[0].features?.transferStatus == 200)
        #expect(callee.calls.allSatisfy { $0.features?.transferStatus == 200 })
        #expect([0, 1, 2].allSatisfy { stage.result($0)?.outcome == .success })
        // One stream: closed for the first call, opened for the second.
        #expect(stage.media.count { if case .openMedia(1, _) = $0 { true } else { false } } == 2)
        #expect(stage.media.count { $0 == .closeMedia(stream: 1) } == 2)
    }

    @Test func `a transfer that fails is told, and the first call goes on with its audio`() throws {
        let stage = three(.allBut([]), target: { $0.codecs = [] })
        stage.perform(.transfer(endpoint: 0, to: Array("sip:carol@198.51.100.1:6002".utf8)))
        #expect(stage.requests("NOTIFY").last?.body == "SIP/2.0 488 Not Acceptable Here\r\n")
        #expect(stage.requests("BYE").isEmpty && stage.ended(0).isEmpty)
        #expect(stage.media.count { if case .openMedia(1, _) = $0 { true } else { false } } == 2)
        finish(stage)
        #expect(stage.result(0)?.calls[0].features?.transferStatus == 488 && stage.result(0)?.outcome == .success)
    }

    @Test func `REFER is refused with 603 unless the plan permits it`() throws {
        let stage = three(.none)
        stage.perform(.transfer(endpoint: 0, to: Array("sip:carol@198.51.100.1:6002".utf8)))
        #expect(stage.responses(603).count == 1 && stage.requests("NOTIFY").isEmpty)
        finish(stage)
        #expect(stage.result(0)?.calls[0].features?.transferStatus == 603)
        #expect(stage.result(0)?.outcome == .success)
    }

    @Test(arguments: [
        "sip:112@example.org", "sip:1-1(2)@example.org", "sip:112;phone-context=x@example.org", "sip:%3112@example.org",
        "tel:112", "sip:carol@example.org?Replaces=x", "sip:carol@example.org;method=BYE", "sip:example.org",
    ])
    func `numbers that are never called, other schemes and attended transfers are refused with 603`(target: String)
        throws
    {
        let stage = three(.allBut([Array("112".utf8)]))
        stage.perform(.transfer(endpoint: 0, to: Array(target.utf8)))
        #expect(stage.responses(603).count == 1 && stage.requests("INVITE").count == 1)
        finish(stage)
    }

    @Test func `REFER without or with two Refer-To is 400, outside a dialog 603, a stray NOTIFY 481 or 489`() throws {
        let stage = Stage.lonely { $0.acceptsTransfers = .allBut([]) }
        stage.deliver(ServerCallTests.invite(), to: 0)
        let ok = try #require(stage.responses(200).first)
        stage.deliver(ServerCallTests.inDialog("ACK", 1, ok), to: 0)
        stage.deliver(ServerCallTests.inDialog("REFER", 2, ok), to: 0)
        #expect(stage.sent.last?.message.status == 400)
        stage.deliver(
            ServerCallTests.inDialog("REFER", 3, ok, ["Refer-To: <sip:a@b>", "Refer-To: <sip:c@d>"]), to: 0)
        #expect(stage.sent.last?.message.status == 400)
        stage.deliver(ServerCallTests.inDialog("NOTIFY", 4, ok, ["Event: refer"]), to: 0)
        #expect(stage.sent.last?.message.status == 481)
        stage.deliver(ServerCallTests.inDialog("NOTIFY", 5, ok, ["Event: presence"]), to: 0)
        #expect(stage.sent.last?.message.status == 489)
        stage.deliver(
            ServerCallTests.invite(["Refer-To: <sip:a@b>"], body: "", branch: "z9hG4bKr").replacing(
                "INVITE", with: "REFER"), to: 0)
        #expect(stage.sent.last?.message.status == 603)
        stage.deliver(ServerCallTests.inDialog("BYE", 6, ok), to: 0)
        _ = try stage.finished()
    }
}
