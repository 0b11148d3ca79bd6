// SPDX-License-Identifier: Apache-2.0

import Bedrock
import PBX
import RunMetrics
import SIP
import UserAgent

/// What the machines send, what becomes of it on its way, and how it arrives.
extension Simulation {
    // MARK: Sending

    func sendFromEndpoint(_ bytes: [UInt8], flow: FlowID, destination: TransportAddress) {
        let link = Int(flow.raw) - 1
        guard network.links.indices.contains(link) else { return }
        let isStream = network.links[link].connection != nil
        guard let first = bytes.first, first > 0x20 else {
            // What is no message only keeps the way open.
            if let connection = network.links[link].connection {
                sendBytes(bytes, connection: connection, toServer: true)
            }
            return
        }
        var found: [(String, Int?)] = []
        let request = watch.sent(bytes, link: link, to: isStream ? network.server : destination, now: now) {
            found.append(($0, $1))
        }
        for (text, endpoint) in found { violate(text, about: endpoint) }
        // What goes to a dead flow was sent all the same; a copy of it may leave when the flow is there again.
        guard network.links[link].isOpen else { return }
        if let request, weather.forgedShare > 0 { forgeChallenge(to: request, link: link) }
        if let connection = network.links[link].connection {
            sendBytes(bytes, connection: connection, toServer: true)
        } else {
            send(Datagram(source: network.links[link].address, destination: destination, bytes: bytes), toServer: true)
        }
    }

    func sendFromServer(_ bytes: [UInt8], flow: FlowID, destination: TransportAddress) {
        if flow == Network.serverFlow {
            send(Datagram(source: network.server, destination: destination, bytes: bytes), toServer: false)
        } else if let connection = network.connection(of: flow) {
            sendBytes(bytes, connection: connection, toServer: false)
        }
    }

    private func send(_ datagram: Datagram, toServer: Bool) {
        let loss = weather.loss(toServer: toServer, now)
        if loss > 0, linkRandom.chance(loss) {
            report.lost += 1
            return
        }
        let extra = slowness(toServer: toServer)
        var copies = 0
        plan.link.forEachArrival(now, &linkRandom) {
            copies += 1
            _ = queue.schedule(.deliver(datagram), at: $0 + extra)
        }
        if copies == 0 { report.lost += 1 }
        if copies > 1 { report.duplicated += 1 }
    }

    /// Bytes of a connection go in one to four pieces and in order.
    private func sendBytes(_ bytes: [UInt8], connection: Int, toServer: Bool) {
        guard network.connections[connection].isOpen else { return }
        let extra = slowness(toServer: toServer)
        var start = 0
        for piece in 0..<4 where start < bytes.count {
            let isLast = piece == 3 || linkRandom.chance(0.5)
            let rest = bytes.count - start
            let length = isLast ? rest : Int(linkRandom.next() % UInt64(rest)) + 1
            let arrival = plan.link.arrival(now, &linkRandom) + extra
            let last =
                toServer
                ? network.connections[connection].toServer.last : network.connections[connection].toEndpoint.last
            let moment = max(arrival, last)
            if toServer {
                network.connections[connection].toServer.last = moment
            } else {
                network.connections[connection].toEndpoint.last = moment
            }
            _ = queue.schedule(
                .deliverBytes(
                    connection: connection, toServer: toServer, Array(bytes[start..<start + length])), at: moment)
            start += length
        }
    }

    private func slowness(toServer: Bool) -> Interval {
        guard !toServer else { return .zero }
        for slow in weather.slowness where slow.until > now && linkRandom.chance(slow.share) {
            return Interval(nanoseconds: Int64(Double(slow.delay.nanoseconds) * linkRandom.unit()))
        }
        return .zero
    }

    // MARK: Arriving

    func deliver(_ datagram: Datagram) {
        if datagram.destination == network.server {
            guard !holds(.deliver(datagram), at: .server) else { return }
            trace(datagram)
            receive(datagram)
        } else if let link = network.link(at: datagram.destination) {
            guard !holds(.deliver(datagram), at: .shard(network.links[link].shard)) else { return }
            trace(datagram)
            receive(datagram, link: link)
        }
    }

