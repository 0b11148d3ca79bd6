// SPDX-License-Identifier: Apache-2.0

import Bedrock

extension PBXFault {
    /// What goes wrong.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// Right credentials are refused with 401 or 407, as by a server that holds another password.
        case wrongPassword = "wrong-password"
        /// Right credentials are answered with 403.
        case forbidden = "403"
        /// Every request of the account is answered with 404.
        case notFound = "404"
        /// Nothing from the account is answered at all.
        case silence
        /// Requests are taken in late.
        case slow
        /// Every request of the account is answered with 403 before a password is asked for, as by an access list.
        case addressForbidden = "address-403"

        // Limits and losses of the server.

        /// Right credentials are refused with 401 or 407 when more come in a second than allowed, as by a limiter.
        case authenticationLimit = "auth-limit"
        /// When more requests come in a second than allowed, nothing is answered for a minute, as by Kamailio's pike.
        case dropLimit = "drop-limit"
        /// After a while the nonces given out before are not known any more, as with another secret.
        case newSecret = "new-secret"
        /// After a while the contacts are forgotten, once.
        case forgetContacts = "forget-contacts"
        /// After a while nothing is answered for two seconds, and then nonces and contacts are forgotten.
        case restart
        /// Only REGISTER is answered, and nothing reaches the account, as behind a NAT that forgot.
        case natLost = "nat-lost"
        /// BYE is not answered.
        case byeLost = "bye-lost"

        // Challenges.

        /// Challenges name another realm.
        case otherRealm = "other-realm"
        /// Right credentials are refused a few times, each time with another realm.
        case changingRealm = "changing-realm"
        /// Each challenge names two realms, and both must be answered in one request.
        case twoRealms = "two-realms"
        /// Each challenge comes with SHA-256 first and MD5 second.
        case twoAlgorithms = "two-algorithms"
        /// Right credentials are refused as stale a few times, each time with a new nonce.
        case staleEachTime = "stale-each-time"
        /// The same without `stale`.
        case newNonceNoStale = "new-nonce-no-stale"
        /// The same, and another server seems to answer each time.
        case otherBackend = "other-backend"
        /// Challenges without `qop`, as of RFC 2069.
        case legacyNoQop = "legacy-no-qop"
        /// Challenges with `qop="auth-int"`.
        case authInt = "auth-int"
        /// Challenges with the `-sess` form of their algorithm.
        case session = "sess"
        /// Challenges with the algorithm in quotes.
        case quotedAlgorithm = "quoted-algorithm"
        /// Challenges that name no algorithm.
        case noAlgorithm = "no-algorithm"
        /// Challenges with SHA-256.
        case sha256 = "sha-256"
        /// Challenges with SHA-512-256.
        case sha512Half = "sha-512-256"
        /// Challenges only with an algorithm that nobody knows.
        case unknownAlgorithm = "unknown-algorithm"
        /// Challenges that want the username hashed (RFC 7616 §3.4.4).
        case userhash
        /// Each 200 to REGISTER announces the next nonce, and only that one is taken.
        case nextNonce = "nextnonce"
        /// REGISTER is challenged with 407 and then with 401, as by a proxy before the registrar.
        case proxyChain = "proxy-chain"
        /// A BYE to an extension is challenged with 407 for a foreign realm, to steal a digest.
        case dialogChallenge = "dialog-challenge"

        // Registration.

        /// REGISTER with a shorter expiry is refused with 423 and this minimum.
        case tooBrief = "423"
        /// REGISTER is refused with 503 and Retry-After for that long.
        case unavailable = "503"
        /// REGISTER is refused with 480 and Retry-After for that long.
        case temporarilyUnavailable = "480"
        /// Every other refresh is refused with 503.
        case refreshUnavailable = "refresh-503"
        /// REGISTER is sent to another address.
        case redirect = "302"
        /// Registrations are granted for so long at most.
        case shortExpires = "short-expires"
        /// The list of contacts in a 200 has others that nobody registered.
        case extraBindings = "extra-bindings"
        /// A registration removes all other contacts of the account.
        case dropOtherContacts = "drop-other-contacts"
        /// The list of contacts in a 200 does not have the one that registered.
        case missingContact = "missing-contact"
        /// Somebody else takes the account's binding over: the list has only a foreign contact, and calls do not come.
        case takenOver = "taken-over"
        /// More contacts than so many are refused with 403.
        case maxContacts = "max-contacts"

