// SPDX-License-Identifier: Apache-2.0

/// A project as the API shows it.
public struct Project: Codable, Sendable, Hashable {
    /// 26 characters.
    public var id: String
    /// Unique among projects.
    public var name: String
    /// When it was made, RFC 3339 in UTC.
    public var createdAt: String

    /// A project from its parts.
    public init(id: String, name: String, createdAt: String) {
        self.id = id
        self.name = name
        self.createdAt = createdAt
    }
}

/// Body of `POST /projects` and `PATCH /projects/{project}`.
public struct ProjectRequest: Codable, Sendable, Hashable {
    /// The project's name.
    public var name: String

    /// A request to make or rename a project.
    public init(name: String) { self.name = name }
}

/// Answer to a deletion.
public struct Deleted: Codable, Sendable, Hashable {
    /// What was deleted.
    public var id: String
    /// What went with a registrar or project, and what stays.
    public var deletion: Deletion?

    /// Says that `id` is gone.
    public init(id: String, deletion: Deletion? = nil) {
        self.id = id
        self.deletion = deletion
    }
}

/// What goes with a registrar or project that is deleted, and what stays.
public struct Deletion: Codable, Sendable, Hashable {
    /// The name of what is deleted.
    public var name: String
    /// Registrars that go.
    public var registrars: Int
    /// Accounts that go, with the keys that open their passwords.
    public var accounts: Int
    /// Saved tests that go.
    public var tests: Int
    /// API keys that go.
    public var apiKeys: Int
    /// Runs that stay with all their results (G4).
    public var runsThatStay: Int
    /// Runs that are not over; while there is one, nothing is deleted.
    public var inUseBy: [String]
    /// Names of tests that stay and cannot run without what goes, at most 100.
    public var affectedTests: [String]
    /// The same in words.
    public var text: String

    /// A deletion from its parts.
    public init(
        name: String, registrars: Int, accounts: Int, tests: Int, apiKeys: Int, runsThatStay: Int, inUseBy: [String],
        affectedTests: [String], text: String
    ) {
        self.name = name
        self.registrars = registrars
        self.accounts = accounts
        self.tests = tests
        self.apiKeys = apiKeys
        self.runsThatStay = runsThatStay
        self.inUseBy = inUseBy
        self.affectedTests = affectedTests
        self.text = text
    }
}
