// SPDX-License-Identifier: Apache-2.0

/// What one part of a run's generator counted in one second of the run; windows of the same second merge by addition.
public struct Window: Hashable, Sendable {
    /// Seconds since the run's start instant.
    public var second: UInt32
    /// What was counted and timed, all groups together.
    public var tally = Tally()
    /// The same per group, by name, when there are several; groups that did nothing are left out.
    public var groups: [GroupTally] = []
    /// Calls up at the end of the second.
    public var callsUp: UInt32 = 0
    /// Endpoints registered at the end of the second.
    public var registered: UInt32 = 0
    /// SIP messages sent, retransmissions included.
    public var messagesSent: UInt32 = 0
    /// SIP messages received.
    public var messagesReceived: UInt32 = 0
    /// SIP requests and responses sent again by a timer.
    public var retransmissions: UInt32 = 0
    /// What the generator saw of itself; nil where it did not look.
    public var generator: GeneratorSample?

    /// An empty window.
    public init(second: UInt32) { self.second = second }

    /// Adds another part of the run in the same second.
    public mutating func merge(_ other: Window) {
        tally.merge(other.tally)
        for group in other.groups { merge(group) }
        callsUp &+= other.callsUp
        registered &+= other.registered
        messagesSent.add(other.messagesSent)
        messagesReceived.add(other.messagesReceived)
        retransmissions.add(other.retransmissions)
        if let theirs = other.generator {
            if generator == nil { generator = theirs } else { generator?.merge(theirs) }
        }
    }

    private mutating func merge(_ group: GroupTally) {
        if let place = groups.firstIndex(where: { $0.name == group.name }) {
            groups[place].tally.merge(group.tally)
        } else {
            groups.append(group)
        }
    }

    /// Whether it tells of the generator alone: a part that no endpoints stand behind.
    public var isGeneratorOnly: Bool {
        generator != nil && tally == Tally() && callsUp == 0 && registered == 0 && messagesSent == 0
            && messagesReceived == 0
    }

    /// What a group counted; nil when it did nothing.
    public func tally(of group: String) -> Tally? { groups.first { $0.name == group }?.tally }
}

extension Window {
    /// First REGISTERs sent.
    public var registrationsStarted: UInt32 {
        get { tally.registrationsStarted }
        set { tally.registrationsStarted = newValue }
    }
    /// Registrations confirmed by a 200.
    public var registrationsSucceeded: UInt32 {
        get { tally.registrationsSucceeded }
        set { tally.registrationsSucceeded = newValue }
    }
    /// Registrations given up.
    public var registrationsFailed: UInt32 {
        get { tally.registrationsFailed }
        set { tally.registrationsFailed = newValue }
    }
    /// First INVITEs sent.
    public var callsStarted: UInt32 {
        get { tally.callsStarted }
        set { tally.callsStarted = newValue }
    }
    /// Calls answered and acknowledged.
    public var callsEstablished: UInt32 {
        get { tally.callsEstablished }
        set { tally.callsEstablished = newValue }
    }
    /// Calls that ended without being established.
    public var callsFailed: UInt32 {
        get { tally.callsFailed }
        set { tally.callsFailed = newValue }
    }
    /// Established calls that ended.
    public var callsEnded: UInt32 {
        get { tally.callsEnded }
        set { tally.callsEnded = newValue }
    }
}

extension Window: Codable {
    private enum Keys: String, CodingKey {
        case second, groups, callsUp, registered, messagesSent, messagesReceived, retransmissions, generator
    }

    /// Reads a window; what it does not name is nothing. The counts stand beside `second`, not under a key of their own.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Keys.self)
        second = try values.decode(UInt32.self, forKey: .second)
        tally = try Tally(from: decoder)
        groups = try values.decodeIfPresent([GroupTally].self, forKey: .groups) ?? []
        callsUp = try values.decode(UInt32.self, forKey: .callsUp)
        registered = try values.decode(UInt32.self, forKey: .registered)
        messagesSent = try values.decode(UInt32.self, forKey: .messagesSent)
        messagesReceived = try values.decode(UInt32.self, forKey: .messagesReceived)
        retransmissions = try values.decode(UInt32.self, forKey: .retransmissions)
        generator = try values.decodeIfPresent(GeneratorSample.self, forKey: .generator)
    }

    /// Writes it as it is read.
    public func encode(to encoder: any Encoder) throws {
        try tally.encode(to: encoder)
        var values = encoder.container(keyedBy: Keys.self)
        try values.encode(second, forKey: .second)
        if !groups.isEmpty { try values.encode(groups, forKey: .groups) }
        try values.encode(callsUp, forKey: .callsUp)
        try values.encode(registered, forKey: .registered)
        try values.encode(messagesSent, forKey: .messagesSent)
        try values.encode(messagesReceived, forKey: .messagesReceived)
        try values.encode(retransmissions, forKey: .retransmissions)
        try values.encodeIfPresent(generator, forKey: .generator)
    }
}
