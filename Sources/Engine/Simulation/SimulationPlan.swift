// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import PBX
public import SIP
public import UserAgent

/// A world to be simulated: endpoints in pairs, each pair one call or more through the built-in server.
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
    /// How many calls a pair makes one after the other; 0 means that the endpoints only stay registered.
    public var callsPerPair = 1
    /// How long endpoints stay registered that make no calls.
    public var hold: Interval = .zero
    /// How often each side of a call is at most told to hold, resume, refresh, transfer it or to send a digit.
    public var changesPerCall = 0
    /// The session timer that the callers ask for in seconds (RFC 4028); nil for none.
    public var sessionTimer: UInt32?
    /// Whether the callers, and whether the callees, acknowledge provisional responses (RFC 3262).
    public var reliableProvisionals: [ReliableProvisionals] = [.off, .off]
    /// Whether callees answer the offer in 183.
    public var earlyMedia = false
    /// Whether endpoints follow REFERs.
    public var acceptsTransfers = false
    /// How long a callee rings.
    public var answerAfter: Interval = .milliseconds(500)
    /// How long a caller talks.
    public var talkTime: Interval = .seconds(10)
    /// The registrations' lifetime in seconds; short ones are refreshed while the world runs.
    public var expires: UInt32 = 60
    /// The lifetime of the server's nonces; short ones make it say `stale`.
    public var nonceLifetime: Interval = .seconds(30)
    /// The algorithms that the server offers.
    public var algorithms: [DigestAlgorithm] = [DigestAlgorithm(.md5)]
    /// Whether the server offers `qop`.
    public var offersQop = true
    /// Whether the accounts' realm is fixed; otherwise they answer whatever realm their registrar names.
    public var fixesRealm = false
    /// Whether callers now and then call somebody else than their partner: an extension, a stranger, another endpoint.
    public var variesTargets = false
    /// Whether the endpoints know a second server of their domain, to try when the first one fails.
    public var hasFallback = false
    /// How many shards play the endpoints.
    public var shards = 2
    /// Whether the endpoints of a shard share one socket.
    public var sharesSockets = false
    /// Every how many-th endpoint uses a TCP connection; 0 for none.
    public var streamEvery = 0
    /// Faults that the server plays.
    public var faults: [PBXFault] = []
    /// What befalls the world.
    public var troubles: [Trouble] = []
    /// Virtual time after which a world that is not at rest has failed; what its troubles cost comes on top.
    public var limit: Interval = .seconds(1800)
    /// Whether every message is compared with all earlier ones; otherwise only with the rules that need no memory.
    public var watchesClosely = true
    /// Whether the last messages of each endpoint are kept for the report of a violation.
    public var keepsLog = false

    /// Whether everything that is begun must succeed.
    public var isCalm: Bool { troubles.isEmpty && faults.isEmpty && link.loss <= 0.1 }

    /// Everything that can go wrong in it, in one line.
    public var faultLine: String {
        if isCalm { return "calm" }
        let link =
            "link \(Int(link.delay.milliseconds)) ms, loss \(Int(link.loss * 100))%, "
            + "\(link.copies) copies of \(Int(link.duplication * 100))%"
        let played = faults.map { fault in
            switch fault.scope {
            case .all: "server plays \(fault.kind.rawValue)"
            case .share(let share): "server plays \(fault.kind.rawValue)=\(share / 100)%"
            case .users(let users): "server plays \(fault.kind.rawValue) to \(users.count)"
            }
        }
        return ([link] + played + troubles.map(\.description)).joined(separator: "; ")
    }

    /// A plan with the usual rates.
    public init(seed: UInt64, endpoints: Int, link: LinkConditions = .rough) {
        precondition(endpoints > 0 && endpoints % 2 == 0, "endpoints come in pairs")
        self.seed = seed
        self.endpoints = endpoints
        self.link = link
    }
}
