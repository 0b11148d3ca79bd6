// SPDX-License-Identifier: Apache-2.0

import SIP

/// What one registration or call has answered to challenges so far, and whether it may answer the next one.
///
/// The rules (F2, F3, F4):
/// - Only a challenge with the fixed realm is answered when a realm is fixed.
/// - A nonce that our credentials were refused with is never answered again: the credentials are wrong.
/// - A new nonce with `stale=true` is answered silently; without it once, since many servers forget `stale`, and a few times more
///   where another backend of the server seems to speak.
/// - Another realm is followed a bounded number of times when the realm is automatic.
/// - Each realm of an answer gets its own credentials, all in one request (RFC 3261 §22.3).
struct Authentication: Sendable {
    /// Realm changes followed in one attempt: more are a circle of proxies that do not know each other (F3).
    static let realmChangeLimit: UInt8 = 3
    /// Challenges answered in one attempt, whatever they say: a server that always says `stale` would never end.
    static let answerLimit: UInt8 = 8
    /// New nonces without `stale` that are answered: servers forget it (RFC 7616 §3.3), but a wrong password looks the same.
    static let unmarkedLimit: UInt8 = 1
    /// The same where the password is known to be right, or the answers come from servers of different names.
    static let backendLimit: UInt8 = 5
    /// Realms answered in one request.
    static let realmsAtOnce = 4

    /// What a 401 or 407 means.
    enum Verdict: Hashable, Sendable {
        /// Send the request again with credentials.
        case answer
        /// The credentials are wrong, or the user is not known; or it went in circles (`dead`).
        case rejected
        /// No challenge has the fixed realm.
        case realmMismatch
        /// No challenge can be answered: not Digest, unknown algorithm, no challenge at all, or no credentials here.
        case unsupported
        /// Somebody asks who never asked this account before: not answered.
        case foreign
    }

    /// Why a rejection is more than a wrong password.
    enum DeadEnd: Hashable, Sendable {
        /// Each challenge named another realm.
        case realms
        /// Each answer was met with a new nonce.
        case nonces
    }

    /// What a challenge is answered with and for.
    struct Asked {
        /// Whether it is a 407.
        var isProxy: Bool
        /// The realm fixed on the account.
        var realm: [UInt8]?
        /// The account's secret.
        var credential: Credential?
        /// Which of several algorithms is answered.
        var preference = DigestPreference.topmost
        /// A hash of who answered (the Server header), 0 when it does not say.
        var server: UInt64 = 0
        /// Whether only realms that the account's registrar asked for before are answered: in a dialog, and elsewhere than there.
        var onlyKnownRealms = false
    }

    /// Where in the book the challenges are that the next request carries credentials for.
    private(set) var places = NonceBook.Places()
    /// Realm changes followed since the last acceptance.
    private(set) var realmChanges: UInt8 = 0
    private var answers: UInt8 = 0
    private var unmarked: UInt8 = 0
    private var hasOtherServer = false
    /// Why the last rejection was not about the credentials, as far as can be told.
    private(set) var deadEnd: DeadEnd?
    /// Whether the last rejection repeated a challenge that was answered.
    private(set) var repeatedNonce = false
    private var server: UInt64 = 0
    /// Hashes of the nonces that this attempt sent credentials for; the first in place, as there is seldom a second.
    private var sent: UInt64 = 0
    private var sentBefore: [UInt64] = []

    // MARK: Challenges

    /// Judges a 401 or 407; after `answer` the next request carries credentials for `places`.
    mutating func judge(_ challenges: [Challenge], _ asked: Asked, book: inout NonceBook) -> Verdict {
        deadEnd = nil
        guard let credential = asked.credential else { return .unsupported }
        let chosen: [Challenge]
        switch Self.choose(challenges, asked, credential) {
        case .success(let found): chosen = found
        case .failure(let problem): return problem.verdict
        }
        let answerable = asked.onlyKnownRealms ? chosen.filter { book.knows(realm: $0.realm) } : chosen
        guard !answerable.isEmpty else { return .foreign }
        answers += 1
        guard answers <= Self.answerLimit else {
            deadEnd = .nonces
            return .rejected
        }
        noteServer(asked.server)
        repeatedNonce = answerable.contains { hasSent($0.nonce) }
        guard !repeatedNonce else { return .rejected }
        guard followRealm(answerable, asked, book), followNonce(answerable, asked, book) else { return .rejected }
        for challenge in answerable {
            let place = book.keep(challenge, isProxy: asked.isProxy)
            places.insert(place)
        }
        return .answer
    }

    private struct Unusable: Error { var verdict: Verdict }

    /// One challenge for each realm, in the server's order.
    private static func choose(
        _ challenges: [Challenge], _ asked: Asked, _ credential: Credential
    ) -> Result<[Challenge], Unusable> {
        func isRight(_ challenge: Challenge) -> Bool {
            asked.realm.map { challenge.realm.elementsEqual($0) } ?? true
        }
        if challenges.count == 1 {
            guard challenges[0].isAnswerable, credential.fits(challenges[0]) else {
                return .failure(Unusable(verdict: .unsupported))
            }
            return isRight(challenges[0]) ? .success(challenges) : .failure(Unusable(verdict: .realmMismatch))
        }
        let usable = challenges.filter { $0.isAnswerable && credential.fits($0) }
        guard !usable.isEmpty else { return .failure(Unusable(verdict: .unsupported)) }
        var chosen: [Challenge] = []
        for challenge in usable where isRight(challenge) {
            if let place = chosen.firstIndex(where: { $0.realm.elementsEqual(challenge.realm) }) {
                // The topmost one that can be answered (RFC 8760 §2.4), or the one with the strongest hash.
                if asked.preference == .strongest, challenge.strength > chosen[place].strength {
                    chosen[place] = challenge
                }
            } else if chosen.count < realmsAtOnce {
                chosen.append(challenge)
            }
        }
        return chosen.isEmpty ? .failure(Unusable(verdict: .realmMismatch)) : .success(chosen)
    }

