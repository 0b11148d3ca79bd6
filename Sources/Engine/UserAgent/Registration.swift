// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics
import SIP

/// One endpoint's registration (RFC 3261 §10), without the sending.
///
/// | state         | send          | 2xx                 | 401, 407, 423, 3xx that can be met | 503, 480, no answer | other final | finish        |
/// |---------------|---------------|---------------------|------------------------------------|---------------------|-------------|---------------|
/// | idle          | registering   |                     |                                    |                     |             |               |
/// | clearing      |               | idle, begin         | send                               | idle, begin         | idle, ended | waits         |
/// | registering   |               | registered          | send                               | waiting, ended      | ended       | waits         |
/// | waiting       | registering   |                     |                                    |                     |             | ended         |
/// | registered    | refreshing    |                     |                                    |                     |             | unregistering |
/// | refreshing    |               | registered          | send                               | registered, ended   | ended       | waits         |
/// | unregistering |               | ended, unregistered | send                               | ended               | ended       |               |
struct Registration: Sendable {
    enum State: Hashable, Sendable {
        /// Not asked to register yet. Left by the first REGISTER.
        case idle
        /// The removal of a Contact that an earlier run left behind is under way (D5). Left by its final answer.
        case clearing(ClientTransactionID)
        /// The first REGISTER is under way. Left by its final answer.
        case registering(ClientTransactionID)
        /// The server asked to come back later. Left by the timer.
        case waiting
        /// Bound until `expiresAt`. Left by a refresh or the un-REGISTER.
        case registered(expiresAt: Instant)
        /// A refresh is under way; the binding still stands. Left by its final answer.
        case refreshing(ClientTransactionID)
        /// The un-REGISTER is under way. Left by its final answer.
        case unregistering(ClientTransactionID)
        /// Failed or un-registered. Nothing leaves it.
        case ended
    }

    /// What the shard does after an answer.
    enum Action: Hashable, Sendable {
        case none
        /// Send the same REGISTER again, with what was learned.
        case send
        /// What was left behind is gone: send the first REGISTER.
        case begin
        /// The binding stands.
        case registered(isFirst: Bool)
        /// Send again after this time.
        case wait(Interval)
        /// It failed, for the reasons in the evidence.
        case failed
        /// The un-REGISTER is over.
        case unregistered(confirmed: Bool)
    }

    /// 423 answers met with a longer expiry in one attempt; a server that raises its minimum each time would never end.
    static let expiryRaiseLimit: UInt8 = 2
    /// Waits in one attempt; a server that asks for another each time would never end.
    static let waitLimit: UInt8 = 4
    /// Redirections followed, over the registration's life.
    static let redirectLimit = 3

    /// Where a registrar sent the registration (RFC 3261 §8.1.3.4).
    struct Redirection: Hashable, Sendable {
        /// The Request-URI from now on.
        var uri: [UInt8]
        var address: TransportAddress
    }

    /// What only a registration needs that met trouble.
    private struct Trouble: Sendable {
        var expiryRaises: UInt8 = 0
        var waits: UInt8 = 0
        var waited: Interval = .zero
        var refreshFailures: UInt8 = 0
        /// Where it was sent, in order.
        var redirections: [Redirection] = []
    }

    private(set) var state: State = .idle
    private(set) var authentication = Authentication()
    /// The challenges met by REGISTER and calls.
    var book = NonceBook()
    /// Names the registration to the server for its whole life (RFC 3261 §10.2): the Call-ID, and the From tag.
    let callID: (UInt64, UInt64)
    let tag: UInt64
    /// The CSeq number of the last REGISTER.
    private(set) var sequence: UInt32 = 0
    /// The lifetime to ask for, in seconds.
    private(set) var expires: UInt32
    /// When the binding that the server granted last ends.
    private var boundUntil = Instant.zero
    /// At most one, and on the heap: most registrations never have one.
    private var troubles: [Trouble] = []
    /// Fires when it is due to begin, to be refreshed, or to be tried again.
    var timer: TimerHandle?

    init(expires: UInt32, random: inout SeededRandom) {
        self.expires = expires
        callID = (random.next(), random.next())
        tag = random.next()
    }

    /// The transaction under way.
    var transaction: ClientTransactionID? {
        switch state {
        case .clearing(let id), .registering(let id), .refreshing(let id), .unregistering(let id): id
        case .idle, .waiting, .registered, .ended: nil
        }
    }

