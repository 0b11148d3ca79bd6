// SPDX-License-Identifier: Apache-2.0

import API
import Bedrock
import ControlPlane
import Domain
import NIOHTTP1
import Web

/// Where keys and audit log are: a local data folder or a server. The same values either way.
protocol KeyKeeper: Workplace {
    func vaultState() async throws -> VaultState
    /// Changes the master key. `newKeyFile` is a path here, and a name in the data folder of a server.
    func rotateMasterKey(newKeyFile: String?) async throws -> MasterKeyChange
    /// Changes a registrar's data key; hears how far it is where that can be known.
    func rotateDataKey(
        of registrar: String, progress: @escaping @Sendable (_ done: Int, _ all: Int) -> Void
    ) async throws -> DataKeyChange
    /// At most 500 entries after a place.
    func audit(after place: Int64) async throws -> [AuditRecord]
    func verifyAudit(head: [UInt8]?) async throws -> AuditCheck
}

extension LocalWorkplace: KeyKeeper {
    func vaultState() async throws -> VaultState { VaultState(try await plane.vault.status(by: .commandLine)) }

    func rotateMasterKey(newKeyFile: String?) async throws -> MasterKeyChange {
        MasterKeyChange(try await plane.vault.rotateMaster(newKeyFile: newKeyFile, by: .commandLine))
    }

    func rotateDataKey(
        of registrar: String, progress: @escaping @Sendable (_ done: Int, _ all: Int) -> Void
    ) async throws -> DataKeyChange {
        DataKeyChange(
            try await plane.vault.rotateDataKey(of: Self.id(registrar), by: .commandLine) {
                progress($0.resealed, $0.accounts)
            })
    }

    func audit(after place: Int64) async throws -> [AuditRecord] {
        try await plane.audit.entries(after: place, by: .commandLine).map(AuditRecord.init)
    }

    func verifyAudit(head: [UInt8]?) async throws -> AuditCheck {
        AuditCheck(try await plane.audit.verify(head: head, by: .commandLine))
    }
}

extension RemoteWorkplace: KeyKeeper {
    func vaultState() async throws -> VaultState { try await send(.GET, "/vault").data }

    func rotateMasterKey(newKeyFile: String?) async throws -> MasterKeyChange {
        try await send(.POST, "/vault/master-key/rotate", json: MasterKeyRequest(newKeyFile: newKeyFile)).data
    }

    func rotateDataKey(
        of registrar: String, progress: @escaping @Sendable (_ done: Int, _ all: Int) -> Void
    ) async throws -> DataKeyChange {
        try await send(.POST, "/registrars/\(registrar)/data-key/rotate").data
    }

    func audit(after place: Int64) async throws -> [AuditRecord] {
        try await send(.GET, "/audit?after=\(place)").data
    }

    func verifyAudit(head: [UInt8]?) async throws -> AuditCheck {
        try await send(.GET, "/audit/verify" + (head.map { "?head=\(AuditChain.text(of: $0))" } ?? "")).data
    }
}

extension Place {
    /// Opens where the keys are, lends it, closes it. `hold` is for a data folder.
    func withKeys<Result>(
        _ hold: DataFolder.Hold, _ body: (any KeyKeeper) async throws -> Result
    ) async throws -> Result {
        Logs.quiet()
        let keeper: any KeyKeeper
        if let server {
            keeper = try RemoteWorkplace(url: server)
        } else {
            keeper = try LocalWorkplace(path: folder, hold, keyFile: masterKeyFile)
        }
        let result: Result
        do {
            result = try await body(keeper)
        } catch {
            try? await keeper.close()
            throw error
        }
        try await keeper.close()
        return result
    }
}
