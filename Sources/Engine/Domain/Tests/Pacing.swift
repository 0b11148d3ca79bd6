// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// When the registrations and calls of a run begin (F8, H5).
///
/// It is an open model: what it says holds whatever the target does. A call whose caller is still busy then is not attempted, and
/// counted as that.
public struct Pacing: Hashable, Sendable {
    /// First INVITEs per second when a test names no rate (H5).
    public static let defaultCallsPerSecond = 50.0
    /// REGISTERs per second when a test names no rate.
    public static let defaultRegistrationsPerSecond = 100.0
    /// The pause before a caller's next call when a test names none: room for setting the call up and hanging it up.
    public static let defaultIdle = Interval.seconds(1)

    /// When endpoints register.
    public enum Registrations: Hashable, Sendable {
        /// So many a second, receivers first.
        case rate(Double)
        /// Spread evenly over a time.
        case over(Interval)
    }

    /// When calls begin.
    public enum Calls: Hashable, Sendable {
        /// Each caller's first call at this rate a second; further ones by `repeats`, `talk` and `idle`.
        case rate(Double)
        /// Callers take turns at a rate that holds and ramps; at least one stage with calls.
        case stages([CallStage])
    }

    /// When endpoints register.
    public var registrations: Registrations
    /// When calls begin.
    public var calls: Calls
    /// Calls of each caller; nil for one at a rate, and with stages for as often as its turn comes.
    public var repeats: Int?
    /// Length of each call; nil for the test's duration.
    public var talk: Interval?
    /// From the planned end of a call to the same caller's next one; nil for `defaultIdle`.
    public var idle: Interval?

    /// A pacing from its parts.
    public init(
        registrations: Registrations = .rate(Pacing.defaultRegistrationsPerSecond),
        calls: Calls = .rate(Pacing.defaultCallsPerSecond), repeats: Int? = nil, talk: Interval? = nil,
        idle: Interval? = nil
    ) {
        self.registrations = registrations
        self.calls = calls
        self.repeats = repeats
        self.talk = talk
        self.idle = idle
    }

    /// A pacing of two rates.
    public init(registrationsPerSecond: Double, callsPerSecond: Double, repeats: Int? = nil) {
        self.init(registrations: .rate(registrationsPerSecond), calls: .rate(callsPerSecond), repeats: repeats)
    }

    /// When the n-th registration of a run is meant to leave, counted from the first one, n from 0.
    ///
    /// - Parameter endpoints: how many register in all.
    public func registrationMoment(_ number: Int, of endpoints: Int) -> Interval {
        switch registrations {
        case .rate(let rate): .bounded(seconds: Double(number) / rate)
        case .over(let time): .bounded(seconds: time.seconds * Double(number) / Double(max(1, endpoints)))
        }
    }
}

extension Interval {
    /// So many seconds, but at most a hundred years: what a test asks for may be longer than time can tell.
    static func bounded(seconds: Double) -> Interval { .seconds(min(max(seconds, 0), 3.2e9)) }
}

/// A part of a run's calls in which their rate holds or changes evenly.
public struct CallStage: Hashable, Sendable {
    /// Calls per second at its beginning, 0 or more.
    public var from: Double
    /// Calls per second at its end; the same as `from` where it holds.
    public var to: Double
    /// How long it lasts; longer than zero.
    public var length: Interval

    /// A rate that holds.
    public static func hold(_ rate: Double, for length: Interval) -> CallStage {
        CallStage(from: rate, to: rate, length: length)
    }

    /// A rate that changes evenly.
    public static func ramp(_ from: Double, to: Double, for length: Interval) -> CallStage {
        CallStage(from: from, to: to, length: length)
    }

    /// Calls that begin in it, as a number that need not be whole.
    public var calls: Double { (from + to) / 2 * length.seconds }
}
