// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import PBX
import RunMetrics
import SIP
import Testing

@testable import UserAgent

/// A registration from its first REGISTER to its end, against faults of the built-in server.
@Suite struct RegistrationLifeTests {
    @Test func `423 is met with the server's minimum, and noted`() throws {
        let world = try ServerWorld.registered(["423=5000"])
        #expect(world.statuses.suffix(2) == [423, 200])
        #expect(world.requests("REGISTER").last?["Expires"] == "5000")
        let result = try world.finish()
        #expect(result.registration.notes == [.expiryRaised(to: 5000)] && result.registration.grantedExpires == 5000)
    }

    @Test(arguments: [503, 480])
    func `503 and 480 with Retry-After are waited for, not a moment less, and then tried again`(status: Int) throws {
        let world = try ServerWorld.registered(["\(status)=20"])
        #expect(world.statuses == [status])
        world.pass(.milliseconds(19_900))
        #expect(world.statuses == [status], "sooner than the server asked for")
        world.pass(.milliseconds(2_200))
        #expect(world.statuses == [status, 401, 200])
        let result = try world.finish()
        #expect(result.outcome == .success)
        guard case .waited(let seconds, asked: 20, status: UInt16(status))? = result.registration.notes?.first else {
            Issue.record("no note of the wait: \(String(describing: result.registration.notes))")
            return
        }
        #expect((20...22).contains(seconds))
    }

    @Test func `a wait that is longer than a registration's patience is a failure that says so`() throws {
        let world = try ServerWorld.registered(["503=600"])
        let result = try world.finish()
        #expect(result.outcome == .registrationFailed && world.requests("REGISTER").count == 1)
        #expect(result.registration.notes == [.waitTooLong(asked: 600, status: 503)])
        #expect(result.registration.retryAfter == 600)
    }

    @Test func `503 without Retry-After fails at once; an endpoint told to end does not go on waiting`() throws {
        let closed = try ServerWorld.registered(["503"])
        #expect(try closed.finish().outcome == .registrationFailed)
        #expect(closed.requests("REGISTER").count == 1)
        let waiting = try ServerWorld.registered(["503=30"])
        waiting.perform(.finish(endpoint: 0))
        #expect(waiting.events.contains { if case .closed = $0 { true } else { false } })
        #expect(waiting.shard.isIdle)
    }

    @Test func `what a server says is kept as text that a terminal shows and does not act on`() throws {
        let world = try ServerWorld.registered([]) {
            $0.realm = Array("example.org".utf8)
        } configure: {
            $0.realm = Array("evil\u{9B}2J\u{7F}\u{202E}".utf8)
        }
        let result = try world.finish()
        #expect(result.registration.offeredRealms == ["evil\\u{9B}2J\\u{7F}\\u{202E}"])
        let diagnosis = try #require(Diagnosis.explain([result]).first)
        #expect(diagnosis.cause == .realmMismatch)
        #expect((diagnosis.evidence + [diagnosis.title, diagnosis.remedy]).allSatisfy { $0 == $0.printable })
    }

    private static let other = TransportAddress(192, 0, 2, 2, port: 5070)

    @Test func `302 is followed to the address it names, where a known realm gets credentials`() throws {
        let world = try ServerWorld(["302=192.0.2.2:5070@alice"])
        try world.addServer(at: Self.other)
        world.add(0, "alice") { $0.realm = Array("example.org".utf8) }
        world.register()
        let registers = world.sent.filter { $0.message.method == "REGISTER" }
        #expect(registers.map(\.destination) == [ServerWorld.home, Self.other, Self.other])
        #expect(registers[1].message.requestURI == "sip:192.0.2.2:5070")
        #expect(registers[1].message["To"] == "<sip:alice@example.org>")
        #expect(Set(registers.map { $0.message["Call-ID"] }).count == 1)
        #expect(registers.map { $0.message.cSeqNumber } == [1, 2, 3])
        world.pass(.seconds(3300))
        #expect(world.sent.last?.destination == Self.other, "the refresh goes where the binding is")
        let result = try world.finish()
        #expect(result.outcome == .success && result.registration.unregistered == true)
        #expect(result.registration.notes == [.redirected(to: "192.0.2.2:5070")])
    }

    @Test func `302 to a host whose realm the own registrar never named gets no credentials`() throws {
        let world = try ServerWorld(["302=192.0.2.2:5070"])
        try world.addServer(at: Self.other) { $0.realm = Array("evil.example".utf8) }
        world.add(0, "alice")
        world.register()
        #expect(world.sent.count == 2)
        #expect(!world.sent.contains { $0.message.description.contains("uthorization") })
        let result = try world.finish()
        #expect(result.registration.notes?.last == .foreignRealm("evil.example"))
        #expect(result.outcome == .registrationFailed)
    }