    /// Whether the server holds the binding as far as is known.
    var isBound: Bool {
        switch state {
        case .registered, .refreshing: true
        case .idle, .clearing, .registering, .waiting, .unregistering, .ended: false
        }
    }

    var isClearing: Bool { if case .clearing = state { true } else { false } }
    var isUnregistering: Bool { if case .unregistering = state { true } else { false } }

    /// Where the registrar sent the registration last; nil when it stays there.
    var redirection: Redirection? { troubles.first?.redirections.last }

    /// The first challenge that the next REGISTER answers, of 401 or 407.
    func carriedChallenge(isProxy: Bool) -> Challenge? {
        var places = authentication.places
        while let place = places.first {
            places.remove(place)
            if let entry = book[place], entry.isProxy == isProxy { return entry.challenge }
        }
        return nil
    }

    private mutating func trouble<Result>(_ body: (inout Trouble) -> Result) -> Result {
        if troubles.isEmpty { troubles.append(Trouble()) }
        return body(&troubles[0])
    }

    // MARK: Sending

    /// The CSeq number of the REGISTER about to be written.
    mutating func nextSequence() -> UInt32 {
        sequence += 1
        return sequence
    }

    /// The challenge at a place of the book, to answer in the REGISTER about to be written.
    mutating func use(_ place: Int) -> (Challenge, UInt32)? { authentication.use(place, book: &book) }

    /// A REGISTER left in this transaction: the first, a refresh, or the same again.
    mutating func sent(_ id: ClientTransactionID) {
        switch state {
        case .idle, .registering, .waiting: state = .registering(id)
        case .registered, .refreshing: state = .refreshing(id)
        case .clearing: state = .clearing(id)
        case .unregistering: state = .unregistering(id)
        case .ended: break
        }
    }

    /// The removal of what was left behind was written.
    mutating func beginClearing(_ id: ClientTransactionID) { state = .clearing(id) }

    /// The un-REGISTER was written.
    mutating func beginUnregistering(_ id: ClientTransactionID) { state = .unregistering(id) }

    /// The REGISTER under way is given up with its flow; the binding, if there is one, stands until it ends by itself.
    mutating func detach() {
        switch state {
        case .registering, .clearing: state = .waiting
        case .refreshing: state = .registered(expiresAt: boundUntil)
        case .idle, .waiting, .registered, .unregistering, .ended: break
        }
        authentication.begin()
    }

    // MARK: Answers

    /// A 2xx came and grants this lifetime.
    mutating func accepted(expiresAt: Instant, nextNonce: ArraySlice<UInt8>?) -> Action {
        authentication.succeeded(book: &book)
        if let nextNonce, let place = authentication.places.first { book.follow(nextNonce: nextNonce, at: place) }
        if let last = troubles.first {
            // Where it was sent to stays; all else begins anew.
            troubles = last.redirections.isEmpty ? [] : [Trouble(redirections: last.redirections)]
        }
        boundUntil = expiresAt
        switch state {
        case .registering:
            state = .registered(expiresAt: expiresAt)
            return .registered(isFirst: true)
        case .refreshing:
            state = .registered(expiresAt: expiresAt)
            return .registered(isFirst: false)
        case .clearing:
            state = .idle
            return .begin
        case .unregistering:
            state = .ended
            return .unregistered(confirmed: true)
        case .idle, .waiting, .registered, .ended:
            return .none
        }
    }

    /// A 401 or 407 came.
    mutating func challenged(_ challenges: [Challenge], _ asked: Authentication.Asked) -> (
        Action, Authentication.Verdict
    ) {
        let verdict = authentication.judge(challenges, asked, book: &book)
        return (verdict == .answer ? .send : failed(), verdict)
    }

    /// A 423 came with this minimum (RFC 3261 §10.2.8).
    mutating func tooBrief(minimum: UInt32?) -> Action {
        let raises = troubles.first?.expiryRaises ?? 0
        guard let minimum, minimum > expires, raises < Self.expiryRaiseLimit, !isUnregistering, !isClearing else {
            return refused(status: 423)
        }
        expires = minimum
        trouble { $0.expiryRaises += 1 }
        return .send
    }

