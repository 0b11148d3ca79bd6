// SPDX-License-Identifier: Apache-2.0

import Bedrock
import CNet
import RunMetrics
import SIP
import Testing

@testable import Runtime

private let loopback = TransportAddress(127, 0, 0, 1, port: 0)

struct ShardSocketsTests {
    private let mailbox: ShardMailbox
    private let sockets: ShardSockets

    init() throws {
        mailbox = try ShardMailbox()
        sockets = ShardSockets(epoll: mailbox.epoll, inbox: try ShardInbox())
    }

    private func send(_ texts: [String], flow: FlowID, to destination: TransportAddress) {
        Array(texts.joined().utf8).withUnsafeBytes { base in
            var start = 0
            for text in texts {
                sockets.queue(start..<start + text.utf8.count, flow: flow, destination: destination, base: base)
                start += text.utf8.count
            }
            sockets.flush(base: base)
        }
    }

    /// What a socket has; on loopback a datagram is there as soon as it was sent.
    private func receive(_ flow: FlowID, count: Int32 = 32) -> [(text: String, source: TransportAddress)] {
        var found: [(text: String, source: TransportAddress)] = []
        sockets.receive(flow, count: count) { found.append((String(decoding: $0, as: UTF8.self), $1)) }
        return found
    }

    @Test(arguments: [false, true])
    func `datagrams arrive whole with their source, also at the largest size`(isShared: Bool) throws {
        let (sender, here) = try sockets.open(loopback, isShared: false)
        let (receiver, there) = try sockets.open(loopback, isShared: isShared)
        let long = String(repeating: "x", count: 65_507)
        send(["hello", long], flow: sender, to: there)
        let found = isShared ? receive(receiver) : receive(receiver, count: 1) + receive(receiver, count: 1)
        #expect(found.map(\.text) == ["hello", long])
        #expect(found.map(\.source) == [here, here])
        #expect(receive(receiver).isEmpty)
    }

    @Test
    func `datagrams of one length leave together and arrive each by itself, in order, whatever lengths stand between`()
        throws
    {
        let (sender, here) = try sockets.open(loopback, isShared: true)
        let (receiver, there) = try sockets.open(loopback, isShared: true)
        // Runs of one length, a shorter one that ends a run, longer ones, and more than one system call takes.
        let lengths =
            Array(repeating: 400, count: 40) + [399, 400, 400, 7, 1400, 1400, 1401, 1401, 3]
            + Array(repeating: 1, count: 30)
        let texts = lengths.enumerated().map { place, length in
            String(repeating: Character(UnicodeScalar(UInt8(65 + place % 26))), count: length)
        }
        send(texts, flow: sender, to: there)
        var found: [(text: String, source: TransportAddress)] = []
        while found.count < texts.count {
            let more = receive(receiver)
            guard !more.isEmpty else { break }
            found += more
        }
        #expect(found.map(\.text) == texts)
        #expect(found.allSatisfy { $0.source == here })
    }

    @Test func `drops at a shared socket are told once, those of an own socket when it closes`()
        throws
    {
        let (sender, _) = try sockets.open(loopback, isShared: true)
        for isShared in [true, false] {
            let (receiver, there) = try sockets.open(loopback, isShared: isShared)
            let large = String(repeating: "x", count: 60_000)
            var drops: UInt64 = 0
            // More than any buffer holds: the largest is asked to be 4 MiB.
            for _ in 0..<400 where drops == 0 {
                send([large], flow: sender, to: there)
                drops = sockets.takeDrops()
            }
            if !isShared {
                #expect(drops == 0)
                sockets.close(receiver)
                drops = sockets.takeDrops()
            }
            #expect(drops > 0)
            #expect(sockets.takeDrops() == 0)
            if isShared {
                sockets.close(receiver)
                // Closing tells nothing twice.
                #expect(sockets.takeDrops() == 0)
            }
        }
    }

