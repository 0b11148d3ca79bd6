// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import CNet
import Glibc
import Synchronization

/// RTP on threads of its own: each thread owns its streams alone, sends on absolute deadlines and takes the kernel's times
/// of arrival. Commands go in and reports come out in batches (`MediaClient`); nothing is allocated per packet.
public final class MediaEngine: Sendable {
    /// Up to so many pairs the limit of descriptors is not looked up first, which reads a folder as long as the table of open
    /// files: a server's single call learns it from the system's refusal.
    private static let smallReservation = 16

    let mailboxes: [MediaMailbox]
    private let threads: Mutex<[OwnThread]>
    private let reserved = Mutex(Reservation())

    struct Reservation {
        var ports: Set<MediaPort> = []
        var nextThread = 0
        var nextPort: UInt16 = 0
    }

    /// Starts the threads.
    /// - Parameters:
    ///   - threads: how many; at least 1. One carries about 2,000 G.711 streams.
    ///   - interimReports: whether each stream's figures are reported every second.
    public init(threads count: Int = 1, interimReports: Bool = false) throws(MediaError) {
        precondition(count >= 1, "media needs a thread")
        var mailboxes: [MediaMailbox] = []
        for _ in 0..<count { mailboxes.append(try MediaMailbox()) }
        var started: [OwnThread] = []
        for (number, mailbox) in mailboxes.enumerated() {
            let thread = OwnThread.start(name: "media-\(number)") {
                MediaLoop(mailbox: mailbox, interimReports: interimReports).run()
            }
            guard let thread else {
                Self.stop(mailboxes, started)
                throw .system(code: EAGAIN, action: "start a media thread")
            }
            started.append(thread)
        }
        self.mailboxes = mailboxes
        threads = Mutex(started)
    }

    deinit { shutdown() }

    /// Binds port pairs, spread over the threads.
    /// - Parameters:
    ///   - ip: the address to receive on.
    ///   - portRange: where RTP ports may lie; nil lets the system choose.
    /// - Throws: what does not suffice, in words; then nothing is bound.
    public func reserve(
        ip: TransportAddress.IP, count: Int, portRange: ClosedRange<UInt16>? = nil
    ) throws(MediaError) -> [MediaPort] {
        if count > Self.smallReservation {
            do { try DescriptorBudget.require(2 * count) } catch { throw .descriptors(error) }
        }
        let start = reserved.withLock { state in
            let start = (thread: state.nextThread, port: state.nextPort)
            state.nextThread = (state.nextThread + count) % mailboxes.count
            return start
        }
        var binder = PortBinder(ip: ip, range: portRange, nextPort: start.port)
        var ports: [MediaPort] = []
        do throws(MediaError) {
            for index in 0..<count {
                let thread = (start.thread + index) % mailboxes.count
                let port = try binder.bindPair(thread: thread, wanted: count, found: index)
                ports.append(port)
                try watch(port)
            }
        } catch {
            for port in ports { port.closeSockets() }
            throw error
        }
        reserved.withLock { state in
            state.ports.formUnion(ports)
            state.nextPort = binder.nextPort
        }
        return ports
    }

    private func watch(_ port: MediaPort) throws(MediaError) {
        let epoll = mailboxes[port.thread].epoll
        for (descriptor, control) in [(port.rtpDescriptor, UInt64(0)), (port.rtcpDescriptor, 1)] {
            let added = callmeter_epoll_add(epoll, descriptor, UInt64(descriptor) * 2 + control)
            guard added == 0 else { throw .system(code: -added, action: "watch an RTP socket") }
        }
    }

    /// Closes port pairs; a stream that still uses one is closed first. Ports that were given back already are ignored.
    public func release(_ ports: [MediaPort]) {
        let held = reserved.withLock { state in ports.filter { state.ports.remove($0) != nil } }
        for (thread, mailbox) in mailboxes.enumerated() {
            let orders = held.filter { $0.thread == thread }.map { MediaMailbox.Order.release($0) }
            if !orders.isEmpty && !mailbox.send(orders) {
                for port in held where port.thread == thread { port.closeSockets() }
            }
        }
    }

    /// The threads' own figures, at most a second old; exact after `shutdown`.
    public func figures() -> MediaFigures {
        var sum = MediaFigures()
        for mailbox in mailboxes { sum.merge(mailbox.figures) }
        return sum
    }

    /// Closes all streams, reports each, joins the threads, closes the ports. Waits for the threads, so not from a sink. Again
    /// is harmless.
    public func shutdown() {
        let running = threads.withLock { threads in
            let all = threads
            threads = []
            return all
        }
        Self.stop(mailboxes, running)
        let left = reserved.withLock { state in
            let all = state.ports
            state.ports = []
            return all
        }
        for port in left { port.closeSockets() }
    }

    private static func stop(_ mailboxes: [MediaMailbox], _ threads: [OwnThread]) {
        for mailbox in mailboxes { mailbox.stop() }
        for thread in threads { thread.join() }
    }
}