    private func receive(_ datagram: Datagram) {
        watch.keep(datagram)
        guard !weather.serverIsDown else {
            if weather.serverRefuses, let link = network.link(at: datagram.source) {
                _ = queue.schedule(.refused(link: link, destination: datagram.destination), at: now + plan.link.delay)
            }
            return
        }
        if answerInFront(datagram.bytes, from: datagram.source, connection: nil) { return }
        datagram.bytes.withUnsafeBytes {
            pbx.receive($0, flow: Network.serverFlow, source: datagram.source, now: clock(.server))
        }
        drainServer()
    }

    private func receive(_ datagram: Datagram, link: Int) {
        watch.keep(datagram)
        guard network.links[link].isOpen, network.links[link].connection == nil else { return }
        let place = network.links[link].shard
        watch.received(datagram.bytes, link: link, now: now)
        datagram.bytes.withUnsafeBytes {
            shards[place].receive(
                $0, flow: FlowID(raw: UInt32(link + 1)), source: datagram.source, now: clock(.shard(place)))
        }
        drain(place)
    }

    /// Whether the receiver sleeps; then what came waits for it or is lost.
    private func holds(_ event: Event, at host: Trouble.Host) -> Bool {
        guard !weather.pauses.isEmpty, let pause = weather.pause(of: host, now) else { return false }
        if pause.isDeaf, case .deliver = event { return true }
        _ = queue.schedule(event, at: pause.until)
        return true
    }

    func deliver(_ bytes: [UInt8], connection: Int, toServer: Bool) {
        let link = network.connections[connection].link
        let host = toServer ? Trouble.Host.server : .shard(network.links[link].shard)
        let event = Event.deliverBytes(connection: connection, toServer: toServer, bytes)
        guard network.connections[connection].isOpen, !holds(event, at: host) else { return }
        let address = network.links[link].address
        trace(
            Datagram(
                source: toServer ? address : network.server, destination: toServer ? network.server : address,
                bytes: bytes))
        if toServer {
            bytes.withUnsafeBytes { network.connections[connection].toServer.framer.append($0) }
        } else {
            bytes.withUnsafeBytes { network.connections[connection].toEndpoint.framer.append($0) }
        }
        while network.connections[connection].isOpen, let frame = nextFrame(connection, toServer: toServer) {
            take(frame, connection: connection, toServer: toServer)
        }
    }

    /// The next frame of a stream; an error closes the connection, as a driver does.
    private func nextFrame(_ connection: Int, toServer: Bool) -> StreamFramer.Frame? {
        do throws(ParseError) {
            return toServer
                ? try network.connections[connection].toServer.framer.next()
                : try network.connections[connection].toEndpoint.framer.next()
        } catch {
            closeConnection(connection, fault: .reset)
            return nil
        }
    }

    private func take(_ frame: StreamFramer.Frame, connection: Int, toServer: Bool) {
        switch frame {
        case .ping: sendBytes([0x0D, 0x0A], connection: connection, toServer: !toServer)
        case .pong:
            guard !toServer else { return }
            let link = network.connections[connection].link
            let place = network.links[link].shard
            shards[place].pongReceived(FlowID(raw: UInt32(link + 1)), now: clock(.shard(place)))
            drain(place)
        case .message(let message):
            let link = network.connections[connection].link
            if toServer {
                let bytes = message.withBytes { [UInt8]($0) }
                if answerInFront(bytes, from: network.links[link].address, connection: connection) { return }
                let flow = network.connections[connection].serverFlow
                pbx.receive(message, flow: flow, source: network.links[link].address, now: clock(.server))
                drainServer()
            } else {
                let place = network.links[link].shard
                let bytes = message.withBytes { [UInt8]($0) }
                watch.received(bytes, link: link, now: now)
                bytes.withUnsafeBytes {
                    shards[place].receive(
                        $0, flow: FlowID(raw: UInt32(link + 1)), source: network.server, now: clock(.shard(place)))
                }
                drain(place)
            }
        }
    }

