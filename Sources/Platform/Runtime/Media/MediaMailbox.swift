// SPDX-License-Identifier: Apache-2.0

import CNet
import Media
import Synchronization

/// What crosses between other threads and one media thread: orders in, its figures out. Everything else is confined.
final class MediaMailbox: Sendable {
    enum Order: Sendable {
        case perform(MediaCommand, MediaClient)
        case release(MediaPort)

        /// What the client hears when no thread will perform this any more.
        var answerAfterShutdown: MediaEvent? {
            switch self {
            case .perform(.open(let stream, _, _, _), _): .failed(stream, .shutDown)
            case .perform(.close(let stream), _): .closed(stream, StreamReport())
            case .perform(.update, _), .release: nil
            }
        }
    }

    struct Letters {
        var orders: [Order] = []
        var isStopping = false
        var isFinished = false
    }

    let epoll: Int32
    let wake: Int32
    private let letters = Mutex(Letters())
    private let published = Mutex(MediaFigures())

    /// The wake-up is watched under this token; sockets use their descriptor times two, and one more for RTCP.
    static var wakeToken: UInt64 { .max }

    init() throws(MediaError) {
        epoll = try checkedDescriptor(callmeter_epoll_create(), "make an epoll instance")
        wake = try checkedDescriptor(callmeter_wake_create(), "make an event descriptor")
        let added = callmeter_epoll_add(epoll, wake, Self.wakeToken)
        guard added == 0 else { throw .system(code: -added, action: "watch an event descriptor") }
    }

    deinit {
        callmeter_close(wake)
        callmeter_close(epoll)
    }

    /// Leaves orders and wakes the thread when it has none yet. False when the thread has ended and nothing was left.
    func send(_ orders: some Sequence<Order> & Sendable) -> Bool {
        let outcome = letters.withLock { letters -> (isFirst: Bool, isTaken: Bool) in
            if letters.isFinished { return (false, false) }
            let wasEmpty = letters.orders.isEmpty
            letters.orders.append(contentsOf: orders)
            return (wasEmpty, true)
        }
        if outcome.isFirst { callmeter_wake_signal(wake) }
        return outcome.isTaken
    }

    func stop() {
        letters.withLock { $0.isStopping = true }
        callmeter_wake_signal(wake)
    }

    /// For the media thread: takes everything.
    func receive() -> Letters {
        letters.withLock { letters in
            let all = letters
            letters.orders = []
            return all
        }
    }

    /// For the media thread at its end: takes what came since, and refuses everything from now on.
    func finish() -> [Order] {
        letters.withLock { letters in
            let left = letters.orders
            letters.orders = []
            letters.isFinished = true
            return left
        }
    }

    func publish(_ figures: MediaFigures) { published.withLock { $0 = figures } }
    var figures: MediaFigures { published.withLock { $0 } }
}

/// A descriptor from the shim, or the error it stands for.
func checkedDescriptor(_ result: Int32, _ action: String) throws(MediaError) -> Int32 {
    guard result >= 0 else { throw .system(code: -result, action: action) }
    return result
}
