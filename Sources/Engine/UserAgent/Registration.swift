// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics
import SIP

/// One endpoint's registration (RFC 3261 §10), without the sending.
///
/// | state         | send          | 2xx                 | 401, 407, 423 that can be met | other final, time-out | finish         |
/// |---------------|---------------|---------------------|-------------------------------|-----------------------|----------------|
/// | idle          | registering   |                     |                               |                       |                |
/// | clearing      |               | idle, begin         | send                          | ended, failed         | waits          |
/// | registering   |               | registered          | send                          | ended, failed         | waits          |
/// | registered    | refreshing    |                     |                               |                       | unregistering  |
/// | refreshing    |               | registered          | send                          | ended, failed         | waits          |
/// | unregistering |               | ended, unregistered | send                          | ended, unregistered   |                |
struct Registration: Sendable {
    enum State: Hashable, Sendable {
        /// Not asked to register yet. Left by the first REGISTER.
        case idle
        /// The removal of a Contact that an earlier run left behind is under way (D5). Left by its final answer.
        case clearing(ClientTransactionID)
        /// The first REGISTER is under way. Left by its final answer.
        case registering(ClientTransactionID)
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
        /// It failed, for the reasons in the evidence.
        case failed
        /// The un-REGISTER is over.
        case unregistered(confirmed: Bool)
    }

    /// 423 answers met with a longer expiry in one attempt; a server that raises its minimum each time would never end.
    static let expiryRaiseLimit: UInt8 = 2

    private(set) var state: State = .idle
    private(set) var authentication = Authentication()
    /// Names the registration to the server for its whole life (RFC 3261 §10.2): the Call-ID, and the From tag.
    let callID: (UInt64, UInt64)
    let tag: UInt64
    /// The CSeq number of the last REGISTER.
    private(set) var sequence: UInt32 = 0
    /// The lifetime to ask for, in seconds.
    private(set) var expires: UInt32
    private var expiryRaises: UInt8 = 0
    /// Fires when it is due to begin or to be refreshed.
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
        case .idle, .registered, .ended: nil
        }
    }

    /// Whether the server holds the binding as far as is known.
    var isBound: Bool {
        switch state {
        case .registered, .refreshing: true
        case .idle, .clearing, .registering, .unregistering, .ended: false
        }
    }

    var isClearing: Bool { if case .clearing = state { true } else { false } }
    var isUnregistering: Bool { if case .unregistering = state { true } else { false } }

    // MARK: Sending

    /// The CSeq number of the REGISTER about to be written.
    mutating func nextSequence() -> UInt32 {
        sequence += 1
        return sequence
    }

    /// The challenge to answer in the REGISTER about to be written, for 401 or 407.
    mutating func nextUse(isProxy: Bool) -> (Challenge, UInt32)? { authentication.nextUse(isProxy: isProxy) }

    /// A REGISTER left in this transaction: the first, a refresh, or the same again.
    mutating func sent(_ id: ClientTransactionID) {
        switch state {
        case .idle, .registering: state = .registering(id)
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

    // MARK: Answers

    /// A 2xx came and grants this lifetime.
    mutating func accepted(expiresAt: Instant, nextNonce: ArraySlice<UInt8>?) -> Action {
        authentication.succeeded()
        if let nextNonce { authentication.follow(nextNonce: nextNonce) }
        expiryRaises = 0
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
        case .idle, .registered, .ended:
            return .none
        }
    }

    /// A 401 or 407 came.
    mutating func challenged(
        _ challenges: [Challenge], isProxy: Bool, realm: [UInt8]?, credential: Credential?
    ) -> (Action, Authentication.Verdict) {
        let verdict = authentication.judge(challenges, isProxy: isProxy, realm: realm, credential: credential)
        return (verdict == .answer ? .send : failed(), verdict)
    }

    /// A 423 came with this minimum (RFC 3261 §10.2.8).
    mutating func tooBrief(minimum: UInt32?) -> Action {
        guard let minimum, minimum > expires, expiryRaises < Self.expiryRaiseLimit, !isUnregistering, !isClearing else {
            return failed()
        }
        expires = minimum
        expiryRaises += 1
        return .send
    }

    /// A refusal came. One of a removal that is about the removal only (not 403 or 404) does not keep from registering.
    mutating func refused(status: UInt16) -> Action {
        guard isClearing, status != 403, status != 404 else { return failed() }
        state = .idle
        return .begin
    }

    /// A final answer that cannot be met came, or none at all.
    mutating func failed() -> Action {
        switch state {
        case .registering, .refreshing, .idle, .clearing, .registered:
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
    /// than 10 s, so that one lost datagram does not end it.
    static func refreshDelay(granted: UInt32) -> Interval {
        let lifetime = Interval.seconds(Int(granted))
        let early = max(Interval(nanoseconds: lifetime.nanoseconds / 10), .seconds(5))
        return lifetime > early * 2 ? lifetime - early : Interval(nanoseconds: lifetime.nanoseconds / 2)
    }
}
