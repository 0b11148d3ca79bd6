// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Media
import RunMetrics
import SIP
import Testing
import UserAgent

/// Calls between two endpoints over the stage's wire: the caller sends straight to the callee's address.
@Suite struct CallTests {
    static let callee = TransportAddress(198, 51, 100, 1, port: 6001)

    /// A caller (0) and a callee (1) that do not register.
    private func pair(
        caller: (inout EndpointPlan) -> Void = { _ in }, callee: (inout EndpointPlan) -> Void = { _ in }
    ) -> Stage {
        let stage = Stage()
        stage.add(0, "alice") {
            $0.registers = false
            $0.registrar = Self.callee
            $0.talkTime = .seconds(10)
            caller(&$0)
        }
        stage.add(1, "bob") {
            $0.registers = false
            $0.answerAfter = .seconds(1)
            callee(&$0)
        }
        return stage
    }

    private func call(_ stage: Stage) { stage.call(0, "sip:bob@198.51.100.1:6001") }

    private func finish(_ stage: Stage, after interval: Interval = .seconds(100)) {
        stage.pass(interval)
        stage.perform(.finishAll(deadline: stage.now + .seconds(200)))
        stage.pass(.seconds(100))
        #expect(stage.shard.openEndpoints == 0)
        stage.pass(.seconds(200))
        #expect(stage.shard.isIdle, "something is left")
    }

    private func firstCall(_ stage: Stage, _ index: UInt32) throws -> CallEvidence {
        let result = try #require(stage.result(index))
        #expect(result.calls.count == 1)
        return try #require(result.calls.first)
    }

    @Test func `a call is placed, rings, is answered, talked and ended by the caller`() throws {
        let stage = pair()
        call(stage)
        #expect(stage.requests("INVITE").count == 1 && stage.responses(180).count == 1)
        stage.pass(.seconds(1))
        #expect(stage.responses(200).count == 1 && stage.requests("ACK").count == 1)
        #expect(stage.media.count == 2)
        stage.pass(.milliseconds(9_999))
        #expect(stage.requests("BYE").isEmpty)
        stage.pass(.milliseconds(1))
        #expect(stage.requests("BYE").count == 1)
        #expect(stage.ended(0) == [true] && stage.ended(1) == [true])
        finish(stage)
        let caller = try firstCall(stage, 0)
        let callee = try firstCall(stage, 1)
        #expect(caller.postDialDelay == .zero && caller.setupTime == .seconds(1))
        #expect(caller.establishedAt == .seconds(1) && caller.endedAt == .seconds(11))
        #expect(callee.role == .callee && callee.target == "sip:alice@example.org")
        #expect(callee.establishedAt == .seconds(1) && callee.endedAt == .seconds(11))
        #expect(caller.finalStatus == SIPStatus(code: 200, reason: "OK") && callee.finalStatus?.code == 200)
        #expect(stage.result(0)?.outcome == .success && stage.result(1)?.outcome == .success)
        #expect(stage.phases(0) == [.calling, .ringing, .negotiating, .inCall, .disconnecting, .closed])
        #expect(stage.phases(1) == [.ringing, .negotiating, .inCall, .disconnecting, .closed])
    }

    @Test func `offer and answer name the media, which is opened, closed and reported`() throws {
        let stage = pair(caller: { $0.codecs = [.pcmu] })
        var report = StreamReport()
        report.packetsSent = 500
        stage.report = report
        call(stage)
        stage.pass(.seconds(1))
        let opened = stage.media.compactMap { output -> (UInt64, NegotiatedAudio)? in
            if case .openMedia(let stream, let audio) = output { (stream, audio) } else { nil }
        }
        #expect(opened.map(\.0).sorted() == [0, 1])
        for (stream, audio) in opened {
            #expect(audio.codec == .pcmu)
            #expect(audio.remoteRTP == TransportAddress(198, 51, 100, 1, port: stream == 0 ? 20_002 : 20_000))
        }
        finish(stage)
        #expect(stage.media.filter { if case .closeMedia = $0 { true } else { false } }.count == 2)
        #expect(try firstCall(stage, 0).media?.packetsSent == 500)
        #expect(try firstCall(stage, 1).media?.codec == "PCMU")
    }

    @Test func `a media report that never comes is not waited for`() throws {
        let stage = pair()
        stage.report = nil
        call(stage)
        finish(stage)
        #expect(try firstCall(stage, 0).media?.packetsSent == 0)
    }