    @Test func `messages of one flush keep their order over several sockets, IPv4 and IPv6 side by side`() throws {
        let (one, _) = try sockets.open(loopback, isShared: true)
        let (two, _) = try sockets.open(loopback, isShared: false)
        let (receiver, there) = try sockets.open(loopback, isShared: true)
        let six = TransportAddress(ip: .v6(high: 0, low: 1), port: 0)
        let (sixth, itself) = try sockets.open(six, isShared: true)
        Array("0123456789".utf8).withUnsafeBytes { base in
            for place in 0..<10 {
                let flow = place % 4 < 2 ? one : two
                sockets.queue(place..<place + 1, flow: flow, destination: there, base: base)
            }
            sockets.queue(0..<1, flow: sixth, destination: itself, base: base)
            sockets.flush(base: base)
        }
        #expect(receive(receiver).map(\.text).joined() == "0123456789")
        #expect(receive(sixth).map(\.source) == [itself])
    }

    @Test func `G2: ICMP's refusals are told by destination, and datagrams to others still leave`() throws {
        let closedPort = try RefusingPort()
        let otherPort = try RefusingPort()
        let (closed, other) = (closedPort.address, otherPort.address)
        let (sender, here) = try sockets.open(loopback, isShared: true)
        Array("abcd".utf8).withUnsafeBytes { base in
            for (place, destination) in [closed, here, other, here].enumerated() {
                sockets.queue(place..<place + 1, flow: sender, destination: destination, base: base)
            }
            sockets.flush(base: base)
        }
        #expect(receive(sender).map(\.text) == ["b", "d"])
        sockets.takeErrors(sender)
        let refusals = sockets.takeRefusals()
        #expect(refusals.map(\.destination) == [closed, other])
        #expect(refusals.allSatisfy { $0.fault == .refused && $0.flow == sender })
        #expect(!sockets.hasRefusals)
        withExtendedLifetime((closedPort, otherPort)) {}
    }

    @Test func `a destination that the system refuses is told, and the datagrams behind it still leave`() throws {
        let (sender, here) = try sockets.open(loopback, isShared: true)
        Array("ab".utf8).withUnsafeBytes { base in
            sockets.queue(0..<1, flow: sender, destination: loopback, base: base)
            sockets.queue(1..<2, flow: sender, destination: here, base: base)
            sockets.flush(base: base)
        }
        #expect(sockets.takeRefusals().map(\.destination) == [loopback])
        #expect(receive(sender).map(\.text) == ["b"])
    }

    @Test func `datagrams that the system has no room for are counted as dropped`() throws {
        let (sender, _) = try sockets.open(loopback, isShared: false)
        let (_, there) = try sockets.open(loopback, isShared: false)
        let kilobyte = String(repeating: "x", count: 1_000)
        for _ in 0..<40 { send(Array(repeating: kilobyte, count: 100), flow: sender, to: there) }
        #expect(sockets.closeAll() > 0)
    }

    @Test func `closing gives every descriptor back and nothing is sent or read any more`() throws {
        // An address that no other test uses, so that none can take a port between closing and looking.
        let alone = TransportAddress(127, 0, 0, 79, port: 0)
        let (flow, one) = try sockets.open(alone, isShared: false)
        let (_, two) = try sockets.open(alone, isShared: true)
        #expect(BoundPorts.of(alone.ip) == [one.port, two.port])
        #expect(sockets.closeAll() == 0)
        #expect(BoundPorts.of(alone.ip) == [])
        send(["late"], flow: flow, to: one)
        #expect(receive(flow).isEmpty)
    }

    @Test func `an address of another machine cannot be bound, which is said`() {
        let foreign = TransportAddress(192, 0, 2, 1, port: 0)
        let error = #expect(throws: SystemFailure.self) { try sockets.open(foreign, isShared: false) }
        #expect(error?.description.contains("192.0.2.1") == true)
    }
}
