// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import Domain

/// Accounts. There is no operation that gives a sealed password back, except a lease.
public protocol AccountStore: Sendable {
    /// Adds one account after all others of the registrar. Throws `notFound`, and `nameTaken` for its username.
    @discardableResult
    func add(_ account: NewAccount, to registrar: RegistrarID, at time: UnixTime) async throws -> AccountSummary
    /// One page of a registrar's accounts.
    func accounts(of registrar: RegistrarID, _ query: AccountQuery) async throws -> Page<AccountSummary>
    /// One account; nil when there is none.
    func account(_ id: AccountID) async throws -> AccountSummary?
    /// How many accounts a registrar has and which runs hold how many. Throws `notFound`.
    func usage(of registrar: RegistrarID) async throws -> AccountUsage
    /// Deletes the selected accounts but those a live run holds, which are named (A7).
    ///
    /// Throws `countChanged` and deletes nothing when `expectedCount` is given and another number is selected.
    func deleteAccounts(
        of registrar: RegistrarID, _ selection: AccountSelection, expectedCount: Int?
    ) async throws -> AccountDeletion
    /// Notes how registrations ended and which bindings still stand; accounts deleted meanwhile are passed over.
    ///
    /// With a fence only accounts that are lent under it are written to. Throws `leaseLost` when its leases are over.
    func record(_ updates: [RegistrationUpdate], under fence: LeaseFence?) async throws
}

/// Bulk import: rows are staged in chunks, then one short transaction publishes them (B6).
public protocol ImportStore: Sendable {
    /// Opens an import into a registrar. Throws `notFound`.
    func beginImport(_ id: ImportID, into registrar: RegistrarID, at time: UnixTime) async throws
    /// Stages accounts, with the lines they came from, in rising order of lines. Usernames within one import differ.
    /// Throws `importClosed`.
    func stage(_ accounts: [StagedAccount], in id: ImportID) async throws
    /// Adds what was staged, in order of lines, and skips usernames the registrar has. Throws `importClosed`.
    func publish(_ id: ImportID, at time: UnixTime) async throws -> PublishedImport
    /// What publishing would do now, storing nothing (B7). Throws `importClosed`.
    func preview(_ id: ImportID) async throws -> PublishedImport
    /// Forgets what was staged. An import that is over already is passed over.
    func abandon(_ id: ImportID) async throws
    /// Forgets every import that is not published: they belong to a process that is gone. To be called at start only.
    /// Gives how many there were.
    @discardableResult
    func sweepImports() async throws -> Int
}

/// An account of an import with the line it came from.
public struct StagedAccount: Hashable, Sendable {
    /// The line, from 1.
    public var line: Int
    /// The account.
    public var account: NewAccount

    /// A staged account from its parts.
    public init(line: Int, account: NewAccount) {
        self.line = line
        self.account = account
    }
}
