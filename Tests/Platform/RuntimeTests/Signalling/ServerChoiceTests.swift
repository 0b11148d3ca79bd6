// SPDX-License-Identifier: Apache-2.0

import Bedrock
import PBX
import RunMetrics
import SIP
import Testing
import UserAgent

@testable import Runtime

/// What engines do on real sockets when a server goes away.
struct ServerChoiceTests {
    @Test func `connections that a server closes are made again, and everybody is registered as before`() async throws {
        var shard = ShardConfiguration()
        shard.reconnectWaits = .milliseconds(50) ... .milliseconds(400)
        shard.reconnectRounds = 100
        let world = try await SignallingWorld(users: 10, shard: shard)
        try await world.engine.add((0..<10).map { world.plan($0, transport: .tcp) })
        world.register(0..<10)
        #expect(try await world.log.wait { $0.count(\.isRegistered) == 10 })
        await world.server.shutdown()
        let accounts = (0..<10).map { number in
            PBXAccount(
                username: Array("user\(number)".utf8), credential: .password(world.arena.store("secret \(number)")))
        }
        let second = try await PBXServer(
            configuration: PBXConfiguration(), accounts: accounts, secrets: world.arena, listen: world.server.address)
        let clock = ContinuousClock()
        let end = clock.now + .seconds(20)
        while await second.registeredAccounts() < 10, clock.now < end { try await Task.sleep(for: .milliseconds(5)) }
        #expect(await second.registeredAccounts() == 10)
        world.finishAll()
        #expect(try await world.log.wait { $0.results.count == 10 })
        for result in world.log.results {
            #expect(result.outcome == .success, "\(result)")
            // More than once where another test was starting a program: between fork and exec the new process has the old server's
            // listener too, so the kernel takes a connection for it and drops it again.
            #expect((result.path?.reconnects ?? 0) >= 1)
            #expect(result.registration.unregistered == true)
        }
        #expect(await second.registeredAccounts() == 0)
        await world.engine.shutdown()
        await second.shutdown()
    }

    @Test(arguments: [(Transport.udp, Transport.udp), (.tcp, .tcp), (.udp, .tcp), (.tcp, .udp)])
    func `where nothing listens at the first of two servers, the second one is used`(
        first: Transport, second: Transport
    ) async throws {
        let world = try await SignallingWorld(users: 4)
        let refusing = try RefusingPort()
        let closed = refusing.address
        try await world.engine.add(
            (0..<4).map { number in
                var plan = world.plan(number, transport: first)
                plan.registrar = closed
                plan.fallbacks = [ServerTarget(address: world.server.address, transport: second)]
                return plan
            })
        world.register(0..<4)
        #expect(try await world.log.wait { $0.count(\.isRegistered) == 4 })
        world.finishAll()
        #expect(try await world.log.wait { $0.results.count == 4 })
        for result in world.log.results {
            #expect(result.outcome == .success, "\(result)")
            #expect(result.path?.failovers == 1)
            #expect(result.path?.failedServers.map(\.fault) == [.refused])
            #expect(result.path?.server == "\(world.server.address)")
        }
        withExtendedLifetime(refusing) {}
        await world.end()
    }
}
