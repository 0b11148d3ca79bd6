// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A fixed number of equal pieces of memory, each with the number of the one that follows it.
///
/// The memory is asked for once and touched only where it is used. It is kept out of core dumps, since what lies in it is not redacted.
final class ChunkPool {
    /// The size of a piece. A REGISTER with its answers fills one or two.
    static let size = 2048
    /// No piece.
    static let none = UInt32.max

    let count: Int
    private let memory: UnsafeMutableRawPointer
    private let next: UnsafeMutablePointer<UInt32>
    private var free = ChunkPool.none
    /// Pieces from here on were never used.
    private var fresh = 0
    /// How many can be taken.
    private(set) var available: Int

    /// A pool of at most `bytes`; nil where the system gives none.
    init?(bytes: Int) {
        count = max(2, bytes / Self.size)
        let memory = mmap(
            nil, count * Self.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let memory, memory != MAP_FAILED else { return nil }
        madvise(memory, count * Self.size, MADV_DONTDUMP)
        self.memory = memory
        next = .allocate(capacity: count)
        available = count
    }

    deinit {
        munmap(memory, count * Self.size)
        next.deallocate()
    }

    /// The bytes of a piece.
    subscript(chunk: UInt32) -> UnsafeMutableRawPointer { memory + Int(chunk) * Self.size }

    /// The piece that follows.
    func next(_ chunk: UInt32) -> UInt32 { next[Int(chunk)] }

    /// Says which piece follows.
    func link(_ chunk: UInt32, to following: UInt32) { next[Int(chunk)] = following }

    /// Takes a piece, the one that was given back last first; nothing follows it. There must be one.
    func take() -> UInt32 {
        precondition(available > 0, "the caller makes room first")
        available -= 1
        var chunk = free
        if chunk == Self.none {
            chunk = UInt32(fresh)
            fresh += 1
        } else {
            free = next[Int(chunk)]
        }
        next[Int(chunk)] = Self.none
        return chunk
    }

    /// Gives a piece back.
    func give(_ chunk: UInt32) {
        next[Int(chunk)] = free
        free = chunk
        available += 1
    }
}
