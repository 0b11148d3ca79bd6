// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Store
import Vault

extension Services {
    /// The key a registrar's secrets are sealed under now; made with its first account.
    func dataKey(of registrar: RegistrarID) async throws(ControlPlaneError) -> DataKey {
        try await perform("dataKey") {
            if let known = try await store.dataKey(of: registrar) { return try vault.unwrap(known) }
            let fresh = try vault.makeDataKey(newID(), for: registrar, at: clock())
            // Another writer may have been quicker: the store says which key it is.
            return try vault.unwrap(try await store.addDataKey(fresh))
        }
    }

    /// The keys these secrets were sealed under.
    func dataKeys(of secrets: [SealedSecret]) async throws -> [KeyID: DataKey] {
        var keys: [KeyID: DataKey] = [:]
        for wrapped in try await store.dataKeys(Array(Set(secrets.map(\.key)))) {
            keys[wrapped.id] = try vault.unwrap(wrapped)
        }
        return keys
    }
}