    @Test(arguments: ["302=192.0.2.1:5060", "302=192.0.2.2:5070", "302=elsewhere.example"])
    func `302 in a circle, or to what cannot be reached, ends`(fault: String) throws {
        let world = try ServerWorld([fault])
        try world.addServer(at: Self.other, ["302=192.0.2.1:5060"])
        world.add(0, "alice")
        world.register()
        #expect(world.requests("REGISTER").count <= 4)
        let result = try world.finish()
        #expect(result.outcome == .registrationFailed && result.registration.finalStatus?.code == 302)
        guard case .redirectRefused? = result.registration.notes?.last else {
            Issue.record("\(String(describing: result.registration.notes))")
            return
        }
    }

    @Test func `once a nonce is known, refresh and un-REGISTER carry it unasked, and no count repeats`() throws {
        let world = try ServerWorld.registered([]) { $0.expires = 100 }
        for _ in 0..<2 { world.pass(.seconds(90)) }
        let registers = world.requests("REGISTER")
        #expect(world.statuses.filter { $0 == 401 }.count == 1)
        #expect(registers.compactMap { $0.credential("nc") } == ["00000001", "00000002", "00000003"])
        _ = try world.finish()
        #expect(Set(world.nonceCounts).count == world.nonceCounts.count)
        #expect(world.statuses.filter { $0 == 401 }.count == 1, "the un-REGISTER was not asked either")
    }

    @Test func `refreshes come before the end, and not all at one moment`() throws {
        let names = (0..<40).map { "user\($0)" }
        let world = try ServerWorld(["short-expires=100"], users: names)
        for (index, name) in names.enumerated() { world.add(UInt32(index), name) }
        for index in 0..<40 { world.register(UInt32(index)) }
        let before = world.sent.count
        world.pass(.seconds(90))
        let refreshes = world.sent.dropFirst(before).map { ($0.at - ServerWorld.start).seconds }
        #expect(refreshes.count == 40)
        #expect(refreshes.allSatisfy { (80.9...90).contains($0) })
        #expect((refreshes.max() ?? 0) - (refreshes.min() ?? 0) > 5)
        #expect(world.server.registeredAccounts(at: world.now) == 40)
    }

    @Test func `the contact's own expiry counts, not the Expires header`() throws {
        let world = try ServerWorld.registered(["short-expires=40"])
        #expect(world.requests("REGISTER").last?["Expires"] == "3600")
        world.pass(.seconds(39))
        #expect(world.server.registeredAccounts(at: world.now) == 1)
        #expect(world.requests("REGISTER").count == 3)
        #expect(try world.finish().registration.grantedExpires == 40)
    }

    @Test func `contact parameters are written as the plan says, and the expiry where it says`() throws {
        let world = try ServerWorld.registered([]) {
            var style = ContactStyle()
            style.parameters = Array(";methods=\"INVITE\"".utf8)
            style.q = 750
            style.carriesExpires = true
            $0.contact = style
            $0.expires = 600
        }
        let register = try #require(world.requests("REGISTER").last)
        #expect(register["Contact"] == "<sip:alice@198.51.100.0:5062>;methods=\"INVITE\";q=0.750;expires=600")
        #expect(register["Expires"] == nil)
        let result = try world.finish()
        #expect(world.requests("REGISTER").last?["Contact"]?.hasSuffix(";expires=0") == true)
        #expect(result.registration.unregistered == true && result.registration.grantedExpires == 600)
        #expect(world.server.registeredAccounts(at: world.now) == 0)
    }

    @Test func `other bindings in the list are counted, a missing one of our own is noted`() throws {
        let extra = try ServerWorld.registered(["extra-bindings=3"])
        let result = try extra.finish()
        #expect(result.registration.otherBindings == 3 && result.registration.notes == nil)
        let missing = try ServerWorld.registered(["missing-contact", "extra-bindings"]).finish()
        #expect(missing.registration.notes == [.ownContactMissing] && missing.registration.otherBindings == 1)
    }

    @Test func `a contact of another phone that a registrar drops is gone from the list`() throws {
        let world = try ServerWorld(["drop-other-contacts"])
        world.add(0, "alice")
        world.add(1, "alice") { $0.index = 1 }
        world.register(0)
        world.register(1)
        #expect(try world.finish(1).registration.otherBindings == 0)
        #expect(world.answers.last?["Contact"] == nil)
    }

