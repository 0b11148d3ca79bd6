// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// The side that sends a provisional response reliably (RFC 3262 §3), without the response itself.
///
/// | state        | PRACK that matches | other PRACK | timer due                            | final response |
/// |--------------|--------------------|-------------|--------------------------------------|----------------|
/// | sent         | acknowledged       | stray       | resend, interval doubled; give up    | over           |
/// | acknowledged | stray              | stray       |                                      | over           |
/// | over         | stray              | stray       |                                      |                |
///
/// `give up` ends in `over`: 64 times T1 passed without a PRACK, and the INVITE is refused.
public enum ReliableSender: Hashable, Sendable {
    /// Sent and repeated until its PRACK comes.
    case sent(response: UInt32, sequence: UInt32, next: Instant, interval: Interval, end: Instant)
    /// The PRACK came; the next response gets the number after this one.
    case acknowledged(response: UInt32)
    /// The INVITE had its final response, or no PRACK came.
    case over

    /// What the owner does when the timer is due.
    public enum Action: Hashable, Sendable {
        case none, resend, giveUp
    }

    /// The machine right after the response with this RSeq was sent to the INVITE with this CSeq number.
    public init(response: UInt32, sequence: UInt32, timers: TimerValues, now: Instant) {
        self = .sent(
            response: response, sequence: sequence, next: now + timers.t1, interval: timers.t1,
            end: now + timers.transactionTimeout)
    }

    /// Whether a PRACK is awaited.
    public var isAwaiting: Bool { if case .sent = self { true } else { false } }

    /// When `advance` is due; nil when nothing is awaited.
    public var deadline: Instant? {
        guard case .sent(_, _, let next, _, let end) = self else { return nil }
        return min(next, end)
    }

    /// A PRACK came; false when it acknowledges nothing that is awaited (481).
    public mutating func receive(_ acknowledgement: ResponseAcknowledgement) -> Bool {
        guard case .sent(let response, let sequence, _, _, _) = self, acknowledgement.response == response,
            acknowledgement.sequence == sequence, acknowledgement.method == .invite
        else { return false }
        self = .acknowledged(response: response)
        return true
    }

    /// The moment of `deadline` has come.
    public mutating func advance(to now: Instant) -> Action {
        guard case .sent(let response, let sequence, let next, let interval, let end) = self else { return .none }
        if end <= now {
            self = .over
            return .giveUp
        }
        guard next <= now else { return .none }
        self = .sent(response: response, sequence: sequence, next: now + interval * 2, interval: interval * 2, end: end)
        return .resend
    }
}

/// The side that receives provisional responses reliably, for one early dialog (RFC 3262 §4).
public struct ReliableReceiver: Hashable, Sendable {
    private var last: UInt32?

    /// Nothing received.
    public init() {}

    /// Takes an RSeq; false for a copy, and for one that came before those it follows, which will be sent again.
    public mutating func accept(_ sequence: UInt32) -> Bool {
        guard last.map({ sequence == $0 &+ 1 }) ?? true else { return false }
        last = sequence
        return true
    }
}
