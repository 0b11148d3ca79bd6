// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Store
import Vault

extension Services {
    /// A rotation takes a key away between its reading and its use at most this often in a row.
    private static let mostReadings = 20
    /// Between readings: the moment in which the database names the new master key and the vault does not yet.
    private static let pause = Duration.milliseconds(10)

    /// The key a registrar's secrets are sealed under now; made with its first account.
    func dataKey(of registrar: RegistrarID) async throws(ControlPlaneError) -> DataKey {
        try await perform("dataKey") {
            try await followingRotation {
                if let known = try await store.dataKey(of: registrar) { return try vault.unwrap(known) }
                let fresh = try vault.makeDataKey(newID(), for: registrar, at: clock())
                // Another writer may have been quicker: the store says which key it is.
                return try vault.unwrap(try await store.addDataKey(fresh))
            }
        }
    }

    /// Sealed values as they are now, with the keys they open under: a rotation may have sealed them anew between the two
    /// readings.
    func openable(
        _ read: () async throws -> [SealedSecret]
    ) async throws -> (secrets: [SealedSecret], keys: [KeyID: DataKey]) {
        for _ in 1...Self.mostReadings {
            let secrets = try await read()
            let keys = try await dataKeys(of: secrets)
            if secrets.allSatisfy({ keys[$0.key] != nil }) { return (secrets, keys) }
        }
        throw VaultError.wrongKey
    }

    /// The keys these secrets were sealed under; those that are gone are left out.
    func dataKeys(of secrets: [SealedSecret]) async throws -> [KeyID: DataKey] {
        let ids = Array(Set(secrets.map(\.key)))
        return try await followingRotation {
            var keys: [KeyID: DataKey] = [:]
            for wrapped in try await store.dataKeys(ids) { keys[wrapped.id] = try vault.unwrap(wrapped) }
            return keys
        }
    }

    /// Does it again when the master key was changed under it.
    func followingRotation<Result>(_ body: () async throws -> Result) async throws -> Result {
        for _ in 1..<Self.mostReadings {
            do {
                return try await body()
            } catch let error as VaultError where error == .wrongKey {
                try await Task.sleep(for: Self.pause)
            } catch let error as StoreError where error == .otherMasterKey || error == .keyLeaving {
                try await Task.sleep(for: Self.pause)
            }
        }
        return try await body()
    }
}
