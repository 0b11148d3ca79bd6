// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// What was counted and timed in one second of a run, of all endpoints or of one group; merges by addition, without loss.
public struct Tally: Hashable, Sendable, Codable {
    /// First REGISTERs sent.
    public var registrationsStarted: UInt32 = 0
    /// Registrations confirmed by a 200.
    public var registrationsSucceeded: UInt32 = 0
    /// Registrations given up.
    public var registrationsFailed: UInt32 = 0
    /// First INVITEs sent.
    public var callsStarted: UInt32 = 0
    /// Calls answered and acknowledged.
    public var callsEstablished: UInt32 = 0
    /// Calls that ended without being established.
    public var callsFailed: UInt32 = 0
    /// Established calls that ended.
    public var callsEnded: UInt32 = 0
    /// What was timed; nil when nothing was.
    public var delays: Delays?

    /// Nothing counted.
    public init() {}

    /// Adds another part of the run.
    public mutating func merge(_ other: Tally) {
        registrationsStarted.add(other.registrationsStarted)
        registrationsSucceeded.add(other.registrationsSucceeded)
        registrationsFailed.add(other.registrationsFailed)
        callsStarted.add(other.callsStarted)
        callsEstablished.add(other.callsEstablished)
        callsFailed.add(other.callsFailed)
        callsEnded.add(other.callsEnded)
        if let theirs = other.delays { delays = delays?.merged(with: theirs) ?? theirs }
    }

    /// Notes how long something took that ended in this second.
    public mutating func record(_ value: Interval, as kind: WritableKeyPath<Delays, Histogram?>) {
        if delays == nil { delays = Delays() }
        delays?.record(value, as: kind)
    }
}

/// Durations that ended in one second, as histograms; nil where there was none.
///
/// Each delay stands twice: from the moment the request left, as RFC 6076 and the product's own definitions say, and from the
/// moment it was meant to leave. A generator that stalls makes its own requests wait; only the second figure shows that wait
/// ("coordinated omission").
public struct Delays: Hashable, Sendable, Codable {
    /// First REGISTER sent to 200 received.
    public var registration: Histogram?
    /// The same from the intended moment.
    public var registrationFromIntended: Histogram?
    /// First INVITE sent to the first 180, or 183 with SDP.
    public var postDial: Histogram?
    /// The same from the intended moment.
    public var postDialFromIntended: Histogram?
    /// First INVITE sent to its 200.
    public var setup: Histogram?
    /// The same from the intended moment.
    public var setupFromIntended: Histogram?
    /// Actual less intended moment of first REGISTERs and first INVITEs.
    public var lateness: Histogram?

    /// Nothing timed.
    public init() {}

    static let kinds: [any WritableKeyPath<Delays, Histogram?> & Sendable] = [
        \.registration, \.registrationFromIntended, \.postDial, \.postDialFromIntended, \.setup, \.setupFromIntended,
        \.lateness,
    ]

    /// Records one duration.
    public mutating func record(_ value: Interval, as kind: WritableKeyPath<Delays, Histogram?>) {
        if self[keyPath: kind] == nil { self[keyPath: kind] = Histogram() }
        self[keyPath: kind]?.record(value)
    }

    func merged(with other: Delays) -> Delays {
        var sum = self
        for kind in Self.kinds { Histogram.merge(other[keyPath: kind], into: &sum[keyPath: kind]) }
        return sum
    }
}

/// One group's part of a second.
public struct GroupTally: Hashable, Sendable, Codable {
    /// The group's name.
    public var name: String
    /// What it counted.
    public var tally: Tally

    /// A part from its parts.
    public init(name: String, tally: Tally) {
        self.name = name
        self.tally = tally
    }
}

extension UInt32 {
    /// Adds, and stays at the greatest number rather than trap: a count of a very long run must not end it.
    mutating func add(_ other: UInt32) {
        let (sum, isTooGreat) = addingReportingOverflow(other)
        self = isTooGreat ? .max : sum
    }
}
