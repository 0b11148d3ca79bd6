// SPDX-License-Identifier: Apache-2.0

import Bedrock
import CNet
import Glibc
import RunMetrics
import SIP

/// The flows of one shard by number, and the UDP sockets among them. Confined to the shard's thread.
///
/// A socket is four bytes here: all share one set of receive buffers, and what is sent leaves from the engine's own buffer,
/// with one system call for a run of datagrams on the same socket.
final class ShardSockets {
    /// A datagram that was refused: by the system when it was sent, or by ICMP later.
    struct Refusal: Hashable {
        let flow: FlowID
        let destination: TransportAddress
        let fault: TransportFault
    }

    /// Datagrams that one turn usually sends: those received, each answered, with room to spare.
    private static var usualBatch: Int { 128 }
    /// What is asked for a socket that many endpoints share; the system caps it at net.core.rmem_max.
    private static var sharedBuffer: Int32 { 4 * 1024 * 1024 }
    /// Entries taken from a socket's error queue at one time; more stay for the next turn.
    private static var errorsAtOnce: Int { 64 }
    private static var none: Int32 { -1 }

    private let epoll: Int32
    private let inbox: ShardInbox
    /// By flow number; `none` for connections and for what is closed. Numbers are not used again.
    private var descriptors: [Int32] = []
    private var batch: [callmeter_datagram] = []
    private var batchFlow = 0
    private var backlogs: [Int: DatagramBacklog] = [:]
    private var refusals: [Refusal] = []
    private var droppedBefore: UInt64 = 0
    /// Of all drops those that were told already, and of the open sockets those that count as told, by flow number.
    private var droppedTold: UInt64 = 0
    private var shared: [Int] = []

    init(epoll: Int32, inbox: ShardInbox) {
        self.epoll = epoll
        self.inbox = inbox
        batch.reserveCapacity(Self.usualBatch)
    }

    // MARK: Opening and closing

    /// Binds a socket; its number and the address it was given.
    func open(_ local: TransportAddress, isShared: Bool) throws(SystemFailure) -> (FlowID, TransportAddress) {
        var endpoint = local.endpoint
        var bound = callmeter_endpoint()
        let descriptor = callmeter_inbox_open(&endpoint, isShared ? Self.sharedBuffer : 0, &bound)
        guard descriptor >= 0 else { throw SystemFailure(code: -descriptor, action: "bind \(local)") }
        let flow = reserve()
        let watched = callmeter_epoll_add(epoll, descriptor, UInt64(flow.raw))
        guard watched == 0 else {
            callmeter_close(descriptor)
            throw SystemFailure(code: -watched, action: "watch a socket")
        }
        descriptors[Int(flow.raw)] = descriptor
        if isShared { shared.append(Int(flow.raw)) }
        return (flow, TransportAddress(bound))
    }

    /// A number for a flow that is no socket of ours.
    func reserve() -> FlowID {
        descriptors.append(Self.none)
        return FlowID(raw: UInt32(descriptors.count - 1))
    }

    /// Whether a flow is a socket of this table.
    func contains(_ flow: FlowID) -> Bool {
        Int(flow.raw) < descriptors.count && descriptors[Int(flow.raw)] != Self.none
    }

    func close(_ flow: FlowID) {
        guard contains(flow) else { return }
        let descriptor = descriptors[Int(flow.raw)]
        droppedBefore += UInt64(max(0, callmeter_drops(descriptor)))
        callmeter_close(descriptor)
        descriptors[Int(flow.raw)] = Self.none
        droppedBefore += backlogs.removeValue(forKey: Int(flow.raw))?.dropped ?? 0
    }

    /// Datagrams this machine dropped since the last call. Sockets of one endpoint are asked when they close only: a call to the
    /// system for each of them every second would be a load of its own.
    func takeDrops() -> UInt64 {
        var all = droppedBefore
        for flow in shared where descriptors[flow] != Self.none {
            all += UInt64(max(0, callmeter_drops(descriptors[flow])))
        }
        defer { droppedTold = max(droppedTold, all) }
        return all - min(all, droppedTold)
    }

    /// Closes all; answers how many datagrams this machine dropped meanwhile.
    func closeAll() -> UInt64 {
        for flow in descriptors.indices { close(FlowID(raw: UInt32(flow))) }
        return droppedBefore
    }

    // MARK: Receiving

    /// Takes datagrams of a socket, up to `count`; the rest is told again by the next wait.
    func receive(_ flow: FlowID, count: Int32, _ take: (UnsafeRawBufferPointer, TransportAddress) -> Void) {
        guard contains(flow) else { return }
        let found = callmeter_inbox_receive(inbox.handle, descriptors[Int(flow.raw)], count)
        for index in 0..<max(0, found) {
            var length: UInt32 = 0
            var source = callmeter_endpoint()
            let bytes = callmeter_inbox_datagram(inbox.handle, index, &length, &source)
            take(UnsafeRawBufferPointer(start: bytes, count: Int(length)), TransportAddress(source))
        }
    }

    /// Reads what ICMP said of datagrams sent earlier (ip(7), IP_RECVERR).
    func takeErrors(_ flow: FlowID) {
        guard contains(flow) else { return }
        var entry = callmeter_datagram_error()
        for _ in 0..<Self.errorsAtOnce {
            guard callmeter_error_queue_take(descriptors[Int(flow.raw)], &entry) == 1 else { return }
            // "Too big" is no refusal: the system sends the retransmission in fragments.
            guard entry.has_destination != 0, entry.code != EMSGSIZE else { continue }
            refuse(flow, entry.destination, entry.code)
        }
    }

