// SPDX-License-Identifier: Apache-2.0

/// Names a scheduled timer of a `TimerQueue`.
public typealias TimerHandle = SlabHandle

/// Deadlines of one shard in a binary heap; equal deadlines come out in the order they were scheduled, so runs repeat exactly.
public struct TimerQueue<Payload> {
    struct Timer {
        var deadline: Instant
        var sequence: UInt64
        var payload: Payload
        var position: Int
    }

    private var timers = Slab<Timer>()
    private var heap: [SlabHandle] = []
    private var sequence: UInt64 = 0

    /// An empty queue.
    public init() {}

    /// How many timers are scheduled.
    public var count: Int { heap.count }

    /// The earliest deadline, nil when nothing is scheduled.
    public var nextDeadline: Instant? { heap.first.map { timers[$0]!.deadline } }

    /// Schedules a payload for a moment; the handle cancels it.
    public mutating func schedule(_ payload: Payload, at deadline: Instant) -> TimerHandle {
        sequence += 1
        let handle = timers.insert(
            Timer(deadline: deadline, sequence: sequence, payload: payload, position: heap.count))
        heap.append(handle)
        siftUp(heap.count - 1)
        return handle
    }

    /// Takes a timer out before it is due. A timer that has fired or was cancelled is ignored.
    public mutating func cancel(_ handle: TimerHandle) {
        guard let position = timers[handle]?.position else { return }
        removeFromHeap(at: position)
        timers.remove(handle)
    }

    /// Takes out the earliest timer that is due at `now`, nil when none is.
    public mutating func popDue(at now: Instant) -> Payload? {
        guard let first = heap.first, timers[first]!.deadline <= now else { return nil }
        removeFromHeap(at: 0)
        return timers.remove(first)!.payload
    }

    private mutating func removeFromHeap(at position: Int) {
        let last = heap.count - 1
        if position != last {
            heap.swapAt(position, last)
            timers[heap[position]]!.position = position
        }
        heap.removeLast()
        guard position < heap.count else { return }
        siftDown(position)
        siftUp(position)
    }

    private func precedes(_ left: Int, _ right: Int) -> Bool {
        let a = timers[heap[left]]!
        let b = timers[heap[right]]!
        return a.deadline == b.deadline ? a.sequence < b.sequence : a.deadline < b.deadline
    }

    private mutating func swapPositions(_ left: Int, _ right: Int) {
        heap.swapAt(left, right)
        timers[heap[left]]!.position = left
        timers[heap[right]]!.position = right
    }

    private mutating func siftUp(_ start: Int) {
        var child = start
        while child > 0 {
            let parent = (child - 1) / 2
            guard precedes(child, parent) else { return }
            swapPositions(child, parent)
            child = parent
        }
    }

    private mutating func siftDown(_ start: Int) {
        var parent = start
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && precedes(child, least) {
                least = child
            }
            guard least != parent else { return }
            swapPositions(parent, least)
            parent = least
        }
    }
}

extension TimerQueue: Sendable where Payload: Sendable {}
extension TimerQueue.Timer: Sendable where Payload: Sendable {}
