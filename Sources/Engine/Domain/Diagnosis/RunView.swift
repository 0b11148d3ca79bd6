// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics

/// What the endpoints of a run tell together: a limit shows only in who was served when.
struct RunView {
    /// The endpoints that use one server.
    struct Side {
        var total = 0
        var registered = 0
        var answered = 0
        /// Endpoints whose INVITE got an answer.
        var callsAnswered = 0
        var family = ServerFamily.other
        /// 401 for right credentials now and then.
        var limiter: Spells?
        /// What makes plain refusals doubtful: all came one after the other, as a limit would make them.
        var refusedInOneSpell: String?
        /// The same for calls.
        var callLimiter: Spells?
        /// No answers at all for a while, or from then on.
        var drops: Spells?
        /// The same for calls.
        var callDrops: Spells?
        /// When the server was heard of last by an answer to REGISTER.
        var heardAt: Interval?
        /// When requests were refused by the network although the server had answered before, and it answered later again.
        var outage: Interval?
        /// Endpoints whose good nonces were refused while young.
        var forgottenNonces = 0
        /// Whether calls to registered callees went through until a moment, and none after it.
        var callsBrokeOff: Interval?
    }

    let registrars: [String: String]
    private let results: [EndpointResult]
    private let places: [UInt32: Int]
    private let sides: [String: Side]

    init(_ results: [EndpointResult], registrars: [String: String]) {
        self.results = results
        self.registrars = registrars
        places = Dictionary(results.enumerated().map { ($1.index, $0) }, uniquingKeysWith: { first, _ in first })
        sides = Dictionary(grouping: results) { registrars[$0.group] ?? "" }.mapValues { Self.look(at: $0) }
    }

    func endpoint(_ index: UInt32) -> EndpointResult? { places[index].map { results[$0] } }

    func side(of result: EndpointResult) -> Side { sides[registrars[result.group] ?? ""] ?? Side() }

    private static func look(at results: [EndpointResult]) -> Side {
        var side = Side()
        side.total = results.count
        side.registered = results.count { $0.registration.registeredAt != nil }
        side.answered = results.count { $0.registration.firstResponseAt != nil }
        side.callsAnswered = results.count { result in
            result.calls.contains { $0.role == .caller && ($0.ringingAt ?? $0.answeredAt) != nil }
        }
        side.heardAt = results.compactMap(\.registration.lastResponseAt).max()
        side.family = family(of: results)
        (side.limiter, side.refusedInOneSpell) = refusals(in: results)
        side.callLimiter = callRefusals(in: results)
        side.drops = drops(in: results)
        side.callDrops = callDrops(in: results)
        side.outage = outage(in: results, heardAt: side.heardAt)
        side.forgottenNonces = results.count { $0.registration.hasForgottenNonce }
        side.callsBrokeOff = breakOff(in: results)
        return side
    }

    /// The product that most banners name.
    private static func family(of results: [EndpointResult]) -> ServerFamily {
        var votes: [ServerFamily: Int] = [:]
        for result in results {
            let family = ServerFamily(banner: result.registration.server ?? result.calls.first?.server)
            if family != .other { votes[family, default: 0] += 1 }
        }
        return votes.max { ($0.value, $0.key.rawValue) < ($1.value, $1.key.rawValue) }?.key ?? .other
    }

    /// 401 or 407 for credentials, among registrations that came through.
    private static func refusals(in results: [EndpointResult]) -> (limiter: Spells?, oneSpell: String?) {
        let tries = results.compactMap { result -> Spells.Try? in
            let registration = result.registration
            guard let at = registration.sentAt, registration.credentialsSent else { return nil }
            if registration.registeredAt != nil { return Spells.Try(at: at, isGood: true) }
            guard registration.isPlainlyRejected else { return nil }
            return Spells.Try(at: at, isGood: false)
        }
        // An account whose password was right and was refused all the same: before it got through, or after.
        let proofs = results.count { result in
            guard result.registration.registeredAt != nil else { return false }
            return (result.steps ?? []).contains { $0.method == .register && ($0.status == 401 || $0.status == 407) }
                || result.registration.isRefusedLater
        }
        let spells = Spells(tries)
        if spells.isTold(proofs: proofs) { return (spells, nil) }
        guard spells.badSpells <= 2, spells.clustering >= 3, let first = spells.firstBad else { return (nil, nil) }
        return (
            nil,
            "those refused came one after the other from \(first.secondsText) on, at \(Int(spells.rate(before: first))) per "
                + "second: a limiter would look the same"
        )
    }