    @Test func `requests of a call are correct on the wire (RFC 3261 §8.1.1, §12.2.1.1, §13.2.2.4)`() throws {
        let stage = pair()
        call(stage)
        finish(stage)
        let invite = try #require(stage.requests("INVITE").first)
        let ack = try #require(stage.requests("ACK").first)
        let bye = try #require(stage.requests("BYE").first)
        let ok = try #require(stage.responses(200).first)
        #expect(invite.startLine == "INVITE sip:bob@198.51.100.1:6001 SIP/2.0")
        #expect(invite["To"] == "<sip:bob@198.51.100.1:6001>" && invite.toTag == nil)
        #expect(invite["Contact"] == "<sip:alice@198.51.100.1:6000>")
        #expect(invite["Content-Type"] == "application/sdp" && invite["Content-Length"] == "\(invite.body.utf8.count)")
        #expect(invite.body.contains("m=audio 20000 RTP/AVP 8 0\r\n"))
        #expect(ok.body.contains("m=audio 20002 RTP/AVP 8\r\n") && ok["Content-Length"] == "\(ok.body.utf8.count)")
        #expect(ok["Contact"] == "<sip:bob@198.51.100.1:6001>" && (ok.toTag?.count ?? 0) >= 8)
        for request in [ack, bye] {
            #expect(request.requestURI == "sip:bob@198.51.100.1:6001")
            #expect(request["From"] == invite["From"] && request["To"] == ok["To"])
            #expect(request["Call-ID"] == invite["Call-ID"] && request["Max-Forwards"] == "70")
            #expect(request["Content-Length"] == "0")
        }
        #expect(ack["CSeq"] == "1 ACK" && bye["CSeq"] == "2 BYE" && invite["CSeq"] == "1 INVITE")
        #expect(Set([invite, ack, bye].map(\.branch)).count == 3)
    }

    @Test func `a lost ACK is sent again, the same, with each copy of the 200 (RFC 3261 §13.2.2.4)`() throws {
        let stage = pair()
        var lost = 0
        stage.drop = { message in
            guard message.isRequest, message.method == "ACK", lost < 3 else { return false }
            lost += 1
            return true
        }
        call(stage)
        finish(stage)
        #expect(stage.responses(200).filter { $0.cSeqMethod == "INVITE" }.count == 4)
        #expect(stage.requests("ACK").count == 4 && Set(stage.requests("ACK").map(\.description)).count == 1)
        #expect(stage.result(1)?.outcome == .success)
        #expect(try firstCall(stage, 1).establishedAt == .milliseconds(1_000 + 500 + 1_000 + 2_000))
    }

    @Test func `an ACK that never comes ends the call with a BYE after 64 times T1 (RFC 3261 §13.3.1.4)`() throws {
        let stage = pair(caller: { $0.talkTime = .seconds(60) })
        stage.drop = { $0.isRequest && $0.method == "ACK" }
        call(stage)
        stage.pass(.seconds(33))
        #expect(stage.requests("BYE").count == 1 && stage.requests("BYE")[0].fromTag == stage.responses(200)[0].toTag)
        finish(stage)
        #expect(stage.result(1)?.outcome == .timeout)
        #expect(try firstCall(stage, 0).endedByPeer)
        #expect(stage.result(0)?.outcome == .completedWithWarnings)
    }

    @Test func `lost messages of every kind are sent again and the call succeeds`() throws {
        for kind in ["INVITE", "180", "200", "ACK", "BYE"] {
            let stage = pair()
            var lost = false
            stage.drop = { message in
                let name = message.isRequest ? message.method : String(message.status)
                guard !lost, name == kind else { return false }
                lost = true
                return true
            }
            call(stage)
            finish(stage)
            #expect(stage.ended(0) == [true] && stage.ended(1) == [true], "\(kind) lost")
        }
    }

    @Test func `a BYE that nobody answers is bounded and a teardown error`() throws {
        let stage = pair()
        stage.drop = { $0.isRequest && $0.method == "BYE" }
        call(stage)
        stage.pass(.seconds(43))
        #expect(stage.ended(0) == [false])
        finish(stage)
        #expect(stage.result(0)?.outcome == .teardownError)
        #expect(try firstCall(stage, 0).transportFault == .silence)
    }

