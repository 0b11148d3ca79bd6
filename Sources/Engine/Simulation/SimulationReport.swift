// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// What a simulated world came to.
public struct SimulationReport: Hashable, Sendable {
    /// Messages, timers and commands that happened.
    public var events: UInt64 = 0
    /// Datagrams that arrived, and pieces of streams.
    public var delivered: UInt64 = 0
    /// Datagrams that the link lost.
    public var lost: UInt64 = 0
    /// Datagrams that arrived more than once.
    public var duplicated: UInt64 = 0
    /// Endpoints whose registration succeeded.
    public var registered = 0
    /// Endpoints whose registration failed.
    public var registrationsFailed = 0
    /// Registrations that the server accepted, refreshes among them.
    public var bindings: UInt64 = 0
    /// Calls that were up and ended as they should.
    public var callsSucceeded = 0
    /// Endpoints that gave their result.
    public var closed = 0
    /// Challenges that nobody may answer, put on the wire.
    public var forgedChallenges: UInt64 = 0
    /// Unexpected messages put on the wire.
    public var pranks: UInt64 = 0
    /// Virtual time until the world was at rest.
    public var virtualTime = Interval.zero
    /// A hash over every datagram with its time and addresses: the same plan gives the same one.
    public var traceHash: UInt64 = 0
    /// What must not be and was, in words; capped.
    public var violations: [String] = []
    /// The last messages of the endpoint that the first violation is about, when the plan keeps them.
    public var lastMessages: [String] = []

    /// A world in which nothing has happened.
    public init() {}
}

/// How far a world is, for who measures it.
public enum SimulationMilestone: Hashable, Sendable {
    /// The accounts' secrets are stored.
    case secretsStored
    /// The server is made.
    case serverBuilt
    /// The endpoints are made.
    case endpointsBuilt
    /// Every registration was answered and the first has not been refreshed yet; only where endpoints just stay registered.
    case registered
}
