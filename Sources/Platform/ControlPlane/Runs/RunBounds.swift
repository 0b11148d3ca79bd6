// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain

/// How long the parts of a run may take at most, so that a run ends by itself whatever its target does.
enum RunBounds {
    /// 64 × T1: how long a transaction waits for an answer (RFC 3261 §17.1.2.2, timer F; §17.1.1.2, timer B).
    private static let transaction = Interval.seconds(32)
    /// REGISTER, challenge, one more challenge, a longer expiry: each a transaction.
    private static let registration = transaction * 4
    /// INVITE with its challenge, ringing up to the proxy's timer C (RFC 3261 §16.6, above three minutes), BYE.
    private static let callSetup = transaction * 2 + .seconds(200)
    private static let callTeardown = transaction
    /// un-REGISTER with its challenge.
    private static let leaving = transaction * 2
    /// Opening sockets, resolving names.
    static let assignment = Interval.seconds(60)
    /// What a stopped segment gets before its endpoints are closed by force: BYE and un-REGISTER on a server that answers take
    /// milliseconds, one that does not answer will not.
    static let drain = Interval.seconds(10)
    /// What the frames of an end may take.
    static let slack = Interval.seconds(30)

    /// The longest a run of this test can last from its start to its last endpoint's close.
    static func longest(_ definition: TestDefinition) -> Interval {
        let endpoints = Double(definition.groups.reduce(0) { $0 + $1.endpoints })
        let answer = definition.groups.map(\.answerAfter).max() ?? .zero
        let pacing = definition.pacing
        // Receivers first, then callers: two rounds of registrations.
        let registering = registration * 2 + .seconds(endpoints / max(pacing.registrationsPerSecond, 0.001))
        let call = callSetup + answer + definition.duration + callTeardown
        let calling = call * pacing.repeats + .seconds(endpoints / max(pacing.callsPerSecond, 0.001))
        return registering + calling + leaving + slack
    }
}

extension Interval {
    /// For the waiting calls of the standard library.
    var duration: Duration { .nanoseconds(nanoseconds) }
}
