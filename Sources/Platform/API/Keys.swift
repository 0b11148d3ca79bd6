// SPDX-License-Identifier: Apache-2.0

/// An API key as lists show it: never the key.
public struct Key: Codable, Sendable, Hashable {
    /// 26 characters.
    public var id: String
    /// What its owner called it.
    public var name: String
    /// `viewer`, `tester`, `editor` or `admin`.
    public var role: String
    /// When it was made, RFC 3339 in UTC.
    public var createdAt: String
    /// When it was revoked; absent while it works.
    public var revokedAt: String?

    /// A key's description from its parts.
    public init(id: String, name: String, role: String, createdAt: String, revokedAt: String?) {
        self.id = id
        self.name = name
        self.role = role
        self.createdAt = createdAt
        self.revokedAt = revokedAt
    }
}