        // Calls of the account.

        /// Its INVITEs are refused with a status.
        case callRefused = "call-refused"
        /// Right credentials of its INVITEs are refused with 407.
        case callPassword = "call-407"
        /// Its calls ring and are never answered.
        case callRinging = "call-ringing"
        /// Its INVITEs get 100 and nothing else.
        case callSilent = "call-silent"
        /// Its calls are answered without ringing before.
        case noRinging = "no-ringing"
        /// The extensions that it calls send no audio.
        case noAudio = "no-audio"
        /// The extensions that it calls hang up as soon as the call is up.
        case earlyBye = "early-bye"

        /// What stands behind `=`.
        enum ValueKind { case none, number, text }

        var value: ValueKind {
            switch self {
            case .slow, .changingRealm, .staleEachTime, .newNonceNoStale, .otherBackend, .tooBrief, .unavailable,
                .temporarilyUnavailable, .shortExpires, .extraBindings, .authenticationLimit, .dropLimit, .newSecret,
                .forgetContacts, .restart, .maxContacts, .callRefused:
                .number
            case .redirect, .dialogChallenge, .otherRealm: .text
            default: .none
            }
        }

        /// The number when none is given; nil where that means for ever, or there is none.
        var usualNumber: UInt32? {
            switch self {
            case .slow: 500
            case .changingRealm, .otherBackend: 2
            case .staleEachTime, .newNonceNoStale, .extraBindings: 1
            case .tooBrief: 1800
            case .shortExpires: 30
            case .authenticationLimit, .newSecret, .forgetContacts, .restart: 10
            case .dropLimit: 30
            case .maxContacts: 0
            case .callRefused: 403
            default: nil
            }
        }

        /// The name with what may stand behind it.
        public var usage: String {
            switch self {
            case .slow: "slow[=MS]"
            case .unavailable, .temporarilyUnavailable: rawValue + "[=SECONDS]"
            case .tooBrief, .shortExpires, .newSecret, .forgetContacts, .restart: rawValue + "[=SECONDS]"
            case .changingRealm, .staleEachTime, .newNonceNoStale, .otherBackend, .extraBindings, .maxContacts,
                .authenticationLimit, .dropLimit:
                rawValue + "[=N]"
            case .callRefused: "call-refused[=STATUS]"
            case .redirect: "302=ADDRESS"
            case .dialogChallenge, .otherRealm: rawValue + "[=REALM]"
            default: rawValue
            }
        }

