// SPDX-License-Identifier: Apache-2.0

public import Domain
import Store

/// The append-only log of what was done to secrets and settings (E6).
public struct AuditUseCases: Sendable {
    let services: Services

    /// Entries after a place, oldest first, at most 500. Needs admin over all projects.
    public func entries(after sequence: Int64 = 0, by principal: Principal) async throws(ControlPlaneError)
        -> [AuditEntry]
    {
        try principal.require(.admin, in: nil)
        return try await services.perform("audit") { try await services.store.audit(after: sequence) }
    }
}
