// SPDX-License-Identifier: Apache-2.0

/// A test as the API shows it.
public struct Test: Codable, Sendable, Hashable {
    /// 26 characters.
    public var id: String
    /// The project it belongs to.
    public var projectId: String
    /// Its name.
    public var name: String
    /// The test file as JSON, same keys as in YAML; absent in lists.
    public var definition: JSONValue?
    /// What would keep a run from starting now, in words (C4). Saving is allowed all the same.
    public var warnings: [String]
    /// When it was made, RFC 3339 in UTC.
    public var createdAt: String
    /// When it was last changed, RFC 3339 in UTC.
    public var updatedAt: String

    /// A test from its parts.
    public init(
        id: String, projectId: String, name: String, definition: JSONValue?, warnings: [String], createdAt: String,
        updatedAt: String
    ) {
        self.id = id
        self.projectId = projectId
        self.name = name
        self.definition = definition
        self.warnings = warnings
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}

/// Answer to `POST /tests/{test}/check`.
public struct CheckReport: Codable, Sendable, Hashable {
    /// Whether a run started now would get its accounts and find no problem.
    public var ready: Bool
    /// Accounts for each registrar of the test.
    public var registrars: [RegistrarCheck]
    /// What is wrong, in words.
    public var problems: [String]

    /// A check from its parts.
    public init(ready: Bool, registrars: [RegistrarCheck], problems: [String]) {
        self.ready = ready
        self.registrars = registrars
        self.problems = problems
    }
}

/// Accounts that a test needs from one registrar.
public struct RegistrarCheck: Codable, Sendable, Hashable {
    /// The registrar's name.
    public var registrar: String
    /// Accounts the test needs from it.
    public var needed: Int
    /// Accounts of the registrar.
    public var total: Int
    /// Of those, held by live runs.
    public var inUse: Int
    /// Of those, free.
    public var free: Int
    /// How many of the needed are not free.
    public var missing: Int
    /// The runs that hold some, oldest first.
    public var heldBy: [RunHolding]

    /// Numbers of one registrar.
    public init(
        registrar: String, needed: Int, total: Int, inUse: Int, free: Int, missing: Int, heldBy: [RunHolding] = []
    ) {
        self.registrar = registrar
        self.needed = needed
        self.total = total
        self.inUse = inUse
        self.free = free
        self.missing = missing
        self.heldBy = heldBy
    }
}

/// How many accounts of a registrar a run holds.
public struct RunHolding: Codable, Sendable, Hashable {
    /// The run.
    public var run: String
    /// How many.
    public var accounts: Int

    /// A holding from its parts.
    public init(run: String, accounts: Int) {
        self.run = run
        self.accounts = accounts
    }
}
