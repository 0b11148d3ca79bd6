// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Media
import RunMetrics
import SIP
import Testing
import UserAgent

/// Calls of an open model, and what a plan makes of the messages' own words (F7).
@Suite struct PlannedCallTests {
    private func plan(_ pair: CallPair, at: Instant) {
        pair.stage.perform(.call(endpoint: 0, target: .uri(Array("sip:bob@198.51.100.1:6001".utf8)), at: at))
    }

    private func missed(_ stage: Stage) -> Int {
        stage.events.count { if case .callMissed = $0 { true } else { false } }
    }

    @Test func `calls told ahead leave at their moments, whatever the ones before them did`() throws {
        let pair = CallPair(caller: { $0.talkTime = .seconds(2) })
        let begin = pair.stage.now
        for second in [1, 4, 7] { plan(pair, at: begin + .seconds(second)) }
        pair.stage.pass(.seconds(12))
        pair.stage.perform(.finishAll(deadline: pair.stage.now + .seconds(100)))
        pair.stage.pass(.seconds(200))
        let result = try #require(pair.stage.result(0))
        #expect(result.calls.map(\.invitedAt) == [.seconds(1), .seconds(4), .seconds(7)])
        #expect(result.calls.map(\.scheduledAt) == [.seconds(1), .seconds(4), .seconds(7)])
        #expect(result.notAttempted == 0 && result.outcome == .success && pair.stage.shard.isIdle)
    }

    @Test func `a call that is due while the caller is busy is counted and not made up for`() throws {
        let pair = CallPair(caller: { $0.talkTime = .seconds(5) })
        let begin = pair.stage.now
        for second in [1, 3, 5, 8] { plan(pair, at: begin + .seconds(second)) }
        pair.stage.pass(.seconds(20))
        #expect(missed(pair.stage) == 2)
        pair.stage.perform(.finishAll(deadline: pair.stage.now + .seconds(100)))
        pair.stage.pass(.seconds(200))
        let result = try #require(pair.stage.result(0))
        #expect(result.calls.map(\.invitedAt) == [.seconds(1), .seconds(8)])
        #expect(result.notAttempted == 2 && result.outcome == .completedWithWarnings)
        #expect(pair.stage.shard.isIdle)
    }

    @Test func `who is told to finish does not attempt what was still to come`() throws {
        let pair = CallPair(caller: { $0.talkTime = .seconds(5) })
        let begin = pair.stage.now
        for second in [1, 8, 9] { plan(pair, at: begin + .seconds(second)) }
        pair.stage.pass(.seconds(2))
        pair.stage.perform(.finishAll(deadline: pair.stage.now + .seconds(100)))
        pair.stage.pass(.seconds(200))
        let result = try #require(pair.stage.result(0))
        #expect(result.calls.count == 1 && result.notAttempted == 2 && pair.stage.shard.isIdle)
        #expect(pair.stage.requests("INVITE").count == 1)
    }

    @Test func `a plan's User-Agent, header lines and advertised address stand in REGISTER and INVITE`() throws {
        let stage = Stage()
        stage.add(0, "alice") {
            $0.userAgent = Array("Phone/9".utf8)
            $0.extraHeaders = Array("X-Customer: 42\r\nX-Customer: 43\r\n".utf8)
            $0.advertised = .v4(0xCB00_7107)
        }
        stage.add(1, "bob")
        stage.register(0)
        stage.register(1)
        stage.call(0, "sip:bob@example.org")
        let register = try #require(stage.requests("REGISTER").first)
        for request in [register, try #require(stage.requests("INVITE").first)] {
            #expect(request["User-Agent"] == "Phone/9")
            #expect(request.all("X-Customer") == ["42", "43"])
            #expect(request["Via"]?.contains("203.0.113.7:6000") == true)
            #expect(request["Contact"]?.contains("@203.0.113.7:6000") == true)
        }
        let other = try #require(stage.requests("REGISTER").last)
        #expect(other["User-Agent"] == "CallMeter" && other["X-Customer"] == nil)
        #expect(other["Via"]?.contains("198.51.100.1:6001") == true)
    }
}