    /// Whether challenges for realms that the request did not carry credentials for are still followed (F3).
    private mutating func followRealm(_ challenges: [Challenge], _ asked: Asked, _ book: NonceBook) -> Bool {
        var carried = NonceBook.Places()
        for place in 0..<book.count {
            guard places.contains(place), let entry = book[place], entry.isProxy == asked.isProxy else { continue }
            if challenges.contains(where: { $0.realm.elementsEqual(entry.challenge.realm) }) { return true }
            if hasSent(entry.challenge.nonce) { carried.insert(place) }
        }
        guard !carried.isEmpty else { return true }
        realmChanges += 1
        guard realmChanges <= Self.realmChangeLimit else {
            deadEnd = .realms
            return false
        }
        // A chain of proxies asks one after the other, and each wants its own again; a server that changed its mind does not.
        guard !asked.isProxy else { return true }
        while let place = carried.first {
            carried.remove(place)
            places.remove(place)
        }
        return true
    }

    /// Whether new nonces for realms that the request carried credentials for are still answered.
    private mutating func followNonce(_ challenges: [Challenge], _ asked: Asked, _ book: NonceBook) -> Bool {
        var isTrusted = false
        let isUnmarked = challenges.contains { challenge in
            guard !challenge.isStale, let place = book.place(ofRealm: challenge.realm, isProxy: asked.isProxy),
                places.contains(place), let entry = book[place], hasSent(entry.challenge.nonce)
            else { return false }
            isTrusted = entry.isTrusted
            return true
        }
        guard isUnmarked else { return true }
        unmarked += 1
        guard unmarked <= (isTrusted || hasOtherServer ? Self.backendLimit : Self.unmarkedLimit) else {
            if isTrusted || hasOtherServer { deadEnd = .nonces }
            return false
        }
        return true
    }

    private mutating func noteServer(_ name: UInt64) {
        guard name != 0 else { return }
        if server != 0, server != name { hasOtherServer = true }
        server = name
    }

    // MARK: Requests

    /// The challenge and nonce count to write into the next request for one of `places`.
    mutating func use(_ place: Int, book: inout NonceBook) -> (Challenge, UInt32)? {
        guard let use = book.use(place) else { return nil }
        let hash = FlowTable.hash(use.0.nonce)
        if sent == 0 {
            sent = hash
        } else if !hasSent(hash) {
            sentBefore.append(hash)
        }
        return use
    }

    /// Carries credentials for realms that a new request may name before it is asked (RFC 3261 §22.3): across calls those of the
    /// proxies with the account's fixed realm.
    mutating func prepare(_ book: NonceBook, realm: [UInt8]?) {
        guard let realm else { return }
        for place in 0..<book.count {
            if let entry = book[place], entry.isProxy, entry.challenge.realm.elementsEqual(realm) {
                places.insert(place)
            }
        }
    }

    /// The request was accepted: the next one starts with a clean slate but keeps nonces and counts.
    mutating func succeeded(book: inout NonceBook) {
        var rest = places
        while let place = rest.first {
            rest.remove(place)
            book.trust(place)
        }
        begin()
    }

    /// A new request begins (a BYE after the INVITE); it carries what the one before did.
    mutating func begin() {
        (realmChanges, answers, unmarked, hasOtherServer) = (0, 0, 0, false)
        (sent, deadEnd) = (0, nil)
        if !sentBefore.isEmpty { sentBefore = [] }
    }

    /// Whether the attempt under way sent credentials.
    var hasSentCredentials: Bool { sent != 0 }

    /// Whether the attempt under way carries credentials and was not challenged: they are of an earlier nonce.
    var hasReusedNonce: Bool { answers == 0 && sent != 0 }

    /// Carries nothing until it is asked: the next request goes to somebody else.
    mutating func forget() { places = NonceBook.Places() }

    private func hasSent(_ nonce: ArraySlice<UInt8>) -> Bool { sent != 0 && hasSent(FlowTable.hash(nonce)) }
    private func hasSent(_ hash: UInt64) -> Bool { sent == hash || sentBefore.contains(hash) }
}

extension Challenge {
    /// How strong its hash is, to compare challenges by.
    fileprivate var strength: Int {
        switch algorithm?.hash {
        case nil: 0
        case .md5: 1
        case .sha256: 2
        case .sha512_256: 3
        }
    }
}

extension Credential {
    /// Whether this secret can answer a challenge: a prepared key only one of its own hash function.
    func fits(_ challenge: Challenge) -> Bool {
        switch self {
        case .password, .digestKeys: true
        case .ha1(_, let hash): challenge.algorithm?.hash == hash
        }
    }
}
