// SPDX-License-Identifier: Apache-2.0

import Bedrock

/// Deadlines of streams in slots of a millisecond: insert, remove and take are a few instructions, nothing is allocated once
/// the wheel has seen its highest index.
///
/// A deadline beyond the wheel's 63 ms sits in the last slot and comes out early; who takes it looks whether it is due and
/// puts it back. Streams of one slot come out in the order they went in, so that none is always last.
struct DeadlineWheel {
    /// The length of a slot. RTP deadlines are put on whole ticks, so they cost no lateness.
    static var tick: Int64 { 1_000_000 }
    /// As many slots as bits in the mask of used ones.
    private static var slots: Int { 64 }
    private static var none: Int32 { -1 }

    private var heads = [Int32](repeating: none, count: slots)
    private var tails = [Int32](repeating: none, count: slots)
    private var next: [Int32] = []
    private var previous: [Int32] = []
    private var slotOf: [Int8] = []
    private var used: UInt64 = 0
    private var taken: Int32 = none
    /// The last tick whose slot was taken.
    private var cursor: Int64

    init(now: Instant) { cursor = now.nanoseconds / Self.tick }

    /// The first moment at or after `moment` that lies on a tick.
    static func aligned(_ moment: Instant) -> Instant {
        Instant(nanoseconds: (moment.nanoseconds + tick - 1) / tick * tick)
    }

    /// When `takeDue` has to be called next; nil when the wheel is empty.
    var nextWake: Instant? {
        guard used != 0 else { return nil }
        let start = UInt64(truncatingIfNeeded: cursor + 1) & 63
        let rotated = used >> start | (start == 0 ? 0 : used << (64 - start))
        return Instant(nanoseconds: (cursor + 1 + Int64(rotated.trailingZeroBitCount)) * Self.tick)
    }

    /// Puts an index in that is not in the wheel.
    mutating func insert(_ index: Int, due: Instant) {
        while next.count <= index {
            next.append(Self.none)
            previous.append(Self.none)
            slotOf.append(-1)
        }
        let dueTick = due.nanoseconds >= .max - Self.tick ? Int64.max : (due.nanoseconds + Self.tick - 1) / Self.tick
        let slot = Int(truncatingIfNeeded: min(max(dueTick, cursor + 1), cursor + 63)) & 63
        let entry = Int32(index)
        previous[index] = tails[slot]
        next[index] = Self.none
        if tails[slot] == Self.none { heads[slot] = entry } else { next[Int(tails[slot])] = entry }
        tails[slot] = entry
        slotOf[index] = Int8(slot)
        used |= 1 << UInt64(slot)
    }

    /// Takes an index out; not between two calls of `takeDue` of one pass.
    mutating func remove(_ index: Int) {
        guard index < slotOf.count, slotOf[index] >= 0 else { return }
        let slot = Int(slotOf[index])
        let (before, after) = (previous[index], next[index])
        if before == Self.none { heads[slot] = after } else { next[Int(before)] = after }
        if after == Self.none { tails[slot] = before } else { previous[Int(after)] = before }
        if heads[slot] == Self.none { used &= ~(1 << UInt64(slot)) }
        slotOf[index] = -1
    }

    /// The next index whose slot has come, taken out of the wheel; nil when there is no more. Call until nil.
    mutating func takeDue(at now: Instant) -> Int? {
        let nowTick = now.nanoseconds / Self.tick
        while taken == Self.none {
            guard cursor < nowTick else { return nil }
            if used == 0 {
                cursor = nowTick
                return nil
            }
            // After a stall each slot is visited once; going round more often finds nothing new.
            cursor = max(cursor + 1, nowTick - Int64(Self.slots) + 1)
            let slot = Int(truncatingIfNeeded: cursor) & 63
            taken = heads[slot]
            heads[slot] = Self.none
            tails[slot] = Self.none
            used &= ~(1 << UInt64(slot))
        }
        let index = Int(taken)
        taken = next[index]
        slotOf[index] = -1
        return index
    }
}
