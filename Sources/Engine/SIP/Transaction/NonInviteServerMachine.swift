// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// The non-INVITE server transaction (RFC 3261 §17.2.2, figure 8), without the messages themselves.
///
/// | state      | request again | respond 1xx       | respond 200–699  | J due     | transport error |
/// |------------|---------------|-------------------|------------------|-----------|-----------------|
/// | trying     |               | proceeding, send  | completed, send  |           |                 |
/// | proceeding | resend        | send              | completed, send  |           | fail            |
/// | completed  | resend        |                   |                  | terminate | fail            |
public enum NonInviteServerMachine: Hashable, Sendable {
    /// The request came, nothing was answered. Left by any response.
    case trying
    /// A provisional response was sent. Left by a final response or a transport error.
    case proceeding
    /// The final response was sent; copies of the request get it again. Left by timer J or a transport error.
    case completed(timerJ: Instant)
    /// Over.
    case terminated

    /// What the owner of the machine does after an event.
    public enum Action: Hashable, Sendable {
        /// Nothing.
        case none
        /// Send the response just handed in, and keep it.
        case send
        /// Send the last response again.
        case resend
        /// Tell the transaction user that the response could not be sent.
        case fail
        /// Forget the transaction.
        case terminate
    }

    /// The machine right after the request came.
    public init() { self = .trying }

    /// The earliest timer; nil when none runs.
    public var deadline: Instant? {
        if case .completed(let timerJ) = self { timerJ } else { nil }
    }

    /// Whether the transaction is over.
    public var isTerminated: Bool { self == .terminated }

    /// A copy of the request came.
    public func receiveCopy() -> Action {
        switch self {
        case .proceeding, .completed: .resend
        case .trying, .terminated: .none
        }
    }

    /// The transaction user answers with this status.
    public mutating func respond(status: UInt16, timing: TransactionTiming, now: Instant) -> Action {
        switch self {
        case .trying where status < 200, .proceeding where status < 200:
            self = .proceeding
            return .send
        case .trying, .proceeding:
            self = timing.isReliable ? .terminated : .completed(timerJ: now + timing.timerJ)
            return .send
        case .completed, .terminated:
            return .none
        }
    }

    /// The moment of `deadline` has come.
    public mutating func advance(to now: Instant) -> Action {
        guard case .completed(let timerJ) = self, timerJ <= now else { return .none }
        self = .terminated
        return .terminate
    }

    /// The transport could not send, or lost the connection.
    public mutating func transportFailed() -> Action {
        switch self {
        case .proceeding, .completed:
            self = .terminated
            return .fail
        case .trying, .terminated:
            return .none
        }
    }
}
