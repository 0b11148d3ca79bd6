// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import PBX

/// A world to be simulated: endpoints in pairs, each pair one call through the built-in server.
public struct SimulationPlan: Hashable, Sendable {
    /// Everything that chance decides follows from it.
    public var seed: UInt64
    /// Endpoints, an even number: the first half is called by the second.
    public var endpoints: Int
    /// Every link between an endpoint and the server.
    public var link: LinkConditions
    /// Registrations started each second of virtual time.
    public var registrationsPerSecond = 500
    /// Calls started each second of virtual time.
    public var callsPerSecond = 200
    /// How long a caller talks.
    public var talkTime: Interval = .seconds(10)
    /// The registrations' lifetime in seconds; short ones are refreshed while the world runs.
    public var expires: UInt32 = 60
    /// The lifetime of the server's nonces; short ones make it say `stale`.
    public var nonceLifetime: Interval = .seconds(30)
    /// How many shards play the endpoints.
    public var shards = 2
    /// The share of BYEs that somebody on the path answers with a challenge of a foreign realm, 0…1.
    public var forgedChallenges: Double = 0
    /// The share of callers that hang up at a random moment, while it rings or soon after, 0…1.
    public var impatience: Double = 0
    /// Faults that the server plays.
    public var faults: [PBXFault] = []
    /// When the server is killed and starts again with nothing in its memory; nil for never.
    public var serverRestart: Interval?
    /// Virtual time after which a world that is not at rest has failed.
    public var limit: Interval = .seconds(1800)

    /// Whether everything that is begun must succeed.
    var isCalm: Bool {
        forgedChallenges == 0 && impatience == 0 && faults.isEmpty && serverRestart == nil && link.loss <= 0.1
    }

    /// A plan with the usual rates.
    public init(seed: UInt64, endpoints: Int, link: LinkConditions = .rough) {
        precondition(endpoints > 0 && endpoints % 2 == 0, "endpoints come in pairs")
        self.seed = seed
        self.endpoints = endpoints
        self.link = link
    }
}

/// What a simulated world came to.
public struct SimulationReport: Hashable, Sendable {
    /// Messages, timers and commands that happened.
    public var events: UInt64 = 0
    /// Datagrams that arrived.
    public var delivered: UInt64 = 0
    /// Datagrams that the link lost.
    public var lost: UInt64 = 0
    /// Datagrams that arrived twice.
    public var duplicated: UInt64 = 0
    /// Endpoints whose registration succeeded.
    public var registered = 0
    /// Endpoints whose registration failed.
    public var registrationsFailed = 0
    /// Calls that were up and ended as they should.
    public var callsSucceeded = 0
    /// Endpoints that gave their result.
    public var closed = 0
    /// Challenges that nobody may answer, put on the wire.
    public var forgedChallenges: UInt64 = 0
    /// Virtual time until the world was at rest.
    public var virtualTime = Interval.zero
    /// A hash over every datagram with its time and addresses: the same plan gives the same one.
    public var traceHash: UInt64 = 0
    /// What must not be and was, in words; capped.
    public var violations: [String] = []

    /// A world in which nothing has happened.
    public init() {}
}
