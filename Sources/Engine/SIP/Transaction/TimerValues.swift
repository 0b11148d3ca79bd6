// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// The three times every SIP timer is made from (RFC 3261 §17.1.1.1 and table 4).
public struct TimerValues: Hashable, Sendable {
    /// Round-trip estimate; the first retransmission comes after it.
    public var t1: Interval
    /// The longest interval between retransmissions of non-INVITE requests and INVITE answers.
    public var t2: Interval
    /// The longest a message stays in the network.
    public var t4: Interval

    /// Times of one's own, for links that are known to be slower or faster.
    public init(t1: Interval, t2: Interval, t4: Interval) {
        self.t1 = t1
        self.t2 = t2
        self.t4 = t4
    }

    /// T1 500 ms, T2 4 s, T4 5 s: RFC 3261's defaults.
    public static var standard: TimerValues {
        TimerValues(t1: .milliseconds(500), t2: .seconds(4), t4: .seconds(5))
    }

    /// Timers B, F, H, J, L and M: 64 times T1.
    @inlinable public var transactionTimeout: Interval { t1 * 64 }
}

/// What a transaction machine needs to know of its surroundings to set a timer.
public struct TransactionTiming: Hashable, Sendable {
    /// The configured times.
    public var values: TimerValues
    /// Whether the transport is reliable: timers A, E and G stay off, and D, I, J and K are zero.
    public var isReliable: Bool

    /// The times on one kind of transport.
    @inlinable public init(values: TimerValues, isReliable: Bool) {
        self.values = values
        self.isReliable = isReliable
    }

    /// Timer D: at least 32 s on UDP whatever T1 is (RFC 3261 §17.1.1.2), zero on a reliable transport.
    @inlinable var timerD: Interval { isReliable ? .zero : max(.seconds(32), values.transactionTimeout) }
    /// Timers I and K: T4 on UDP, zero on a reliable transport.
    @inlinable var networkLifetime: Interval { isReliable ? .zero : values.t4 }
    /// Timer J: 64 times T1 on UDP, zero on a reliable transport.
    @inlinable var timerJ: Interval { isReliable ? .zero : values.transactionTimeout }
    /// The first deadline of timers A, E and G, nil on a reliable transport.
    @inlinable func firstRetransmission(after now: Instant) -> Instant? { isReliable ? nil : now + values.t1 }
}

/// When a message is to be sent again, and how long the pause after that is. The pauses double, up to a bound where there is one.
public struct Retransmission: Hashable, Sendable {
    /// When to send again.
    public var at: Instant
    /// The pause that ends at `at`.
    public var interval: Interval

    /// The first retransmission, T1 after `now`; nil on a reliable transport.
    @inlinable init?(timing: TransactionTiming, now: Instant) {
        guard let first = timing.firstRetransmission(after: now) else { return nil }
        at = first
        interval = timing.values.t1
    }

    /// The first retransmission, T1 after `now`, on any transport (2xx to INVITE, RFC 3261 §13.3.1.4).
    @inlinable init(values: TimerValues, now: Instant) {
        at = now + values.t1
        interval = values.t1
    }

    /// The one after this: the pause doubles, but not beyond `bound`.
    @inlinable func next(now: Instant, bound: Interval?) -> Retransmission {
        var next = self
        next.interval = bound.map { min($0, interval * 2) } ?? interval * 2
        next.at = now + next.interval
        return next
    }

    /// The one after this with a pause of exactly `pause`.
    @inlinable func next(now: Instant, pause: Interval) -> Retransmission {
        var next = self
        next.interval = pause
        next.at = now + pause
        return next
    }
}
