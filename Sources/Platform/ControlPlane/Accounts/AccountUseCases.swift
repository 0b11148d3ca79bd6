// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import Domain
import Store
import Vault

/// How many accounts a registrar has for a number of endpoints (C4, C5).
public struct UsageReport: Hashable, Sendable {
    /// What there is and who holds it.
    public var usage: AccountUsage
    /// How many are needed; 0 when no number was asked for.
    public var needed: Int
    /// How many must be added, or come free.
    public var missing: Int
    /// How large a pool to keep for that many endpoints; nil when no number was asked for.
    public var advisedPool: Int?
}

/// SIP accounts: added, listed, counted, deleted. There is no way to read a password back or to change one in place (A5).
public struct AccountUseCases: Sendable {
    let services: Services
    let importer: ImportAccounts
    let rotator: RotateAccounts

    init(services: Services) {
        self.services = services
        importer = ImportAccounts(services: services)
        rotator = RotateAccounts(services: services, importer: importer)
    }

    /// Adds one account; the password may hold a colon (A3). Needs editor. Throws `invalid`, `nameTaken`.
    public func add(
        username: String, password: borrowing SecretBytes, realm: String? = nil, extensionNumber: String? = nil,
        to id: RegistrarID, by principal: Principal
    ) async throws(ControlPlaneError) -> AccountSummary {
        _ = try await services.registrar(id, role: .editor, by: principal)
        let fault =
            Array(username.utf8).withUnsafeBytes { AccountRules.fault(username: $0) }
            ?? password.withBytes { AccountRules.fault(password: $0) }
            ?? realm.flatMap { AccountRules.fault(realm: $0) }
            ?? extensionNumber.flatMap { AccountRules.fault(extensionNumber: $0) }
        if let fault { throw .from(fault) }
        let accountID: AccountID = services.newID()
        return try await services.perform("addAccount") {
            // A data key that is replaced between sealing and keeping is refused: then it is sealed again.
            try await services.followingRotation {
                let key = try await services.dataKey(of: id)
                let sealed = try password.withBytes { try key.seal($0, for: accountID) }
                let account = NewAccount(
                    id: accountID, username: username, realm: realm.flatMap { $0.isEmpty ? nil : $0 },
                    extensionNumber: extensionNumber.flatMap { $0.isEmpty ? nil : $0 }, secret: sealed)
                let entry = services.entry(principal, "accounts.add", "registrar \(id)", "1 account")
                return try await services.store.add(account, to: id, at: entry.at) { entry }
            }
        }
    }

    /// Imports a list of accounts (B1–B8): see `ImportAccounts.run`. Needs editor. Throws `invalid` for a list that is none of
    /// its format, and `wrongStatus` while another import into the registrar is under way.
    ///
    /// `progress` is called after every chunk and at the end.
    public func importLines(
        into id: RegistrarID, as format: ImportFormat = .lines, dryRun: Bool, by principal: Principal,
        progress: (@Sendable (ImportProgress) -> Void)? = nil,
        reading read: (UnsafeMutableRawBufferPointer) async throws -> Int
    ) async throws(ControlPlaneError) -> ImportReport {
        _ = try await services.registrar(id, role: .editor, by: principal)
        return try await importer.run(
            into: id, as: format, dryRun: dryRun, by: principal, progress: progress, reading: read)
    }

    /// Gives the accounts of a list new passwords, all of them or none (A5): see `RotateAccounts.run`. Needs editor. Throws
    /// `invalid` for a list that is none of its format.
    public func rotate(
        of id: RegistrarID, as format: ImportFormat = .lines, dryRun: Bool, by principal: Principal,
        progress: (@Sendable (ImportProgress) -> Void)? = nil,
        reading read: (UnsafeMutableRawBufferPointer) async throws -> Int
    ) async throws(ControlPlaneError) -> ImportReport {
        _ = try await services.registrar(id, role: .editor, by: principal)
        return try await rotator.run(
            of: id, as: format, dryRun: dryRun, by: principal, progress: progress, reading: read)
    }

    /// One page of a registrar's accounts.
    public func list(
        of id: RegistrarID, _ query: AccountQuery = AccountQuery(), by principal: Principal
    ) async throws(ControlPlaneError) -> Page<AccountSummary> {
        _ = try await services.registrar(id, role: .viewer, by: principal)
        return try await services.perform("accounts") { try await services.store.accounts(of: id, query) }
    }

    /// One account. Throws `notFound`.
    public func get(_ id: AccountID, by principal: Principal) async throws(ControlPlaneError) -> AccountSummary {
        let account = try await services.perform("account") { try await services.store.account(id) }
        guard let account else { throw .notFound("account", id) }
        _ = try await services.registrar(account.registrar, role: .viewer, by: principal)
        return account
    }

    /// Deletes accounts but those a live run holds, which the answer names (A7), and says which tests have too few then. Needs
    /// editor. Throws `countChanged`.
    public func delete(
        of id: RegistrarID, _ selection: AccountSelection, expectedCount: Int? = nil, by principal: Principal
    ) async throws(ControlPlaneError) -> AccountDeletion {
        let registrar = try await services.registrar(id, role: .editor, by: principal)
        return try await services.perform("deleteAccounts") {
            var deletion = try await services.store.deleteAccounts(
                of: id, selection, expectedCount: expectedCount
            ) { [services] deletion in
                services.entry(
                    principal, "accounts.delete", "registrar \(id)",
                    "\(deletion.deleted) deleted, \(deletion.refusedCount) in use")
            }
            if deletion.deleted > 0 { deletion.shortTests = try await services.shortTests(at: registrar) }
            return deletion
        }
    }

    /// Deletes one account. Needs editor. Throws `notFound`, and `inUse` with the run that holds it.
    public func delete(_ id: AccountID, by principal: Principal) async throws(ControlPlaneError) {
        let account = try await get(id, by: principal)
        let deletion = try await delete(of: account.registrar, .ids([id]), by: principal)
        if let held = deletion.refused.first {
            throw ControlPlaneError(
                .inUse, "account \(held.username) is in use by run \(held.run); wait for its end or stop it",
                details: ["runs": "\(held.run)"])
        }
    }

    /// How many accounts there are, who holds them, and whether they suffice for `endpoints`.
    public func usage(
        of id: RegistrarID, endpoints: Int? = nil, by principal: Principal
    ) async throws(ControlPlaneError) -> UsageReport {
        _ = try await services.registrar(id, role: .viewer, by: principal)
        let usage = try await services.perform("usage") { try await services.store.usage(of: id) }
        let needed = max(0, endpoints ?? 0)
        return UsageReport(
            usage: usage, needed: needed, missing: AccountShortage(needs: needed, usage: usage).missing,
            advisedPool: endpoints.map { Demand.advisedPool(endpoints: $0) })
    }
}
