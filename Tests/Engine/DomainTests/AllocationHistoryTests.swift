// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Testing

@Suite struct PositionRangesTests {
    @Test(
        arguments: [
            ([], ""), ([7], "7"), ([1, 2, 3], "1-3"), ([702, 1, 2, 3, 3, 500], "1-3,500,702"), ([4, 6, 5], "4-6"),
        ] as [([Int64], String)])
    func `places are written as ranges and read back`(positions: [Int64], text: String) {
        let ranges = PositionRanges(positions)
        #expect(ranges.description == text)
        #expect(PositionRanges(text) == ranges)
        #expect(ranges.count == Set(positions).count)
    }

    @Test(arguments: [
        "0", "-1", "1-", "1-1", "3-1", "1,1", "1-3,4", "5,2", "a", "1,,2", ",", " 1", "01", "1--2",
        "9223372036854775807", "99999999999999999999", "1-2-3", "+1",
    ])
    func `what no version wrote is not read`(text: String) { #expect(PositionRanges(text) == nil) }

    @Test(arguments: 0..<200) func `union, intersection and difference are those of sets`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        func some() -> Set<Int64> {
            Set((0..<Int(random.next() % 40)).map { _ in Int64(1 + random.next() % 60) })
        }
        let (left, right) = (some(), some())
        let (a, b) = (PositionRanges(left), PositionRanges(right))
        #expect(a.union(b) == PositionRanges(left.union(right)))
        #expect(a.intersection(b) == PositionRanges(left.intersection(right)))
        #expect(a.subtracting(b) == PositionRanges(left.subtracting(right)))
        #expect(a.split(2).reduce(PositionRanges()) { $0.union($1) } == a)
        #expect(a.split(2).allSatisfy { (1...2).contains($0.ranges.count) })
    }
}

@Suite struct AllocationHistoryTests {
    private static let registrar = RegistrarID(high: 1, low: 1)

    private static func run(_ number: UInt64) -> RunID { RunID(high: 2, low: number) }

    /// Entries of the log from `event run/fence positions`, places from 1.
    private static func log(_ events: (AllocationNote.Event, UInt64, Int64, String)...) throws -> [AuditEntry] {
        var entries: [AuditEntry] = []
        for (event, run, fence, positions) in events {
            let note = AllocationNote(
                event: event, fence: LeaseFence(run: Self.run(run), number: fence), registrar: registrar,
                positions: try #require(PositionRanges(positions)))
            for var entry in note.entries(at: UnixTime(nanoseconds: 0), by: "test") {
                entry.sequence = Int64(entries.count + 1)
                entries.append(entry)
            }
        }
        return entries
    }

    private static func faults(in entries: [AuditEntry], stillGoing: Set<RunID> = []) -> [AllocationFault] {
        var history = AllocationHistory()
        for entry in entries { history.replay(entry) }
        return history.faults(stillGoing: stillGoing)
    }

    @Test func `an event is written as an entry that names no account and is read back`() throws {
        let note = AllocationNote(
            event: .allocate, fence: LeaseFence(run: Self.run(1), number: 7), registrar: Self.registrar,
            positions: PositionRanges(Array(1...500) + [702]))
        let entries = note.entries(at: UnixTime(nanoseconds: 5), by: "cli")
        #expect(entries.count == 1)
        #expect(entries[0].action == "accounts.allocate" && entries[0].subject == "run \(Self.run(1))")
        #expect(entries[0].details == "registrar \(Self.registrar) fence 7 positions 1-500,702")
        #expect(AllocationNote(entries[0]) == note)
        let scattered = AllocationNote(
            event: .expire, fence: note.fence, registrar: note.registrar,
            positions: PositionRanges((1...1_200).map { Int64($0) * 2 }))
        let parts = scattered.entries(at: UnixTime(nanoseconds: 5), by: "cli").compactMap { AllocationNote($0) }
        #expect(parts.count == 3)
        #expect(parts.reduce(PositionRanges()) { $0.union($1.positions) } == scattered.positions)
    }

    @Test func `D2 a history in which every account is taken and comes back once has no fault`() throws {
        let log = try Self.log(
            (.allocate, 1, 1, "1-10"), (.allocate, 1, 1, "12"), (.allocate, 2, 2, "11,13-20"), (.release, 1, 1, "1-10"),
            (.allocate, 3, 3, "1-5"), (.release, 1, 1, "12"), (.expire, 2, 2, "11,13-20"), (.allocate, 4, 4, "6-20"),
            (.release, 4, 4, "6-20"), (.release, 3, 3, "1-5"))
        #expect(Self.faults(in: log).isEmpty)
        #expect(
            Self.faults(in: Array(log.prefix(3)), stillGoing: [Self.run(1)]) == [
                .neverEnded(
                    PositionRanges([11, 13, 14, 15, 16, 17, 18, 19, 20]), of: LeaseFence(run: Self.run(2), number: 2))
            ])
    }

