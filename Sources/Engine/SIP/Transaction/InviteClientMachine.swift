// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// The INVITE client transaction (RFC 3261 §17.1.1, figure 5, with the Accepted state of RFC 6026 §7.2), without the message itself.
///
/// | state      | 1xx                 | 2xx                | 300–699                           | timer due                       | transport error |
/// |------------|---------------------|--------------------|-----------------------------------|---------------------------------|-----------------|
/// | calling    | proceeding, deliver | accepted, deliver  | completed, deliver + acknowledge  | A: retransmit, B: timeout       | fail            |
/// | proceeding | deliver             | accepted, deliver  | completed, deliver + acknowledge  |                                 | fail            |
/// | accepted   |                     | deliver            |                                   | M: terminate                    |                 |
/// | completed  |                     |                    | acknowledge                       | D: terminate                    | fail            |
///
/// `timeout`, `fail` and `terminate` end in `terminated`, which nothing leaves.
public enum InviteClientMachine: Hashable, Sendable {
    /// Sent, nothing heard. Left by any response, timer B or a transport error.
    case calling(timerA: Retransmission?, timerB: Instant)
    /// A provisional response came. Left by a final response or a transport error; how long it may ring is the user's business.
    case proceeding
    /// A 2xx came; more may follow, from other branches or as copies that want their ACK again. Left by timer M.
    case accepted(timerM: Instant)
    /// A 300–699 came and was acknowledged; copies are acknowledged again. Left by timer D.
    case completed(timerD: Instant)
    /// Over.
    case terminated

    /// What the owner of the machine does after an event.
    public enum Action: Hashable, Sendable {
        /// Nothing.
        case none
        /// Give the response to the transaction user.
        case deliver
        /// Send the ACK of RFC 3261 §17.1.1.3 and give the response to the transaction user.
        case deliverAndAcknowledge
        /// Send the ACK again; the user has seen this response.
        case acknowledge
        /// Send the INVITE again.
        case retransmit
        /// Tell the transaction user that nothing came (timer B).
        case timeout
        /// Tell the transaction user that the INVITE or its ACK could not be sent.
        case fail
        /// Forget the transaction.
        case terminate
    }

    /// The machine right after the INVITE was handed to the transport.
    public init(timing: TransactionTiming, now: Instant) {
        self = .calling(
            timerA: Retransmission(timing: timing, now: now), timerB: now + timing.values.transactionTimeout)
    }

    /// The earliest timer; nil when none runs.
    public var deadline: Instant? {
        switch self {
        case .calling(let timerA, let timerB): timerA.map { min($0.at, timerB) } ?? timerB
        case .accepted(let deadline), .completed(let deadline): deadline
        case .proceeding, .terminated: nil
        }
    }

    /// Whether the transaction is over.
    public var isTerminated: Bool { self == .terminated }

    /// A response with this status came.
    public mutating func receive(status: UInt16, timing: TransactionTiming, now: Instant) -> Action {
        switch self {
        case .calling where status < 200, .proceeding where status < 200:
            self = .proceeding
            return .deliver
        case .calling where status < 300, .proceeding where status < 300:
            self = .accepted(timerM: now + timing.values.transactionTimeout)
            return .deliver
        case .calling, .proceeding:
            self = timing.isReliable ? .terminated : .completed(timerD: now + timing.timerD)
            return .deliverAndAcknowledge
        case .accepted:
            return (200..<300).contains(status) ? .deliver : .none
        case .completed:
            return status >= 300 ? .acknowledge : .none
        case .terminated:
            return .none
        }
    }

    /// The moment of `deadline` has come.
    public mutating func advance(to now: Instant, timing: TransactionTiming) -> Action {
        switch self {
        case .calling(_, let timerB) where timerB <= now:
            self = .terminated
            return .timeout
        case .calling(let timerA?, let timerB) where timerA.at <= now:
            self = .calling(timerA: timerA.next(now: now, bound: nil), timerB: timerB)
            return .retransmit
        case .accepted(let deadline) where deadline <= now, .completed(let deadline) where deadline <= now:
            self = .terminated
            return .terminate
        case .calling, .proceeding, .accepted, .completed, .terminated:
            return .none
        }
    }

    /// The transport could not send, or lost the connection.
    public mutating func transportFailed() -> Action {
        switch self {
        case .calling, .proceeding, .completed:
            self = .terminated
            return .fail
        case .accepted, .terminated:
            return .none
        }
    }
}
