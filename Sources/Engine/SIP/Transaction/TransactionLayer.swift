// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// The transaction layer of one shard or server (RFC 3261 §17): keeps requests and responses, repeats them, matches what comes in.
///
/// The user writes a message into `writer` and hands it over with its start; the layer keeps a copy where it may have to be sent
/// again and puts it on `transmissions`. The driver sends those and calls `removeTransmissions`. Nothing here is ever awaited.
///
///     let id = layer.openRequest()
///     let start = layer.writer.output.count
///     … request line, layer.writer.via(.udp, sentBy: local, branch: layer.branch(of: id)), … finish
///     layer.send(id, method: .register, from: start, owner: 7, flow: flow, destination: server, isReliable: false, now: now)
public struct TransactionLayer {
    /// Messages being written and waiting to be sent.
    public var writer = MessageWriter(capacity: 64 * 1024)
    /// What is to be sent, in order.
    public internal(set) var transmissions: [Transmission] = []
    /// Requests and responses sent again so far.
    public internal(set) var retransmissions: UInt64 = 0

    /// Whom the message written or received last concerns. The user sets it before it sends; `receive` sets it to what the
    /// message's transaction knows.
    public var subject = Subject.none

    /// The times the timers are made from.
    public let timers: TimerValues

    var clients = Slab<ClientTransaction>()
    var servers = Slab<ServerTransaction>()
    var serverKeys: [TransactionKey: SlabHandle] = [:]
    var queue = TimerQueue<TimerTarget>()
    var pending: [TransactionEvent] = []
    var pendingStart = 0
    var random: SeededRandom
    let seed: (UInt64, UInt64)

    /// Whose timer it is.
    enum TimerTarget {
        case client(SlabHandle)
        case server(SlabHandle)
    }

    /// A layer without transactions.
    public init(timers: TimerValues = .standard, random: SeededRandom) {
        self.timers = timers
        self.random = random
        seed = (self.random.next(), self.random.next())
    }

    /// Whether no transaction is left, not even one that only absorbs copies.
    public var isEmpty: Bool { clients.isEmpty && servers.isEmpty }
    /// How many client and server transactions there are.
    public var counts: (clients: Int, servers: Int) { (clients.count, servers.count) }

    /// When `advance` must be called at the latest; nil when nothing is due ever.
    public var nextDeadline: Instant? { pendingStart < pending.count ? .zero : queue.nextDeadline }

    /// Forgets the messages waiting to be sent, once the driver has taken them.
    public mutating func removeTransmissions() {
        transmissions.removeAll(keepingCapacity: true)
        writer.removeAll()
    }

    /// Sends what was written from `start` on without a transaction: the ACK to a 2xx (RFC 3261 §13.2.2.4), stateless answers.
    public mutating func transmit(from start: Int, flow: FlowID, destination: TransportAddress) {
        transmissions.append(
            Transmission(flow: flow, destination: destination, range: start..<writer.output.count, subject: subject))
    }

    /// Runs what is due and gives the first event the user must know of; call again until nil.
    public mutating func advance(to now: Instant) -> TransactionEvent? {
        if let event = popPending() { return event }
        while let target = queue.popDue(at: now) {
            switch target {
            case .client(let handle): advanceClient(handle, now: now)
            case .server(let handle): advanceServer(handle, now: now)
            }
            if let event = popPending() { return event }
        }
        return nil
    }

    /// A flow is gone, or a datagram to `destination` on it was refused: the transactions that need it fail. `advance` gives the events.
    ///
    /// - Parameter destination: nil means everything on the flow (a closed connection).
    public mutating func transportFailed(flow: FlowID, destination: TransportAddress? = nil) {
        for handle in clients.handles {
            guard let transaction = clients[handle], transaction.flow == flow,
                destination == nil || transaction.destination == destination
            else { continue }
            failClient(handle)
        }
        for handle in servers.handles {
            guard let transaction = servers[handle], transaction.flow == flow,
                destination == nil || transaction.destination == destination
            else { continue }
            failServer(handle)
        }
    }

    private mutating func popPending() -> TransactionEvent? {
        guard pendingStart < pending.count else { return nil }
        defer {
            pendingStart += 1
            if pendingStart == pending.count {
                pending.removeAll(keepingCapacity: true)
                pendingStart = 0
            }
        }
        return pending[pendingStart]
    }

    /// Sends a kept message again.
    mutating func transmitCopy(_ bytes: [UInt8], flow: FlowID, destination: TransportAddress) {
        let start = writer.output.count
        writer.output.append(bytes)
        transmit(from: start, flow: flow, destination: destination)
        retransmissions += 1
    }

    /// A copy of what was written from `start` on.
    func written(from start: Int) -> [UInt8] { writer.output.copy(from: start) }
}
