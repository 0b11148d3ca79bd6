// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// What the audit log says of accounts that were lent or came back, in a form that can be read again (E6).
///
/// Entries name accounts by their places in the order of addition: `registrar R fence F positions 1-500,702`. One event with
/// very many ranges is written as several entries of the same fencing number.
public struct AllocationNote: Hashable, Sendable {
    /// No entry lists more ranges, so that no entry grows beyond some kilobytes.
    public static let mostRanges = 500

    /// What happened to the accounts.
    public enum Event: String, Hashable, Sendable, CaseIterable {
        /// A run took them.
        case allocate = "accounts.allocate"
        /// Their run gave them back.
        case release = "accounts.release"
        /// Their run was too late; they were taken from it.
        case expire = "accounts.expire"
    }

    /// What happened.
    public var event: Event
    /// The run that has or had them, and the fencing number it has them under.
    public var fence: LeaseFence
    /// Their registrar.
    public var registrar: RegistrarID
    /// Their places in the registrar's order of addition.
    public var positions: PositionRanges

    /// A note from its parts.
    public init(event: Event, fence: LeaseFence, registrar: RegistrarID, positions: PositionRanges) {
        self.event = event
        self.fence = fence
        self.registrar = registrar
        self.positions = positions
    }

    /// The entries of the audit log for it.
    public func entries(at time: UnixTime, by who: String) -> [AuditEntry] {
        positions.split(Self.mostRanges).map { part in
            AuditEntry(
                at: time, who: who, action: event.rawValue, subject: "run \(fence.run)",
                details: "registrar \(registrar) fence \(fence.number) positions \(part)")
        }
    }
}

extension AllocationNote {
    /// Whether an entry tells of accounts lent or come back.
    public static func isTold(by entry: AuditEntry) -> Bool { Event(rawValue: entry.action) != nil }

    /// Reads an entry. Nil for one that tells of something else, or that no `entries` wrote.
    public init?(_ entry: AuditEntry) {
        let subject = entry.subject.split(separator: " ", omittingEmptySubsequences: false)
        let words = entry.details.split(separator: " ", omittingEmptySubsequences: false)
        guard let event = Event(rawValue: entry.action), subject.count == 2, subject[0] == "run",
            let run = RunID(subject[1]), words.count == 6, words[0] == "registrar",
            let registrar = RegistrarID(words[1]), words[2] == "fence", let number = Int64(words[3]), number > 0,
            words[4] == "positions", let positions = PositionRanges(words[5]), !positions.isEmpty
        else { return nil }
        self.init(
            event: event, fence: LeaseFence(run: run, number: number), registrar: registrar, positions: positions)
    }
}
