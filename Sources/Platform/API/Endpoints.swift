// SPDX-License-Identifier: Apache-2.0

/// One endpoint of a run and what became of it. Times are milliseconds.
public struct Endpoint: Codable, Sendable, Hashable {
    /// Place in the run, from 0.
    public var index: Int
    /// Its group.
    public var group: String
    /// Its account's username, as it was then (A7).
    public var username: String
    /// How far it came: `INITIALIZING` to `CLOSED` (H2).
    public var phase: String
    /// What became of it: `SUCCESS`, `REGISTRATION_FAILED` and so on.
    public var outcome: String
    /// The endpoint it was paired with, or whose failure kept it from starting.
    public var partner: Int?
    /// The word of the diagnosis that explains its failure, `wrong_credentials` for example.
    public var diagnosis: String?
    /// What its registration did.
    public var registration: EndpointRegistration
    /// What its calls did, in order.
    public var calls: [EndpointCall]

    /// An endpoint from its parts.
    public init(
        index: Int, group: String, username: String, phase: String, outcome: String, partner: Int?,
        diagnosis: String?, registration: EndpointRegistration, calls: [EndpointCall]
    ) {
        self.index = index
        self.group = group
        self.username = username
        self.phase = phase
        self.outcome = outcome
        self.partner = partner
        self.diagnosis = diagnosis
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
    /// REGISTER requests made.
    public var attempts = 0
    /// Requests sent again by timers.
    public var retransmissions = 0
    /// First REGISTER to the 200.
    public var delayMs: Double?
    /// The last final answer.
    public var finalStatus: SIPStatus?
    /// The Server header of the final answer.
    public var server: String?
    /// The Warning header of the final answer.
    public var warning: String?
    /// The Retry-After header, seconds.
    public var retryAfter: Int?
    /// Realms offered, in order of first appearance.
    public var offeredRealms: [String] = []
    /// The account's realm, where none of those offered is it (F2).
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
    /// First INVITE to the first 180, or 183 with SDP (H4).
    public var postDialDelayMs: Double?
    /// First INVITE to the 200.
    public var setupTimeMs: Double?
    /// From established to ended.
    public var durationMs: Double?
    /// The final answer to the INVITE.
    public var finalStatus: SIPStatus?
    /// The Server header of the final answer.
    public var server: String?
    /// The Warning header of the final answer.
    public var warning: String?
    /// The Reason header of the final answer or the BYE.
    public var reason: String?
    /// The Retry-After header, seconds.
    public var retryAfter: Int?
    /// Whether the peer ended the call before its time.
    public var endedByPeer = false
    /// What was wrong with offer or answer.
    public var negotiationProblem: String?
    /// Why nothing came, when nothing came.
    public var transportFault: String?
    /// Requests sent again by timers.
    public var retransmissions = 0
    /// What its stream measured; absent when none was opened.
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
    /// RTP packets sent.
    public var packetsSent: UInt64 = 0
    /// RTP packets received.
    public var packetsReceived: UInt64 = 0
    /// RFC 3550 A.3 cumulative number lost.
    public var packetsLost: Int64?
    /// Packets that came twice.
    public var packetsDuplicate: UInt64 = 0
    /// Packets that came late.
    public var packetsReordered: UInt64 = 0
    /// Lost of expected, 0…100.
    public var lossPercent: Double?
    /// Mean of the running RFC 3550 A.8 estimate.
    public var jitterMeanMs: Double?
    /// Highest running estimate.
    public var jitterMaxMs: Double?
    /// Round trip by RTCP.
    public var rttMs: Double?
    /// Loss of our stream as the peer reported it.
    public var remoteLossPercent: Double?
    /// Jitter of our stream as the peer reported it.
    public var remoteJitterMs: Double?
    /// ITU-T G.107 rating without delay.
    public var rFactorLq: Double?
    /// ITU-T G.107 rating with the measured delay.
    public var rFactorCq: Double?
    /// MOS without delay.
    public var mosLq: Double?
    /// MOS with the measured delay.
    public var mosCq: Double?
    /// Packets sent over 2 ms late.
    public var lateSends: UInt64 = 0
    /// Frames skipped rather than sent in a burst.
    public var skippedFrames: UInt64 = 0

    /// A stream on which nothing has happened yet.
    public init(codec: String) { self.codec = codec }
}
