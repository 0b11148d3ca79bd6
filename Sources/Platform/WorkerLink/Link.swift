// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// One direction of a link between controller and worker: frames in order, a bound on those waiting, and an end.
///
/// It has one reader. A frame of mere detail is dropped and counted when too many wait; any other frame that finds the mailbox
/// full ends the link, as a carrier over a network would.
public final class Mailbox<Frame: Sendable>: Sendable {
    /// More waiting frames than this mean that the reader is gone or stuck: results come in batches, windows once a second.
    public static var capacity: Int { 4_096 }
    /// Detail is dropped from here on, so that the rest still finds room.
    private static var detailCapacity: Int { 1_024 }

    private struct State {
        var waiting = 0
        var dropped = 0
        var isClosed = false
    }

    private let state = Mutex(State())
    private let stream: AsyncStream<Frame>
    private let continuation: AsyncStream<Frame>.Continuation

    /// An empty mailbox.
    public init() {
        (stream, continuation) = AsyncStream.makeStream(of: Frame.self, bufferingPolicy: .unbounded)
    }

    /// Puts a frame in; false when the link has ended.
    @discardableResult
    public func put(_ frame: Frame, isDetail: Bool = false) -> Bool {
        state.withLock { state in
            guard !state.isClosed else { return false }
            if isDetail && state.waiting >= Self.detailCapacity {
                state.dropped += 1
                return true
            }
            guard state.waiting < Self.capacity else {
                state.isClosed = true
                continuation.finish()
                return false
            }
            state.waiting += 1
            continuation.yield(frame)
            return true
        }
    }

    /// Ends the direction; what waits is still delivered.
    public func close() {
        state.withLock { $0.isClosed = true }
        continuation.finish()
    }

    /// How many frames of detail were dropped.
    public var dropped: Int { state.withLock { $0.dropped } }

    /// Hands each frame to `body` in order until the direction ends.
    public func forEach(_ body: (Frame) async -> Void) async {
        for await frame in stream {
            state.withLock { $0.waiting -= 1 }
            await body(frame)
        }
    }
}

/// A session between a controller and a worker inside one process: two mailboxes, ended together.
public struct InProcessLink: Sendable {
    /// From the controller to the worker.
    public let down: Mailbox<ControllerFrame>
    /// From the worker to the controller.
    public let up: Mailbox<WorkerFrame>

    /// A fresh session.
    public init() {
        down = Mailbox()
        up = Mailbox()
    }

    /// Ends the session, as a lost connection would.
    public func close() {
        down.close()
        up.close()
    }
}
