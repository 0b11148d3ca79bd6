// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// A final SIP status with the reason phrase as the server sent it.
public struct SIPStatus: Hashable, Sendable, Codable {
    /// The status code, 100…699.
    public var code: UInt16
    /// The reason phrase, possibly empty.
    public var reason: String

    /// A status from its parts.
    public init(code: UInt16, reason: String) {
        self.code = code
        self.reason = reason
    }
}

/// What the network or the system said instead of an answer, as far as it can be told apart (G2, "no answer at all").
public enum TransportFault: String, Hashable, Sendable, Codable {
    /// ICMP port unreachable or a refused TCP connection: the host is there, nothing listens.
    case refused
    /// The TCP connection was reset or closed by the peer.
    case reset
    /// ICMP host or network unreachable, or no route.
    case unreachable
    /// The TCP connection attempt got no answer.
    case connectTimeout
    /// Nothing came back at all within timer B or F.
    case silence
    /// The TLS handshake failed: no common version or cipher, an alert, or the peer does not speak TLS there.
    case tls
    /// The peer's certificate has expired, or is not valid yet.
    case certificateExpired
    /// The peer's certificate is for another host than the one asked for (RFC 5922 §7.2).
    case certificateWrongHost
    /// The peer's certificate was not issued by an authority that is trusted here.
    case certificateUntrusted
    /// The peer wants a certificate of ours, or refused the one it got.
    case certificateRefused
    /// The connection is up, but the peer did not agree to SIP over WebSocket (RFC 7118 §4).
    case webSocketRefused
    /// The system refused: no descriptors, ports or memory.
    case system
}

/// What a registration did and saw. Times count from the run's start instant.
public struct RegistrationEvidence: Hashable, Sendable, Codable {
    /// REGISTER requests made, retransmissions not counted, un-REGISTER not counted.
    public var attempts: UInt16 = 0
    /// When the first REGISTER was meant to leave.
    public var scheduledAt: Interval?
    /// When the first REGISTER left.
    public var sentAt: Interval?
    /// When the last REGISTER of the first registration left; it is the one that the 200 answered.
    public var lastSentAt: Interval?
    /// When the first answer of any kind came.
    public var firstResponseAt: Interval?
    /// When the 200 came.
    public var registeredAt: Interval?
    /// The last final answer.
    public var finalStatus: SIPStatus?
    /// Challenges received.
    public var challenges: UInt16 = 0
    /// Whether credentials were sent at least once.
    public var credentialsSent = false
    /// Realms offered, in order of first appearance (at most 8).
    public var offeredRealms: [String] = []
    /// The realm of the account when it is fixed and none of those offered is it (F2).
    public var missingRealm: String?
    /// The algorithm that the last challenge was answered with; nil when none was.
    public var algorithm: AnsweredAlgorithm?
    /// What else it met: changed realms, waits, redirects, retries; nil when nothing.
    public var notes: [RegistrationNote]?
    /// No offered algorithm or scheme is supported.
    public var unsupportedChallenge = false
    /// The expiry granted, in seconds.
    public var grantedExpires: UInt32?
    /// Other contacts in the 200's list.
    public var otherBindings: UInt16 = 0
    /// Server header of the last final answer.
    public var server: String?
    /// Warning header of the last final answer, or P-Registrar-Error of a refusal.
    public var warning: String?
    /// Retry-After of the last final answer, seconds.
    public var retryAfter: UInt32?
    /// Why nothing came, when nothing came.
    public var transportFault: TransportFault?
    /// The same in a sentence, where more is known than the fault says (what is wrong with a certificate, say).
    public var transportDetail: String?
    /// Requests sent again by timers A or E.
    public var retransmissions: UInt16 = 0
    /// Whether the un-REGISTER at the end was confirmed; nil when none was needed.
    public var unregistered: Bool?
    /// The Contact that may still be bound, exactly as it was sent, and until when; nil when it was removed or never bound (D5).
    public var boundContact: String?
    /// When the server forgets the Contact by itself; counted from the run's start.
    public var boundUntil: Interval?
    /// When the server was last heard of by an answer to REGISTER.
    public var lastResponseAt: Interval?
    /// Refreshes that were accepted; nil for none.
    public var refreshes: UInt16?
    /// When the last refresh was accepted.
    public var refreshedAt: Interval?
    /// Refreshes that were accepted with a nonce used before; nil for none.
    public var nonceReuses: UInt16?
    /// What the server did with credentials that it refused for good; nil when it did not.
    public var nonceAfterRefusal: NonceAfterRefusal?
    /// The address it registered from; kept when the registration failed.
    public var localAddress: String?

