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
    /// Calls of the schedule that were never begun; absent where there were none.
    public var callsNotAttempted: Int?
    /// What its way to the server went through; absent where there is nothing to tell.
    public var path: EndpointPath?

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
    /// The algorithm that the last challenge was answered with, `MD5` or `SHA-256` for example.
    public var algorithm: String?
    /// What else it met: changed realms, waits, redirects; each a sentence.
    public var notes: [String] = []
    /// Why nothing came, in a sentence, where more is known than the fault says.
    public var transportDetail: String?
    /// From the run's start to the moment the first REGISTER was meant to leave, and left.
    public var scheduledAtMs: Double?
    /// From the run's start to the moment the first REGISTER left.
    public var sentAtMs: Double?

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
    /// Why nothing came, in a sentence, where more is known than the fault says.
    public var transportDetail: String?
    /// From the run's start to the moment the INVITE was meant to leave.
    public var scheduledAtMs: Double?
    /// From the run's start to the moment the INVITE left or came.
    public var invitedAtMs: Double?
    /// What happened beside the plain call; absent where nothing did.
    public var features: EndpointCallFeatures?

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

/// What an endpoint's way to its server went through: other servers, lost connections, a NAT.
public struct EndpointPath: Codable, Sendable, Hashable {
    /// Servers that failed, in order, each as `address transport: why`.
    public var failedServers: [String] = []
    /// The server that accepted the last REGISTER, where it is not the first one.
    public var server: String?
    /// How often the endpoint went to another server.
    public var failovers = 0
    /// How often it replaced a lost connection.
    public var reconnects = 0
    /// The address the server saw, where a NAT is between.
    public var publicAddress: String?
    /// Whether the server agreed to outbound (RFC 5626).
    public var outbound = false
    /// What became of requests too large for UDP: `sent_by_tcp`, `fell_back_to_udp`.
    public var largeRequests: String?

    /// A way of which nothing is known yet.
    public init() {}
}

/// What happened in a call beside INVITE, answer and BYE; counts of what there was.
public struct EndpointCallFeatures: Codable, Sendable, Hashable {
    /// From the run's start to the moment audio could flow before the answer.
    public var earlyMediaAtMs: Double?
    /// Provisional responses acknowledged with PRACK.
    public var reliableProvisionals = 0
    /// How often this end put the call on hold.
    public var holds = 0
    /// How long it was on hold by this end.
    public var holdTimeMs = 0.0
    /// How often the peer put it on hold.
    public var holdsByPeer = 0
    /// re-INVITEs sent that were accepted.
    public var reinvitesSent = 0
    /// re-INVITEs of the peer that were accepted.
    public var reinvitesReceived = 0
    /// UPDATEs sent that were accepted.
    public var updatesSent = 0
    /// UPDATEs of the peer that were accepted.
    public var updatesReceived = 0
    /// Changes of the session that met one of the other side (491).
    public var glares = 0
    /// Session refreshes of both sides (RFC 4028).
    public var sessionRefreshes = 0
    /// Whether the call ended because nobody refreshed the session.
    public var sessionExpired = false
    /// Final responses of further branches of a forked INVITE.
    public var forkedAnswers = 0
    /// INFO requests sent that were accepted.
    public var infosSent = 0
    /// INFO requests received.
    public var infosReceived = 0
    /// What became of a transfer.
    public var transferStatus: Int?

    /// Nothing happened.
    public init() {}
}
