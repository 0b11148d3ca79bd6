// SPDX-License-Identifier: Apache-2.0

import Bedrock
import PBX
import RunMetrics
import SIP
import Testing
import UserAgent

@testable import Runtime

struct SignallingEngineTests {
    @Test(arguments: [(Transport.udp, FlowMode.perEndpoint), (.udp, .shared), (.tcp, .perEndpoint)])
    func `F1, F5: twenty endpoints register by digest, ten calls with audio are held, everybody leaves in order`(
        transport: Transport, flowMode: FlowMode
    ) async throws {
        let world = try await SignallingWorld(users: 20, flowMode: flowMode)
        try await world.engine.add(
            (0..<20).map { number in
                var plan = world.plan(number, transport: transport)
                plan.talkTime = number < 10 ? .milliseconds(600) : nil
                return plan
            })
        world.register(0..<20)
        #expect(try await world.log.wait { $0.count(\.isRegistered) == 20 })
        #expect(await world.server.registeredAccounts() == 20)
        for caller in 0..<10 { world.call(from: caller, to: caller + 10) }
        #expect(try await world.log.wait { $0.count(\.isCallEnd) == 20 })
        world.finishAll()
        #expect(try await world.log.wait { $0.results.count == 20 })
        for result in world.log.results {
            #expect(result.outcome == .success, "\(result)")
            #expect(result.phase == .closed)
            #expect(result.registration.finalStatus?.code == 200)
            #expect(result.registration.unregistered == true)
            #expect(result.calls.count == 1)
            #expect(result.calls.first?.establishedAt != nil)
            let media = try #require(result.calls.first?.media)
            #expect(media.codec == "PCMA")
            #expect(media.packetsSent >= 10)
            #expect(media.packetsReceived >= 10)
            #expect(media.mosLq != nil)
        }
        #expect(await world.server.registeredAccounts() == 0)
        await world.end()
    }

    @Test func `the echo extension sends back what it hears`() async throws {
        let world = try await SignallingWorld(users: 1)
        var plan = world.plan(0)
        plan.talkTime = .milliseconds(500)
        try await world.engine.add([plan])
        world.register(0..<1)
        #expect(try await world.log.wait { $0.count(\.isRegistered) == 1 })
        let echo = Array("sip:echo@127.0.0.1:\(world.server.address.port)".utf8)
        world.engine.submit([.call(endpoint: 0, target: .uri(echo), at: SystemClock.now())])
        #expect(try await world.log.wait { $0.count(\.isCallEnd) == 1 })
        world.finishAll()
        #expect(try await world.log.wait { $0.results.count == 1 })
        let media = try #require(world.log.results.first?.calls.first?.media)
        #expect(media.packetsReceived >= 10)
        #expect(media.packetsReceived <= media.packetsSent)
        #expect(media.packetsLost == 0)
        await world.end()
    }

    @Test func `G2: a wrong password ends as 401 after credentials were sent`() async throws {
        let world = try await SignallingWorld(users: 1)
        try await world.engine.add([world.plan(0, password: "not it")])
        world.register(0..<1)
        #expect(try await world.log.wait { $0.count(\.isRegistrationFailure) == 1 })
        world.finishAll()
        #expect(try await world.log.wait { $0.results.count == 1 })
        let result = try #require(world.log.results.first)
        #expect(result.outcome == .registrationFailed)
        #expect(result.registration.finalStatus?.code == 401)
        #expect(result.registration.credentialsSent)
        await world.end()
    }

    @Test func `G2: a silent server ends as silence, by timer F`() async throws {
        var shard = ShardConfiguration()
        shard.timers = TimerValues(t1: .milliseconds(20), t2: .milliseconds(80), t4: .milliseconds(100))
        let world = try await SignallingWorld(users: 1, faults: [PBXFault(.silence)], shard: shard)
        try await world.engine.add([world.plan(0)])
        world.register(0..<1)
        #expect(try await world.log.wait { $0.count(\.isRegistrationFailure) == 1 })
        world.finishAll()
        #expect(try await world.log.wait { $0.results.count == 1 })
        #expect(world.log.results.first?.registration.transportFault == .silence)
        #expect((world.log.results.first?.registration.retransmissions ?? 0) > 0)
        await world.end()
    }

