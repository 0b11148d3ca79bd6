// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// What a user or an API key may do; each role may all that the ones before it may.
public enum Role: String, Hashable, Sendable, Codable, CaseIterable, Comparable {
    /// Reads everything that is shown.
    case viewer
    /// Also starts and stops runs.
    case tester
    /// Also changes registrars, accounts and tests.
    case editor
    /// Also manages projects, API keys and users.
    case admin

    private var rank: Int {
        switch self {
        case .viewer: 0
        case .tester: 1
        case .editor: 2
        case .admin: 3
        }
    }

    /// Roles that may less come first.
    public static func < (left: Role, right: Role) -> Bool { left.rank < right.rank }

    /// Whether this role may do what needs at least `needed`.
    public func allows(_ needed: Role) -> Bool { self >= needed }
}

/// An API key without the key: it is known only by its hash.
public struct APIKeyRecord: Hashable, Sendable {
    /// How many bytes the hash has (SHA-256).
    public static let hashLength = 32

    /// Its identifier.
    public var id: APIKeyID
    /// What its owner calls it.
    public var name: String
    /// What it may do.
    public var role: Role
    /// The project it is confined to; nil for all.
    public var project: ProjectID?
    /// SHA-256 of the whole key, 32 bytes. The key has over 230 bits of chance, so no slow hash is needed.
    public var hash: [UInt8]
    /// When it was made.
    public var createdAt: UnixTime
    /// When it was last accepted; kept roughly, not for every request.
    public var lastUsedAt: UnixTime?
    /// When it was revoked; it is refused from then on.
    public var revokedAt: UnixTime?

    /// A record from its parts.
    public init(
        id: APIKeyID, name: String, role: Role, project: ProjectID? = nil, hash: [UInt8], createdAt: UnixTime,
        lastUsedAt: UnixTime? = nil, revokedAt: UnixTime? = nil
    ) {
        self.id = id
        self.name = name
        self.role = role
        self.project = project
        self.hash = hash
        self.createdAt = createdAt
        self.lastUsedAt = lastUsedAt
        self.revokedAt = revokedAt
    }
}

/// One line of the audit log: who did what to what, when; never a secret (E6).
public struct AuditEntry: Hashable, Sendable {
    /// Its place in the log, rising; 0 until it is appended.
    public var sequence: Int64
    /// When.
    public var at: UnixTime
    /// Who it was: "key cmk-name", "cli", "controller".
    public var who: String
    /// What, as a fixed word: "accounts.import", "run.start".
    public var action: String
    /// To what: the kind and identifier.
    public var subject: String
    /// Counts and names, never values of secrets.
    public var details: String
    /// Its hash in the chain (`AuditChain`), 32 bytes; empty until it is appended.
    public var hash: [UInt8]

    /// An entry from its parts.
    public init(
        sequence: Int64 = 0, at: UnixTime, who: String, action: String, subject: String, details: String = "",
        hash: [UInt8] = []
    ) {
        self.sequence = sequence
        self.at = at
        self.who = who
        self.action = action
        self.subject = subject
        self.details = details
        self.hash = hash
    }
}
