// SPDX-License-Identifier: Apache-2.0

import Bedrock

/// What is kept beside each message's bytes.
struct TapeEntry {
    var at: Instant
    var local: TransportAddress
    var remote: TransportAddress
    /// Bytes of the message, and how many of them are kept.
    var length: UInt32
    var kept: UInt32
    var transport: UInt8
    var isSent: Bool
}

/// The messages of a shard's endpoints until each endpoint is done, in memory that was bounded before the first of them.
///
/// A message is copied into its endpoint's chain of chunks, and that is all that happens to it: nothing is parsed and nothing
/// allocated. An endpoint over its own bound loses its oldest chunk. When the pool is empty, the endpoints give up their oldest
/// chunks in turn, so that one which is flooded cannot take what the others said.
final class MessageTape {
    /// One endpoint's chain. Messages are written one behind the other over the chunks' borders.
    private struct Track {
        var first = ChunkPool.none
        var last = ChunkPool.none
        /// Bytes used of the last chunk.
        var used: UInt16 = 0
        var chunks: UInt16 = 0
        var lostSome = false
        var isClosed = false
    }

    private static let entrySize = MemoryLayout<TapeEntry>.size
    /// In `starts`: no message begins in this chunk.
    private static let noStart = UInt16.max

    private let pool: ChunkPool
    /// Where the first message that begins in a chunk does so.
    private let starts: UnsafeMutablePointer<UInt16>
    /// By place; raw memory, because each message touches one of them and should pay for nothing else.
    private var tracks: UnsafeMutablePointer<Track>
    private var trackCount = 0
    /// Whose turn it is to give up a chunk.
    private var turn = 0
    private let chunksPerEndpoint: Int
    private let perMessage: Int
    /// Where a track is read out to.
    private var scratch: [UInt8] = []

    /// A tape within bounds; nil where the system gives no memory.
    init?(memory: Int, perEndpoint: Int, perMessage: Int) {
        guard let pool = ChunkPool(bytes: memory) else { return nil }
        self.pool = pool
        starts = .allocate(capacity: pool.count)
        tracks = .allocate(capacity: 0)
        chunksPerEndpoint = max(2, min(perEndpoint / ChunkPool.size, pool.count, Int(UInt16.max)))
        // A message must fit in what an endpoint may have, wherever in a chunk it begins.
        self.perMessage = max(0, min(perMessage, (chunksPerEndpoint - 1) * ChunkPool.size - Self.entrySize))
    }

    deinit {
        starts.deallocate()
        tracks.deallocate()
    }

    /// The chunks in use.
    var chunksHeld: Int { pool.count - pool.available }

    // MARK: Recording

    /// Keeps a message of the endpoint in a place. One that is closed keeps nothing.
    func record(_ message: UnsafeRawBufferPointer, _ entry: TapeEntry, in place: Int) {
        if place >= trackCount { growTracks(to: place + 1) }
        guard !tracks[place].isClosed else { return }
        let kept = min(message.count, perMessage)
        var entry = entry
        entry.length = UInt32(clamping: message.count)
        entry.kept = UInt32(truncatingIfNeeded: kept)
        let used = Int(tracks[place].used)
        if tracks[place].chunks > 0, ChunkPool.size - used >= Self.entrySize + kept {
            // Mostly it fits where the last one ended.
            let chunk = tracks[place].last
            if starts[Int(chunk)] == Self.noStart { starts[Int(chunk)] = UInt16(truncatingIfNeeded: used) }
            let target = pool[chunk] + used
            withUnsafeBytes(of: &entry) { Self.copy($0, to: target, count: Self.entrySize) }
            Self.copy(message, to: target + Self.entrySize, count: kept)
            tracks[place].used = UInt16(truncatingIfNeeded: used + Self.entrySize + kept)
            return
        }
        guard makeRoom(for: Self.entrySize + kept, in: place) else {
            tracks[place].lostSome = true
            return
        }
        beginMessage(in: place)
        withUnsafeBytes(of: &entry) { append(UnsafeRawBufferPointer(rebasing: $0[..<Self.entrySize]), in: place) }
        append(UnsafeRawBufferPointer(rebasing: message[..<kept]), in: place)
    }

    private static func copy(_ bytes: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer, count: Int) {
        if let base = bytes.baseAddress { target.copyMemory(from: base, byteCount: count) }
    }

    private func growTracks(to count: Int) {
        let capacity = max(count, 2 * trackCount, 64)
        let larger = UnsafeMutablePointer<Track>.allocate(capacity: capacity)
        larger.initialize(repeating: Track(), count: capacity)
        larger.update(from: tracks, count: trackCount)
        tracks.deallocate()
        tracks = larger
        trackCount = capacity
    }

