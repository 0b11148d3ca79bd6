// SPDX-License-Identifier: Apache-2.0

import API
import Bedrock
import ControlPlane
import Domain
import Hummingbird

/// `/vault`, `/vault/master-key/rotate`, `/registrars/{registrar}/data-key/rotate`, `/audit` and `/audit/verify`, for admins.
struct VaultRoutes {
    let plane: ControlPlane

    func add(to group: RouterGroup<CallContext>) {
        group.get("vault") { _, context in
            try Answer.data(VaultState(try await plane.vault.status(by: context.principal())), context)
        }
        group.post("vault/master-key/rotate") { request, context in
            let caller = try context.principal()
            let body = try await context.readIfAny(MasterKeyRequest.self, from: request)
            let change = try await plane.vault.rotateMaster(newKeyName: body?.newKeyFile, by: caller)
            return try Answer.data(MasterKeyChange(change), context)
        }
        group.post("registrars/{registrar}/data-key/rotate") { _, context in
            let change = try await plane.vault.rotateDataKey(of: context.id("registrar"), by: context.principal())
            return try Answer.data(DataKeyChange(change), context)
        }
        group.get("audit") { request, context in
            let place = try context.number("after", request) ?? 0
            let entries = try await plane.audit.entries(after: Int64(place), by: context.principal())
            return try Answer.data(entries.map(AuditRecord.init), context)
        }
        group.get("audit/verify") { request, context in
            var head: [UInt8]?
            if let text = request.uri.queryParameters["head"] {
                head = AuditChain.hash(text)
                guard head != nil else {
                    throw ControlPlaneError(
                        .invalid, "'head' is a hash of 64 hexadecimal digits", details: ["field": "head"])
                }
            }
            return try Answer.data(
                AuditCheck(try await plane.audit.verify(head: head, by: context.principal())), context)
        }
    }
}
