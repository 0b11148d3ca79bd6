// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// The session timer of one side of a dialog (RFC 4028 §10).
///
/// | state      | refreshed            | half the interval | shortly before the end |
/// |------------|----------------------|-------------------|------------------------|
/// | off        | refreshing, watching |                   |                        |
/// | refreshing | refreshing, watching | overdue, refresh  |                        |
/// | overdue    | refreshing, watching |                   | off, expire            |
/// | watching   | refreshing, watching |                   | off, expire            |
public enum SessionTimer: Hashable, Sendable {
    /// The session does not expire.
    case off
    /// This side refreshes, next at `at`.
    case refreshing(at: Instant, end: Instant)
    /// This side refreshes; its refresh is under way or failed.
    case overdue(end: Instant)
    /// The peer refreshes.
    case watching(end: Instant)

    /// What the owner does when the timer is due.
    public enum Action: Hashable, Sendable {
        case none
        /// Send a re-INVITE or UPDATE.
        case refresh
        /// Send BYE: nobody refreshed the session.
        case expire
    }

    /// Intervals below are refused with 422 (RFC 4028 §5).
    public static var shortest: UInt32 { 90 }

    /// The session was agreed or refreshed for so many seconds.
    public mutating func start(seconds: UInt32, refreshes: Bool, now: Instant) {
        // BYE goes out by the lesser of 32 s and a third before the end (RFC 4028 §10).
        let margin = min(32, seconds / 3)
        let end = now + .seconds(Int(seconds - margin))
        self = refreshes ? .refreshing(at: now + .milliseconds(Int(seconds) * 500), end: end) : .watching(end: end)
    }

    /// When `advance` is due; nil when the session does not expire.
    public var deadline: Instant? {
        switch self {
        case .off: nil
        case .refreshing(let at, _): at
        case .overdue(let end), .watching(let end): end
        }
    }

    /// The moment of `deadline` has come.
    public mutating func advance(to now: Instant) -> Action {
        switch self {
        case .refreshing(let at, let end) where at <= now:
            self = .overdue(end: end)
            return .refresh
        case .overdue(let end) where end <= now, .watching(let end) where end <= now:
            self = .off
            return .expire
        case .off, .refreshing, .overdue, .watching:
            return .none
        }
    }
}
