// SPDX-License-Identifier: Apache-2.0

/// What one shard counted in one second of a run; windows of the same second merge by addition.
public struct Window: Hashable, Sendable, Codable {
    /// Seconds since the run's start instant.
    public var second: UInt32
    /// First REGISTERs sent.
    public var registrationsStarted: UInt32 = 0
    /// Registrations confirmed by a 200.
    public var registrationsSucceeded: UInt32 = 0
    /// Registrations given up.
    public var registrationsFailed: UInt32 = 0
    /// First INVITEs sent.
    public var callsStarted: UInt32 = 0
    /// Calls answered and acknowledged.
    public var callsEstablished: UInt32 = 0
    /// Calls that ended without being established.
    public var callsFailed: UInt32 = 0
    /// Established calls that ended.
    public var callsEnded: UInt32 = 0
    /// Calls up, endpoints registered at the end of the second.
    public var callsUp: UInt32 = 0
    /// Endpoints registered at the end of the second.
    public var registered: UInt32 = 0
    /// SIP messages sent, retransmissions included.
    public var messagesSent: UInt32 = 0
    /// SIP messages received.
    public var messagesReceived: UInt32 = 0
    /// SIP requests and responses sent again by a timer.
    public var retransmissions: UInt32 = 0

    /// An empty window.
    public init(second: UInt32) { self.second = second }

    /// Adds another part of the run in the same second.
    public mutating func merge(_ other: Window) {
        registrationsStarted += other.registrationsStarted
        registrationsSucceeded += other.registrationsSucceeded
        registrationsFailed += other.registrationsFailed
        callsStarted += other.callsStarted
        callsEstablished += other.callsEstablished
        callsFailed += other.callsFailed
        callsEnded += other.callsEnded
        callsUp += other.callsUp
        registered += other.registered
        messagesSent += other.messagesSent
        messagesReceived += other.messagesReceived
        retransmissions += other.retransmissions
    }
}
