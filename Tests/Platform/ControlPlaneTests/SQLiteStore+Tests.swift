// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Store
import Vault

extension SQLiteStore {
    /// A store in memory whose audit log is chained as it is everywhere.
    static func inMemory() throws -> SQLiteStore { try inMemory(hash: Fingerprint.sha256) }

    /// A store in a file whose audit log is chained as it is everywhere.
    convenience init(path: String) throws { try self.init(path: path, hash: Fingerprint.sha256) }
}

extension AccountStore {
    /// Adds an account on behalf of nobody in particular.
    @discardableResult
    func add(
        _ account: NewAccount, to registrar: RegistrarID, at time: UnixTime
    ) async throws -> AccountSummary {
        try await add(account, to: registrar, at: time) {
            AuditEntry(at: time, who: "test", action: "accounts.add", subject: "\(registrar)")
        }
    }

    /// Deletes accounts on behalf of nobody in particular.
    @discardableResult
    func deleteAccounts(
        of registrar: RegistrarID, _ selection: AccountSelection, expectedCount: Int?
    ) async throws -> AccountDeletion {
        try await deleteAccounts(of: registrar, selection, expectedCount: expectedCount) { _ in
            AuditEntry(
                at: UnixTime(nanoseconds: 0), who: "test", action: "accounts.delete", subject: "\(registrar)")
        }
    }
}