    /// 401 or 407 for credentials of calls, among calls that came through.
    private static func callRefusals(in results: [EndpointResult]) -> Spells? {
        let tries = results.flatMap(\.calls).compactMap { call -> Spells.Try? in
            guard call.role == .caller, call.credentialsSent, let at = call.invitedAt else { return nil }
            return Spells.Try(at: at, isGood: !call.isChallengedAgain)
        }
        let spells = Spells(tries)
        return spells.isTold(proofs: 0) ? spells : nil
    }

    /// Registrations without any answer, or answered only when they were sent again, among others that were answered at once.
    private static func drops(in results: [EndpointResult]) -> Spells? {
        let tries = results.compactMap { result -> Spells.Try? in
            let registration = result.registration
            guard let at = registration.sentAt, registration.attempts > 0 else { return nil }
            let isSilent = registration.registeredAt == nil && registration.transportFault == .silence
            guard isSilent || registration.firstResponseAt != nil else { return nil }
            return Spells.Try(at: at, isGood: !isSilent && registration.isPrompt)
        }
        let spells = Spells(tries)
        return spells.isBreakOff ? spells : nil
    }

    /// The same of calls. Where no call was ever answered it is not the rate.
    private static func callDrops(in results: [EndpointResult]) -> Spells? {
        let tries = results.flatMap(\.calls).compactMap { call -> Spells.Try? in
            guard call.role == .caller, let at = call.invitedAt else { return nil }
            return Spells.Try(at: at, isGood: call.transportFault != .silence || call.establishedAt != nil)
        }
        let spells = Spells(tries)
        return spells.isBreakOff ? spells : nil
    }

    /// The first refusal by the network after which the server was heard of again.
    private static func outage(in results: [EndpointResult], heardAt: Interval?) -> Interval? {
        guard let heardAt else { return nil }
        let faults = results.flatMap { $0.steps ?? [] }.filter { $0.status == 0 && $0.fault?.isProcessGone == true }
        guard let first = faults.map(\.at).min(), let last = faults.map(\.at).max(), last < heardAt,
            results.contains(where: { ($0.registration.firstResponseAt ?? first) < first })
        else { return nil }
        return first
    }

    /// When calls to registered callees began to be refused as unknown, where all before went through and none after.
    private static func breakOff(in results: [EndpointResult]) -> Interval? {
        let calls = results.flatMap(\.calls).filter { $0.role == .caller && $0.invitedAt != nil }
        let lost = calls.filter { $0.establishedAt == nil && $0.isCalleeUnknown }
        let good = calls.filter { $0.establishedAt != nil }
        guard lost.count >= 3, good.count >= 3, let first = lost.compactMap(\.invitedAt).min(),
            let last = good.compactMap(\.invitedAt).max(), last < first
        else { return nil }
        return first
    }
}

extension RegistrationEvidence {
    /// Refused with a challenge although credentials were sent, and nothing else stands behind it.
    var isPlainlyRejected: Bool {
        guard let final = finalStatus, final.code == 401 || final.code == 407, credentialsSent, missingRealm == nil
        else { return false }
        // The same nonce again says nothing here: servers whose nonces are made of the time repeat them within a second.
        return !(notes ?? []).contains { $0.isDeadEnd }
    }

    /// Registered, and later refused with a challenge.
    var isRefusedLater: Bool {
        registeredAt != nil && nonceAfterRefusal != nil && (finalStatus?.code == 401 || finalStatus?.code == 407)
    }

    /// Every answer came before its request was sent again (timer E, RFC 3261 §17.1.2.2), as far as times tell.
    var isPrompt: Bool {
        let repeats = Interval.milliseconds(450)
        guard let sentAt, let firstResponseAt, firstResponseAt - sentAt < repeats else { return false }
        return (registeredAt ?? firstResponseAt) - firstResponseAt < repeats
    }

    var hasForgottenNonce: Bool {
        (notes ?? []).contains { if case .nonceForgotten = $0 { true } else { false } }
    }
}

extension RegistrationNote {
    fileprivate var isDeadEnd: Bool {
        switch self {
        case .realmsNeverSettled, .noncesNeverAccepted, .foreignRealm: true
        default: false
        }
    }
}

extension CallEvidence {
    /// Refused with a challenge although credentials were sent.
    var isChallengedAgain: Bool {
        establishedAt == nil && credentialsSent && (finalStatus?.code == 401 || finalStatus?.code == 407)
    }

    /// The server said that there is nobody of that name, or that nobody is there.
    var isCalleeUnknown: Bool {
        switch finalStatus?.code {
        case 404, 410, 480, 604: true
        default: false
        }
    }
}

extension TransportFault {
    /// The host said that nobody listens, or closed the connection: the program is gone, not the way to it.
    var isProcessGone: Bool { self == .refused || self == .reset }
}
