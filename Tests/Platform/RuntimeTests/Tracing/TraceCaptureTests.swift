// SPDX-License-Identifier: Apache-2.0

import Bedrock
import PBX
import RunMetrics
import SIP
import Testing
import UserAgent

@testable import Runtime

@Suite struct TraceCaptureTests {
    @Test(arguments: [
        (Transport.udp, FlowMode.perEndpoint), (.udp, .shared), (.tcp, .perEndpoint), (.ws, .perEndpoint),
    ]) func `G3: every message of every endpoint is in its trace, calls and refusals, in order`(
        transport: Transport, flowMode: FlowMode
    ) async throws {
        let world = try await SignallingWorld(
            users: 12, flowMode: flowMode,
            further: [PBXListener(.ws, TransportAddress(127, 0, 0, 1, port: 0))],
            traces: TraceSettings(sample: TraceSample(endpoints: 12)))
        try await world.engine.add(
            (0..<12).map { number in
                var plan = world.plan(number, transport: transport, password: number < 2 ? "not it" : nil)
                if let listener = world.server.listeners.first(where: { $0.transport == transport }) {
                    plan.registrar = listener.address
                }
                plan.talkTime = number < 6 ? .milliseconds(100) : nil
                return plan
            })
        world.register(0..<12)
        #expect(try await world.log.wait { $0.count(\.isRegistered) == 10 })
        for caller in 2..<6 { world.call(from: caller, to: caller + 6) }
        #expect(try await world.log.wait { $0.count(\.isCallEnd) == 8 })
        world.finishAll()
        #expect(try await world.log.wait { $0.results.count == 12 })
        await world.end()

        let traces = world.log.traces
        #expect(traces.map(\.endpoint) == Array(0..<12))
        #expect(traces.allSatisfy { !$0.isTruncated })
        #expect(traces.reduce(0) { $0 + $1.messages.count } == world.log.notes.count)
        for trace in traces {
            let times = trace.messages.map(\.at)
            #expect(times == times.sorted())
            #expect(trace.messages.allSatisfy { $0.transport.name == "\(transport.viaName)" && $0.local.port != 0 })
            #expect(Set(trace.messages.map(\.remote)).count == 1)
            for message in trace.messages { try Self.check(message, of: trace.endpoint) }
        }
        // INVITE, 100, 180, 200, ACK, BYE, 200 and four messages each way of registration.
        #expect(traces[2].messages.contains { $0.isSent && $0.bytes.starts(with: Array("INVITE ".utf8)) })
        #expect(traces[8].messages.contains { !$0.isSent && $0.bytes.starts(with: Array("INVITE ".utf8)) })
        #expect(traces[0].messages.last.map { $0.bytes.starts(with: Array("SIP/2.0 401".utf8)) } == true)
    }

    /// A message of this endpoint, which names it, and with nothing in it that a server would take as proof of its password.
    private static func check(_ traced: TracedMessage, of endpoint: UInt32) throws {
        let text = String(decoding: traced.bytes, as: UTF8.self)
        #expect(text.contains("user\(endpoint)@"), "\(endpoint): \(text)")
        let message = try Message.parse(traced.bytes)
        guard let value = message.first(.authorization) ?? message.first(.proxyAuthorization) else { return }
        let credentials = message.string(of: value)
        #expect(credentials.contains("response=\"********************************\""))
        #expect(credentials.contains(" nonce=\"") && !credentials.contains(" nonce=\"*"))
    }

    @Test func `only those that failed are kept, and the sample`() async throws {
        let world = try await SignallingWorld(
            users: 10, traces: TraceSettings(sample: TraceSample(endpoints: 10, size: 2)))
        try await world.engine.add((0..<10).map { world.plan($0, password: $0 % 3 == 1 ? "not it" : nil) })
        world.register(0..<10)
        #expect(try await world.log.wait { $0.count { $0.isRegistered || $0.isRegistrationFailure } == 10 })
        world.finishAll()
        #expect(try await world.log.wait { $0.results.count == 10 })
        await world.end()
        #expect(world.log.traces.map(\.endpoint) == [0, 1, 4, 5, 7])
    }

    @Test func `a server that never answers leaves a trace of every repetition`() async throws {
        var shard = ShardConfiguration()
        shard.timers = TimerValues(t1: .milliseconds(20), t2: .milliseconds(80), t4: .milliseconds(100))
        let world = try await SignallingWorld(
            users: 3, flowMode: .shared, faults: [PBXFault(.silence)], shard: shard,
            traces: TraceSettings(sample: TraceSample(endpoints: 3, size: 0)))
        try await world.engine.add((0..<3).map { world.plan($0) })
        world.register(0..<3)
        #expect(try await world.log.wait { $0.count(\.isRegistrationFailure) == 3 })
        world.finishAll()
        #expect(try await world.log.wait { $0.results.count == 3 })
        await world.end()
        for (trace, result) in zip(world.log.traces, world.log.results) {
            #expect(trace.messages.count == 1 + Int(result.registration.retransmissions))
            #expect(trace.messages.allSatisfy { $0.isSent })
            #expect(Set(trace.messages.map(\.bytes)).count == 1)
        }
        #expect(world.log.traces.count == 3)
    }

    @Test func `what is handed over in a run is bounded, and so is what is kept of an endpoint`() async throws {
        var settings = TraceSettings(sample: TraceSample(endpoints: 30))
        settings.total = 10_000
        settings.messages = 3
        let world = try await SignallingWorld(users: 30, loops: 1, traces: settings)
        try await world.engine.add((0..<30).map { world.plan($0, password: "not it") })
        world.register(0..<30)
        #expect(try await world.log.wait { $0.count(\.isRegistrationFailure) == 30 })
        world.finishAll()
        #expect(try await world.log.wait { $0.results.count == 30 })
        await world.end()
        let traces = world.log.traces
        #expect((1..<20).contains(traces.count))
        #expect(traces.allSatisfy { $0.isTruncated && $0.messages.count == 3 })
    }
}