    /// Makes the pool and the endpoint's bound hold so many bytes more; false when that cannot be.
    private func makeRoom(for size: Int, in place: Int) -> Bool {
        while tracks[place].chunks > 0, Int(tracks[place].chunks) + needed(for: size, in: place) > chunksPerEndpoint {
            dropOldest(in: place)
        }
        var passed = 0
        while pool.available < needed(for: size, in: place) {
            guard passed <= trackCount else { return false }
            turn = turn + 1 < trackCount ? turn + 1 : 0
            passed += 1
            if turn != place, tracks[turn].chunks > 0 {
                dropOldest(in: turn)
                passed = 0
            } else if passed == trackCount, tracks[place].chunks > 0 {
                // Nobody else has any.
                dropOldest(in: place)
                passed = 0
            }
        }
        return true
    }

    private func needed(for size: Int, in place: Int) -> Int {
        let room = tracks[place].chunks == 0 ? 0 : ChunkPool.size - Int(tracks[place].used)
        return (max(0, size - room) + ChunkPool.size - 1) / ChunkPool.size
    }

    private func dropOldest(in place: Int) {
        let chunk = tracks[place].first
        tracks[place].first = pool.next(chunk)
        tracks[place].chunks -= 1
        tracks[place].lostSome = true
        if tracks[place].chunks == 0 { tracks[place].last = ChunkPool.none }
        pool.give(chunk)
    }

    private func beginMessage(in place: Int) {
        if tracks[place].chunks == 0 || Int(tracks[place].used) == ChunkPool.size { extend(place) }
        let chunk = Int(tracks[place].last)
        if starts[chunk] == Self.noStart { starts[chunk] = tracks[place].used }
    }

    private func extend(_ place: Int) {
        let chunk = pool.take()
        starts[Int(chunk)] = Self.noStart
        if tracks[place].chunks == 0 {
            tracks[place].first = chunk
        } else {
            pool.link(tracks[place].last, to: chunk)
        }
        tracks[place].last = chunk
        tracks[place].used = 0
        tracks[place].chunks += 1
    }

    private func append(_ bytes: UnsafeRawBufferPointer, in place: Int) {
        var rest = bytes
        while let base = rest.baseAddress, !rest.isEmpty {
            if Int(tracks[place].used) == ChunkPool.size { extend(place) }
            let used = Int(tracks[place].used)
            let count = min(rest.count, ChunkPool.size - used)
            (pool[tracks[place].last] + used).copyMemory(from: base, byteCount: count)
            tracks[place].used += UInt16(count)
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    // MARK: Reading

    /// Takes the endpoint's last messages out, oldest first, and tells whether there were more; from then on it keeps none.
    /// - Parameter take: gets each message's entry and what is kept of it, which it may change.
    func close(
        _ place: Int, last count: Int, _ take: (TapeEntry, UnsafeMutableRawBufferPointer) -> Void
    ) -> (hadAny: Bool, lostSome: Bool) {
        guard place < trackCount, !tracks[place].isClosed else {
            discard(place)
            return (false, false)
        }
        var lostSome = tracks[place].lostSome
        let hadAny = tracks[place].chunks > 0
        scratch.removeAll(keepingCapacity: true)
        var chunk = tracks[place].first
        while chunk != ChunkPool.none {
            let start = scratch.isEmpty ? starts[Int(chunk)] : 0
            let end = chunk == tracks[place].last ? Int(tracks[place].used) : ChunkPool.size
            if start != Self.noStart {
                scratch.append(
                    contentsOf: UnsafeRawBufferPointer(start: pool[chunk] + Int(start), count: end - Int(start)))
            }
            chunk = pool.next(chunk)
        }
        discard(place)
        scratch.withUnsafeMutableBytes { bytes in
            let places = Self.entries(in: bytes)
            if places.count > count { lostSome = true }
            for (entry, range) in places.suffix(count) {
                take(entry, UnsafeMutableRawBufferPointer(rebasing: bytes[range]))
            }
            _ = bytes.initializeMemory(as: UInt8.self, repeating: 0)
        }
        return (hadAny, lostSome)
    }

    private static func entries(in bytes: UnsafeMutableRawBufferPointer) -> [(TapeEntry, Range<Int>)] {
        var entries: [(TapeEntry, Range<Int>)] = []
        var place = 0
        while bytes.count - place >= entrySize {
            let entry = bytes.loadUnaligned(fromByteOffset: place, as: TapeEntry.self)
            place += entrySize
            guard bytes.count - place >= Int(entry.kept) else { break }
            entries.append((entry, place..<place + Int(entry.kept)))
            place += Int(entry.kept)
        }
        return entries
    }

    /// Forgets an endpoint's messages; from now on it keeps none.
    func discard(_ place: Int) {
        if place >= trackCount { growTracks(to: place + 1) }
        var chunk = tracks[place].first
        while chunk != ChunkPool.none {
            let following = pool.next(chunk)
            pool.give(chunk)
            chunk = following
        }
        tracks[place] = Track()
        tracks[place].isClosed = true
    }
}
