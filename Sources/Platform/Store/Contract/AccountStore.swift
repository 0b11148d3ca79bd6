// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import Domain

/// Accounts. There is no operation that gives a sealed password back, except a lease.
public protocol AccountStore: Sendable {
    /// Adds one account after all others of the registrar, and what `audit` says to the audit log, in one transaction. Throws
    /// `notFound`, and `nameTaken` for its username.
    @discardableResult
    func add(
        _ account: NewAccount, to registrar: RegistrarID, at time: UnixTime, audit: @escaping @Sendable () -> AuditEntry
    ) async throws -> AccountSummary
    /// One page of a registrar's accounts.
    func accounts(of registrar: RegistrarID, _ query: AccountQuery) async throws -> Page<AccountSummary>
    /// One account; nil when there is none.
    func account(_ id: AccountID) async throws -> AccountSummary?
    /// How many accounts a registrar has and which runs hold how many. Throws `notFound`.
    func usage(of registrar: RegistrarID) async throws -> AccountUsage
    /// Deletes the selected accounts but those a live run holds, which are named (A7), and appends what `audit` says of it to
    /// the audit log, in one transaction.
    ///
    /// Throws `countChanged` and deletes nothing when `expectedCount` is given and another number is selected.
    func deleteAccounts(
        of registrar: RegistrarID, _ selection: AccountSelection, expectedCount: Int?,
        audit: @escaping @Sendable (AccountDeletion) -> AuditEntry
    ) async throws -> AccountDeletion
    /// Notes how registrations ended and which bindings still stand; accounts deleted meanwhile are passed over.
    ///
    /// With a fence only accounts that are lent under it are written to. Throws `leaseLost` when its leases are over.
    func record(_ updates: [RegistrationUpdate], under fence: LeaseFence?) async throws
}

/// Bulk import: rows go in chunks to where they stay, unseen until one short transaction publishes them (B6).
public protocol ImportStore: Sendable {
    /// Opens an import into a registrar. Throws `notFound`, and `importOpen` while another is open.
    func beginImport(_ id: ImportID, into registrar: RegistrarID, at time: UnixTime) async throws
    /// Adds accounts behind all others of the registrar, in the order of the chunk, which is that of their lines; nobody
    /// sees them before they are published. A username that the registrar has is skipped. Usernames within one import
    /// differ. Throws `importClosed`.
    @discardableResult
    func stage(_ chunk: StagedChunk, in id: ImportID) async throws -> Staging
    /// What staging a chunk into a registrar would do now, storing nothing (B7). Throws `notFound`.
    func preview(_ chunk: StagedChunk, into registrar: RegistrarID) async throws -> Staging
    /// Shows everybody what was staged, and appends what `audit` says to the audit log; takes as long for a million
    /// accounts as for one. Throws `importClosed`.
    func publish(_ id: ImportID, audit: @escaping @Sendable () -> AuditEntry) async throws
    /// Removes what was staged, in short transactions. An import that is over already is passed over.
    func abandon(_ id: ImportID) async throws
    /// Removes every import that is not published: they belong to a process that is gone. To be called at start only.
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
