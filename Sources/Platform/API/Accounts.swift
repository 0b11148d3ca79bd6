// SPDX-License-Identifier: Apache-2.0

/// An account as the API shows it: never its password, not even the length (A5, A6).
public struct Account: Codable, Sendable, Hashable {
    /// 26 characters.
    public var id: String
    /// The order of addition, from 1.
    public var position: Int
    /// The auth user.
    public var username: String
    /// The fixed realm; absent means it is taken from the challenge.
    public var realm: String?
    /// The extension where it differs from the username.
    public var `extension`: String?
    /// When it was added, RFC 3339 in UTC.
    public var createdAt: String
    /// The run that holds it now.
    public var inUseBy: String?
    /// The endpoint of that run which has it, from 0.
    public var inUseEndpoint: Int?
    /// How its last registration went.
    public var lastRegistration: LastRegistration?

    /// An account from its parts.
    public init(
        id: String, position: Int, username: String, realm: String?, extension: String?, createdAt: String,
        inUseBy: String?, inUseEndpoint: Int? = nil, lastRegistration: LastRegistration?
    ) {
        self.id = id
        self.position = position
        self.username = username
        self.realm = realm
        self.extension = `extension`
        self.createdAt = createdAt
        self.inUseBy = inUseBy
        self.inUseEndpoint = inUseEndpoint
        self.lastRegistration = lastRegistration
    }
}

/// How an account's last registration went.
public struct LastRegistration: Codable, Sendable, Hashable {
    /// In words: `registered`, or the status that refused it.
    public var result: String
    /// When, RFC 3339 in UTC.
    public var at: String?

    /// A result from its parts.
    public init(result: String, at: String?) {
        self.result = result
        self.at = at
    }
}

/// What an import or a rotation did (B5); the same object in page, API and command line.
public struct ImportReport: Codable, Sendable, Hashable {
    /// Accounts added.
    public var created: Int
    /// Accounts that were there already; their passwords were not touched.
    public var skipped: Int
    /// Lines refused.
    public var failed: Int
    /// Accounts that got a new password, all of a list or none; always 0 for an import.
    public var rotated: Int
    /// How many lines were refused or skipped for each reason.
    public var failedByReason: [String: Int]
    /// The first refused and skipped lines, at most 1,000.
    public var problems: [LineProblem]
    /// Counted remarks that refused nothing.
    public var warnings: [String]
    /// Whether this was a dry run, which stores nothing.
    public var dryRun: Bool

    /// A report from its parts.
    public init(
        created: Int, skipped: Int, failed: Int, rotated: Int = 0, failedByReason: [String: Int],
        problems: [LineProblem], warnings: [String], dryRun: Bool
    ) {
        self.created = created
        self.skipped = skipped
        self.failed = failed
        self.rotated = rotated
        self.failedByReason = failedByReason
        self.problems = problems
        self.warnings = warnings
        self.dryRun = dryRun
    }
}

/// One refused or skipped line of an import. Never holds a password.
public struct LineProblem: Codable, Sendable, Hashable {
    /// The line, from 1.
    public var line: Int
    /// The username, only where the line has exactly one colon and a valid username.
    public var username: String?
    /// Why, in words.
    public var reason: String

    /// A problem from its parts.
    public init(line: Int, username: String?, reason: String) {
        self.line = line
        self.username = username
        self.reason = reason
    }
}

/// Body of `POST /registrars/{registrar}/accounts/delete`: one of `ids`, `q` and `all`.
public struct AccountDeletionRequest: Codable, Sendable, Hashable {
    /// These accounts.
    public var ids: [String]?
    /// All whose username holds this text.
    public var q: String?
    /// Every account of the registrar.
    public var all: Bool?
    /// How many the caller means to delete; needed with `q` and `all`, a different number deletes nothing.
    public var expectedCount: Int?

    /// A request from its parts.
    public init(ids: [String]? = nil, q: String? = nil, all: Bool? = nil, expectedCount: Int? = nil) {
        self.ids = ids
        self.q = q
        self.all = all
        self.expectedCount = expectedCount
    }
}

/// What a deletion of accounts did.
public struct AccountDeletionReport: Codable, Sendable, Hashable {
    /// How many are gone.
    public var deleted: Int
    /// How many a live run holds; they stay (A7).
    public var refusedCount: Int
    /// The first of those, at most 1,000.
    public var refused: [RefusedAccount]
    /// Saved tests that have too few accounts now, at most 100.
    public var shortTests: [ShortTest]

    /// A report from its parts.
    public init(deleted: Int, refusedCount: Int, refused: [RefusedAccount], shortTests: [ShortTest] = []) {
        self.deleted = deleted
        self.refusedCount = refusedCount
        self.refused = refused
        self.shortTests = shortTests
    }
}

/// A saved test that has too few accounts at a registrar.
public struct ShortTest: Codable, Sendable, Hashable {
    /// The test.
    public var id: String
    /// Its name.
    public var name: String
    /// Accounts it needs.
    public var needed: Int
    /// Accounts there are.
    public var total: Int
    /// How many of the needed are not free.
    public var missing: Int

    /// A short test from its parts.
    public init(id: String, name: String, needed: Int, total: Int, missing: Int) {
        self.id = id
        self.name = name
        self.needed = needed
        self.total = total
        self.missing = missing
    }
}

/// An account that was not deleted.
public struct RefusedAccount: Codable, Sendable, Hashable {
    /// The account.
    public var id: String
    /// Its username.
    public var username: String
    /// The run that holds it.
    public var heldBy: String

    /// A refusal from its parts.
    public init(id: String, username: String, heldBy: String) {
        self.id = id
        self.username = username
        self.heldBy = heldBy
    }
}

/// How a registrar's accounts stand against a number of endpoints.
public struct AccountUsage: Codable, Sendable, Hashable {
    /// Accounts of the registrar.
    public var total: Int
    /// Of those, held by live runs.
    public var inUse: Int
    /// Of those, free.
    public var free: Int
    /// Accounts asked for.
    public var needed: Int
    /// How many of the needed are not free.
    public var missing: Int
    /// The runs that hold some, oldest first (C4).
    public var holders: [Holder]
    /// How large a pool for that many endpoints should be, in words (C5).
    public var advice: String?

    /// A run that holds accounts.
    public struct Holder: Codable, Sendable, Hashable {
        /// The run.
        public var run: String
        /// How many it holds.
        public var accounts: Int

        /// A holder from its parts.
        public init(run: String, accounts: Int) {
            self.run = run
            self.accounts = accounts
        }
    }

    /// Usage from its parts.
    public init(
        total: Int, inUse: Int, free: Int, needed: Int, missing: Int, holders: [Holder] = [], advice: String?
    ) {
        self.total = total
        self.inUse = inUse
        self.holders = holders
        self.free = free
        self.needed = needed
        self.missing = missing
        self.advice = advice
    }
}
