// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Media
import RunMetrics
import SIP
import Testing
import UserAgent

/// Session timers (RFC 4028).
@Suite struct SessionTimerTests {
    private func pair(_ refresher: SessionTimerPlan.Refresher, seconds: UInt32 = 90) -> CallPair {
        CallPair(caller: { $0.sessionTimer = SessionTimerPlan(seconds: seconds, refresher: refresher) })
    }

    @Test func `the caller refreshes by UPDATE at half the interval`() throws {
        let pair = pair(.local)
        pair.call()
        let invite = pair.stage.requests("INVITE")[0]
        #expect(invite["Session-Expires"] == "90;refresher=uac" && invite["Min-SE"] == "90")
        #expect(invite["Supported"] == "timer")
        let ok = try #require(pair.stage.responses(200).first)
        #expect(ok["Session-Expires"] == "90;refresher=uac" && ok["Require"] == "timer")
        pair.stage.pass(.milliseconds(44_999))
        #expect(pair.stage.requests("UPDATE").isEmpty)
        pair.stage.pass(.seconds(200))
        let updates = pair.stage.requests("UPDATE")
        #expect(updates.count == 5 && updates.allSatisfy { $0.fromTag == invite.fromTag && $0.body == "" })
        #expect(updates[0]["Session-Expires"] == "90;refresher=uac")
        let (caller, callee) = try pair.finish()
        #expect(caller.features?.sessionRefreshes == 5 && callee.features?.sessionRefreshes == 5)
        #expect(caller.features?.updatesSent == 5 && pair.stage.result(0)?.outcome == .success)
    }

    @Test func `the callee refreshes when it is asked to`() throws {
        let pair = pair(.peer, seconds: 120)
        pair.call()
        #expect(pair.stage.requests("INVITE")[0]["Session-Expires"] == "120;refresher=uas")
        pair.stage.pass(.seconds(100))
        let updates = pair.stage.requests("UPDATE")
        #expect(updates.count == 1 && updates[0].toTag == pair.stage.requests("INVITE")[0].fromTag)
        #expect(updates[0]["Session-Expires"] == "120;refresher=uac", "its sender refreshes")
        let (caller, callee) = try pair.finish()
        #expect(caller.features?.updatesReceived == 1 && callee.features?.updatesSent == 1)
    }

    @Test func `a peer that does not allow UPDATE is refreshed by re-INVITE with the same description`() throws {
        let stage = Stage.lonely { $0.sessionTimer = SessionTimerPlan(seconds: 90, refresher: .local) }
        stage.server = { request in
            switch request.method {
            case "INVITE": [request.accepted(more: ["Session-Expires: 90;refresher=uac", "Allow: INVITE, ACK, BYE"])]
            case "BYE": [request.response(200)]
            default: []
            }
        }
        stage.call(0, "sip:bob@example.org")
        stage.pass(.seconds(50))
        let invites = stage.requests("INVITE")
        #expect(invites.count == 2 && invites[0].body == invites[1].body && stage.requests("UPDATE").isEmpty)
        #expect(stage.media.count == 1)
        #expect(try stage.finished().calls[0].features?.sessionRefreshes == 1)
    }

    @Test func `an UPDATE that is refused with 405 is followed by re-INVITEs`() throws {
        let stage = Stage.lonely { $0.sessionTimer = SessionTimerPlan(seconds: 90, refresher: .local) }
        stage.server = { request in
            switch request.method {
            case "INVITE": [request.accepted(more: ["Session-Expires: 90;refresher=uac", "Allow: UPDATE"])]
            case "UPDATE": [request.response(405)]
            case "BYE": [request.response(200)]
            default: []
            }
        }
        stage.call(0, "sip:bob@example.org")
        stage.pass(.seconds(100))
        #expect(stage.requests("UPDATE").count == 1 && stage.requests("INVITE").count == 3)
        #expect(try stage.finished().outcome == .success)
    }

