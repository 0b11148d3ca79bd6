// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Testing

@testable import Media

@Suite struct SequenceTrackerTests {
    private func track(_ numbers: [UInt16]) -> (tracker: SequenceTracker, verdicts: [SequenceTracker.Verdict]) {
        var tracker = SequenceTracker(first: numbers[0])
        let verdicts = numbers.dropFirst().map { tracker.record($0) }
        return (tracker, verdicts)
    }

    @Test func `a late packet at the wrap is late and not 65536 lost`() {
        let result = track([65_533, 65_534, 0, 65_535, 1])
        #expect(result.verdicts == [.inOrder, .inOrder, .late, .inOrder])
        #expect(result.tracker.expected == 5)
        #expect(result.tracker.lost == 0)
        #expect(result.tracker.extendedHighest == 0x1_0001)
    }

    @Test func `a repeated packet at the wrap is a duplicate`() {
        let result = track([65_535, 0, 65_535, 0, 1])
        #expect(result.verdicts == [.inOrder, .duplicate, .duplicate, .inOrder])
        #expect(result.tracker.lost == 0)
        #expect(result.tracker.expected == 3)
    }

    @Test func `a gap is lost until its packets come late`() {
        var (tracker, verdicts) = track([10, 14])
        #expect(verdicts == [.inOrder])
        #expect(tracker.lost == 3)
        #expect(tracker.record(12) == .late)
        #expect(tracker.record(12) == .duplicate)
        #expect(tracker.lost == 2)
    }

    @Test func `packets that overtook the first one are not a negative loss`() {
        let result = track([10, 9, 8, 11, 8])
        #expect(result.verdicts == [.late, .late, .inOrder, .duplicate])
        #expect(result.tracker.expected == 4)
        #expect(result.tracker.lost == 0)
        #expect(track([0, 65_535, 1]).tracker.expected == 3)
    }

    @Test func `one stray number far away changes nothing, two in a row begin afresh`() {
        var (tracker, verdicts) = track([100, 101, 40_000, 102])
        #expect(verdicts == [.inOrder, .outOfRange, .inOrder])
        #expect(tracker.lost == 0)
        #expect(tracker.record(40_000) == .outOfRange)
        #expect(tracker.record(40_001) == .restarted)
        #expect(tracker.expected == 2)
        #expect(tracker.lost == 0)
    }

    @Test func `three cycles with a fixed loss count exactly, whatever the start`() {
        for start: Int in [0, 1, 65_530, 32_768] {
            var tracker = SequenceTracker(first: UInt16(start))
            var dropped: UInt64 = 0
            for step in 1...200_000 {
                if step % 7 == 0 && step < 200_000 {
                    dropped += 1
                } else {
                    #expect(tracker.record(UInt16(truncatingIfNeeded: start + step)) == .inOrder)
                }
            }
            #expect(tracker.expected == 200_001)
            #expect(tracker.lost == dropped)
        }
    }

    @Test func `a forward step over the whole window forgets what was there`() {
        var (tracker, _) = track([0, 1, 2])
        #expect(tracker.record(2 + 128) == .inOrder)
        #expect(tracker.lost == 127)
        #expect(tracker.record(129) == .late)
        #expect(tracker.lost == 126)
    }
}