    @Test(arguments: [(Transport.udp, FlowMode.perEndpoint), (.udp, .shared), (.tcp, .perEndpoint)])
    func `G2: a port at which nothing listens is told as refused`(transport: Transport, flowMode: FlowMode) async throws
    {
        let world = try await SignallingWorld(users: 2, flowMode: flowMode)
        let refusing = try RefusingPort()
        let closed = refusing.address
        try await world.engine.add(
            (0..<2).map { number in
                var plan = world.plan(number, transport: transport)
                plan.registrar = closed
                return plan
            })
        world.register(0..<2)
        #expect(try await world.log.wait(.seconds(10)) { $0.count(\.isRegistrationFailure) == 2 })
        world.finishAll()
        #expect(try await world.log.wait { $0.results.count == 2 })
        for result in world.log.results {
            #expect(result.outcome == .registrationFailed)
            #expect(result.registration.transportFault == .refused)
        }
        withExtendedLifetime(refusing) {}
        await world.end()
    }

    @Test(arguments: [Transport.udp, .tcp])
    func `a server that dies in the middle leaves no endpoint open`(transport: Transport) async throws {
        let world = try await SignallingWorld(users: 4)
        try await world.engine.add((0..<4).map { world.plan($0, transport: transport) })
        world.register(0..<4)
        #expect(try await world.log.wait { $0.count(\.isRegistered) == 4 })
        world.call(from: 0, to: 1)
        #expect(try await world.log.wait { $0.count(\.isEstablished) == 2 })
        await world.server.shutdown()
        world.finishAll(within: .seconds(5))
        #expect(try await world.log.wait(.seconds(20)) { $0.results.count == 4 })
        #expect(world.log.results.allSatisfy { $0.phase == .closed })
        #expect(!world.log.results.allSatisfy { $0.outcome == .success })
        await world.end()
    }

    @Test func `the windows of a run add up to what happened`() async throws {
        let world = try await SignallingWorld(users: 6, loops: 2)
        try await world.engine.add((0..<6).map { world.plan($0) })
        world.register(0..<6)
        #expect(try await world.log.wait { log in log.windows.reduce(0) { $0 + $1.registrationsSucceeded } == 6 })
        var sum = Window(second: 0)
        for window in world.log.windows { sum.merge(window) }
        #expect(sum.registrationsStarted == 6)
        #expect(sum.registrationsFailed == 0)
        #expect(sum.messagesSent >= 12)
        #expect(sum.messagesReceived >= 12)
        await world.end()
    }

    @Test func `shutdown gives every socket back and a command after it is ignored`() async throws {
        let world = try await SignallingWorld(users: 3)
        let alone = TransportAddress(127, 0, 0, 77, port: 0)
        try await world.engine.add(
            (0..<3).map { number in
                var plan = world.plan(number)
                plan.localAddress = alone
                return plan
            })
        #expect(BoundPorts.of(alone.ip).count == 3 * 3)  // SIP, RTP and RTCP each
        world.register(0..<3)
        #expect(try await world.log.wait { $0.count(\.isRegistered) == 3 })
        await world.end()
        #expect(BoundPorts.of(alone.ip).isEmpty)
        world.finishAll()
        await world.end()
    }

    @Test func `a plan that needs more sockets than the process may open is refused in words before any is opened`()
        async throws
    {
        let world = try await SignallingWorld(users: 1)
        var plans: [EndpointPlan] = []
        let template = world.plan(0)
        for index in 0..<200_000 {  // SIP, RTP and RTCP each
            var plan = template
            plan.index = UInt32(index)
            plans.append(plan)
        }
        let error = await #expect(throws: DescriptorShortage.self) { try await world.engine.add(plans) }
        #expect(error?.needed == 600_000)
        await world.end()
    }

    @Test func `F5: an endpoint registers over IPv6`() async throws {
        let world = try await SignallingWorld(users: 1, listen: TransportAddress(ip: .v6(high: 0, low: 1), port: 0))
        var plan = world.plan(0)
        plan.localAddress = TransportAddress(ip: .v6(high: 0, low: 0), port: 0)
        try await world.engine.add([plan])
        world.register(0..<1)
        #expect(try await world.log.wait { $0.count(\.isRegistered) == 1 })
        world.finishAll()
        #expect(try await world.log.wait { $0.results.count == 1 })
        #expect(world.log.results.first?.outcome == .success)
        await world.end()
    }

    @Test func `a plan for a transport that is not carried is refused`() async throws {
        let world = try await SignallingWorld(users: 1)
        await #expect(throws: UnsupportedTransport.self) {
            try await world.engine.add([world.plan(0, transport: .other)])
        }
        await world.end()
    }
}
