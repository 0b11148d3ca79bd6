// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP

/// What the faults of the whole server have come to: limits count over all accounts that they meet, losses come at a time.
struct FaultClock: Sendable {
    /// How long nothing is answered after `drop-limit` was passed: longer than a request is repeated (RFC 3261 timer F).
    static let ban: Interval = .seconds(60)
    /// How long a restart takes.
    static let pause: Interval = .seconds(2)

    /// Events of the present second.
    struct Count: Sendable {
        private var begin: Instant?
        private var events: UInt32 = 0

        /// Counts one more; true while there are not more than `limit` in the second.
        mutating func take(limit: UInt32, now: Instant) -> Bool {
            if let begin, now - begin < .seconds(1) {
                events += 1
            } else {
                begin = now
                events = 1
            }
            return events <= limit
        }
    }

    /// When the first request came; seconds of faults count from here.
    var start: Instant?
    var authentications = Count()
    var requests = Count()
    var bannedUntil: Instant?
    /// Whether contacts were forgotten.
    var hasForgotten = false
    /// When the last message came.
    var present = Instant(nanoseconds: 0)
}

extension PBXEngine {
    /// Lets what is due by now happen: contacts are forgotten.
    func passFaultTime(_ now: Instant) {
        let start = faultClock.start ?? now
        faultClock.start = start
        faultClock.present = now
        guard !faultClock.hasForgotten,
            let seconds = configuration.faults.lazy.filter({ $0.kind == .forgetContacts || $0.kind == .restart })
                .map(\.seconds).min(), now - start >= .seconds(seconds)
        else { return }
        faultClock.hasForgotten = true
        for place in accounts.states.indices {
            let faults = accounts.states[place].faults
            if faults.contains(.forgetContacts) || faults.contains(.restart) { accounts.states[place].bindings = [] }
        }
    }

    /// Whether a request gets no answer, nor anything else.
    func isSilenced(_ message: Message, now: Instant) -> Bool {
        guard !configuration.faults.isEmpty, message.isRequest else { return false }
        if configuration.faults.contains(PBXFault(.silence, .all)) { return true }
        guard let user = message.fromUser, let place = accounts.place(ofAddressUser: user) else { return false }
        let faults = accounts.states[place].faults
        guard !faults.isEmpty else { return false }
        if faults.contains(.silence) { return true }
        if faults.contains(.natLost), message.method != .register { return true }
        if faults.contains(.byeLost), message.method == .bye { return true }
        if let limit = faults.number(.dropLimit), isBanned(limit: limit, now: now) { return true }
        guard let seconds = faults.number(.restart), let start = faultClock.start else { return false }
        let since = now - start - .seconds(Int(seconds))
        return since >= .zero && since < FaultClock.pause
    }

    private func isBanned(limit: UInt32, now: Instant) -> Bool {
        if let end = faultClock.bannedUntil {
            guard now >= end else { return true }
            faultClock.bannedUntil = nil
        }
        guard !faultClock.requests.take(limit: limit, now: now) else { return false }
        faultClock.bannedUntil = now + FaultClock.ban
        return true
    }

    /// Whether right credentials are refused all the same.
    func refusesPassword(of place: Int, asProxy: Bool, now: Instant) -> Bool {
        let faults = accounts.states[place].faults
        guard !faults.isEmpty else { return false }
        if faults.contains(.wrongPassword) || (asProxy && faults.contains(.callPassword)) { return true }
        guard let limit = faults.number(.authenticationLimit) else { return false }
        return !faultClock.authentications.take(limit: limit, now: now)
    }

    /// Whether a nonce is from before the secret changed: it is not known, and so not called stale.
    func hasForgotten(_ nonce: NonceMaker.Nonce?, _ place: Int) -> Bool {
        let faults = accounts.states[place].faults
        guard !faults.isEmpty, let nonce, let start = faultClock.start,
            let seconds = faults.number(.newSecret) ?? faults.number(.restart)
        else { return false }
        let change = start + .seconds(Int(seconds))
        return nonce.issued < change && faultClock.present >= change
    }

    /// Whether the account that a request or response names in From has a fault.
    func hasFault(_ kind: PBXFault.Kind, _ message: Message) -> Bool {
        guard !configuration.faults.isEmpty, let user = message.fromUser,
            let place = accounts.place(ofAddressUser: user)
        else { return false }
        return accounts.states[place].faults.contains(kind)
    }

    /// Plays what becomes of an account's calls; true when the INVITE is dealt with.
    func playsCall(_ message: Message, _ id: ServerTransactionID, from peer: Peer, now: Instant) -> Bool {
        guard !configuration.faults.isEmpty, let user = message.fromUser,
            let place = accounts.place(ofAddressUser: user)
        else { return false }
        let faults = accounts.states[place].faults
        if let status = faults.number(.callRefused) {
            refuseCall(id, status: UInt16(clamping: min(max(status, 300), 699)), place, now: now)
            return true
        }
        if faults.contains(.callRinging) {
            answer(message, id, .noAnswer, from: peer, now: now)
            return true
        }
        guard faults.contains(.callSilent) else { return false }
        respond(id, 100, now: now)
        return true
    }

    private func refuseCall(_ id: ServerTransactionID, status: UInt16, _ place: Int, now: Instant) {
        guard let start = layer.beginResponse(id, status: status, toTag: makeTag()) else { return }
        if status == 503 { layer.writer.header(.retryAfter, decimal: 5) }
        writeBanner(place)
        layer.writer.finish()
        layer.respond(id, status: status, from: start, now: now)
    }
}

extension PBXFault {
    /// The number of seconds it is played with.
    fileprivate var seconds: Int {
        if case .number(let number) = value { return Int(number) }
        return Int(kind.usualNumber ?? 0)
    }
}
