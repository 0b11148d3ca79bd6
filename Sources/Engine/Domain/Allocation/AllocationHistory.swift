// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// What is wrong with a history of allocations.
public enum AllocationFault: Hashable, Sendable {
    /// Accounts were given to one run while another had them (D2).
    case twoHands(PositionRanges, holder: LeaseFence, taker: LeaseFence)
    /// Accounts came back that the run did not have: given back twice, or never taken (D5).
    case notHeld(PositionRanges, by: LeaseFence)
    /// A fencing number is not above all before it, so that it could not tell the late from the new.
    case fenceNotRising(LeaseFence, after: Int64)
    /// A run is over, or unknown, and its accounts never came back (D5).
    case neverEnded(PositionRanges, of: LeaseFence)
    /// An entry that nothing of ours wrote, by its place in the log.
    case unreadable(Int64)
    /// An entry stands behind one with a later place in the log.
    case outOfOrder(Int64)
}

/// Replays the audit log's entries about accounts and says whether any account was in two hands at any time, and whether
/// each that was taken came back exactly once (D2, D5).
///
/// Each entry was written in the transaction of what it tells of, so that the order of the log is the order of the events.
public struct AllocationHistory: Sendable {
    /// Accounts taken so far, each time counted.
    public private(set) var taken = 0
    /// Accounts come back so far, each time counted.
    public private(set) var ended = 0
    /// What was found so far, in order.
    public private(set) var faults: [AllocationFault] = []
    /// What each run has of each registrar at this point of the history; places count within a registrar.
    public private(set) var held: [LeaseFence: [RegistrarID: PositionRanges]] = [:]

    private var highestFence: Int64 = 0
    private var lastSequence: Int64 = 0
    /// The allocation that the last entry told of: its next entries have the same number.
    private var current: LeaseFence?

    /// A history without entries.
    public init() {}

    /// Takes the next entry; what is not about the lending of accounts only counts for its place.
    public mutating func replay(_ entry: AuditEntry) {
        if entry.sequence <= lastSequence { faults.append(.outOfOrder(entry.sequence)) }
        lastSequence = max(lastSequence, entry.sequence)
        guard AllocationNote.isTold(by: entry) else { return }
        guard let note = AllocationNote(entry) else {
            faults.append(.unreadable(entry.sequence))
            return
        }
        switch note.event {
        case .allocate: take(note)
        case .release, .expire: end(note)
        }
    }

    /// All that is wrong, when the history ends here and only these runs are still going.
    public func faults(stillGoing runs: Set<RunID>) -> [AllocationFault] {
        let left = held.filter { !runs.contains($0.key.run) }.sorted { $0.key.number < $1.key.number }
        return faults
            + left.flatMap { fence, registrars in
                registrars.sorted { $0.key < $1.key }.map { .neverEnded($0.value, of: fence) }
            }
    }

    private mutating func take(_ note: AllocationNote) {
        if note.fence != current {
            if note.fence.number <= highestFence {
                faults.append(.fenceNotRising(note.fence, after: highestFence))
            }
            highestFence = max(highestFence, note.fence.number)
            current = note.fence
        }
        for (holder, registrars) in held.sorted(by: { $0.key.number < $1.key.number }) {
            guard let both = registrars[note.registrar]?.intersection(note.positions), !both.isEmpty else { continue }
            faults.append(.twoHands(both, holder: holder, taker: note.fence))
        }
        taken += note.positions.count
        held[note.fence, default: [:]][note.registrar, default: PositionRanges()].formUnion(note.positions)
    }

    private mutating func end(_ note: AllocationNote) {
        current = nil
        let had = held[note.fence]?[note.registrar] ?? PositionRanges()
        let strange = note.positions.subtracting(had)
        if !strange.isEmpty { faults.append(.notHeld(strange, by: note.fence)) }
        ended += note.positions.count
        let rest = had.subtracting(note.positions)
        held[note.fence]?[note.registrar] = rest.isEmpty ? nil : rest
        if held[note.fence]?.isEmpty == true { held[note.fence] = nil }
    }
}
