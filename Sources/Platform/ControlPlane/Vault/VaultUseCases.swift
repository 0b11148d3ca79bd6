// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import Domain
import Glibc
import Logging
import Store
import Vault

/// The keys that seal the passwords: what there is, whether all is well, and how keys are changed while everything goes on (E1).
/// Everything here needs admin over all projects.
public struct VaultUseCases: Sendable {
    /// What there is, without any key.
    public struct Status: Hashable, Sendable {
        /// Names the master key that the database is under; nil while nothing was ever sealed.
        public var masterKey: KeyID?
        /// Where this process has it from, in words.
        public var source: String
        /// The same as one word: `file`, `environment`, `credential`, `process`.
        public var sourceKind: String
        /// Whether the master key's page is locked in memory.
        public var isLocked: Bool
        /// How many data keys there are.
        public var dataKeys: Int
        /// Registrars whose data key is being changed, or was when a process ended.
        public var leaving: [RegistrarID]
        /// How far those are that this process changes.
        public var progress: [RegistrarID: RotationProgress]
        /// The place of the last audit entry, and its hash.
        public var auditEntries: Int64
        /// The hash of the last audit entry.
        public var auditHead: [UInt8]
    }

    /// A changed master key.
    public struct MasterRotation: Hashable, Sendable {
        /// The key that was; what it opens is in earlier backups only.
        public var old: KeyID
        /// The key that is.
        public var new: KeyID
        /// How many data keys were wrapped anew.
        public var dataKeys: Int
        /// What could not be finished on disk, in words; nil when all is well.
        public var warning: String?
    }

    let services: Services

    /// What there is.
    public func status(by principal: Principal) async throws(ControlPlaneError) -> Status {
        try principal.require(.admin, in: nil)
        return try await services.perform("vaultStatus") {
            let keys = try await services.store.allDataKeys()
            let end = try await services.store.auditEnd()
            return Status(
                masterKey: try await services.store.masterKey(), source: services.vault.source.words,
                sourceKind: services.vault.source.kind, isLocked: services.vault.isLocked, dataKeys: keys.count,
                leaving: keys.filter(\.isLeaving).map(\.key.registrar), progress: services.rotations.progress,
                auditEntries: end.appended, auditHead: end.head)
        }
    }

    /// Changes the master key and wraps every data key under the new one, in one transaction, while everything goes on.
    ///
    /// `newKeyFile` says where the new key is written when the present one came from where nothing can be written. Throws
    /// `wrongStatus` while another change goes on.
    public func rotateMaster(
        newKeyFile: String? = nil, by principal: Principal
    ) async throws(ControlPlaneError) -> MasterRotation {
        try principal.require(.admin, in: nil)
        return try await services.perform("rotateMaster") {
            let vault = services.vault
            let old = vault.masterID
            let new = try vault.prepareRotation(newKeyFile: newKeyFile)
            let at = services.clock()
            let count: Int
            do {
                count = try await services.store.rewrapDataKeys(
                    from: old, to: new,
                    audit: { count in
                        AuditEntry(
                            at: at, who: principal.name, action: "vault.rotate-master", subject: "master key \(new)",
                            details: "\(count) data keys, from master key \(old)")
                    },
                    { try vault.rewrap($0) })
            } catch {
                // The answer may be lost where the transaction is not: the database says which key it is under.
                if try await services.store.masterKey() != new {
                    vault.abandonRotation()
                } else {
                    try vault.completeRotation()
                }
                throw error
            }
            var rotation = MasterRotation(old: old, new: new, dataKeys: count, warning: nil)
            do throws(VaultError) {
                try vault.completeRotation()
            } catch {
                services.logger.error("the new master key's file", metadata: ["text": "\(error)"])
                rotation.warning = error.description
            }
            // What was wrapped under the old master key is now in no file any more.
            await services.store.forget()
            return rotation
        }
    }

    /// The same for a caller from elsewhere, who may name a file for the new key, but only one in the folder that the process was
    /// told to keep keys in.
    public func rotateMaster(
        newKeyName: String?, by principal: Principal
    ) async throws(ControlPlaneError) -> MasterRotation {
        guard let newKeyName else { return try await rotateMaster(newKeyFile: nil, by: principal) }
        try principal.require(.admin, in: nil)
        guard let folder = services.keyFolder else {
            throw ControlPlaneError(
                .invalid, "this server has no folder for key files", details: ["field": "newKeyFile"])
        }
        let isPlain = newKeyName.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
            default: false
            }
        }
        guard isPlain, newKeyName.hasSuffix(".key"), !newKeyName.hasPrefix("."), newKeyName.utf8.count <= 64 else {
            throw ControlPlaneError(
                .invalid,
                "'newKeyFile' is a file's name in the data folder: letters, digits, '-', '_', '.', ending in .key",
                details: ["field": "newKeyFile"])
        }
        return try await rotateMaster(newKeyFile: folder + "/" + newKeyName, by: principal)
    }
}
