// SPDX-License-Identifier: Apache-2.0

import SIP

/// What one registration or call has answered to challenges so far, and whether it may answer the next one.
///
/// The rules (F2, F3, F4):
/// - Only a challenge with the fixed realm is answered when a realm is fixed.
/// - A nonce that our credentials were refused with is never answered again: the credentials are wrong.
/// - A new nonce with `stale=true` is answered silently; without it once, since many servers forget `stale`.
/// - Another realm is followed a bounded number of times when the realm is automatic.
struct Authentication: Sendable {
    /// Realm changes followed in one attempt: more are a circle of proxies that do not know each other (F3).
    static let realmChangeLimit: UInt8 = 3
    /// Challenges answered in one attempt, whatever they say: a server that always says `stale` would never end.
    static let answerLimit: UInt8 = 8

    /// A challenge that was answered, to be answered again with a higher nonce count.
    struct Answered: Sendable {
        var challenge: Challenge
        /// Requests sent with this nonce.
        var nonceCount: UInt32 = 0
        /// Whether the request now under way carries credentials for it.
        var isSent = false
    }

    /// What a 401 or 407 means.
    enum Verdict: Hashable, Sendable {
        /// Send the request again with credentials.
        case answer
        /// The credentials are wrong, or the user is not known.
        case rejected
        /// No challenge has the fixed realm.
        case realmMismatch
        /// No challenge can be answered: not Digest, unknown algorithm, no challenge at all, or no credentials here.
        case unsupported
    }

    /// From 401: answered with Authorization.
    private(set) var server: Answered?
    /// From 407: answered with Proxy-Authorization.
    private(set) var proxy: Answered?
    private var realmChanges: UInt8 = 0
    private var answers: UInt8 = 0
    private var hasRetriedUnmarked = false

    /// Judges a 401 (`isProxy` false) or 407; after `answer` the next request carries what `nextUse` gives.
    mutating func judge(_ challenges: [Challenge], isProxy: Bool, realm: [UInt8]?, credential: Credential?) -> Verdict {
        guard let credential else { return .unsupported }
        let usable = challenges.filter { $0.isAnswerable && credential.fits($0) }
        guard !usable.isEmpty else { return .unsupported }
        guard let challenge = usable.first(where: { realm.map($0.realm.elementsEqual) ?? true }) else {
            return .realmMismatch
        }
        answers += 1
        guard answers <= Self.answerLimit else { return .rejected }
        let previous = isProxy ? proxy : server
        if let previous, previous.isSent {
            guard !previous.challenge.nonce.elementsEqual(challenge.nonce) else { return .rejected }
            if !previous.challenge.realm.elementsEqual(challenge.realm) {
                realmChanges += 1
                guard realmChanges <= Self.realmChangeLimit else { return .rejected }
            } else if !challenge.isStale {
                guard !hasRetriedUnmarked else { return .rejected }
                hasRetriedUnmarked = true
            }
        }
        // A nonce that served an earlier request goes on counting (RFC 7616 §3.4, nc).
        let isKnown = previous.map { $0.challenge.nonce.elementsEqual(challenge.nonce) } ?? false
        set(Answered(challenge: challenge, nonceCount: isKnown ? previous?.nonceCount ?? 0 : 0), isProxy: isProxy)
        return .answer
    }

    /// The challenge and nonce count to write into the next request; nil when there is none of that kind.
    mutating func nextUse(isProxy: Bool) -> (Challenge, UInt32)? {
        guard var use = isProxy ? proxy : server else { return nil }
        use.nonceCount += 1
        use.isSent = true
        set(use, isProxy: isProxy)
        return (use.challenge, use.nonceCount)
    }

    /// The request was accepted: the next one starts with a clean slate but keeps nonces and counts.
    mutating func succeeded() {
        realmChanges = 0
        answers = 0
        hasRetriedUnmarked = false
    }

    /// A new request without credentials in it begins (a BYE after the INVITE).
    mutating func begin() {
        succeeded()
        server?.isSent = false
        proxy?.isSent = false
    }

    /// The nonce to use next that Authentication-Info announced (RFC 7616 §3.5).
    mutating func follow(nextNonce: ArraySlice<UInt8>) {
        guard let challenge = server?.challenge.with(nonce: nextNonce) else { return }
        server = Answered(challenge: challenge)
    }

    /// Whether a challenge to `realm` was answered before.
    func knows(_ challenges: [Challenge]) -> Bool {
        challenges.contains { challenge in
            [server, proxy].contains { $0?.challenge.realm.elementsEqual(challenge.realm) ?? false }
        }
    }

    private mutating func set(_ use: Answered, isProxy: Bool) {
        if isProxy { proxy = use } else { server = use }
    }
}

extension Credential {
    /// Whether this secret can answer a challenge: a prepared key only one of its own hash function.
    func fits(_ challenge: Challenge) -> Bool {
        switch self {
        case .password: true
        case .ha1(_, let hash): challenge.algorithm?.hash == hash
        }
    }
}
