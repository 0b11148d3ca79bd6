// SPDX-License-Identifier: Apache-2.0

/// A length of time in nanoseconds; negative when it points back.
public struct Interval: Hashable, Comparable, Sendable, Codable {
    /// The length in nanoseconds, ±292 years.
    public var nanoseconds: Int64

    /// An interval of exactly `nanoseconds`.
    @inlinable public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// No time at all.
    @inlinable public static var zero: Interval { Interval(nanoseconds: 0) }
    /// An interval of whole seconds.
    @inlinable public static func seconds(_ value: Int) -> Interval {
        Interval(nanoseconds: Int64(value) * 1_000_000_000)
    }
    /// An interval of seconds with a fraction, rounded to the nanosecond.
    @inlinable public static func seconds(_ value: Double) -> Interval {
        Interval(nanoseconds: Int64((value * 1_000_000_000).rounded()))
    }
    /// An interval of whole milliseconds.
    @inlinable public static func milliseconds(_ value: Int) -> Interval {
        Interval(nanoseconds: Int64(value) * 1_000_000)
    }
    /// An interval of whole microseconds.
    @inlinable public static func microseconds(_ value: Int) -> Interval { Interval(nanoseconds: Int64(value) * 1_000) }

    /// The length in seconds.
    @inlinable public var seconds: Double { Double(nanoseconds) / 1_000_000_000 }
    /// The length in milliseconds.
    @inlinable public var milliseconds: Double { Double(nanoseconds) / 1_000_000 }

    /// Earlier, or shorter, comes first.
    @inlinable public static func < (left: Interval, right: Interval) -> Bool { left.nanoseconds < right.nanoseconds }
    /// Moves by, or adds, an interval.
    @inlinable public static func + (left: Interval, right: Interval) -> Interval {
        Interval(nanoseconds: left.nanoseconds + right.nanoseconds)
    }
    /// The interval between, or moves back.
    @inlinable public static func - (left: Interval, right: Interval) -> Interval {
        Interval(nanoseconds: left.nanoseconds - right.nanoseconds)
    }
    /// A multiple of the interval.
    @inlinable public static func * (left: Interval, right: Int) -> Interval {
        Interval(nanoseconds: left.nanoseconds * Int64(right))
    }
}

/// A moment on a monotonic clock: nanoseconds since an origin the driver chose.
///
/// The engine never reads a clock; a moment is always handed in. Virtual time and real time are the same type.
public struct Instant: Hashable, Comparable, Sendable {
    /// Nanoseconds since the driver's origin.
    public var nanoseconds: Int64

    /// The moment `nanoseconds` after the origin.
    @inlinable public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// The driver's origin.
    @inlinable public static var zero: Instant { Instant(nanoseconds: 0) }
    /// A moment after every other one.
    @inlinable public static var distantFuture: Instant { Instant(nanoseconds: .max) }

    /// Earlier, or shorter, comes first.
    @inlinable public static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }
    /// Moves by, or adds, an interval.
    @inlinable public static func + (left: Instant, right: Interval) -> Instant {
        Instant(nanoseconds: left.nanoseconds + right.nanoseconds)
    }
    /// The interval between, or moves back.
    @inlinable public static func - (left: Instant, right: Interval) -> Instant {
        Instant(nanoseconds: left.nanoseconds - right.nanoseconds)
    }
    /// The interval between, or moves back.
    @inlinable public static func - (left: Instant, right: Instant) -> Interval {
        Interval(nanoseconds: left.nanoseconds - right.nanoseconds)
    }
}

/// A moment on the wall clock: nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
public struct UnixTime: Hashable, Comparable, Sendable {
    /// Nanoseconds since the Unix epoch.
    public var nanoseconds: Int64

    /// The moment `nanoseconds` after the Unix epoch.
    @inlinable public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// Whole milliseconds since the Unix epoch.
    @inlinable public var milliseconds: Int64 { nanoseconds / 1_000_000 }

    /// Earlier, or shorter, comes first.
    @inlinable public static func < (left: UnixTime, right: UnixTime) -> Bool { left.nanoseconds < right.nanoseconds }
    /// Moves by, or adds, an interval.
    @inlinable public static func + (left: UnixTime, right: Interval) -> UnixTime {
        UnixTime(nanoseconds: left.nanoseconds + right.nanoseconds)
    }
    /// The interval between, or moves back.
    @inlinable public static func - (left: UnixTime, right: UnixTime) -> Interval {
        Interval(nanoseconds: left.nanoseconds - right.nanoseconds)
    }
}
