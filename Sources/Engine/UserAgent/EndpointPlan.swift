// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import Media
public import SIP

/// One server of a domain and how to reach it, as RFC 3263 finds them.
public struct ServerTarget: Hashable, Sendable {
    /// Its address and port.
    public var address: TransportAddress
    /// The transport to use.
    public var transport: Transport

    /// A target from its parts.
    public init(address: TransportAddress, transport: Transport) {
        self.address = address
        self.transport = transport
    }
}

/// Which challenge of a realm is answered when it comes with several algorithms.
public enum DigestPreference: UInt8, Hashable, Sendable {
    /// The topmost one that is supported, which is the server's own wish (RFC 8760 §2.4).
    case topmost
    /// The one with the strongest hash function.
    case strongest
}

/// How an endpoint's Contact is written in REGISTER (RFC 3261 §10.2.1).
public struct ContactStyle: Hashable, Sendable {
    /// Header parameters as they are written, from the first `;` on (`;+sip.ice;methods="INVITE"`); empty for none.
    public var parameters: [UInt8] = []
    /// Preference in thousandths, 0…1000; nil writes none.
    public var q: UInt16?
    /// Whether the expiry stands in Contact instead of a header of its own.
    public var carriesExpires = false

    /// Nothing but the address, the expiry in the Expires header.
    public init() {}
}

/// Everything a shard needs to know to play one endpoint. Bytes that many endpoints share (domain, codecs) share their storage.
public struct EndpointPlan: Sendable {
    /// The endpoint's place in the run, from 0.
    public var index: UInt32
    /// The name of its group.
    public var group: String
    /// The account's username, which is the digest username.
    public var username: [UInt8]
    /// The user of the address-of-record; the username unless the account has an extension (F7).
    public var addressUser: [UInt8]
    /// The display name of From, without quotes; nil for none.
    public var displayName: [UInt8]?
    /// The User-Agent header of its requests; nil for the shard's.
    public var userAgent: [UInt8]?
    /// Header lines, each with its end, that its REGISTER and its calls' INVITE carry besides the usual ones.
    public var extraHeaders: [UInt8] = []
    /// The account's secret in the shard's arena; nil when challenges cannot be answered.
    public var credential: Credential?
    /// The realm fixed on the account (F2); nil takes the one of the challenge.
    public var realm: [UInt8]?
    /// Which challenge is answered when a realm offers several algorithms.
    public var digest = DigestPreference.topmost
    /// How the Contact of REGISTER is written; nil for the address alone.
    public var contact: ContactStyle?
    /// The host of the address-of-record and of the REGISTER's Request-URI.
    public var domain: [UInt8]
    /// Where requests go.
    public var registrar: TransportAddress
    /// How they go.
    public var transport: Transport
    /// Further servers of the domain in the order to try them when that one fails (RFC 3263 §4.3).
    public var fallbacks: [ServerTarget] = []
    /// Whether REGISTER offers outbound (RFC 5626).
    public var outbound = false
    /// How the way to the server is kept open.
    public var keepAlive = KeepAlive.automatic
    /// Whether Contact names the address that the server sees, where a NAT is between, instead of the endpoint's own.
    public var natContact = false
    /// Which of the driver's security profiles (trust, certificates, server name) its TLS connections use.
    public var security = 0
    /// The registration's lifetime asked for, in seconds.
    public var expires: UInt32
    /// The address in Via and Contact; port 0 means it is told by `flowOpened` (connections).
    public var localAddress: TransportAddress
    /// The address that Via, Contact and session descriptions name instead of the local one; the port stays.
    public var advertised: TransportAddress.IP?
    /// Whether it shares a UDP socket with others of its address; nil as the driver is set.
    public var sharesSocket: Bool?
    /// Where the driver finds RTP and RTCP ports for it; nil lets the system choose.
    public var mediaPorts: ClosedRange<UInt16>?
    /// The socket or connection it sends on.
    public var flow: FlowID
    /// Where it receives RTP; nil for an endpoint without media, whose calls carry no session description of its own.
    public var mediaAddress: TransportAddress?
    /// Names its media stream to the driver; unique in the shard.
    public var stream: UInt64
    /// Codecs, the preferred one first.
    public var codecs: [AudioCodec]
    /// How long it rings before it answers.
    public var answerAfter: Interval
    /// How long it talks before it hangs up a call it placed; nil means until told.
    public var talkTime: Interval?
    /// How long it waits for an answer before it cancels.
    public var ringTimeout: Interval
    /// Whether it registers; false for endpoints that are reached by their address or trunk.
    public var registers: Bool
    /// The Contact that an earlier run may have left bound, exactly as it was sent; removed before the first REGISTER (D5).
    public var staleContact: [UInt8]?

    /// Whether its provisional responses, and those it receives, are acknowledged with PRACK.
    public var reliableProvisionals: ReliableProvisionals
    /// The session timer it asks for; nil asks for none and still follows one that the peer asks for (RFC 4028).
    public var sessionTimer: SessionTimerPlan?
    /// Whether it answers the offer of a call in 183 already, and sends and receives audio before the 200.
    public var earlyMedia: Bool
    /// Which REFERs of a peer it follows with a call of its own.
    public var acceptsTransfers: TransferPolicy

    /// A local address as others are to be told of it.
    public func told(_ local: TransportAddress) -> TransportAddress {
        advertised.map { TransportAddress(ip: $0, port: local.port) } ?? local
    }

    /// A plan with the usual values for all that is not given: UDP, 3,600 s, both G.711 codecs, answering at once, 60 s of ringing.
    public init(
        index: UInt32, group: String, username: [UInt8], credential: Credential?, domain: [UInt8],
        registrar: TransportAddress, localAddress: TransportAddress, flow: FlowID
    ) {
        self.index = index
        self.group = group
        self.username = username
        addressUser = username
        self.credential = credential
        self.domain = domain
        self.registrar = registrar
        transport = .udp
        expires = 3600
        self.localAddress = localAddress
        self.flow = flow
        stream = UInt64(index)
        codecs = [.pcma, .pcmu]
        answerAfter = .zero
        talkTime = nil
        ringTimeout = .seconds(60)
        registers = true
        reliableProvisionals = .off
        sessionTimer = nil
        earlyMedia = false
        acceptsTransfers = .none
    }
}

/// What is the same for all endpoints of a shard.
public struct ShardConfiguration: Sendable {
    /// The times the SIP timers are made from.
    public var timers: TimerValues = .standard
    /// The User-Agent header; empty for none.
    public var userAgent: [UInt8] = Array("CallMeter".utf8)
    /// How long an ended call waits for its media report before it does without.
    public var mediaReportTimeout: Interval = .seconds(2)
    /// How long a first registration waits in all when the server asks for it (Retry-After); a refresh as long as its binding stands.
    public var registrationPatience: Interval = .seconds(60)
    /// What the waits between two tries of all servers grow from, and to (RFC 5626 §4.5); each is 50 to 100 % of that.
    public var reconnectWaits: ClosedRange<Interval> = .seconds(30) ... .seconds(1800)
    /// How often all servers are tried in a row before a registered endpoint gives up its lost connection.
    public var reconnectRounds: UInt8 = 8
    /// Whether each binding is told by `AgentEvent.bound`, for who must remove it should this process die (D5).
    public var reportsBindings = false
    /// Whether windows tell groups apart; with one group the whole says it already.
    public var countsGroups = false

    /// RFC 3261's T1, for who does not know the timers: all other times that depend on it follow.
    public var t1: Interval {
        get { timers.t1 }
        set { timers.t1 = newValue }
    }

    /// The usual values.
    public init() {}
}
