// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Store
import Vault

/// Rotation of a list (A5): read and sealed as an import is, then all passwords replaced in one transaction, or none.
struct RotateAccounts: Sendable {
    let services: Services
    let importer: ImportAccounts

    /// Rotates what `read` gives until it gives 0 bytes. One bad line, unknown username or held account, and nothing changes;
    /// the report says which. A dry run says the same and changes nothing either.
    func run(
        of registrar: RegistrarID, as format: ImportFormat, dryRun: Bool, by principal: Principal,
        progress: (@Sendable (ImportProgress) -> Void)? = nil,
        reading read: (UnsafeMutableRawBufferPointer) async throws -> Int
    ) async throws(ControlPlaneError) -> ImportReport {
        try await services.perform("rotate") {
            let id: ImportID = services.newID()
            let store = services.store
            try await store.beginRotation(id, of: registrar, at: services.clock())
            do {
                // Asked for within the rotation: while that is open, the key stays.
                let key = try await services.dataKey(of: registrar)
                let list = try await importer.walk(format, key: key, progress, reading: read) { chunk in
                    try await store.stageRotation(chunk, in: id)
                    return Staging()
                }
                let (now, who) = (services.clock(), principal.name)
                let rotation = try await store.rotate(
                    id, columns: list.columns, apply: !dryRun && list.tally.failed == 0, at: now
                ) { done in
                    AuditEntry(
                        at: now, who: who, action: "accounts.rotate", subject: "registrar \(registrar)",
                        details: "\(done.rotated) rotated")
                }
                return list.tally.report(rotation)
            } catch {
                // In a task of its own: a cancelled one is refused by the store. What cannot be removed now is at the
                // next start.
                await Task { try? await store.abandonRotation(id) }.value
                throw error
            }
        }
    }
}
