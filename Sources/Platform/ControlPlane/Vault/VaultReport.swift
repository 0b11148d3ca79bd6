// SPDX-License-Identifier: Apache-2.0

public import Domain
import Store
import Vault

/// What a check of database, keys and passwords found. Counts and sentences, never a value.
public struct VaultReport: Hashable, Sendable {
    /// A number with what it counts.
    public struct Count: Hashable, Sendable {
        /// What is counted.
        public var name: String
        /// How many.
        public var count: Int
    }

    /// What there is.
    public var counts: [Count]
    /// What a process that ended left, and the next start clears away; or what is under way.
    public var leftovers: [Count]
    /// How many passwords were opened.
    public var opened: Int
    /// What the audit log's chain says.
    public var audit: AuditFinding
    /// What is wrong; empty when all is well.
    public var problems: [String]

    /// Whether nothing is wrong.
    public var isSound: Bool { problems.isEmpty }
}

extension VaultUseCases {
    private static let page = 2_000
    /// Data keys held at once; each has a locked page, and those are scarce.
    private static let mostKeys = 128

    /// Checks everything that can be checked: the database's own consistency, its rules, the audit log's chain, and that every
    /// sealed password opens, in locked memory, one at a time. Others may go on meanwhile.
    public func verify(by principal: Principal) async throws(ControlPlaneError) -> VaultReport {
        try principal.require(.admin, in: nil)
        return try await services.perform("vaultVerify") {
            let inspection = try await services.store.inspect()
            var problems = inspection.problems
            let keys = try await checkKeys()
            if keys > 0 { problems.append("\(keys) data keys do not open under the master key") }
            let (opened, failed) = try await openAll()
            if failed > 0 { problems.append("\(failed) passwords do not open") }
            let audit = try await AuditUseCases(services: services).walk(noted: nil)
            if let fault = audit.fault { problems.append("the audit log: \(fault.text)") }
            return VaultReport(
                counts: inspection.counts.map { VaultReport.Count(name: $0.name, count: $0.count) },
                leftovers: inspection.leftovers.map { VaultReport.Count(name: $0.name, count: $0.count) },
                opened: opened, audit: audit, problems: problems)
        }
    }

    /// How many data keys do not open.
    private func checkKeys() async throws -> Int {
        var failed = 0
        for record in try await services.store.allDataKeys() where (try? services.vault.unwrap(record.key)) == nil {
            // Changed or removed since it was read?
            let again = try await services.store.dataKeys([record.key.id]).first
            if let again, (try? services.vault.unwrap(again)) == nil { failed += 1 }
        }
        return failed
    }

    private func openAll() async throws -> (opened: Int, failed: Int) {
        var ring: [KeyID: DataKey] = [:]
        var position: Int64 = 0
        var opened = 0
        var failed = 0
        while true {
            try Task.checkCancellation()
            let accounts = try await services.store.sealedAccounts(
                of: nil, only: nil, after: position, limit: Self.page)
            guard let last = accounts.last else { return (opened, failed) }
            for account in accounts {
                if try await opens(account, &ring) {
                    opened += 1
                    continue
                }
                // It may have been sealed anew, or deleted, since the page was read.
                let again = try await services.store.sealedAccounts(
                    of: nil, only: nil, after: account.position - 1, limit: 1
                ).first { $0.position == account.position }
                guard let again else { continue }
                if again != account, try await opens(again, &ring) { opened += 1 } else { failed += 1 }
            }
            position = last.position
        }
    }

    private func opens(_ account: SealedAccount, _ ring: inout [KeyID: DataKey]) async throws -> Bool {
        let id = account.secret.key
        if ring[id] == nil {
            if ring.count >= Self.mostKeys { ring.removeAll() }
            guard let wrapped = try await services.store.dataKeys([id]).first else { return false }
            ring[id] = try? services.vault.unwrap(wrapped)
        }
        guard let key = ring[id], key.registrar == account.registrar else { return false }
        return (try? key.open(account.secret, of: account.account) { _ in }) != nil
    }
}
