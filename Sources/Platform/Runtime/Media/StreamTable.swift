// SPDX-License-Identifier: Apache-2.0

/// A media thread's streams in memory that stays in place while they are used, so that a packet touches its stream's bytes and
/// copies none. Indices are used again.
///
/// A pointer from it is good until the next `insert`; the owner is one thread.
struct StreamTable: ~Copyable {
    private var storage: UnsafeMutablePointer<MediaStream>
    private var capacity: Int
    private var isUsed: [Bool] = []
    private var vacant: [Int] = []

    init() {
        capacity = 16
        storage = .allocate(capacity: capacity)
    }

    deinit {
        for index in isUsed.indices where isUsed[index] { (storage + index).deinitialize(count: 1) }
        storage.deallocate()
    }

    /// The places that may be used.
    var indices: Range<Int> { isUsed.indices }

    /// Whether no stream is in it.
    var isEmpty: Bool { vacant.count == isUsed.count }

    /// The stream at an index, nil for none.
    subscript(index: Int) -> UnsafeMutablePointer<MediaStream>? {
        guard index >= 0, index < isUsed.count, isUsed[index] else { return nil }
        return storage + index
    }

    mutating func insert(_ stream: consuming MediaStream) -> Int {
        let index = vacant.popLast() ?? isUsed.count
        if index == isUsed.count {
            if index == capacity { grow() }
            isUsed.append(true)
        }
        isUsed[index] = true
        (storage + index).initialize(to: stream)
        return index
    }

    mutating func remove(_ index: Int) -> MediaStream? {
        guard let stream = self[index] else { return nil }
        isUsed[index] = false
        vacant.append(index)
        return stream.move()
    }

    private mutating func grow() {
        let larger = UnsafeMutablePointer<MediaStream>.allocate(capacity: capacity * 2)
        for index in isUsed.indices where isUsed[index] {
            (larger + index).moveInitialize(from: storage + index, count: 1)
        }
        storage.deallocate()
        storage = larger
        capacity *= 2
    }
}
