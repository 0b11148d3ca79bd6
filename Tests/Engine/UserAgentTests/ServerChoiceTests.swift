// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics
import SIP
import Testing
import UserAgent

/// Which server an endpoint uses when one fails, and how it gets a lost connection back.
@Suite struct ServerChoiceTests {
    private static let second = TransportAddress(192, 0, 2, 2, port: 5060)
    private static let third = TransportAddress(192, 0, 2, 3, port: 5060)

    private func stage(
        _ transport: Transport = .udp, fallbacks: [ServerTarget] = [],
        configure: (inout ShardConfiguration) -> Void = { _ in }
    ) -> Stage {
        let stage = Stage(configure)
        stage.add(0, "alice") {
            $0.transport = transport
            $0.fallbacks = fallbacks
            if transport.isReliable { $0.localAddress.port = 0 }
        }
        for address in [Self.second, Self.third] { stage.others[address] = { Self.register($0) } }
        return stage
    }

    /// A connected and registered endpoint.
    private func connected(_ transport: Transport = .tcp, fallbacks: [ServerTarget] = []) -> Stage {
        let stage = stage(transport, fallbacks: fallbacks)
        stage.server = { Self.register($0) }
        stage.register(0)
        stage.shard.flowOpened(FlowID(raw: 1), local: TransportAddress(198, 51, 100, 1, port: 40_000), now: stage.now)
        stage.settle()
        return stage
    }

    private static func register(_ request: SIPText) -> [String] {
        request.method == "REGISTER" ? [request.registered()] : []
    }

    private func finished(_ stage: Stage) throws -> EndpointResult {
        stage.perform(.finish(endpoint: 0))
        stage.pass(.seconds(200))
        #expect(stage.shard.isIdle)
        return try #require(stage.result(0))
    }

    @Test func `a silent server is left for the next one after timer F, in a new transaction (RFC 3263 §4.3)`() throws {
        let stage = stage(fallbacks: [ServerTarget(address: Self.second, transport: .udp)])
        stage.register(0)
        stage.pass(.seconds(33))
        let first = try #require(stage.sent.first), last = try #require(stage.sent.last)
        #expect(first.destination == Stage.server && last.destination == Self.second)
        #expect(first.message["Call-ID"] == last.message["Call-ID"] && first.message.fromTag == last.message.fromTag)
        #expect(last.message.cSeqNumber == first.message.cSeqNumber + 1 && first.message.branch != last.message.branch)
        #expect(stage.opened.isEmpty)
        let result = try finished(stage)
        #expect(result.outcome == .success && result.registration.unregistered == true)
        let path = try #require(result.path)
        #expect(path.failedServers == [FailedServer(address: "192.0.2.1:5060", transport: "UDP", fault: .silence)])
        #expect(path.server == "192.0.2.2:5060" && path.failovers == 1 && path.reconnects == 0)
        #expect(stage.sent.last?.destination == Self.second)
    }

    @Test func `a 503 without Retry-After leads to the next server, with it the endpoint waits`() throws {
        let fallbacks = [ServerTarget(address: Self.second, transport: .udp)]
        let moved = stage(fallbacks: fallbacks)
        moved.server = { [$0.response(503, "Service Unavailable")] }
        moved.register(0)
        #expect(moved.sent.last?.destination == Self.second)
        #expect(try finished(moved).path?.failedServers.first?.status == 503)

        let waits = stage(fallbacks: fallbacks)
        waits.server = { [$0.response(503, "Service Unavailable", ["Retry-After: 5"])] }
        waits.register(0)
        waits.pass(.seconds(1))
        #expect(waits.sent.count == 1)
    }

