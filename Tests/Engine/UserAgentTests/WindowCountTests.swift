// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics
import SIP
import Testing
import UserAgent

/// What a shard counts and times, second by second.
@Suite struct WindowCountTests {
    @Test func `a call begun late is late in its second, and its delays stand from the send and from the schedule`()
        throws
    {
        let pair = CallPair()
        let uri = Array("sip:bob@198.51.100.1:6001".utf8)
        pair.stage.perform(.call(endpoint: 0, target: .uri(uri), at: pair.stage.now - .milliseconds(250)))
        let window = pair.stage.shard.takeWindow(second: 0)
        #expect(window.callsStarted == 1)
        #expect(window.callsEstablished == 1)
        let delays = try #require(window.tally.delays)
        #expect(delays.lateness?.maximum == .milliseconds(250))
        #expect(delays.setup?.maximum == .zero)
        #expect(delays.setupFromIntended?.maximum == .milliseconds(250))
        // One group: the whole says it already.
        #expect(window.groups.isEmpty)
        #expect(pair.stage.shard.takeWindow(second: 1).tally == Tally())
        #expect(try pair.finish().caller.setupTimeFromIntended == .milliseconds(250))
    }

    @Test func `groups are counted apart where there are several, and their sum is the whole`() throws {
        let stage = Stage { $0.countsGroups = true }
        stage.server = { [$0.registered()] }
        for (index, group) in ["a", "b", "b"].enumerated() {
            stage.add(UInt32(index), "user\(index)") { $0.group = group }
            stage.register(UInt32(index))
        }
        let window = stage.shard.takeWindow(second: 0)
        #expect(window.registrationsSucceeded == 3)
        #expect(window.registrationsStarted == 3)
        #expect(window.groups.map(\.name) == ["a", "b"])
        #expect(window.groups.map(\.tally.registrationsSucceeded) == [1, 2])
        #expect(window.groups.map { $0.tally.delays?.registration?.count } == [1, 2])
        #expect(window.tally.delays?.registration?.count == 3)
        // A second in which a group did nothing does not name it.
        #expect(stage.shard.takeWindow(second: 1).groups.isEmpty)
    }

    @Test func `what a server makes us wait for is no lateness of ours`() throws {
        let stage = Stage()
        var answers = 0
        stage.server = { message in
            answers += 1
            // The binding of an earlier life is removed first; that answer takes its time.
            return answers == 1 ? [] : [message.registered()]
        }
        stage.add(0, "alice") { $0.staleContact = Array("<sip:alice@198.51.100.9>".utf8) }
        stage.register(0)
        stage.pass(.seconds(3))
        let window = stage.shard.takeWindow(second: 0)
        #expect(window.registrationsSucceeded == 1)
        #expect(window.tally.delays?.lateness?.maximum == .zero)
        #expect((window.tally.delays?.registrationFromIntended?.maximum ?? .zero) >= .milliseconds(500))
    }

    @Test func `drops that the driver tells of are in the second's sample`() {
        let stage = Stage()
        stage.shard.noteDrops(0)
        #expect(stage.shard.takeWindow(second: 0).generator == nil)
        stage.shard.noteDrops(3)
        stage.shard.noteDrops(2)
        #expect(stage.shard.takeWindow(second: 1).generator?.socketDrops == 5)
        #expect(stage.shard.takeWindow(second: 2).generator == nil)
    }
}
