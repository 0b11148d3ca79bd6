// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// The non-INVITE client transaction (RFC 3261 §17.1.2, figure 6), without the message itself.
///
/// | state      | 1xx                 | 200–699             | E due             | F due            | K due      | transport error  |
/// |------------|---------------------|---------------------|-------------------|------------------|------------|------------------|
/// | trying     | proceeding, deliver | completed, deliver  | retransmit        | timeout          |            | fail             |
/// | proceeding | deliver             | completed, deliver  | retransmit at T2  | timeout          |            | fail             |
/// | completed  |                     |                     |                   |                  | terminate  |                  |
///
/// `timeout`, `fail` and `terminate` end in `terminated`, which nothing leaves.
public enum NonInviteClientMachine: Hashable, Sendable {
    /// Sent, nothing heard. Left by any response, timer F or a transport error.
    case trying(timerE: Retransmission?, timerF: Instant)
    /// A provisional response came. Left by a final response, timer F or a transport error.
    case proceeding(timerE: Retransmission?, timerF: Instant)
    /// A final response came; its copies are absorbed. Left by timer K.
    case completed(timerK: Instant)
    /// Over.
    case terminated

    /// What the owner of the machine does after an event.
    public enum Action: Hashable, Sendable {
        /// Nothing.
        case none
        /// Give the response to the transaction user.
        case deliver
        /// Send the request again.
        case retransmit
        /// Tell the transaction user that no final response came (timer F).
        case timeout
        /// Tell the transaction user that the request could not be sent.
        case fail
        /// Forget the transaction.
        case terminate
    }

    /// The machine right after the request was handed to the transport.
    public init(timing: TransactionTiming, now: Instant) {
        self = .trying(
            timerE: Retransmission(timing: timing, now: now), timerF: now + timing.values.transactionTimeout)
    }

    /// The earliest timer; nil when terminated.
    public var deadline: Instant? {
        switch self {
        case .trying(let timerE, let timerF), .proceeding(let timerE, let timerF):
            timerE.map { min($0.at, timerF) } ?? timerF
        case .completed(let timerK): timerK
        case .terminated: nil
        }
    }

    /// Whether the transaction is over.
    public var isTerminated: Bool { self == .terminated }

    /// A response with this status came.
    public mutating func receive(status: UInt16, timing: TransactionTiming, now: Instant) -> Action {
        switch self {
        case .trying(let timerE, let timerF) where status < 200:
            self = .proceeding(timerE: timerE, timerF: timerF)
            return .deliver
        case .proceeding where status < 200:
            return .deliver
        case .trying, .proceeding:
            self = timing.isReliable ? .terminated : .completed(timerK: now + timing.networkLifetime)
            return .deliver
        case .completed, .terminated:
            return .none
        }
    }

    /// The moment of `deadline` has come.
    public mutating func advance(to now: Instant, timing: TransactionTiming) -> Action {
        switch self {
        case .trying(_, let timerF) where timerF <= now, .proceeding(_, let timerF) where timerF <= now:
            self = .terminated
            return .timeout
        case .trying(let timerE?, let timerF) where timerE.at <= now:
            self = .trying(timerE: timerE.next(now: now, bound: timing.values.t2), timerF: timerF)
            return .retransmit
        case .proceeding(let timerE?, let timerF) where timerE.at <= now:
            self = .proceeding(timerE: timerE.next(now: now, pause: timing.values.t2), timerF: timerF)
            return .retransmit
        case .completed(let timerK) where timerK <= now:
            self = .terminated
            return .terminate
        case .trying, .proceeding, .completed, .terminated:
            return .none
        }
    }

    /// The transport could not send, or lost the connection.
    public mutating func transportFailed() -> Action {
        switch self {
        case .trying, .proceeding:
            self = .terminated
            return .fail
        case .completed, .terminated:
            return .none
        }
    }
}