    @Test func `422 makes the INVITE come again with the interval demanded (RFC 4028 §7.3)`() throws {
        let pair = CallPair(
            caller: { $0.sessionTimer = SessionTimerPlan(seconds: 90) },
            callee: { $0.sessionTimer = SessionTimerPlan(seconds: 600, minimum: 300) })
        pair.call()
        #expect(pair.stage.responses(422).first?["Min-SE"] == "300")
        let invites = pair.stage.requests("INVITE")
        #expect(invites.count == 2 && invites[1]["Session-Expires"] == "300" && invites[1]["Min-SE"] == "300")
        #expect(invites[0]["Call-ID"] == invites[1]["Call-ID"] && invites[1].cSeqNumber == 2)
        #expect(pair.stage.events.contains(.established(endpoint: 0)))
        _ = try pair.finish()
        #expect(pair.stage.result(0)?.outcome == .success)
    }

    @Test func `a server that always answers 422 is not followed for ever`() throws {
        let stage = Stage.lonely { $0.sessionTimer = SessionTimerPlan(seconds: 90) }
        var minimum = 100
        stage.server = { request in
            guard request.method == "INVITE" else { return [] }
            minimum += 1
            return [request.response(422, "Too Small", ["Min-SE: \(minimum)"])]
        }
        stage.call(0, "sip:bob@example.org")
        #expect(stage.requests("INVITE").count == 5)
        #expect(try stage.finished().calls[0].finalStatus?.code == 422)
    }

    @Test func `a session that the peer does not refresh is ended with BYE before it expires (RFC 4028 §10)`() throws {
        let pair = pair(.peer)
        pair.stage.drop = { $0.isRequest && $0.method == "UPDATE" }
        pair.call()
        pair.stage.pass(.milliseconds(59_999))
        #expect(pair.stage.requests("BYE").isEmpty)
        pair.stage.pass(.milliseconds(1))
        #expect(!pair.stage.requests("BYE").isEmpty)
        let (caller, _) = try pair.finish()
        #expect(caller.features?.sessionExpired == true && pair.stage.result(0)?.outcome == .timeout)
    }

    @Test func `a refresh that is refused again and again ends with BYE at expiry`() throws {
        let stage = Stage.lonely { $0.sessionTimer = SessionTimerPlan(seconds: 90, refresher: .local) }
        stage.server = { request in
            switch request.method {
            case "INVITE" where request.cSeqNumber == 1: [request.accepted(more: ["Session-Expires: 90;refresher=uac"])]
            case "INVITE": [request.response(503)]
            case "BYE": [request.response(200)]
            default: []
            }
        }
        stage.call(0, "sip:bob@example.org")
        stage.pass(.seconds(59))
        #expect(stage.requests("BYE").isEmpty)
        stage.pass(.seconds(2))
        #expect(stage.requests("BYE").count == 1)
        #expect(try stage.finished().calls[0].features?.sessionExpired == true)
    }

    @Test func `an interval below the minimum is refused with 422, by a sender without timers accepted`() throws {
        let stage = Stage.lonely()
        stage.deliver(ServerCallTests.invite(["Supported: timer", "Session-Expires: 60"]), to: 0)
        #expect(stage.responses(422).first?["Min-SE"] == "90")
        stage.deliver(
            ServerCallTests.invite(["Session-Expires: 60"], branch: "z9hG4bKother").replacing("call-1", with: "call-2"),
            to: 0)
        let ok = try #require(stage.responses(200).first)
        // A proxy asked for it; only this side can refresh (RFC 4028 §9).
        #expect(ok["Session-Expires"] == "90;refresher=uas" && ok["Require"] == nil)
    }

    @Test func `a peer without timers makes a call without one`() throws {
        let stage = Stage.lonely { $0.sessionTimer = SessionTimerPlan(seconds: 90) }
        stage.server = { request in
            request.method == "INVITE" ? [request.accepted()] : request.method == "BYE" ? [request.response(200)] : []
        }
        stage.call(0, "sip:bob@example.org")
        stage.pass(.seconds(300))
        #expect(stage.requests("INVITE").count == 1 && stage.requests("BYE").isEmpty)
        #expect(try stage.finished().outcome == .success)
    }
}
