// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import Domain
public import RunMetrics

/// Names a worker for as long as its session lasts.
public typealias WorkerID = ID<WorkerHello>

/// What a worker says first. It always comes with empty hands: no segment survives a session.
public struct WorkerHello: Hashable, Sendable {
    /// The version of this conversation; a controller refuses others.
    public static let currentVersion = 3

    /// The version this worker speaks.
    public var version: Int
    /// Chosen by the worker for this session.
    public var id: WorkerID
    /// For people: host name or label.
    public var name: String
    /// How many endpoints it takes at once.
    public var capacity: Int
    /// Where credentials for it are sealed to.
    public var sessionKey: SessionPublicKey

    /// A hello from its parts.
    public init(
        version: Int = WorkerHello.currentVersion, id: WorkerID, name: String, capacity: Int,
        sessionKey: SessionPublicKey
    ) {
        self.version = version
        self.id = id
        self.name = name
        self.capacity = capacity
        self.sessionKey = sessionKey
    }
}

/// An endpoint of a segment with the account it was lent.
public struct AssignedEndpoint: Hashable, Sendable {
    /// Place in the run, from 0.
    public var index: UInt32
    /// The digest user.
    public var username: String
    /// The user part of the address-of-record where it differs (F7).
    public var extensionNumber: String?
    /// The fixed realm; nil for automatic (F2).
    public var realm: String?
    /// What `sealed` holds once it is opened.
    public var kind: CredentialKind
    /// The credential, sealed to the worker's session key.
    public var sealed: [UInt8]
    /// A Contact an earlier run left at the server, to be removed first (D5).
    public var leftover: String?

    /// An assignment from its parts.
    public init(
        index: UInt32, username: String, extensionNumber: String?, realm: String?, kind: CredentialKind,
        sealed: [UInt8], leftover: String?
    ) {
        self.index = index
        self.username = username
        self.extensionNumber = extensionNumber
        self.realm = realm
        self.kind = kind
        self.sealed = sealed
        self.leftover = leftover
    }
}

/// The part of a run one worker plays.
public struct SegmentAssignment: Sendable {
    /// The run.
    public var run: RunID
    /// Rises with every allocation; frames with an older number are refused.
    public var fence: Int64
    /// The test, with every registrar it uses described in it.
    public var definition: TestDefinition
    /// The endpoints of this segment in order.
    public var endpoints: [AssignedEndpoint]
    /// What opens the sealed credentials, together with the worker's session key.
    public var encapsulatedKey: [UInt8]
    /// How long the worker may use the accounts without hearing from the controller.
    public var leases: LeaseTerms

    /// An assignment from its parts.
    public init(
        run: RunID, fence: Int64, definition: TestDefinition, endpoints: [AssignedEndpoint], encapsulatedKey: [UInt8],
        leases: LeaseTerms = .standard
    ) {
        self.run = run
        self.fence = fence
        self.definition = definition
        self.endpoints = endpoints
        self.encapsulatedKey = encapsulatedKey
        self.leases = leases
    }

    /// What the sealing of a run's credentials is bound to.
    public static func sealingContext(run: RunID, fence: Int64) -> [UInt8] {
        run.bytes + (0..<8).map { UInt8(truncatingIfNeeded: fence >> Int64(56 - 8 * $0)) }
    }
}

/// An endpoint that moved on.
public struct PhaseChange: Hashable, Sendable {
    /// Place in the run.
    public var endpoint: UInt32
    /// Where it is now.
    public var phase: EndpointPhase

    /// A change from its parts.
    public init(endpoint: UInt32, phase: EndpointPhase) {
        self.endpoint = endpoint
        self.phase = phase
    }
}

/// A Contact that the server holds for an endpoint; kept, so that it can be removed should the worker die (D5).
public struct Binding: Hashable, Sendable {
    /// Place in the run.
    public var endpoint: UInt32
    /// The Contact header's value exactly as it was registered.
    public var contact: String
    /// For how many seconds from now.
    public var expires: UInt32

    /// A binding from its parts.
    public init(endpoint: UInt32, contact: String, expires: UInt32) {
        self.endpoint = endpoint
        self.contact = contact
        self.expires = expires
    }
}

/// What a worker proves when it has let go of a segment.
public struct StopProof: Hashable, Sendable {
    /// Secrets still held; 0 or the worker is at fault.
    public var secretsHeld: Int
    /// Whether the secrets' pages could be locked while they were held.
    public var wasLocked: Bool
    /// Endpoints that were closed by force, because they outlived every bound.
    public var forced: Int

    /// A proof from its parts.
    public init(secretsHeld: Int, wasLocked: Bool, forced: Int) {
        self.secretsHeld = secretsHeld
        self.wasLocked = wasLocked
        self.forced = forced
    }
}

/// Why a worker could not play a segment, or stopped playing it.
public struct SegmentFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// The code of a registrar whose servers could not be found.
    public static let targetUnresolved = "target_unresolved"
    /// The code of a segment that stopped by itself, because the leases of its accounts were not renewed.
    public static let leaseExpired = "lease_expired"

    /// A fixed word: `targetUnresolved`, "no_descriptors", "secrets_not_opened".
    public var code: String
    /// What is wrong and what to do.
    public var text: String

    /// A failure from its parts.
    public init(code: String, text: String) {
        self.code = code
        self.text = text
    }

    /// The text.
    public var description: String { text }
}

/// What the controller says to a worker.
public enum ControllerFrame: Sendable {
    /// Play this; answer `ready` or `refused`.
    case assign(SegmentAssignment)
    /// Begin now.
    case start(RunID, fence: Int64)
    /// Hang up, un-register, forget; every endpoint is closed by force when `drain` has passed.
    case stop(RunID, fence: Int64, drain: Interval)
    /// The leases hold for a term more, counted from when the worker asked with this number.
    case renewed(RunID, fence: Int64, number: UInt64)
    /// The accounts may be somebody else's by now: send nothing more, forget.
    case revoke(RunID, fence: Int64)
}

/// What a worker says to the controller.
public enum WorkerFrame: Sendable {
    /// The first frame of a session.
    case hello(WorkerHello)
    /// At work, and in need of the accounts for another term; the controller renews the leases and answers `renewed`.
    case alive(RunID, number: UInt64)
    /// Secrets opened, ports bound.
    case ready(RunID)
    /// The segment cannot be played; nothing was sent to the target and nothing is held.
    case refused(RunID, SegmentFailure)
    /// What was counted in one second, all shards together.
    case window(RunID, Window)
    /// Endpoints that moved on, a batch.
    case phases(RunID, [PhaseChange])
    /// Endpoints that registered or refreshed, a batch.
    case bindings(RunID, [Binding])
    /// Endpoints that closed, a batch; each endpoint exactly once.
    case results(RunID, [EndpointResult])
    /// The messages of endpoints that closed: those that failed and a sample, a batch. They come before `stopped`.
    case traces(RunID, [EndpointTrace])
    /// All endpoints closed, secrets wiped; `failure` when the segment ended before its time.
    case stopped(RunID, StopProof, SegmentFailure?)

    /// Whether the run's course does not depend on it, so that a full link may drop it; `alive` comes again.
    public var isDetail: Bool {
        switch self {
        case .window, .phases, .traces, .alive: true
        case .hello, .ready, .refused, .bindings, .results, .stopped: false
        }
    }
}