    @Test func `a refresh that fails is tried again while the binding stands`() throws {
        let world = try ServerWorld.registered(["refresh-503", "short-expires=100"])
        world.pass(.seconds(95))
        #expect(world.statuses == [401, 200, 503, 200])
        world.pass(.seconds(1000))
        #expect(world.server.registeredAccounts(at: world.now) == 1)
        let result = try world.finish()
        #expect(result.outcome == .success && result.registration.notes?.first == .refreshTriedAgain(status: 503))
    }

    @Test func `a refresh that gets no answer is tried again, and fails when the binding has ended`() throws {
        let stage = Stage()
        stage.add(0, "alice")
        stage.server = { [$0.registered(expires: 600)] }
        stage.register(0)
        stage.server = { _ in [] }
        stage.pass(.seconds(540 + 33))
        #expect(stage.events.allSatisfy { if case .registrationFailed = $0 { false } else { true } })
        stage.server = { [$0.registered(expires: 600)] }
        stage.pass(.seconds(20))
        #expect(stage.events.allSatisfy { if case .registrationFailed = $0 { false } else { true } })
        stage.server = { _ in [] }
        stage.pass(.seconds(700))
        #expect(stage.events.contains { if case .registrationFailed = $0 { true } else { false } })
        stage.perform(.finish(endpoint: 0))
        let result = try #require(stage.result(0))
        #expect(result.outcome == .registrationFailed && result.registration.transportFault == .silence)
        #expect(result.registration.notes?.contains(.refreshTriedAgain(status: 0)) == true)
    }

    @Test func `a registration is carried to another flow with its Call-ID and the next CSeq (RFC 5626 §4.4)`() throws {
        let world = try ServerWorld.registered([])
        #expect(world.shard.rebind(0, now: world.now))
        world.settle()
        let registers = world.requests("REGISTER")
        #expect(registers.map(\.cSeqNumber) == [1, 2, 3] && Set(registers.map { $0["Call-ID"] }).count == 1)
        // While the answer to a refresh is awaited the old one is given up.
        #expect(world.shard.rebind(0, now: world.now))
        #expect(world.shard.rebind(0, now: world.now))
        world.settle()
        world.pass(.seconds(40))
        #expect(world.server.registeredAccounts(at: world.now) == 1)
        let result = try world.finish()
        #expect(result.outcome == .success && result.registration.notes == [.rebound])
        #expect(!world.shard.rebind(0, now: world.now) && world.shard.isIdle)
    }

    @Test func `what a registration keeps is small: the rest lies elsewhere until it is needed`() {
        #expect(MemoryLayout<NonceBook>.size <= 72 && MemoryLayout<Authentication>.size <= 32)
        #expect(MemoryLayout<Registration>.size <= 208)
    }

    @Test func `slow answers neither fail nor double a registration`() throws {
        let world = try ServerWorld.registered(["slow=1500"])
        world.pass(.seconds(10))
        #expect(world.server.registeredAccounts(at: world.now) == 1)
        let result = try world.finish()
        #expect(result.outcome == .success && result.registration.attempts == 2)
        #expect(result.registration.retransmissions >= 2)
        #expect(world.server.isIdle)
    }

    @Test(.timeLimit(.minutes(2))) func `2,000 registrations are held for six hours`() throws {
        let names = (0..<2000).map { "user\($0)" }
        let world = try ServerWorld(users: names) { $0.nonceLifetime = .seconds(7200) }
        world.keepsMessages = false
        for (index, name) in names.enumerated() {
            world.add(UInt32(index), name)
            world.perform(.register(endpoint: UInt32(index), at: world.now + .milliseconds(index)))
        }
        for _ in 0..<6 {
            world.pass(.seconds(3600))
            #expect(world.server.registeredAccounts(at: world.now) == 2000)
        }
        // An hour's binding is refreshed at 81 to 90 % of it: six or seven times in six hours.
        #expect((7 * 2000...8 * 2000).contains(Int(world.server.statistics.registrations)))
        world.perform(.finishAll(deadline: world.now + .seconds(60)))
        world.pass(.seconds(60))
        #expect(world.server.registeredAccounts(at: world.now) == 0)
        #expect(world.shard.isIdle && world.server.isIdle)
        let bad = world.events.count { if case .closed(let result) = $0 { result.outcome != .success } else { false } }
        #expect(bad == 0)
    }
}