    @Test func `each server is tried once, then the registration fails with what the last one did`() throws {
        let stage = stage(fallbacks: [
            ServerTarget(address: Self.second, transport: .udp), ServerTarget(address: Self.third, transport: .udp),
        ])
        stage.others[Self.second] = { [$0.response(503, "Busy")] }
        stage.others[Self.third] = { _ in [] }
        stage.register(0)
        stage.shard.sendRefused(flow: FlowID(raw: 1), destination: Stage.server, fault: .refused, now: stage.now)
        stage.settle()
        stage.pass(.seconds(40))
        let result = try finished(stage)
        #expect(result.outcome == .registrationFailed && result.registration.transportFault == .silence)
        #expect(result.path?.failedServers.map(\.fault) == [.refused, nil, .silence])
        #expect(result.path?.failovers == 2)
    }

    @Test func `the next server may need another transport`() throws {
        let stage = stage(fallbacks: [ServerTarget(address: Self.second, transport: .tcp)])
        stage.register(0)
        stage.shard.sendRefused(flow: FlowID(raw: 1), destination: Stage.server, fault: .unreachable, now: stage.now)
        stage.settle()
        #expect(stage.opened.map(\.target) == [ServerTarget(address: Self.second, transport: .tcp)])
        let register = try #require(stage.requests.last)
        #expect(register["Via"]?.hasPrefix("SIP/2.0/TCP 198.51.100.1:41000") == true)
        #expect(register["Contact"] == "<sip:alice@198.51.100.1:41000;transport=tcp>")
        #expect(try finished(stage).outcome == .success)
    }

    @Test func `a lost connection of a registered endpoint is replaced at once and registered again (RFC 5626 §4.4)`()
        throws
    {
        let stage = connected()
        stage.lose(FlowID(raw: 1))
        #expect(stage.opened.map(\.target.address) == [Stage.server])
        let registers = stage.requests("REGISTER")
        #expect(registers.count == 2 && registers[1].cSeqNumber == registers[0].cSeqNumber + 1)
        #expect(registers[0]["Call-ID"] == registers[1]["Call-ID"])
        #expect(registers[1]["Contact"] == "<sip:alice@198.51.100.1:41000;transport=tcp>")
        let result = try finished(stage)
        #expect(result.outcome == .success && result.path?.reconnects == 1 && result.path?.failovers == 0)
        #expect(result.registration.unregistered == true)
    }

    @Test func `a server that stays away is tried after growing waits, a bounded number of times (RFC 5626 §4.5)`()
        throws
    {
        let stage = connected()
        stage.opening = { _ in .refused }
        stage.lose(FlowID(raw: 1))
        stage.pass(.seconds(4 * 3600))
        let waits = zip(stage.openedAt, stage.openedAt.dropFirst()).map { ($1 - $0).seconds }
        #expect(waits.count == 8)
        for (wait, bound) in zip(waits, [60, 120, 240, 480, 960, 1800, 1800, 1800]) {
            #expect(wait >= Double(bound) / 2 && wait <= Double(bound))
        }
        let result = try finished(stage)
        #expect(result.outcome == .registrationFailed && result.registration.transportFault == .refused)
    }

    @Test func `a server that comes back is used again`() throws {
        let stage = connected()
        stage.opening = { _ in .refused }
        stage.lose(FlowID(raw: 1))
        stage.opening = { _ in nil }
        stage.pass(.seconds(61))
        let result = try finished(stage)
        #expect(result.outcome == .success && result.path?.reconnects == 1)
        #expect(result.registration.unregistered == true)
    }

    @Test func `a connection that breaks each time it is made does not become a storm`() {
        let stage = connected()
        for _ in 0..<3 {
            stage.lose(stage.opened.last?.flow ?? FlowID(raw: 1))
            stage.pass(.seconds(1))
        }
        #expect(stage.opened.count == 1)
    }

    @Test func `the second server takes over when the first one does not come back`() throws {
        let stage = connected(fallbacks: [ServerTarget(address: Self.second, transport: .tcp)])
        stage.opening = { $0.address == Stage.server ? .refused : nil }
        stage.lose(FlowID(raw: 1))
        #expect(stage.opened.map(\.target.address) == [Stage.server, Self.second])
        let result = try finished(stage)
        #expect(result.outcome == .success && result.path?.failovers == 1)
        #expect(result.path?.server == "192.0.2.2:5060")
    }

