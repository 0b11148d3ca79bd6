// SPDX-License-Identifier: Apache-2.0

import Bedrock
import NIOCore
import NIOPosix
import RunMetrics
import SIP

/// Where a connection goes, and how.
struct StreamDestination: Sendable {
    let remote: TransportAddress
    let local: TransportAddress
    let transport: Transport
    /// For TLS, and the name of a WebSocket's host.
    let security: SecurityContext?
}

/// What a shard asks of its event loop for connections; one batch is one hop.
struct StreamOrders: Sendable {
    enum Order: Sendable {
        case connect(FlowID, StreamDestination)
        case send(FlowID, Range<Int>)
        case close(FlowID)
    }

    var orders: [Order] = []
    /// The messages that the ranges mean.
    var bytes: [UInt8] = []
}

/// What happened on a shard's connections; one batch is one read of all that are ready.
struct StreamNews: Sendable {
    enum Item: Sendable {
        case message(FlowID, Range<Int>, source: TransportAddress)
        case opened(FlowID, local: TransportAddress)
        case ponged(FlowID)
        case failed(FlowID, fault: TransportFault, detail: String?)
    }

    var items: [Item] = []
    /// The messages that the ranges mean.
    var bytes: [UInt8] = []
}

/// The connections of one shard, on a NIO event loop. Confined to that loop; to the shard it speaks in batches.
final class StreamLoop: FlowOwner {
    private let loop: any EventLoop
    private let tell: @Sendable (StreamNews) -> Void
    private var connections: [FlowID: StreamConnection<StreamLoop>] = [:]
    private let gate = SetupGate()
    private var news = StreamNews()
    private var isStopped = false

    /// - Parameter tell: hears of the news, on the loop.
    init(loop: any EventLoop, tell: @escaping @Sendable (StreamNews) -> Void) {
        self.loop = loop
        self.tell = tell
    }

    // MARK: Orders

    func perform(_ batch: StreamOrders) {
        guard !isStopped else { return }
        var touched: [StreamConnection<StreamLoop>] = []
        batch.bytes.withUnsafeBytes { bytes in
            for order in batch.orders {
                switch order {
                case .connect(let flow, let destination):
                    let connection = StreamConnection(flow: flow, owner: self)
                    connections[flow] = connection
                    _ = connection.connect(
                        to: destination.remote, from: destination.local, transport: destination.transport,
                        security: destination.security, gate: gate, on: loop)
                case .send(let flow, let range):
                    guard let connection = connections[flow] else { continue }
                    if connection.write(UnsafeRawBufferPointer(rebasing: bytes[range])) { touched.append(connection) }
                case .close(let flow):
                    _ = connections.removeValue(forKey: flow)?.close(on: loop)
                }
            }
        }
        for connection in touched { connection.flush() }
    }

    /// Closes every connection; the future is done when no descriptor is left.
    func stop() -> EventLoopFuture<Void> {
        isStopped = true
        gate.close()
        let closing = connections.values.map { $0.close(on: loop) }
        connections.removeAll()
        return EventLoopFuture.andAllComplete(closing, on: loop)
    }

    // MARK: News

    func received(_ message: UnsafeRawBufferPointer, flow: FlowID, source: TransportAddress) {
        let start = news.bytes.count
        news.bytes.append(contentsOf: message)
        note(.message(flow, start..<news.bytes.count, source: source))
    }

    func readCycleEnded() {
        // What other connections have ready now joins the same batch, which leaves at the end of the loop's turn.
    }

    func refused(_ fault: TransportFault, flow: FlowID, destination: TransportAddress) {}

    func opened(_ flow: FlowID, local: TransportAddress, remote: TransportAddress) {
        note(.opened(flow, local: local))
    }

    func ponged(_ flow: FlowID) { note(.ponged(flow)) }

    func failed(_ flow: FlowID, fault: TransportFault, detail: String?) {
        connections[flow] = nil
        note(.failed(flow, fault: fault, detail: detail))
    }

    private func note(_ item: StreamNews.Item) {
        guard !isStopped else { return }
        news.items.append(item)
        guard news.items.count == 1 else { return }
        let bound = NIOLoopBound(self, eventLoop: loop)
        loop.execute { bound.value.tellNews() }
    }

    private func tellNews() {
        let told = news
        news = StreamNews()
        tell(told)
    }
}

/// A shard's side of its connections: gathers orders and hands them over once a turn. Confined to the shard's thread.
final class StreamGate {
    private let group: MultiThreadedEventLoopGroup
    private let loop: any EventLoop
    private let streams: NIOLoopBound<StreamLoop>
    private var batch = StreamOrders()

    /// Starts the event loop. Waits for it, so only on a thread of our own.
    init(tell: @escaping @Sendable (StreamNews) -> Void) throws {
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        self.loop = loop
        streams = try loop.submit { NIOLoopBound(StreamLoop(loop: loop, tell: tell), eventLoop: loop) }.wait()
    }

    func connect(_ destination: StreamDestination, on flow: FlowID) {
        batch.orders.append(.connect(flow, destination))
    }

    func send(_ message: UnsafeRawBufferPointer, on flow: FlowID) {
        let start = batch.bytes.count
        batch.bytes.append(contentsOf: message)
        batch.orders.append(.send(flow, start..<batch.bytes.count))
    }

    func close(_ flow: FlowID) { batch.orders.append(.close(flow)) }

    /// Hands over what was asked.
    func flush() {
        guard !batch.orders.isEmpty else { return }
        let (orders, streams) = (batch, streams)
        batch = StreamOrders()
        loop.execute { streams.value.perform(orders) }
    }

    /// Closes every connection and ends the event loop; waits for both.
    func stop() {
        let streams = streams
        try? loop.flatSubmit { streams.value.stop() }.wait()
        try? group.syncShutdownGracefully()
    }
}