        /// One line for people.
        public var explanation: String {
            switch self {
            case .wrongPassword: "right credentials are refused with 401 or 407, as by a server with another password"
            case .forbidden: "right credentials are answered with 403"
            case .notFound: "every request of the account is answered with 404"
            case .silence: "nothing from the account is answered"
            case .slow: "requests are taken in so many milliseconds late (500)"
            case .changingRealm: "right credentials are refused N times (2), each time with another realm"
            case .addressForbidden: "every request is answered with 403 before a password is asked for"
            case .authenticationLimit: "right credentials are refused with 401 when more than N (10) come in a second"
            case .dropLimit: "nothing is answered for a minute when more than N requests (30) come in a second"
            case .newSecret: "nonces given out in the first SECONDS (10) are refused after that, not as stale"
            case .forgetContacts: "contacts are forgotten once, after SECONDS (10)"
            case .restart: "after SECONDS (10) no answer for 2 s, then nonces and contacts are forgotten"
            case .natLost: "only REGISTER is answered, and nothing reaches the account"
            case .byeLost: "BYE is not answered"
            case .otherRealm: "challenges name another realm (elsewhere.example)"
            case .takenOver: "the 200 lists only a foreign contact, and calls do not come"
            case .maxContacts: "a registration that makes more than N contacts (0) is refused with 403"
            case .callRefused: "INVITEs of the account are refused with a status (403)"
            case .callPassword: "right credentials of INVITEs are refused with 407"
            case .callRinging: "calls of the account ring and are never answered"
            case .callSilent: "INVITEs of the account get 100 and nothing else"
            case .noRinging: "calls of the account are answered without ringing before"
            case .noAudio: "extensions called by the account send no audio"
            case .earlyBye: "extensions called by the account hang up as soon as the call is up"
            case .twoRealms: "each challenge names two realms, and both must be answered at once"
            case .twoAlgorithms: "each challenge comes with SHA-256 and with MD5"
            case .staleEachTime: "right credentials are refused as stale N times (1), each time with a new nonce"
            case .newNonceNoStale: "right credentials are refused N times (1) with a new nonce and without stale"
            case .otherBackend: "the same (2), and the Server header changes: backends that share no nonces"
            case .legacyNoQop: "challenges without qop, as of RFC 2069"
            case .authInt: "challenges with qop=\"auth-int\""
            case .session: "challenges with the -sess form of their algorithm"
            case .quotedAlgorithm: "challenges with the algorithm in quotes"
            case .noAlgorithm: "challenges that name no algorithm"
            case .sha256: "challenges with SHA-256"
            case .sha512Half: "challenges with SHA-512-256"
            case .unknownAlgorithm: "challenges only with an algorithm that nobody knows"
            case .userhash: "challenges that want the username hashed (RFC 7616 section 3.4.4)"
            case .nextNonce: "each 200 announces the next nonce (nextnonce), and only that one is taken"
            case .proxyChain: "REGISTER is challenged with 407 and then with 401"
            case .dialogChallenge: "a BYE is challenged for a foreign realm, to steal a digest"
            case .tooBrief: "a shorter expiry is refused with 423 and Min-Expires (1800)"
            case .unavailable: "REGISTER is refused with 503 and Retry-After for so long (without a number: always)"
            case .temporarilyUnavailable:
                "REGISTER is refused with 480 and Retry-After for so long (without a number: always)"
            case .refreshUnavailable: "every other refresh is refused with 503"
            case .redirect: "REGISTER is sent to another address"
            case .shortExpires: "registrations are granted for so many seconds at most (30)"
            case .extraBindings: "the 200 lists N contacts (1) that nobody registered"
            case .dropOtherContacts: "a registration removes all other contacts of the account"
            case .missingContact: "the 200 does not list the contact that registered"
            }
        }
    }
}

/// The faults that meet one account.
struct AccountFaults: Sendable {
    private let values: [PBXFault.Kind: PBXFault.Value]

    init(_ faults: [PBXFault], username: [UInt8]) {
        var values: [PBXFault.Kind: PBXFault.Value] = [:]
        for fault in faults where fault.meets(username) { values[fault.kind] = fault.value }
        self.values = values
    }

    var isEmpty: Bool { values.isEmpty }

    func contains(_ kind: PBXFault.Kind) -> Bool { !values.isEmpty && values[kind] != nil }

    /// The number that a fault is played with; nil when it is not played, or without a number.
    func number(_ kind: PBXFault.Kind) -> UInt32? {
        guard !values.isEmpty, let value = values[kind] else { return nil }
        if case .number(let number) = value { return number }
        return kind.usualNumber
    }

    /// The text that a fault is played with.
    func text(_ kind: PBXFault.Kind) -> [UInt8]? {
        guard !values.isEmpty, case .text(let text)? = values[kind] else { return nil }
        return text
    }
}

/// How far the faults of one account have come.
struct FaultPlay: Sendable {
    /// Right credentials refused in a row.
    var refusals: UInt32 = 0
    /// Realms and backends named so far.
    var serial: UInt32 = 0
    /// When 503 or 480 ends.
    var closedUntil: Instant?
    /// Whether the last refresh was refused.
    var hasRefusedRefresh = false
    /// The nonce that was announced for the next request.
    var nextNonce: NonceMaker.Nonce?
}
