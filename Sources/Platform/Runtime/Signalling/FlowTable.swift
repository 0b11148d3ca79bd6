// SPDX-License-Identifier: Apache-2.0

import Bedrock
import CNet
import NIOCore
import NIOPosix
import RunMetrics
import SIP

/// A server's flows on one event loop by number: UDP sockets and connections. Confined to that loop.
///
/// What is queued between two flushes leaves in order, with one system call per run of datagrams on the same socket.
final class FlowTable<Owner: FlowOwner> {
    private enum Flow {
        case datagram(DatagramSocket<Owner>)
        case stream(StreamConnection<Owner>)
        case closed
    }

    /// Datagrams that one flush usually has: a read cycle of 32, each answered, with room to spare.
    private static var usualBatch: Int { 128 }

    let loop: any EventLoop
    private var flows: [Flow] = []
    private var batch: [callmeter_datagram] = []
    private var batchFlow = 0
    private var touchedStreams: [Int] = []

    init(loop: any EventLoop) {
        self.loop = loop
        batch.reserveCapacity(Self.usualBatch)
    }

    // MARK: Opening

    /// Binds a UDP socket; the future tells its flow and address.
    func openDatagram(
        _ local: TransportAddress, use: DatagramSocket<Owner>.Use, owner: Owner
    ) throws -> EventLoopFuture<(FlowID, TransportAddress)> {
        let flow = FlowID(raw: UInt32(flows.count))
        let socket = DatagramSocket(flow: flow, owner: owner)
        flows.append(.datagram(socket))
        return try socket.open(local, use: use, on: loop).map { (flow, $0) }
    }

    /// Takes a number for a connection that `connect` opens.
    func reserveStream(owner: Owner) -> FlowID {
        let flow = FlowID(raw: UInt32(flows.count))
        flows.append(.stream(StreamConnection(flow: flow, owner: owner)))
        return flow
    }

    /// Connects a reserved flow. The owner hears `opened` or `failed`; the future is done after that and never fails.
    func connect(
        _ flow: FlowID, to remote: TransportAddress, from local: TransportAddress, transport: Transport = .tcp,
        security: SecurityContext? = nil
    ) -> EventLoopFuture<Void> {
        guard case .stream(let connection) = flows[Int(flow.raw)] else { return loop.makeSucceededVoidFuture() }
        return connection.connect(to: remote, from: local, transport: transport, security: security, on: loop)
    }

    /// Takes a number for a connection that a listener accepted, and sets its pipeline up. The owner hears `opened` when messages
    /// may go.
    func accept(
        _ channel: any Channel, transport: Transport, security: ServerSecurityContext?, owner: Owner
    ) throws -> FlowID {
        let flow = reserveStream(owner: owner)
        if case .stream(let connection) = flows[Int(flow.raw)] {
            try connection.accept(channel, transport: transport, security: security)
        }
        return flow
    }

    // MARK: Sending

    /// Queues one message: `range` of the buffer that the next flush is given. Answers whether it goes as a datagram.
    @discardableResult
    func queue(
        _ range: Range<Int>, flow: FlowID, destination: TransportAddress, base: UnsafeRawBufferPointer
    ) -> Bool {
        let index = Int(flow.raw)
        guard index < flows.count else { return false }
        switch flows[index] {
        case .datagram:
            if index != batchFlow { sendBatch(base) }
            batchFlow = index
            batch.append(
                callmeter_datagram(
                    destination: destination.endpoint, offset: UInt32(range.lowerBound), length: UInt32(range.count)))
            return true
        case .stream(let connection):
            if connection.write(UnsafeRawBufferPointer(rebasing: base[range])) { touchedStreams.append(index) }
            return false
        case .closed:
            return false
        }
    }

    /// Sends what was queued; afterwards the buffer may be used again.
    func flush(base: UnsafeRawBufferPointer) {
        sendBatch(base)
        for index in touchedStreams {
            if case .stream(let connection) = flows[index] { connection.flush() }
        }
        touchedStreams.removeAll(keepingCapacity: true)
    }

    private func sendBatch(_ base: UnsafeRawBufferPointer) {
        guard !batch.isEmpty, let start = base.baseAddress else { return }
        if case .datagram(let socket) = flows[batchFlow] {
            batch.withUnsafeBufferPointer { socket.send($0, base: start) }
        }
        batch.removeAll(keepingCapacity: true)
    }

    // MARK: Closing

    /// Forgets a flow that failed; its number is not used again.
    func forget(_ flow: FlowID) { flows[Int(flow.raw)] = .closed }

    /// Closes every socket and connection; the future is done when all descriptors are gone.
    func closeAll() -> EventLoopFuture<Void> {
        let closing = flows.map { flow in
            switch flow {
            case .datagram(let socket): socket.close(on: loop)
            case .stream(let connection): connection.close(on: loop)
            case .closed: loop.makeSucceededVoidFuture()
            }
        }
        flows = flows.map { _ in .closed }
        return EventLoopFuture.andAllComplete(closing, on: loop)
    }
}