    /// A refusal came. One of a removal that is about the removal only (not 403 or 404) does not keep from registering.
    mutating func refused(status: UInt16) -> Action {
        guard isClearing, status != 403, status != 404 else { return failed() }
        state = .idle
        return .begin
    }

    /// A 3xx names another place. Nil when it is not followed: a circle, or one too many.
    mutating func redirected(to target: Redirection, home: TransportAddress) -> Action? {
        guard transaction != nil, !isClearing else { return nil }
        let passed = troubles.first?.redirections ?? []
        guard passed.count < Self.redirectLimit, target.address != home || !passed.isEmpty,
            !passed.contains(where: { $0.address == target.address })
        else { return nil }
        trouble { $0.redirections.append(target) }
        // Credentials for the registrar are nobody else's until asked for by a realm that it made known.
        authentication.forget()
        return .send
    }

    /// Another server is used from now on: where the last one sent the registration does not matter there.
    mutating func forgetRedirections() {
        if !troubles.isEmpty { troubles[0].redirections = [] }
    }

    /// The server asks to come back (Retry-After), or did not answer a refresh: when to try again, nil when it is over.
    ///
    /// - Parameters:
    ///   - asked: what Retry-After says; nil when there is none, then only a refresh is tried again.
    ///   - patience: the longest that a first registration waits in all.
    ///   - chance: 0..<1, spreads many endpoints that were refused in one moment.
    mutating func postponed(asked: Interval?, patience: Interval, chance: Double, now: Instant) -> Interval? {
        switch state {
        case .registering:
            guard let asked else { return nil }
            let (waits, waited) = (troubles.first?.waits ?? 0, troubles.first?.waited ?? .zero)
            guard waits < Self.waitLimit, waited + asked <= patience else { return nil }
            trouble { ($0.waits, $0.waited) = (waits + 1, waited + asked) }
            state = .waiting
            return Self.spread(asked, chance)
        case .refreshing:
            let remaining = boundUntil - now
            guard remaining > .zero else { return nil }
            let failures = troubles.first?.refreshFailures ?? 0
            trouble { $0.refreshFailures = min($0.refreshFailures + 1, 16) }
            state = .registered(expiresAt: boundUntil)
            // As RFC 5626 §4.5 does for flows: the time doubles, and some of it is chance. The last try is before the end.
            let pause = asked.map { Self.spread($0, chance) } ?? Self.backOff(failures: failures, chance: chance)
            return max(min(pause, remaining - Self.lastTry), Self.shortestPause)
        default:
            return nil
        }
    }

    /// The first pause after a failed refresh; it doubles each time.
    static let firstPause: Interval = .seconds(2)
    /// So long before the end of the binding the last try is made.
    static let lastTry: Interval = .seconds(1)
    /// No refresh is tried again sooner.
    static let shortestPause: Interval = .milliseconds(500)

    private static func backOff(failures: UInt8, chance: Double) -> Interval {
        let whole = firstPause * Int(1 << min(failures, 8))
        return Interval(nanoseconds: whole.nanoseconds / 2 + Int64(Double(whole.nanoseconds / 2) * chance))
    }

    private static func spread(_ asked: Interval, _ chance: Double) -> Interval {
        asked + Interval(nanoseconds: Int64(Double(asked.nanoseconds / 10) * chance))
    }

    /// A final answer that cannot be met came, or none at all.
    mutating func failed() -> Action {
        switch state {
        case .registering, .refreshing, .idle, .clearing, .waiting, .registered:
            state = .ended
            return .failed
        case .unregistering:
            state = .ended
            return .unregistered(confirmed: false)
        case .ended:
            return .none
        }
    }

    /// When to refresh a binding of this many seconds: at nine tenths of it, but at least 5 s before its end where it is longer
    /// than 10 s, so that one lost datagram does not end it; and up to a tenth sooner by chance, so that endpoints that registered
    /// together do not refresh together for ever.
    static func refreshDelay(granted: UInt32, chance: Double) -> Interval {
        let lifetime = Interval.seconds(Int(granted))
        let early = max(Interval(nanoseconds: lifetime.nanoseconds / 10), .seconds(5))
        let latest = lifetime > early * 2 ? lifetime - early : Interval(nanoseconds: lifetime.nanoseconds / 2)
        return latest - Interval(nanoseconds: Int64(Double(latest.nanoseconds / 10) * chance))
    }
}
