// SPDX-License-Identifier: Apache-2.0

import Bedrock
import NIOCore
import NIOPosix
import RunMetrics
import SIP
import Testing

@testable import Runtime

private let loopback = TransportAddress(127, 0, 0, 1, port: 0)

struct FlowTableTests {
    private func world() async throws -> FlowWorld {
        try await FlowWorld(loop: MultiThreadedEventLoopGroup.singleton.next())
    }

    @Test(arguments: [DatagramSocket<RecordingOwner>.Use.endpoint, .shared])
    func `a datagram arrives whole with its source, also at the largest size`(
        use: DatagramSocket<RecordingOwner>.Use
    ) async throws {
        let world = try await world()
        let (sender, here) = try await world.awaiting { try $1.openDatagram(loopback, use: .endpoint, owner: $0) }
        let (receiver, there) = try await world.awaiting { try $1.openDatagram(loopback, use: use, owner: $0) }
        let long = String(repeating: "x", count: 60_000)
        try await world.send("hello", flow: sender, to: there)
        try await world.send(long, flow: sender, to: there)
        let notes = try await world.notes { $0.count == 2 }
        #expect(notes == [.received("hello", receiver, here), .received(long, receiver, here)])
        try await world.awaiting { $1.closeAll() }
    }

    @Test func `messages of one flush keep their order over several sockets`() async throws {
        let world = try await world()
        let (one, _) = try await world.awaiting { try $1.openDatagram(loopback, use: .shared, owner: $0) }
        let (two, _) = try await world.awaiting { try $1.openDatagram(loopback, use: .endpoint, owner: $0) }
        let (receiver, there) = try await world.awaiting { try $1.openDatagram(loopback, use: .shared, owner: $0) }
        try await world.on { _, flows in
            Array("0123456789".utf8).withUnsafeBytes { base in
                for place in 0..<10 {
                    let flow = place % 4 < 2 ? one : two
                    flows.queue(place..<place + 1, flow: flow, destination: there, base: base)
                }
                flows.flush(base: base)
            }
        }
        let notes = try await world.notes { $0.count == 10 }
        let texts = notes.compactMap { note in
            if case .received(let text, receiver, _) = note { text } else { nil }
        }
        #expect(texts.joined() == "0123456789")
        try await world.awaiting { $1.closeAll() }
    }

    @Test func `a destination that the system refuses is told, and the datagrams behind it still leave`() async throws {
        let world = try await world()
        let (sender, here) = try await world.awaiting { try $1.openDatagram(loopback, use: .shared, owner: $0) }
        let portless = TransportAddress(127, 0, 0, 1, port: 0)
        try await world.on { _, flows in
            Array("ab".utf8).withUnsafeBytes { base in
                flows.queue(0..<1, flow: sender, destination: portless, base: base)
                flows.queue(1..<2, flow: sender, destination: here, base: base)
                flows.flush(base: base)
            }
        }
        let notes = try await world.notes { $0.count == 2 }
        #expect(notes == [.refused(.system, portless), .received("b", sender, here)])
        try await world.awaiting { $1.closeAll() }
    }

    @Test func `closing gives every descriptor back`() async throws {
        let world = try await world()
        // An address that no other test uses, so that none can take a port between closing and looking.
        let alone = TransportAddress(127, 0, 0, 78, port: 0)
        let (_, one) = try await world.awaiting { try $1.openDatagram(alone, use: .endpoint, owner: $0) }
        let (_, two) = try await world.awaiting { try $1.openDatagram(alone, use: .shared, owner: $0) }
        #expect(BoundPorts.of(alone.ip) == [one.port, two.port])
        try await world.awaiting { $1.closeAll() }
        #expect(BoundPorts.of(alone.ip) == [])
    }
}
