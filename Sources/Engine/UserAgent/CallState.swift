// SPDX-License-Identifier: Apache-2.0

/// How far one call is, seen from one end (RFC 3261 §13, §9, §15), without the sending.
///
/// | state           | 1xx        | 2xx                 | refusal | ACK         | hang up           | BYE of peer   | CANCEL of peer | time is up        |
/// |-----------------|------------|---------------------|---------|-------------|-------------------|---------------|----------------|-------------------|
/// | due             |            |                     |         |             | ended             |               |                | (INVITE) inviting |
/// | inviting        | proceeding | established         | ended   |             | cancelRequested   |               |                | cancelRequested   |
/// | proceeding      |            | established         | ended   |             | cancelling        |               |                | cancelling        |
/// | cancelRequested | cancelling | ending, ACK and BYE | ended   |             |                   |               |                | ended             |
/// | cancelling      |            | ending, ACK and BYE | ended   |             |                   |               |                | ended             |
/// | ringing         |            |                     |         |             | ended, refuse     | ended, refuse | ended, refuse  | answered          |
/// | answered        |            |                     |         | established | waits for the ACK | ended         |                |                   |
/// | established     |            | ACK again           |         |             | ending, BYE       | ended         |                | ending, BYE       |
/// | ending          |            | ACK again           |         |             |                   | ended         |                | ended             |
enum CallState: Hashable, Sendable {
    /// Planned, not begun. Left when its time comes.
    case due
    /// Caller: INVITE sent, nothing heard. Left by any answer.
    case inviting
    /// Caller: a provisional answer came. Left by a final one.
    case proceeding
    /// Caller: to be cancelled as soon as a provisional answer allows it (RFC 3261 §9.1). Left by any answer.
    case cancelRequested
    /// Caller: CANCEL sent. Left by the INVITE's final answer.
    case cancelling
    /// Callee: 180 sent. Left by answering, CANCEL or hanging up.
    case ringing
    /// Callee: 200 sent, its ACK awaited; a BYE must wait for the ACK as well (RFC 3261 §15). Left by the ACK or its absence.
    case answered(thenHangUp: Bool)
    /// Up. Left by a BYE of either side.
    case established
    /// BYE sent. Left by its answer.
    case ending
    /// Over; only the media report may be missing.
    case ended

    /// What the shard does after an event.
    enum Action: Hashable, Sendable {
        case none
        /// Send CANCEL.
        case cancel
        /// Make the dialog, send ACK, begin to talk.
        case acknowledgeAndTalk
        /// Make the dialog, send ACK, then BYE: the call was given up before the 2xx came.
        case acknowledgeAndRelease
        /// Send the ACK again.
        case acknowledge
        /// Send the INVITE again, with credentials.
        case inviteAgain
        /// Begin to talk.
        case talk
        /// Send BYE.
        case release
        /// Refuse the INVITE.
        case refuse
        /// The call is over.
        case end
    }

    /// The INVITE left.
    mutating func invited() { self = .inviting }
    /// The INVITE came and 180 was sent.
    mutating func rang() { self = .ringing }
    /// The 200 was sent.
    mutating func answered() { self = .answered(thenHangUp: false) }

    /// A provisional answer to the INVITE came.
    mutating func receiveProvisional() -> Action {
        switch self {
        case .inviting:
            self = .proceeding
            return .none
        case .cancelRequested:
            self = .cancelling
            return .cancel
        default:
            return .none
        }
    }

    /// A 2xx to the INVITE came.
    mutating func receiveSuccess() -> Action {
        switch self {
        case .inviting, .proceeding:
            self = .established
            return .acknowledgeAndTalk
        case .cancelRequested, .cancelling:
            self = .ending
            return .acknowledgeAndRelease
        case .established, .ending, .ended:
            return .acknowledge
        case .due, .ringing, .answered:
            return .none
        }
    }

    /// A challenge to the INVITE came that can be answered.
    mutating func receiveChallenge() -> Action {
        switch self {
        case .inviting, .proceeding:
            self = .inviting
            return .inviteAgain
        default:
            return receiveRefusal()
        }
    }

    /// A final answer of 300…699 came, or none ever, or the INVITE could not be sent.
    mutating func receiveRefusal() -> Action {
        switch self {
        case .inviting, .proceeding, .cancelRequested, .cancelling:
            self = .ended
            return .end
        default:
            return .none
        }
    }

    /// The ACK to our 200 came.
    mutating func receiveAcknowledgement() -> Action {
        guard case .answered(let thenHangUp) = self else { return .none }
        self = thenHangUp ? .ending : .established
        return thenHangUp ? .release : .talk
    }

    /// The ACK to our 200 never came: the dialog is ended with a BYE (RFC 3261 §13.3.1.4).
    mutating func missAcknowledgement() -> Action {
        guard case .answered = self else { return .none }
        self = .ending
        return .release
    }

    /// This side wants the call to end.
    mutating func hangUp() -> Action {
        switch self {
        case .due:
            self = .ended
            return .end
        case .inviting:
            self = .cancelRequested
            return .none
        case .proceeding:
            self = .cancelling
            return .cancel
        case .ringing:
            self = .ended
            return .refuse
        case .answered:
            self = .answered(thenHangUp: true)
            return .none
        case .established:
            self = .ending
            return .release
        case .cancelRequested, .cancelling, .ending, .ended:
            return .none
        }
    }

    /// The peer's BYE came.
    mutating func receiveBye() -> Action {
        switch self {
        case .answered, .established, .ending:
            self = .ended
            return .end
        case .ringing:
            self = .ended
            return .refuse
        default:
            return .none
        }
    }

    /// The peer's CANCEL came.
    mutating func receiveCancel() -> Action {
        guard self == .ringing else { return .none }
        self = .ended
        return .refuse
    }

    /// The BYE was answered, or never will be.
    mutating func released() -> Action {
        guard self == .ending else { return .none }
        self = .ended
        return .end
    }

    /// Nothing more can be done for it: its transport is gone, or the shard's deadline has come.
    mutating func giveUp() -> Action {
        guard self != .ended else { return .none }
        self = .ended
        return .end
    }
}