    /// Nothing done yet.
    public init() {}

    /// First REGISTER sent to 200 received; RFC 6076 §4.1 (RRD) counts the last REGISTER only, this one the whole.
    public var delay: Interval? {
        guard let registeredAt, let sentAt else { return nil }
        return registeredAt - sentAt
    }

    /// The moment the first REGISTER was meant to leave to 200 received; what this machine was late counts as delay here.
    public var delayFromIntended: Interval? {
        guard let registeredAt, let scheduledAt else { return nil }
        return registeredAt - scheduledAt
    }
}

/// Which side of a call an endpoint played.
public enum CallRole: String, Hashable, Sendable, Codable {
    case caller, callee
}

/// What one call did and saw, from one end. Times count from the run's start instant.
public struct CallEvidence: Hashable, Sendable, Codable {
    /// Which side this end was.
    public var role: CallRole
    /// The Request-URI called, or the From URI of the caller for a callee.
    public var target: String
    /// When the first INVITE was meant to leave, and when it left (caller) or came (callee).
    public var scheduledAt: Interval?
    /// When the first INVITE left (caller) or came (callee).
    public var invitedAt: Interval?
    /// When the last INVITE left, the one with credentials where they were asked for.
    public var lastInvitedAt: Interval?
    /// First 1xx other than 100, whether it rings or not.
    public var progressedAt: Interval?
    /// When the final answer came that refused the call.
    public var refusedAt: Interval?
    /// When this end's BYE left; nil when the peer hung up.
    public var byeSentAt: Interval?
    /// When a BYE of the peer came that ended the call, or crossed this end's.
    public var byeReceivedAt: Interval?
    /// When the 2xx to this end's BYE came.
    public var byeConfirmedAt: Interval?
    /// First 1xx other than 100 that rings (180, or 183 with SDP).
    public var ringingAt: Interval?
    /// 200 to the INVITE received (caller) or sent (callee); ACK sent or received.
    public var answeredAt: Interval?
    /// When the ACK was sent (caller) or came (callee).
    public var establishedAt: Interval?
    /// When the dialog ended.
    public var endedAt: Interval?
    /// The final answer to the INVITE.
    public var finalStatus: SIPStatus?
    /// Challenges received for the INVITE, and whether credentials were sent.
    public var challenges: UInt16 = 0
    /// Whether credentials were sent at least once.
    public var credentialsSent = false
    /// Realms offered, in order of first appearance.
    public var offeredRealms: [String] = []
    /// Server, Warning, Reason and Retry-After (seconds) of the final answer or BYE.
    public var server: String?
    /// Warning header of the last final answer.
    public var warning: String?
    /// Reason header (RFC 3326) of the final answer or BYE.
    public var reason: String?
    /// Retry-After of the last final answer, seconds.
    public var retryAfter: UInt32?
    /// Whether the peer ended an established call before its time.
    public var endedByPeer = false
    /// The offer/answer or SDP problem, when the call failed at it.
    public var negotiationProblem: String?
    /// Why nothing came, when nothing came.
    public var transportFault: TransportFault?
    /// The same in a sentence, where more is known than the fault says (what is wrong with a certificate, say).
    public var transportDetail: String?
    /// Requests sent again by timer A or E.
    public var retransmissions: UInt16 = 0
    /// What the media stream of this call measured; nil when none was opened.
    public var media: MediaResult?
    /// What happened beside INVITE, 180, 200, ACK and BYE; nil when nothing did.
    public var features: CallFeatures?

    /// A call that has not begun.
    public init(role: CallRole, target: String) {
        self.role = role
        self.target = target
    }

    /// First INVITE (before any 407) to the first 180, or 183 with SDP (H4); nil at the callee, who dials nothing.
    public var postDialDelay: Interval? {
        guard role == .caller, let ringingAt, let invitedAt else { return nil }
        return ringingAt - invitedAt
    }

    /// Packets a stream sends before silence from the other side means something: a second of 20 ms frames.
    public static let tellingPackets: UInt64 = 50

