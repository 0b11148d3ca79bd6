// SPDX-License-Identifier: Apache-2.0

/// Names a scheduled timer of a `TimerQueue`.
public typealias TimerHandle = SlabHandle

/// Deadlines of one shard in a binary heap; equal deadlines come out in the order they were scheduled, so runs repeat exactly.
///
/// The payloads lie apart from the heap, and everything here is inlinable: a queue of another module is specialised there, which
/// makes it several times as fast.
public struct TimerQueue<Payload> {
    @usableFromInline var payloads = Slab<Payload>()
    @usableFromInline var heap = DeadlineHeap()

    /// An empty queue.
    @inlinable public init() {}

    /// How many timers are scheduled.
    @inlinable public var count: Int { heap.entries.count }

    /// The earliest deadline, nil when nothing is scheduled.
    @inlinable public var nextDeadline: Instant? { heap.entries.first?.deadline }

    /// Schedules a payload for a moment; the handle cancels it.
    @inlinable public mutating func schedule(_ payload: Payload, at deadline: Instant) -> TimerHandle {
        let handle = payloads.insert(payload)
        heap.insert(handle, at: deadline)
        return handle
    }

    /// Takes a timer out before it is due. A timer that has fired or was cancelled is ignored.
    @inlinable public mutating func cancel(_ handle: TimerHandle) {
        guard payloads.contains(handle) else { return }
        heap.remove(handle)
        payloads.remove(handle)
    }

    /// Takes out the earliest timer that is due at `now`, nil when none is.
    @inlinable public mutating func popDue(at now: Instant) -> Payload? {
        guard let first = heap.entries.first, first.deadline <= now else { return nil }
        heap.remove(first.handle)
        return payloads.remove(first.handle)
    }
}

extension TimerQueue: Sendable where Payload: Sendable {}

/// The heap of a `TimerQueue`: deadlines and handles only, the same code for every payload.
@usableFromInline struct DeadlineHeap: Sendable {
    @usableFromInline struct Entry: Sendable {
        @usableFromInline let deadline: Instant
        @usableFromInline let sequence: UInt64
        @usableFromInline let handle: SlabHandle

        func precedes(_ other: Entry) -> Bool {
            deadline == other.deadline ? sequence < other.sequence : deadline < other.deadline
        }
    }

    @usableFromInline private(set) var entries: [Entry] = []
    /// Where in the heap the entry of each place of the slab stands.
    private var positions: [Int32] = []
    private var sequence: UInt64 = 0

    @usableFromInline init() {}

    @usableFromInline mutating func insert(_ handle: SlabHandle, at deadline: Instant) {
        sequence += 1
        let index = Int(handle.index)
        while positions.count <= index { positions.append(0) }
        let entry = Entry(deadline: deadline, sequence: sequence, handle: handle)
        entries.append(entry)
        siftUp(entry, from: entries.count - 1)
    }

    /// Takes out the entry of a handle that is in the heap.
    @usableFromInline mutating func remove(_ handle: SlabHandle) {
        let position = Int(positions[Int(handle.index)])
        precondition(entries[position].handle == handle, "a timer that is not in the heap")
        let last = entries.removeLast()
        guard position < entries.count else { return }
        if position > 0, last.precedes(entries[(position - 1) / 2]) {
            siftUp(last, from: position)
        } else {
            siftDown(last, from: position)
        }
    }

    private mutating func place(_ entry: Entry, at position: Int) {
        entries[position] = entry
        positions[Int(entry.handle.index)] = Int32(position)
    }

    private mutating func siftUp(_ entry: Entry, from start: Int) {
        var child = start
        while child > 0 {
            let parent = (child - 1) / 2
            guard entry.precedes(entries[parent]) else { break }
            place(entries[parent], at: child)
            child = parent
        }
        place(entry, at: child)
    }

    private mutating func siftDown(_ entry: Entry, from start: Int) {
        var parent = start
        while true {
            var least = 2 * parent + 1
            guard least < entries.count else { break }
            if least + 1 < entries.count, entries[least + 1].precedes(entries[least]) { least += 1 }
            guard entries[least].precedes(entry) else { break }
            place(entries[least], at: parent)
            parent = least
        }
        place(entry, at: parent)
    }
}