    @Test func `hanging up while it rings cancels (RFC 3261 §9.1)`() throws {
        let stage = pair(callee: { $0.answerAfter = .seconds(20) })
        call(stage)
        stage.pass(.seconds(2))
        stage.perform(.hangUp(endpoint: 0))
        let invite = try #require(stage.requests("INVITE").first)
        let cancel = try #require(stage.requests("CANCEL").first)
        #expect(
            cancel.branch == invite.branch && cancel.requestURI == invite.requestURI && cancel["CSeq"] == "1 CANCEL")
        #expect(cancel["To"] == invite["To"] && cancel["From"] == invite["From"])
        #expect(stage.responses(487).count == 1 && stage.requests("ACK").count == 1)
        #expect(stage.requests("ACK")[0].branch == invite.branch)
        #expect(stage.ended(0) == [false] && stage.ended(1) == [false])
        finish(stage)
        #expect(try firstCall(stage, 0).finalStatus?.code == 487)
        #expect(stage.media.isEmpty)
    }

    @Test func `a 200 that crosses the CANCEL is acknowledged and released`() throws {
        let stage = pair(callee: { $0.answerAfter = .seconds(20) })
        call(stage)
        stage.drop = { $0.isRequest && $0.method == "CANCEL" }
        stage.pass(.milliseconds(19_900))
        stage.perform(.hangUp(endpoint: 0))
        stage.pass(.milliseconds(200))
        #expect(stage.requests("ACK").count == 1 && stage.requests("BYE").count == 1)
        finish(stage)
        #expect(stage.result(0)?.calls.first?.establishedAt == nil)
    }

    @Test func `a call that is not answered in time is cancelled and a time-out`() throws {
        let stage = pair(
            caller: { $0.ringTimeout = .seconds(5) },
            callee: { $0.answerAfter = .seconds(60) })
        call(stage)
        stage.pass(.milliseconds(4_999))
        #expect(stage.requests("CANCEL").isEmpty)
        finish(stage)
        #expect(stage.requests("CANCEL").count == 1 && stage.result(0)?.outcome == .timeout)
    }

    @Test func `hanging up before anything was heard waits for a provisional answer, then cancels`() throws {
        let stage = pair(callee: { $0.answerAfter = .seconds(20) })
        var deaf = true
        stage.drop = { _ in deaf }
        call(stage)
        stage.perform(.hangUp(endpoint: 0))
        #expect(stage.requests("CANCEL").isEmpty)
        deaf = false
        stage.pass(.seconds(1))
        #expect(stage.requests("CANCEL").count == 1 && stage.responses(487).count == 1)
        finish(stage)
    }

    @Test func `the callee may hang up; a BYE waits for the ACK (RFC 3261 §15)`() throws {
        let stage = pair()
        var held = true
        stage.drop = { $0.isRequest && $0.method == "ACK" && held }
        call(stage)
        stage.pass(.seconds(1))
        stage.perform(.hangUp(endpoint: 1))
        #expect(stage.requests("BYE").isEmpty)
        held = false
        stage.pass(.seconds(1))
        #expect(stage.requests("BYE").count == 1)
        #expect(stage.ended(0) == [true])
        finish(stage)
        #expect(try firstCall(stage, 0).endedByPeer && stage.result(0)?.outcome == .completedWithWarnings)
    }

    @Test func `a busy callee refuses the second caller with 486`() throws {
        let stage = pair()
        stage.add(2, "carol") {
            $0.registers = false
            $0.registrar = Self.callee
        }
        call(stage)
        stage.pass(.seconds(2))
        stage.call(2, "sip:bob@198.51.100.1:6001")
        #expect(stage.responses(486).count == 1 && stage.ended(2) == [false])
        finish(stage)
        #expect(stage.result(2)?.outcome == .callFailed && stage.result(1)?.outcome == .success)
    }

    @Test func `the same endpoints call again`() throws {
        let stage = pair()
        for _ in 0..<3 {
            call(stage)
            stage.pass(.seconds(12))
        }
        finish(stage)
        #expect(stage.result(0)?.calls.count == 3 && stage.result(1)?.calls.count == 3)
        #expect(stage.result(0)?.outcome == .success)
        #expect(Set(stage.requests("INVITE").map { $0["Call-ID"] }).count == 3)
    }

    @Test func `an endpoint told to finish ends its call first`() throws {
        let stage = pair(caller: { $0.talkTime = nil })
        call(stage)
        stage.pass(.seconds(50))
        stage.perform(.finish(endpoint: 0))
        #expect(stage.result(0)?.outcome == .success && stage.ended(1) == [true])
        finish(stage)
    }

    @Test func `a callee told to finish while it rings refuses with 480`() throws {
        let stage = pair(callee: { $0.answerAfter = .seconds(20) })
        call(stage)
        stage.perform(.finish(endpoint: 1))
        #expect(stage.responses(480).count == 1)
        finish(stage)
        #expect(try firstCall(stage, 0).finalStatus?.code == 480)
    }

    @Test func `an endpoint without media calls and answers without a stream`() throws {
        let stage = pair(caller: { $0.mediaAddress = nil }, callee: { $0.mediaAddress = nil })
        call(stage)
        finish(stage)
        #expect(stage.ended(0) == [true] && stage.media.isEmpty)
        #expect(try firstCall(stage, 0).media == nil)
    }

    @Test func `no codec in common is refused with 488 and named`() throws {
        let stage = pair(caller: { $0.codecs = [.pcmu] }, callee: { $0.codecs = [.pcma] })
        call(stage)
        #expect(stage.responses(488).count == 1)
        finish(stage)
        #expect(stage.result(1)?.outcome == .negotiationFailed && stage.result(0)?.outcome == .callFailed)
        #expect(try firstCall(stage, 1).negotiationProblem != nil)
    }
}
