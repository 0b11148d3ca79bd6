// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain

/// How long the parts of a run may take at most, so that a run ends by itself whatever its target does.
enum RunBounds {
    /// Opening sockets, resolving names.
    static let assignment = Interval.seconds(60)
    /// What a stopped segment gets before its endpoints are closed by force: BYE and un-REGISTER on a server that answers take
    /// milliseconds, one that does not answer will not.
    static let drain = Interval.seconds(10)
    /// What the frames of an end may take.
    static let slack = Interval.seconds(30)

    /// Beyond this nobody waits for a run: ten years, which its clocks can still count.
    private static let eternity = 3.2e8

    /// The longest a run of this test can last from its start to its last endpoint's close.
    static func longest(_ definition: TestDefinition) -> Interval {
        let endpoints = definition.groups.reduce(0) { $0 + $1.endpoints }
        // How long a transaction waits for an answer (RFC 3261 §17.1.2.2, timer F; §17.1.1.2, timer B).
        let transaction = definition.timeouts.transaction.seconds
        // REGISTER, challenge, one more challenge, a longer expiry, each a transaction; and waits that the server asks for.
        let registration = transaction * 4 + definition.timeouts.registration.seconds
        // INVITE with its challenge, ringing, CANCEL, BYE.
        let ringing = max(definition.timeouts.ring, definition.groups.map(\.answerAfter).max() ?? .zero).seconds
        let call = transaction * 4 + ringing + definition.talkTime.seconds
        // un-REGISTER with its challenge.
        let leaving = transaction * 2
        // Receivers first, then callers: two rounds of registrations.
        let registering = registration * 2 + definition.pacing.registrationMoment(endpoints, of: endpoints).seconds
        let calls = CallSchedule(definition.pacing, callers: endpoints, cycle: definition.callCycle)
        // Fewer callers take longer for what each repeats.
        let alone = CallSchedule(definition.pacing, callers: 1, cycle: definition.callCycle)
        let calling = max(calls.length, alone.length).seconds + call
        // They leave as slowly as they came.
        let holding =
            definition.duration.seconds + definition.pacing.registrationMoment(endpoints, of: endpoints).seconds
        return .seconds(min(registering + calling + holding + leaving + slack.seconds, eternity))
    }
}

extension Interval {
    /// For the waiting calls of the standard library.
    var duration: Duration { .nanoseconds(nanoseconds) }
}
