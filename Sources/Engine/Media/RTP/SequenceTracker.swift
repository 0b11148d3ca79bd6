// SPDX-License-Identifier: Apache-2.0

/// Follows the 16-bit sequence numbers of one source over their wraps and tells lost, late and repeated packets apart.
///
/// RFC 3550 §A.1 with two differences: the first packet counts at once (this is a measuring tool, not a player), and a
/// window of what arrived tells a late packet from a repeated one. A late packet at the wrap belongs to the cycle before.
struct SequenceTracker: Sendable {
    /// A step forward this large or larger is not loss but a new beginning (RFC 3550 §A.1, MAX_DROPOUT): a minute at 20 ms.
    static var maximumDropout: Int { 3000 }
    /// A packet this far behind or farther is not late but a new beginning (RFC 3550 §A.1, MAX_MISORDER).
    static var maximumMisorder: Int { 100 }
    /// How many sequence numbers are remembered: more than `maximumMisorder`, a power of two.
    private static var window: Int64 { 128 }

    /// What a packet turned out to be.
    enum Verdict: Equatable {
        /// The next one, or one after a gap.
        case inOrder
        /// One that fills a gap.
        case late
        /// One that was already here.
        case duplicate
        /// Far away from the others; it counts once a second one follows it.
        case outOfRange
        /// The second of a new sequence; the tracker was begun afresh with both.
        case restarted
    }

    /// The lowest extended number that counts.
    private(set) var first: Int64
    /// The highest extended number.
    private(set) var highest: Int64
    /// Different packets that arrived.
    private(set) var unique: UInt64 = 1
    /// The number that would prove a new beginning.
    private var expectedAfterJump: UInt16?
    private var seenLow: UInt64 = 0
    private var seenHigh: UInt64 = 0

    /// A tracker whose first packet has this number.
    init(first sequenceNumber: UInt16) {
        // One cycle of room below, so that a packet before the first one has a number too.
        first = Int64(sequenceNumber) + 0x10000
        highest = first
        mark(first)
    }

    /// Packets that were sent, as far as the numbers tell.
    var expected: UInt64 { UInt64(highest - first + 1) }
    /// Packets that have not arrived.
    var lost: UInt64 { expected - unique }
    /// The extended highest sequence number of a report block: cycles in the upper 16 bits (RFC 3550 §6.4.1).
    var extendedHighest: UInt32 { UInt32(truncatingIfNeeded: highest - 0x10000) }

    /// Takes the next packet in order of arrival.
    mutating func record(_ sequenceNumber: UInt16) -> Verdict {
        let step = Int(Int16(bitPattern: sequenceNumber &- UInt16(truncatingIfNeeded: highest)))
        if step > 0 && step < Self.maximumDropout {
            let number = highest + Int64(step)
            clear(from: highest + 1, through: number)
            highest = number
            mark(number)
            unique += 1
            expectedAfterJump = nil
            return .inOrder
        }
        if step <= 0 && step > -Self.maximumMisorder {
            let number = highest + Int64(step)
            expectedAfterJump = nil
            if number < first {
                first = number
            } else if isMarked(number) {
                return .duplicate
            }
            mark(number)
            unique += 1
            return .late
        }
        guard sequenceNumber == expectedAfterJump else {
            expectedAfterJump = sequenceNumber &+ 1
            return .outOfRange
        }
        self = SequenceTracker(first: sequenceNumber &- 1)
        _ = record(sequenceNumber)
        return .restarted
    }

    // MARK: Window

    private func isMarked(_ number: Int64) -> Bool {
        let bit = number & (Self.window - 1)
        return (bit < 64 ? seenLow >> UInt64(bit) : seenHigh >> UInt64(bit - 64)) & 1 == 1
    }

    private mutating func mark(_ number: Int64) {
        let bit = number & (Self.window - 1)
        if bit < 64 { seenLow |= 1 << UInt64(bit) } else { seenHigh |= 1 << UInt64(bit - 64) }
    }

    private mutating func clear(from start: Int64, through end: Int64) {
        if end - start >= Self.window - 1 {
            seenLow = 0
            seenHigh = 0
            return
        }
        var number = start
        while number <= end {
            let bit = number & (Self.window - 1)
            if bit < 64 { seenLow &= ~(1 << UInt64(bit)) } else { seenHigh &= ~(1 << UInt64(bit - 64)) }
            number += 1
        }
    }
}
