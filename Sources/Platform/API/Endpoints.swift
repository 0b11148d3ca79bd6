// SPDX-License-Identifier: Apache-2.0

/// One endpoint of a run and what became of it. Times are milliseconds.
public struct Endpoint: Codable, Sendable, Hashable {
    /// Place in the run, from 0.
    public var index: Int
    /// Its group, and its account's username as it was (A7).
    public var group: String
    public var username: String
    /// How far it came, and what became of it (H2).
    public var phase: String
    public var outcome: String
    /// The endpoint it was paired with, or whose failure kept it from starting.
    public var partner: Int?
    public var registration: EndpointRegistration
    public var calls: [EndpointCall]

    /// An endpoint from its parts.
    public init(
        index: Int, group: String, username: String, phase: String, outcome: String, partner: Int?,
        registration: EndpointRegistration, calls: [EndpointCall]
    ) {
        self.index = index
        self.group = group
        self.username = username
        self.phase = phase
        self.outcome = outcome
        self.partner = partner
        self.registration = registration
        self.calls = calls
    }
}

/// A final SIP status as the server sent it.
public struct SIPStatus: Codable, Sendable, Hashable {
    /// 100…699.
    public var code: Int
    /// The reason phrase.
    public var reason: String

    /// A status from its parts.
    public init(code: Int, reason: String) {
        self.code = code
        self.reason = reason
    }
}

/// What an endpoint's registration did and saw.
public struct EndpointRegistration: Codable, Sendable, Hashable {
    /// REGISTER requests made, and those sent again by timers.
    public var attempts = 0
    public var retransmissions = 0
    /// First REGISTER to the 200.
    public var delayMs: Double?
    /// The last final answer, and what came with it.
    public var finalStatus: SIPStatus?
    public var server: String?
    public var warning: String?
    public var retryAfter: Int?
    /// Realms offered, and the account's own where none of them is it (F2).
    public var offeredRealms: [String] = []
    public var missingRealm: String?
    /// The expiry granted, seconds.
    public var grantedExpires: Int?
    /// Other contacts in the 200's list.
    public var otherBindings = 0
    /// Why nothing came, when nothing came.
    public var transportFault: String?
    /// Whether the un-REGISTER at the end was confirmed.
    public var unregistered: Bool?

    /// Nothing done yet.
    public init() {}
}

/// What one call did and saw, from one end.
public struct EndpointCall: Codable, Sendable, Hashable {
    /// `caller` or `callee`.
    public var role: String
    /// The Request-URI called, or the caller's From URI.
    public var target: String
    public var postDialDelayMs: Double?
    public var setupTimeMs: Double?
    /// From established to ended.
    public var durationMs: Double?
    public var finalStatus: SIPStatus?
    public var server: String?
    public var warning: String?
    public var reason: String?
    public var retryAfter: Int?
    public var endedByPeer = false
    public var negotiationProblem: String?
    public var transportFault: String?
    public var retransmissions = 0
    public var media: EndpointMedia?

    /// A call about which nothing is known yet.
    public init(role: String, target: String) {
        self.role = role
        self.target = target
    }
}

/// What a media stream measured at one end; absent means not measured, never a default.
public struct EndpointMedia: Codable, Sendable, Hashable {
    /// `PCMU` or `PCMA`.
    public var codec: String
    public var packetsSent: UInt64 = 0
    public var packetsReceived: UInt64 = 0
    public var packetsLost: Int64?
    public var packetsDuplicate: UInt64 = 0
    public var packetsReordered: UInt64 = 0
    public var lossPercent: Double?
    public var jitterMeanMs: Double?
    public var jitterMaxMs: Double?
    public var rttMs: Double?
    public var remoteLossPercent: Double?
    public var remoteJitterMs: Double?
    public var rFactorLq: Double?
    public var rFactorCq: Double?
    public var mosLq: Double?
    public var mosCq: Double?
    public var lateSends: UInt64 = 0
    public var skippedFrames: UInt64 = 0

    /// A stream on which nothing has happened yet.
    public init(codec: String) { self.codec = codec }
}
