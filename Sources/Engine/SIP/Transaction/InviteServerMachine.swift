// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// The INVITE server transaction (RFC 3261 §17.2.1, figure 7, with the Accepted state of RFC 6026 §7.1), without the messages.
///
/// | state      | INVITE again | ACK       | respond 1xx | respond 2xx    | respond 300–699  | timer due                         | transport error |
/// |------------|--------------|-----------|-------------|----------------|------------------|-----------------------------------|-----------------|
/// | proceeding | resend       |           | send        | accepted, send | completed, send  | 200 ms: send 100                  | fail            |
/// | accepted   |              | deliver   |             | send           |                  | L: terminate                      | fail, stays     |
/// | completed  | resend       | confirmed |             |                |                  | G: resend, H: unacknowledged      | fail            |
/// | confirmed  |              |           |             |                |                  | I: terminate                      |                 |
///
/// `unacknowledged` and `terminate` end in `terminated`, which nothing leaves.
public enum InviteServerMachine: Hashable, Sendable {
    /// No final response yet; a 100 is due unless the user answers first. Left by a final response or a transport error.
    case proceeding(tryingDue: Instant?, answered: Bool)
    /// A 2xx was sent; the user repeats it until its ACK comes. Left by timer L.
    case accepted(timerL: Instant)
    /// A 300–699 was sent and is repeated. Left by the ACK, timer H or a transport error.
    case completed(timerG: Retransmission?, timerH: Instant)
    /// The ACK came; copies of it are absorbed. Left by timer I.
    case confirmed(timerI: Instant)
    /// Over.
    case terminated

    /// What the owner of the machine does after an event.
    public enum Action: Hashable, Sendable {
        /// Nothing.
        case none
        /// Send 100 Trying.
        case sendTrying
        /// Send the response just handed in, and keep it.
        case send
        /// Send the last response again.
        case resend
        /// Give the ACK to the transaction user.
        case deliver
        /// Tell the transaction user that no ACK came (timer H).
        case unacknowledged
        /// Tell the transaction user that the response could not be sent.
        case fail
        /// Forget the transaction.
        case terminate
    }

    /// A 100 is sent when the user has not answered after this time (RFC 3261 §17.2.1).
    public static var tryingDelay: Interval { .milliseconds(200) }

    /// The machine right after the INVITE came.
    public init(now: Instant) { self = .proceeding(tryingDue: now + Self.tryingDelay, answered: false) }

    /// The earliest timer; nil when none runs.
    public var deadline: Instant? {
        switch self {
        case .proceeding(let due, _): due
        case .accepted(let deadline), .confirmed(let deadline): deadline
        case .completed(let timerG, let timerH): timerG.map { min($0.at, timerH) } ?? timerH
        case .terminated: nil
        }
    }

    /// Whether the transaction is over.
    public var isTerminated: Bool { self == .terminated }

    /// A copy of the INVITE came.
    public func receiveCopy() -> Action {
        switch self {
        case .proceeding(_, let answered): answered ? .resend : .none
        case .completed: .resend
        case .accepted, .confirmed, .terminated: .none
        }
    }

    /// An ACK for this transaction came.
    public mutating func receiveACK(timing: TransactionTiming, now: Instant) -> Action {
        switch self {
        case .completed:
            self = timing.isReliable ? .terminated : .confirmed(timerI: now + timing.networkLifetime)
            return .none
        case .accepted:
            return .deliver
        case .proceeding, .confirmed, .terminated:
            return .none
        }
    }

    /// The transaction user answers with this status.
    public mutating func respond(status: UInt16, timing: TransactionTiming, now: Instant) -> Action {
        switch self {
        case .proceeding where status < 200:
            self = .proceeding(tryingDue: nil, answered: true)
            return .send
        case .proceeding where status < 300:
            self = .accepted(timerL: now + timing.values.transactionTimeout)
            return .send
        case .proceeding:
            self = .completed(
                timerG: Retransmission(timing: timing, now: now), timerH: now + timing.values.transactionTimeout)
            return .send
        case .accepted:
            return (200..<300).contains(status) ? .send : .none
        case .completed, .confirmed, .terminated:
            return .none
        }
    }

    /// The moment of `deadline` has come.
    public mutating func advance(to now: Instant, timing: TransactionTiming) -> Action {
        switch self {
        case .proceeding(let due?, _) where due <= now:
            self = .proceeding(tryingDue: nil, answered: true)
            return .sendTrying
        case .completed(_, let timerH) where timerH <= now:
            self = .terminated
            return .unacknowledged
        case .completed(let timerG?, let timerH) where timerG.at <= now:
            self = .completed(timerG: timerG.next(now: now, bound: timing.values.t2), timerH: timerH)
            return .resend
        case .accepted(let deadline) where deadline <= now, .confirmed(let deadline) where deadline <= now:
            self = .terminated
            return .terminate
        case .proceeding, .accepted, .completed, .confirmed, .terminated:
            return .none
        }
    }

    /// The transport could not send, or lost the connection. In accepted the user is told and the state stays (RFC 6026 §7.1).
    public mutating func transportFailed() -> Action {
        switch self {
        case .proceeding, .completed:
            self = .terminated
            return .fail
        case .accepted:
            return .fail
        case .confirmed, .terminated:
            return .none
        }
    }
}