    @Test func `a server with a bad certificate is not asked again`() throws {
        let stage = connected(.tls, fallbacks: [ServerTarget(address: Self.second, transport: .tls)])
        stage.opening = { _ in .certificateExpired }
        stage.lose(FlowID(raw: 1))
        stage.pass(.seconds(3600))
        #expect(stage.opened.map(\.target.address) == [Stage.server, Self.second])
        let result = try finished(stage)
        #expect(result.outcome == .registrationFailed && result.registration.transportFault == .certificateExpired)
    }

    @Test func `a server whose TLS fails is not followed by one without TLS`() throws {
        let stage = stage(
            .tls,
            fallbacks: [
                ServerTarget(address: Self.second, transport: .udp), ServerTarget(address: Self.third, transport: .tls),
            ])
        stage.server = { Self.register($0) }
        stage.register(0)
        stage.shard.flowFailed(FlowID(raw: 1), fault: .certificateUntrusted, now: stage.now)
        stage.settle()
        #expect(stage.opened.map(\.target) == [ServerTarget(address: Self.third, transport: .tls)])
        #expect(try finished(stage).outcome == .success)
    }

    @Test func `an endpoint told to finish while it waits for a server is closed at once`() throws {
        let stage = connected()
        stage.opening = { _ in .refused }
        stage.lose(FlowID(raw: 1))
        stage.perform(.finish(endpoint: 0))
        let result = try #require(stage.result(0))
        #expect(result.outcome == .registrationFailed && result.registration.unregistered == false)
        #expect(stage.shard.isIdle)
    }

    @Test func `an INVITE without an answer goes to the next server with a new branch and CSeq`() throws {
        let stage = stage(fallbacks: [ServerTarget(address: Self.second, transport: .udp)])
        stage.server = { Self.register($0) }
        stage.others[Self.second] = { request in
            switch request.method {
            case "REGISTER": [request.registered()]
            case "INVITE": [request.accepted(contact: "<sip:peer@192.0.2.2:5060>")]
            case "BYE": [request.response(200)]
            default: []
            }
        }
        stage.register(0)
        stage.call(0, "sip:bob@example.org")
        stage.pass(.seconds(33))
        let invites = stage.requests("INVITE")
        let first = try #require(invites.first), last = try #require(invites.last)
        #expect(last.cSeqNumber == first.cSeqNumber + 1 && first["Call-ID"] == last["Call-ID"])
        #expect(first.branch != last.branch)
        stage.perform(.hangUp(endpoint: 0))
        let result = try finished(stage)
        #expect(result.outcome == .success && result.calls.first?.establishedAt != nil)
    }

    @Test func `a call that is up goes on over the new connection, one that is not fails with the old`() throws {
        let up = connected()
        up.server = { request in
            switch request.method {
            case "REGISTER": [request.registered()]
            case "INVITE": [request.accepted()]
            case "BYE": [request.response(200)]
            default: []
            }
        }
        up.call(0, "sip:bob@example.org")
        up.lose(FlowID(raw: 1))
        up.perform(.hangUp(endpoint: 0))
        #expect(up.requests("BYE").count == 1 && up.ended(0) == [true])
        #expect(up.requests("BYE").first?["Via"]?.contains(":41000") == true)
        #expect(try finished(up).outcome == .success)

        let early = connected()
        early.server = { $0.method == "INVITE" ? [$0.response(180)] : Self.register($0) }
        early.call(0, "sip:bob@example.org")
        early.lose(FlowID(raw: 1))
        #expect(early.ended(0) == [false])
        #expect(try finished(early).calls.first?.transportFault == .reset)
    }
}
