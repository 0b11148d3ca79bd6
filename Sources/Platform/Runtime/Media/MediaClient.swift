// SPDX-License-Identifier: Apache-2.0

import Media
import Synchronization

/// One user of the media threads, with its own names for streams and its own place for events to go.
///
/// A signalling shard makes one, so that stream names need only be unique in the shard and events reach its event loop alone.
public final class MediaClient: Sendable {
    private let mailboxes: [MediaMailbox]
    let sink: @Sendable ([MediaEvent]) -> Void
    private let threadOf = Mutex<[StreamID: Int]>([:])

    /// A client of an engine. `sink` is called on media threads, for one batch at a time per thread; it must be quick.
    public init(engine: MediaEngine, sink: @escaping @Sendable ([MediaEvent]) -> Void) {
        mailboxes = engine.mailboxes
        self.sink = sink
    }

    /// Hands over commands; those for one stream are performed in their order. Never blocks. What can be answered at once is
    /// answered before this returns.
    public func submit(_ batch: [MediaCommand]) {
        var orders = [[MediaMailbox.Order]](repeating: [], count: mailboxes.count)
        var unknown: [MediaEvent] = []
        threadOf.withLock { threadOf in
            for command in batch {
                let thread: Int? =
                    switch command {
                    case .open(let stream, let port, _, _): threadOf.updateIfAbsent(stream, port.thread)
                    case .update(let stream, _): threadOf[stream]
                    case .close(let stream): threadOf.removeValue(forKey: stream)
                    }
                if let thread {
                    orders[thread].append(.perform(command, self))
                } else if case .open(let stream, _, _, _) = command {
                    unknown.append(.failed(stream, .inUse))
                } else if case .close(let stream) = command {
                    unknown.append(.closed(stream, .init()))
                }
            }
        }
        for (thread, list) in orders.enumerated() where !list.isEmpty && !mailboxes[thread].send(list) {
            unknown += list.compactMap(\.answerAfterShutdown)
        }
        if !unknown.isEmpty { sink(unknown) }
    }
}

extension Dictionary {
    /// Keeps the value under a key that has none; nil when it has one.
    fileprivate mutating func updateIfAbsent(_ key: Key, _ value: Value) -> Value? {
        guard self[key] == nil else { return nil }
        self[key] = value
        return value
    }
}