    @Test func `D2 an account in two hands is found, and who had it`() throws {
        let log = try Self.log(
            (.allocate, 1, 1, "1-10"), (.allocate, 2, 2, "10-12"), (.release, 1, 1, "1-10"), (.release, 2, 2, "10-12"))
        #expect(
            Self.faults(in: log) == [
                .twoHands(
                    PositionRanges([10]), holder: LeaseFence(run: Self.run(1), number: 1),
                    taker: LeaseFence(run: Self.run(2), number: 2))
            ])
    }

    @Test func `the same places of two registrars are different accounts`() throws {
        var history = AllocationHistory()
        var sequence: Int64 = 0
        for event in [AllocationNote.Event.allocate, .release] {
            for (number, registrar) in [Self.registrar, RegistrarID(high: 1, low: 2)].enumerated() {
                let note = AllocationNote(
                    event: event, fence: LeaseFence(run: Self.run(UInt64(number)), number: Int64(number) + 1),
                    registrar: registrar, positions: PositionRanges([1, 2]))
                for var entry in note.entries(at: UnixTime(nanoseconds: 0), by: "test") {
                    sequence += 1
                    entry.sequence = sequence
                    history.replay(entry)
                }
            }
            if event == .allocate { #expect(history.faults(stillGoing: []).count == 2) }
        }
        #expect(history.faults(stillGoing: []).isEmpty)
    }

    @Test func `D5 a second return, a return by another and a missing one are found`() throws {
        let one = LeaseFence(run: Self.run(1), number: 1)
        let twice = try Self.log((.allocate, 1, 1, "1-3"), (.expire, 1, 1, "1-3"), (.release, 1, 1, "2"))
        #expect(Self.faults(in: twice) == [.notHeld(PositionRanges([2]), by: one)])
        let stranger = try Self.log((.allocate, 1, 1, "1-3"), (.release, 2, 1, "1-3"))
        #expect(
            Self.faults(in: stranger) == [
                .notHeld(PositionRanges([1, 2, 3]), by: LeaseFence(run: Self.run(2), number: 1)),
                .neverEnded(PositionRanges([1, 2, 3]), of: one),
            ])
    }

    @Test func `a number that does not rise, an entry that cannot be read and one out of place are found`() throws {
        let old = try Self.log(
            (.allocate, 1, 5, "1"), (.release, 1, 5, "1"), (.allocate, 2, 5, "1"), (.release, 2, 5, "1"))
        #expect(Self.faults(in: old) == [.fenceNotRising(LeaseFence(run: Self.run(2), number: 5), after: 5)])
        var broken = try Self.log((.allocate, 1, 1, "1"), (.release, 1, 1, "1"))
        broken[1].details = "registrar x"
        #expect(Self.faults(in: broken).first == .unreadable(2))
        var turned = try Self.log((.allocate, 1, 1, "1"), (.release, 1, 1, "1"))
        turned[1].sequence = 1
        #expect(Self.faults(in: turned) == [.outOfOrder(1)])
        let foreign = AuditEntry(sequence: 1, at: UnixTime(nanoseconds: 0), who: "x", action: "runs.start", subject: "")
        #expect(Self.faults(in: [foreign]).isEmpty)
    }
}
