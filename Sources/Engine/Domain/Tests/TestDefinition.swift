// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// Whether each endpoint has a socket of its own or the endpoints of a shard share one (UDP only).
public enum SocketUse: String, Hashable, Sendable, CaseIterable, Codable {
    case endpoint, shared
}

/// How the TLS connections to a registrar are secured; files are in PEM.
public struct RegistrarTLS: Hashable, Sendable {
    /// Where set, certificates are believed only if issued by an authority of this file, or in it themselves.
    public var ca: String?
    /// The certificate to show a server that asks for one.
    public var cert: String?
    /// The private key of that certificate.
    public var key: String?
    /// Whether the server's certificate is checked.
    public var verify: Bool

    /// Settings from their parts; by default the system's authorities are believed.
    public init(ca: String? = nil, cert: String? = nil, key: String? = nil, verify: Bool = true) {
        self.ca = ca
        self.cert = cert
        self.key = key
        self.verify = verify
    }
}

/// Which challenge is answered when a server offers several algorithms for one realm.
public enum DigestChoice: String, Hashable, Sendable, CaseIterable, Codable {
    /// The topmost one that is supported, the server's own wish (RFC 8760 §2.4).
    case topmost
    /// The one with the strongest hash function.
    case strongest
}

/// The SIP server a test names: in a test file it is described there, in a project it is a registrar of that name.
public struct RegistrarDefinition: Hashable, Sendable {
    /// The longest expiry a test may ask for: a day.
    public static let longestExpires = 86_400

    /// The name groups refer to.
    public var name: String
    /// Host part of addresses-of-record and Request-URIs.
    public var domain: String
    /// 1…65535; nil means the transport's default.
    public var port: UInt16?
    /// How requests reach it.
    public var transport: RegistrarTransport
    /// `host[:port]` that requests are sent to instead of the domain.
    public var proxy: String?
    /// The DNS server that is asked for its name, `ADDRESS` or `ADDRESS:PORT`; nil for the system's.
    public var dns: String?
    /// Registration expiry asked for, seconds.
    public var expires: Int
    /// How TLS and WSS are secured; nil for the usual: the system's authorities, no certificate of our own.
    public var tls: RegistrarTLS?
    /// What a WebSocket is asked for, from its `/` on; nil for `/`.
    public var webSocketPath: String?
    /// Which of several algorithms is answered.
    public var digest = DigestChoice.topmost
    /// Whether REGISTER offers outbound (RFC 5626).
    public var outbound = false
    /// How the way to it is kept open.
    public var keepAlive = KeepAliveChoice.automatic

    /// A registrar from its parts.
    public init(
        name: String, domain: String, port: UInt16? = nil, transport: RegistrarTransport = .udp, proxy: String? = nil,
        dns: String? = nil, expires: Int = 300
    ) {
        self.name = name
        self.domain = domain
        self.port = port
        self.transport = transport
        self.proxy = proxy
        self.dns = dns
        self.expires = expires
    }
}

/// Whom the endpoints of a group call.
public enum CalleeTarget: Hashable, Sendable {
    /// An external SIP URI.
    case uri(String)
    /// Another group of the test.
    case group(String)
    /// This group calls itself: half call, half answer.
    case intra
    /// Nobody: they wait for calls.
    case receive
    /// Nobody: they only register.
    case none
}

/// Endpoints of a test that share a registrar, media settings and a callee target.
public struct GroupDefinition: Hashable, Sendable {
    /// No group has more endpoints than this: one machine's ports and descriptors end far below.
    public static let mostEndpoints = 1_000_000

    /// Its name, unique in the test.
    public var name: String
    /// The registrar's name.
    public var registrar: String
    /// How many endpoints, 1…1,000,000.
    public var endpoints: Int
    /// Whom they call.
    public var callee: CalleeTarget
    /// The codecs offered and accepted, "PCMU" and "PCMA", the preferred one first; at least one.
    public var codecs: [String]
    /// Where its RTP and RTCP ports lie; nil lets the system choose.
    public var rtpPorts: ClosedRange<UInt16>?
    /// How long a callee rings before it answers.
    public var answerAfter: Interval
    /// Whether each has a socket of its own.
    public var flow: SocketUse
    /// The display name of From; may hold number templates. Nil for none.
    public var displayName: String?
    /// The User-Agent header of its requests; nil for the usual one.
    public var userAgent: String?
    /// Header lines that its REGISTER and first INVITE carry besides the usual ones.
    public var headers: [ExtraHeader] = []
    /// The address of this machine that it sends from, IPv4 or IPv6 without a port; nil as the system chooses.
    public var bind: String?
    /// The address that Via, Contact and session descriptions name instead of the one it sends from; without a port.
    public var advertise: String?
    /// Whether provisional responses are acknowledged with PRACK (RFC 3262).
    public var reliable: ReliableUse = .off
    /// The session timer that its calls ask for; nil for none (RFC 4028).
    public var sessionTimer: SessionTimerUse?
    /// Whether a REFER of a peer is followed.
    public var transfers: TransferUse = .refuse

    /// A group from its parts.
    public init(
        name: String, registrar: String, endpoints: Int, callee: CalleeTarget, codecs: [String] = ["PCMA", "PCMU"],
        answerAfter: Interval = .zero, flow: SocketUse = .endpoint, displayName: String? = nil, userAgent: String? = nil
    ) {
        self.name = name
        self.registrar = registrar
        self.endpoints = endpoints
        self.callee = callee
        self.codecs = codecs
        self.answerAfter = answerAfter
        self.flow = flow
        self.displayName = displayName
        self.userAgent = userAgent
    }
}

/// A saved configuration: groups, duration, pacing, thresholds. Saving never starts it.
public struct TestDefinition: Hashable, Sendable {
    /// Its name, unique in the test.
    public var name: String
    /// Registrars described in the test itself; those not described are looked up in the project by name.
    public var registrars: [RegistrarDefinition]
    /// The groups, in the order in which they take accounts.
    public var groups: [GroupDefinition]
    /// Length of each call; with `none`, how long registrations are held.
    public var duration: Interval
    /// When registrations and calls begin.
    public var pacing: Pacing
    /// How long its endpoints wait for what may not come.
    public var timeouts = TimeoutChoice()
    /// What passes or fails a run.
    public var thresholds: [Threshold]

    /// A test from its parts; `read` also checks them.
    public init(
        name: String, registrars: [RegistrarDefinition] = [], groups: [GroupDefinition], duration: Interval,
        pacing: Pacing = Pacing(), thresholds: [Threshold] = []
    ) {
        self.name = name
        self.registrars = registrars
        self.groups = groups
        self.duration = duration
        self.pacing = pacing
        self.thresholds = thresholds
    }
}
