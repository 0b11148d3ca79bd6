// SPDX-License-Identifier: Apache-2.0

/// One entry of the audit log: who did what to what, when.
public struct AuditRecord: Codable, Sendable, Hashable {
    /// Its place, from 1, without gaps.
    public var sequence: Int64
    /// When, RFC 3339 in UTC.
    public var at: String
    /// Who.
    public var who: String
    /// What, as a fixed word.
    public var action: String
    /// To what.
    public var subject: String
    /// Counts and names, never a secret.
    public var details: String
    /// Its hash in the chain, 64 hexadecimal digits.
    public var hash: String

    /// An entry from its parts.
    public init(
        sequence: Int64, at: String, who: String, action: String, subject: String, details: String, hash: String
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

/// What a walk over the whole audit log found.
public struct AuditCheck: Codable, Sendable, Hashable {
    /// Whether every entry is there as it was written, as far as the log itself can tell.
    public var intact: Bool
    /// How many entries fit, up to the first that does not.
    public var entries: Int
    /// The hash of the last one that fits, 64 hexadecimal digits.
    public var head: String
    /// The entry that has the hash noted elsewhere; absent where none was given or found.
    public var notedAt: Int64?
    /// What is wrong, naming the entry; absent where nothing is.
    public var problem: String?

    /// A check's outcome from its parts.
    public init(intact: Bool, entries: Int, head: String, notedAt: Int64?, problem: String?) {
        self.intact = intact
        self.entries = entries
        self.head = head
        self.notedAt = notedAt
        self.problem = problem
    }
}