    // MARK: Connections

    /// Opens the connection of a link at the server.
    func openConnection(_ link: Int) {
        let flow = network.connect(link)
        network.links[link].isOpen = true
        pbx.flowOpened(flow, transport: .tcp, local: network.server)
    }

    /// A connection breaks; both sides are told.
    func closeConnection(_ connection: Int, fault: TransportFault) {
        guard network.connections[connection].isOpen else { return }
        network.connections[connection].isOpen = false
        pbx.flowClosed(network.connections[connection].serverFlow, now: clock(.server))
        drainServer()
        failFlow(network.connections[connection].link, fault: fault)
    }

    /// An endpoint's flow is gone.
    func failFlow(_ link: Int, fault: TransportFault) {
        guard network.links[link].isOpen else { return }
        network.links[link].isOpen = false
        let place = network.links[link].shard
        shards[place].flowFailed(FlowID(raw: UInt32(link + 1)), fault: fault, now: clock(.shard(place)))
        drain(place)
    }

    func reopenFlow(_ link: Int) {
        guard !network.links[link].isOpen else { return }
        network.links[link].isOpen = true
        if network.links[link].connection != nil { openConnection(link) }
        let place = network.links[link].shard
        shards[place].flowOpened(
            FlowID(raw: UInt32(link + 1)), local: network.links[link].address, now: clock(.shard(place)))
        drain(place)
    }

    // MARK: Flows that endpoints ask for

    func openFlow(_ endpoint: Int, to target: ServerTarget) {
        let place = place(of: endpoint)
        let link = network.addLink(for: endpoint, shard: place)
        shards[place].flowAssigned(endpoint: UInt32(endpoint), flow: FlowID(raw: UInt32(link + 1)))
        let handshake = target.transport.isReliable ? plan.link.delay * 2 : .zero
        _ = queue.schedule(.flowIsDue(link: link, target), at: now + handshake)
    }

    /// A UDP socket can always be opened, a connection where the server is.
    func flowIsDue(_ link: Int, to target: ServerTarget) {
        guard !network.links[link].isGivenUp else { return }
        let place = network.links[link].shard
        let flow = FlowID(raw: UInt32(link + 1))
        if target.transport.isReliable, weather.serverIsDown || target.address != network.server {
            let fault: TransportFault = weather.serverRefuses ? .refused : .connectTimeout
            shards[place].flowFailed(flow, fault: fault, now: clock(.shard(place)))
        } else {
            if target.transport.isReliable { openConnection(link) }
            network.links[link].isOpen = true
            shards[place].flowOpened(flow, local: network.links[link].address, now: clock(.shard(place)))
        }
        drain(place)
    }

    func closeFlow(_ flow: FlowID) {
        let link = Int(flow.raw) - 1
        guard network.links.indices.contains(link) else { return }
        network.links[link].isOpen = false
        network.links[link].isGivenUp = true
        guard let connection = network.links[link].connection, network.connections[connection].isOpen else { return }
        network.connections[connection].isOpen = false
        pbx.flowClosed(network.connections[connection].serverFlow, now: clock(.server))
        drainServer()
    }

    // MARK: The trace

    private func trace(_ datagram: Datagram) {
        report.delivered += 1
        var hash = report.traceHash
        func mix(_ value: UInt64) {
            hash = (hash ^ value) &* 0x9E37_79B9_7F4A_7C15
            hash ^= hash >> 29
        }
        mix(UInt64(bitPattern: now.nanoseconds))
        for address in [datagram.source, datagram.destination] {
            if case .v4(let value) = address.ip { mix(UInt64(value) << 16 | UInt64(address.port)) }
        }
        datagram.bytes.withUnsafeBytes { bytes in
            var place = 0
            while place + 8 <= bytes.count {
                mix(bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self))
                place += 8
            }
            while place < bytes.count {
                mix(UInt64(bytes[place]))
                place += 1
            }
        }
        report.traceHash = hash
    }
}
