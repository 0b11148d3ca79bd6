// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// What a worker does about the leases of its accounts.
public enum LeaseStep: Hashable, Sendable {
    /// Ask the controller for a renewal; the answer carries the same number.
    case ask(UInt64)
    /// The term passed: begin nothing, hang up, un-REGISTER, and be gone when the drain is over.
    case windDown(drain: Interval)
    /// The accounts may be somebody else's: send nothing more at all.
    case leave
}

/// A worker's own judgement of how long it may use the accounts of a run. Pure: it is told the time and says what to do.
///
///     held → over
///
/// Renewals are worth one term from the moment they were asked for, not from the answer: however long the answer took, the
/// worker's term passes before the database's does. `over` is final, whatever comes later: a worker that was frozen past its
/// term finds out with the first thing it does.
public struct LeaseWatch: Sendable {
    private let terms: LeaseTerms
    private var asked: [(number: UInt64, at: Instant)] = []
    private var count: UInt64 = 0
    private var nextAsk: Instant
    private var heldUntil: Instant

    /// Whether the leases are over for this worker.
    public private(set) var isOver = false

    /// A watch that begins when the worker is ready to start, and asks at once: the controller answers `ready` with a start
    /// only after it renewed the leases.
    public init(_ terms: LeaseTerms, at now: Instant) {
        self.terms = terms
        nextAsk = now
        heldUntil = now + terms.term
    }

    /// When `advance` has something to do; nil once the leases are over.
    public var nextDeadline: Instant? { isOver ? nil : min(nextAsk, heldUntil) }

    /// Does what is due. Call it before anything else that happens at `now`.
    public mutating func advance(to now: Instant) -> [LeaseStep] {
        guard !isOver else { return [] }
        guard now < heldUntil else { return [end(at: now)] }
        guard now >= nextAsk else { return [] }
        count += 1
        asked.append((count, now))
        nextAsk = now + terms.renewal
        return [.ask(count)]
    }

    /// Takes the controller's answer to an `ask`; others are passed over.
    public mutating func renewed(_ number: UInt64) {
        guard !isOver, let place = asked.firstIndex(where: { $0.number == number }) else { return }
        heldUntil = max(heldUntil, asked[place].at + terms.term)
        asked.removeFirst(place + 1)
    }

    /// Takes the controller's word that the leases are over.
    public mutating func revoked() -> [LeaseStep] {
        guard !isOver else { return [] }
        isOver = true
        return [.leave]
    }

    /// Two thirds of what is left of the grace time are for the server's answers, the rest for closing by force.
    private mutating func end(at now: Instant) -> LeaseStep {
        isOver = true
        let left = heldUntil + terms.grace - now
        return left > .zero ? .windDown(drain: Interval(nanoseconds: left.nanoseconds / 3 * 2)) : .leave
    }
}