    /// Whether the call was up and sent audio for a second and more, and heard none.
    public var isWithoutAudio: Bool {
        guard establishedAt != nil, features?.holdsByPeer ?? 0 == 0, let media else { return false }
        return media.packetsSent >= Self.tellingPackets && media.packetsReceived == 0
    }

    /// First INVITE to the 200; nil at the callee.
    public var setupTime: Interval? {
        guard role == .caller, let answeredAt, let invitedAt else { return nil }
        return answeredAt - invitedAt
    }

    /// The moment the INVITE was meant to leave to the first 180, or 183 with SDP; nil at the callee.
    public var postDialDelayFromIntended: Interval? {
        guard role == .caller, let ringingAt, let scheduledAt else { return nil }
        return ringingAt - scheduledAt
    }

    /// The moment the INVITE was meant to leave to its 200; nil at the callee.
    public var setupTimeFromIntended: Interval? {
        guard role == .caller, let answeredAt, let scheduledAt else { return nil }
        return answeredAt - scheduledAt
    }
}

/// What a media stream measured at one end. Nil means not measured, never a default.
public struct MediaResult: Hashable, Sendable, Codable {
    /// "PCMU", "PCMA".
    public var codec: String
    /// RTP packets sent.
    public var packetsSent: UInt64 = 0
    /// RTP packets received, duplicates not counted.
    public var packetsReceived: UInt64 = 0
    /// RFC 3550 A.3 cumulative lost; nil when nothing was received.
    public var packetsLost: Int64?
    /// RTP packets that came more than once.
    public var packetsDuplicate: UInt64 = 0
    /// RTP packets that came after a later one.
    public var packetsReordered: UInt64 = 0
    /// Lost of expected, 0…100.
    public var lossPercent: Double?
    /// Mean and highest running RFC 3550 A.8 estimate, milliseconds.
    public var jitterMeanMs: Double?
    /// Highest running estimate, milliseconds.
    public var jitterMaxMs: Double?
    /// Round trip by RTCP (RFC 3550 §6.4.1), mean, milliseconds.
    public var rttMs: Double?
    /// What the peer's reports said of our stream.
    public var remoteLossPercent: Double?
    /// The jitter the peer reported of our stream, milliseconds.
    public var remoteJitterMs: Double?
    /// ITU-T G.107 rating and MOS: listening (no delay) and conversational (measured delay).
    public var rFactorLq: Double?
    /// G.107 rating with the measured delay.
    public var rFactorCq: Double?
    /// Listening MOS, without delay.
    public var mosLq: Double?
    /// Conversational MOS, with measured delay.
    public var mosCq: Double?
    /// Packets sent later than 2 ms after their deadline, and frames skipped rather than sent in a burst.
    public var lateSends: UInt64 = 0
    /// Frames skipped rather than sent in a burst.
    public var skippedFrames: UInt64 = 0

    /// A stream on which nothing has happened yet.
    public init(codec: String) { self.codec = codec }
}

/// All that is known of one endpoint of a run; what it means is said by Domain/Diagnosis.
public struct EndpointResult: Hashable, Sendable, Codable {
    /// Place in the run, from 0, and the group's name.
    public var index: UInt32
    /// The group's name.
    public var group: String
    /// The account's username, copied: stays readable when the account is gone (A7).
    public var username: String
    /// How far it came.
    public var phase: EndpointPhase = .initializing
    /// What became of it.
    public var outcome: EndpointOutcome = .success
    /// What its registration did and saw.
    public var registration = RegistrationEvidence()
    /// What its calls did and saw, in order.
    public var calls: [CallEvidence] = []
    /// What its way to the server went through; nil when nothing is to be told of it.
    public var path: PathEvidence?
    /// The endpoint it was paired with, or whose failure kept it from starting (H2).
    public var partner: UInt32?
    /// Absent where there are none, so that most results stay small and old ones can be read.
    private var missedCalls: UInt32?

    /// Calls of the schedule that were never begun: the endpoint was still busy when they were due, or had to leave before.
    public var notAttempted: UInt32 {
        get { missedCalls ?? 0 }
        set { missedCalls = newValue == 0 ? nil : newValue }
    }
    /// Answers beside the plain course, the first ones of them; nil when there were none.
    public var steps: [Step]?

    /// An endpoint that has done nothing yet.
    public init(index: UInt32, group: String, username: String) {
        self.index = index
        self.group = group
        self.username = username
    }
}
