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

    /// Says that `id` is gone.
    public init(id: String) { self.id = id }
}
