// SPDX-License-Identifier: Apache-2.0

/// What was counted and timed in one second of a run, as the API and the events show it.
public struct RunWindow: Codable, Sendable, Hashable {
    /// Seconds since the run began, from 0.
    public var second: Int
    /// Counts of the second, all groups together.
    public var counts: WindowCounts
    /// Calls up at its end.
    public var callsUp: Int
    /// Endpoints registered at its end.
    public var registered: Int
    /// SIP messages sent, retransmissions included.
    public var messagesSent: Int
    /// SIP messages received.
    public var messagesReceived: Int
    /// SIP messages sent again by a timer.
    public var retransmissions: Int
    /// The groups that did something, where a run has several.
    public var groups: [WindowGroup]
    /// What the load generator saw of itself; absent where it did not look.
    public var generator: WindowGenerator?

    /// A second from its parts.
    public init(
        second: Int, counts: WindowCounts, callsUp: Int, registered: Int, messagesSent: Int, messagesReceived: Int,
        retransmissions: Int, groups: [WindowGroup], generator: WindowGenerator?
    ) {
        self.second = second
        self.counts = counts
        self.callsUp = callsUp
        self.registered = registered
        self.messagesSent = messagesSent
        self.messagesReceived = messagesReceived
        self.retransmissions = retransmissions
        self.groups = groups
        self.generator = generator
    }

    private enum Keys: String, CodingKey {
        case second, callsUp, registered, messagesSent, messagesReceived, retransmissions, groups, generator
    }

    /// Reads a second; its counts stand beside `second`.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Keys.self)
        self.init(
            second: try values.decode(Int.self, forKey: .second), counts: try WindowCounts(from: decoder),
            callsUp: try values.decode(Int.self, forKey: .callsUp),
            registered: try values.decode(Int.self, forKey: .registered),
            messagesSent: try values.decode(Int.self, forKey: .messagesSent),
            messagesReceived: try values.decode(Int.self, forKey: .messagesReceived),
            retransmissions: try values.decode(Int.self, forKey: .retransmissions),
            groups: try values.decodeIfPresent([WindowGroup].self, forKey: .groups) ?? [],
            generator: try values.decodeIfPresent(WindowGenerator.self, forKey: .generator))
    }

    /// Writes it as it is read.
    public func encode(to encoder: any Encoder) throws {
        try counts.encode(to: encoder)
        var values = encoder.container(keyedBy: Keys.self)
        try values.encode(second, forKey: .second)
        try values.encode(callsUp, forKey: .callsUp)
        try values.encode(registered, forKey: .registered)
        try values.encode(messagesSent, forKey: .messagesSent)
        try values.encode(messagesReceived, forKey: .messagesReceived)
        try values.encode(retransmissions, forKey: .retransmissions)
        if !groups.isEmpty { try values.encode(groups, forKey: .groups) }
        try values.encodeIfPresent(generator, forKey: .generator)
    }
}

/// Counts of one second, and the delays that ended in it.
public struct WindowCounts: Codable, Sendable, Hashable {
    /// First REGISTERs sent.
    public var registrationsStarted: Int
    /// Registrations confirmed by a 200.
    public var registrationsSucceeded: Int
    /// Registrations given up.
    public var registrationsFailed: Int
    /// First INVITEs sent.
    public var callsStarted: Int
    /// Calls answered and acknowledged.
    public var callsEstablished: Int
    /// Calls that ended without being established.
    public var callsFailed: Int
    /// Established calls that ended.
    public var callsEnded: Int
    /// First REGISTER sent to 200 received.
    public var registrationDelayMs: WindowDelay?
    /// First INVITE sent to the first 180, or 183 with SDP.
    public var postDialDelayMs: WindowDelay?
    /// First INVITE sent to its 200.
    public var setupTimeMs: WindowDelay?
    /// Actual less intended moment of first REGISTERs and INVITEs.
    public var latenessMs: WindowDelay?

    /// Counts from their parts; no delays.
    public init(
        registrationsStarted: Int, registrationsSucceeded: Int, registrationsFailed: Int, callsStarted: Int,
        callsEstablished: Int, callsFailed: Int, callsEnded: Int
    ) {
        self.registrationsStarted = registrationsStarted
        self.registrationsSucceeded = registrationsSucceeded
        self.registrationsFailed = registrationsFailed
        self.callsStarted = callsStarted
        self.callsEstablished = callsEstablished
        self.callsFailed = callsFailed
        self.callsEnded = callsEnded
    }
}

/// Figures of durations in milliseconds; percentiles are at most 1/64 too great.
public struct WindowDelay: Codable, Sendable, Hashable {
    /// How many there were.
    public var count: Int
    /// Mean.
    public var avg: Double
    /// Median.
    public var p50: Double
    /// The value that 95 % do not exceed.
    public var p95: Double
    /// The value that 99 % do not exceed.
    public var p99: Double
    /// The greatest value.
    public var max: Double

    /// Figures from their parts.
    public init(count: Int, avg: Double, p50: Double, p95: Double, p99: Double, max: Double) {
        self.count = count
        self.avg = avg
        self.p50 = p50
        self.p95 = p95
        self.p99 = p99
        self.max = max
    }
}

/// One group's part of a second.
public struct WindowGroup: Codable, Sendable, Hashable {
    /// The group's name.
    public var name: String
    /// What it counted.
    public var counts: WindowCounts

    /// A part from its parts.
    public init(name: String, counts: WindowCounts) {
        self.name = name
        self.counts = counts
    }
}

/// What the load generator saw of itself in one second.
public struct WindowGenerator: Codable, Sendable, Hashable {
    /// How late a waiting thread was woken.
    public var wakeLatenessMs: WindowDelay?
    /// How late RTP packets left.
    public var rtpLatenessMs: WindowDelay?
    /// Processor time of the process, of what its cores could give.
    public var cpuPercent: Double?
    /// Time the host gave to others.
    public var stealPercent: Double?
    /// Datagrams dropped at its own sockets.
    public var socketDrops: Int

    /// A part from its parts.
    public init(
        wakeLatenessMs: WindowDelay?, rtpLatenessMs: WindowDelay?, cpuPercent: Double?, stealPercent: Double?,
        socketDrops: Int
    ) {
        self.wakeLatenessMs = wakeLatenessMs
        self.rtpLatenessMs = rtpLatenessMs
        self.cpuPercent = cpuPercent
        self.stealPercent = stealPercent
        self.socketDrops = socketDrops
    }
}