    /// What was refused since the last call, each destination of a flow once.
    func takeRefusals() -> [Refusal] {
        guard !refusals.isEmpty else { return [] }
        defer { refusals.removeAll(keepingCapacity: true) }
        return refusals
    }

    var hasRefusals: Bool { !refusals.isEmpty }

    private func refuse(_ flow: FlowID, _ destination: callmeter_endpoint, _ code: Int32) {
        let refusal = Refusal(
            flow: flow, destination: TransportAddress(destination), fault: TransportFault(errno: code))
        if !refusals.contains(refusal) { refusals.append(refusal) }
    }

    // MARK: Sending

    /// Queues `range` of the buffer that the next flush is given.
    func queue(_ range: Range<Int>, flow: FlowID, destination: TransportAddress, base: UnsafeRawBufferPointer) {
        let index = Int(flow.raw)
        if index != batchFlow { sendBatch(base) }
        batchFlow = index
        batch.append(
            callmeter_datagram(
                destination: destination.endpoint, offset: UInt32(range.lowerBound), length: UInt32(range.count)))
    }

    /// Sends what was queued; afterwards the buffer may be used again.
    func flush(base: UnsafeRawBufferPointer) { sendBatch(base) }

    /// A socket has room again for what waited.
    func resume(_ flow: FlowID) {
        guard contains(flow), let backlog = backlogs.removeValue(forKey: Int(flow.raw)) else { return }
        droppedBefore += backlog.dropped
        _ = callmeter_epoll_writing(epoll, descriptors[Int(flow.raw)], UInt64(flow.raw), 0)
        backlog.bytes.withUnsafeBytes { base in
            backlog.datagrams.withUnsafeBufferPointer { send($0, flow: flow, base: base) }
        }
    }

    private func sendBatch(_ base: UnsafeRawBufferPointer) {
        guard !batch.isEmpty else { return }
        let flow = FlowID(raw: UInt32(batchFlow))
        if contains(flow) { batch.withUnsafeBufferPointer { send($0, flow: flow, base: base) } }
        batch.removeAll(keepingCapacity: true)
    }

    /// Sends in order. One that the system refuses is reported and skipped; when its buffer is full the rest waits for room.
    private func send(_ datagrams: UnsafeBufferPointer<callmeter_datagram>, flow: FlowID, base: UnsafeRawBufferPointer)
    {
        let descriptor = descriptors[Int(flow.raw)]
        var rest = backlogs[Int(flow.raw)] == nil ? datagrams[...] : keep(datagrams[...], flow: flow, base: base)
        while !rest.isEmpty {
            let remaining = UnsafeBufferPointer(rebasing: rest)
            var code: Int32 = 0
            let sent = callmeter_datagrams_send(
                descriptor, base.baseAddress, remaining.baseAddress, Int32(remaining.count), &code)
            rest = rest.dropFirst(Int(sent))
            guard code != 0, let stopped = rest.first else { return }
            switch code {
            case EAGAIN:
                rest = keep(rest, flow: flow, base: base)
            case ENOBUFS:
                // The queue of an interface is full, and only a socket with an error queue hears of it: lost as on any wire.
                droppedBefore += 1
                rest = rest.dropFirst()
            default:
                refuse(flow, stopped.destination, code)
                rest = rest.dropFirst()
            }
        }
    }

    private func keep(
        _ datagrams: Swift.Slice<UnsafeBufferPointer<callmeter_datagram>>, flow: FlowID, base: UnsafeRawBufferPointer
    ) -> Swift.Slice<UnsafeBufferPointer<callmeter_datagram>> {
        if backlogs[Int(flow.raw)] == nil {
            _ = callmeter_epoll_writing(epoll, descriptors[Int(flow.raw)], UInt64(flow.raw), 1)
        }
        for datagram in datagrams {
            backlogs[Int(flow.raw), default: DatagramBacklog()].append(datagram, base: base)
        }
        return datagrams.dropFirst(datagrams.count)
    }
}

/// The receive buffers of one thread.
final class ShardInbox: Sendable {
    // An address is not Sendable by type; it is made before the thread starts and then used by that thread alone.
    nonisolated(unsafe) fileprivate let handle: OpaquePointer

    init() throws(SystemFailure) {
        guard let handle = callmeter_inbox_create() else {
            throw SystemFailure(code: ENOMEM, action: "make receive buffers")
        }
        self.handle = handle
    }

    deinit { callmeter_inbox_destroy(handle) }
}

/// Datagrams that wait for room in the system's send buffer.
private struct DatagramBacklog {
    /// Past this the newest are dropped, as a full queue on the way would; timers send again.
    private static let limit = 1024 * 1024

    private(set) var bytes: [UInt8] = []
    private(set) var datagrams: [callmeter_datagram] = []
    private(set) var dropped: UInt64 = 0

    mutating func append(_ datagram: callmeter_datagram, base: UnsafeRawBufferPointer) {
        guard bytes.count + Int(datagram.length) <= Self.limit else {
            dropped += 1
            return
        }
        var moved = datagram
        moved.offset = UInt32(bytes.count)
        datagrams.append(moved)
        bytes.append(contentsOf: base[Int(datagram.offset)..<Int(datagram.offset) + Int(datagram.length)])
    }
}
