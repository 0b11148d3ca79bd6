// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import SIP

/// How the built-in server behaves.
public struct PBXConfiguration: Sendable {
    /// The realm of its challenges.
    public var realm: [UInt8] = Array("callmeter".utf8)
    /// The domains it serves; empty means any.
    public var domains: [[UInt8]] = []
    /// The algorithms it offers, the preferred one first (RFC 8760 §2.3).
    public var algorithms: [DigestAlgorithm] = [DigestAlgorithm(.md5)]
    /// Whether challenges offer `qop="auth"`; without it answers have the legacy form.
    public var offersQop = true
    /// Whether calls are challenged with 407.
    public var challengesCalls = true
    /// How long a nonce may be used before its answers are called stale.
    public var nonceLifetime: Interval = .seconds(300)
    /// Lifetimes of registrations in seconds; shorter ones are refused with 423, longer ones cut.
    public var expires: ClosedRange<UInt32> = 60...7200
    /// The lifetime when a REGISTER asks for none, in seconds.
    public var defaultExpires: UInt32 = 3600
    /// Whose challenges and names it takes on.
    public var profile = PBXProfile.callmeter
    /// Whether it does outbound with who offers it, and asks for keep-alives (RFC 5626).
    public var isOutbound = false
    /// How often it asks for keep-alives, in seconds; nil leaves it to the peer.
    public var flowTimer: UInt32?
    /// Faults that it plays.
    public var faults: [PBXFault] = []
    /// The times the SIP timers are made from.
    public var timers: TimerValues = .standard
    /// How long a forwarded INVITE may go without an answer (timer C, RFC 3261 §16.6: more than three minutes).
    public var ringingLimit: Interval = .seconds(190)
    /// How long a call with an answering extension may last, so that a caller that vanished does not hold a port for ever.
    public var extensionCallLimit: Interval = .seconds(7200)

    /// The usual values.
    public init() {}
}

/// An account of the server.
public struct PBXAccount: Sendable {
    /// The digest username.
    public var username: [UInt8]
    /// The user of its address-of-record.
    public var addressUser: [UInt8]
    /// Its secret in the server's arena.
    public var credential: Credential

    /// An account; the address user is the username unless it is given.
    public init(username: [UInt8], addressUser: [UInt8]? = nil, credential: Credential) {
        self.username = username
        self.addressUser = addressUser ?? username
        self.credential = credential
    }
}
