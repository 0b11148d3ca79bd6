// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import CNet
import Dispatch
import Glibc
import NIOCore
import NIOPosix
import Synchronization

/// Sends datagrams to one place on a thread of its own, for whoever must not wait.
///
/// A receiver that does not keep up loses datagrams, and one that is not there costs nothing. What waits is bounded: what comes while
/// too much waits is not sent, and counted.
public final class DatagramSender: Sendable {
    /// Bytes that may wait.
    private static let mostWaiting = 64 << 20
    /// Datagrams sent in a row before the receiver gets a moment to take them out of its buffer.
    private static let burst = 32

    private struct State {
        var waiting: [[UInt8]] = []
        var bytes = 0
        var dropped: UInt64 = 0
        var isClosed = false
    }

    /// What its thread and its owners share.
    private final class Queue: Sendable {
        let state = Mutex(State())
        let descriptor: Int32
        /// Raised each time that there is something to do.
        let wake = DispatchSemaphore(value: 0)

        init(descriptor: Int32) { self.descriptor = descriptor }

        deinit { callmeter_close(descriptor) }

        /// Sends until it is closed and nothing waits.
        func run() {
            while true {
                wake.wait()
                while true {
                    let (datagrams, isClosed) = take()
                    if datagrams.isEmpty {
                        if isClosed { return }
                        break
                    }
                    send(datagrams)
                }
            }
        }

        private func take() -> ([[UInt8]], isClosed: Bool) {
            state.withLock { state in
                let taken = state.waiting
                state.waiting = []
                state.bytes = 0
                return (taken, state.isClosed)
            }
        }

        private func send(_ datagrams: [[UInt8]]) {
            for (number, datagram) in datagrams.enumerated() {
                // A refusal (nobody listens there now) comes back at a later send; the next one is tried all the same.
                _ = datagram.withUnsafeBytes {
                    Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                if number % DatagramSender.burst == DatagramSender.burst - 1 { usleep(1_000) }
            }
        }
    }

    private let queue: Queue
    private let thread: OwnThread

    /// Opens a socket toward a place and starts the thread. Throws when the system refuses.
    public init(to place: TransportAddress) throws {
        let descriptor = try Self.connected(to: place)
        let queue = Queue(descriptor: descriptor)
        guard let thread = OwnThread.start(name: "datagrams", { queue.run() }) else {
            throw SystemFailure(code: EAGAIN, action: "start a sending thread")
        }
        self.queue = queue
        self.thread = thread
    }

    private static func connected(to place: TransportAddress) throws -> Int32 {
        let isV6 = if case .v6 = place.ip { true } else { false }
        let descriptor = socket(isV6 ? AF_INET6 : AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SystemFailure(code: errno, action: "open a socket") }
        let result = try place.socketAddress.withSockAddr { Glibc.connect(descriptor, $0, socklen_t($1)) }
        guard result == 0 else {
            let code = errno
            callmeter_close(descriptor)
            throw SystemFailure(code: code, action: "send to \(place)")
        }
        return descriptor
    }

    /// Takes datagrams, from any thread, and returns at once.
    public func send(_ datagrams: [[UInt8]]) {
        queue.state.withLock { state in
            for datagram in datagrams {
                guard !state.isClosed, state.bytes + datagram.count <= Self.mostWaiting else {
                    state.dropped += 1
                    continue
                }
                state.bytes += datagram.count
                state.waiting.append(datagram)
            }
        }
        signal()
    }

    /// Sends what waits, then ends the thread; to be called once. Gives how many datagrams found no room.
    @discardableResult
    public func close() async -> UInt64 {
        queue.state.withLock { $0.isClosed = true }
        signal()
        // On a thread that may wait.
        try? await NIOThreadPool.singleton.runIfActive { [thread] in thread.join() }
        return queue.state.withLock(\.dropped)
    }

    private func signal() { queue.wake.signal() }
}
