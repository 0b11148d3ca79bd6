// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// How long the endpoints of a test wait for what may not come.
public struct TimeoutChoice: Hashable, Sendable {
    /// From a caller's INVITE to the answer; then it cancels and the call has failed. 1 s to an hour.
    public static let usualRing = Interval.seconds(60)
    /// How long a first registration goes on waiting where the server asks for it (Retry-After). Up to an hour.
    public static let usualRegistration = Interval.seconds(60)
    /// RFC 3261's T1: the first retransmission on UDP; a request without any answer is given up after 64 of it.
    public static let usualT1 = Interval.milliseconds(500)

    /// From a caller's INVITE to the answer.
    public var ring = TimeoutChoice.usualRing
    /// How long a first registration waits in all where the server asks for it.
    public var registration = TimeoutChoice.usualRegistration
    /// RFC 3261's T1, 10 ms to 10 s.
    public var t1 = TimeoutChoice.usualT1

    /// The usual times.
    public init() {}

    /// When a request without any answer is given up (RFC 3261, timers B and F).
    public var transaction: Interval { t1 * 64 }

    static func read(_ node: DocumentNode?, _ reader: inout DocumentReader) -> TimeoutChoice {
        var choice = TimeoutChoice()
        guard let node, let values = reader.mapping(node, "timeouts", keys: ["ring", "registration", "t1"]) else {
            return choice
        }
        func time(_ key: String, _ range: ClosedRange<Interval>, _ reader: inout DocumentReader) -> Interval? {
            reader.duration(values[key], "timeouts.\(key)", in: range)
        }
        if let ring = time("ring", .seconds(1) ... .seconds(3600), &reader) { choice.ring = ring }
        if let wait = time("registration", .zero ... .seconds(3600), &reader) { choice.registration = wait }
        if let t1 = time("t1", .milliseconds(10) ... .seconds(10), &reader) { choice.t1 = t1 }
        return choice
    }

    /// What differs from the usual, as `read` takes it; nil when nothing does.
    var document: DocumentNode? {
        var entries: [(String, DocumentNode)] = []
        if ring != Self.usualRing { entries.append(("ring", .text(Units.text(ring)))) }
        if registration != Self.usualRegistration { entries.append(("registration", .text(Units.text(registration)))) }
        if t1 != Self.usualT1 { entries.append(("t1", .text(Units.text(t1)))) }
        return entries.isEmpty ? nil : .object(entries)
    }
}
