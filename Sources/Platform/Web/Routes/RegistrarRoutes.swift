// SPDX-License-Identifier: Apache-2.0

import API
import Bedrock
import ControlPlane
import Domain
import Hummingbird

/// `/projects/{project}/registrars` and `/registrars/{registrar}`.
struct RegistrarRoutes {
    let plane: ControlPlane

    func add(to group: RouterGroup<CallContext>) {
        group.get("projects/{project}/registrars") { _, context in
            let registrars = try await plane.registrars.list(of: context.id("project"), by: context.principal())
            return try Answer.data(registrars.map(API.Registrar.init), context)
        }
        group.post("projects/{project}/registrars") { request, context in
            let body = try await context.read(RegistrarRequest.self, from: request)
            var draft = RegistrarDraft(name: body.name ?? "", domain: body.domain ?? "")
            try draft.apply(body)
            let registrar = try await plane.registrars.create(
                draft, in: context.id("project"), by: context.principal())
            return try Answer.data(API.Registrar(registrar), context, status: .created)
        }
        group.get("registrars/{registrar}") { _, context in
            let registrar = try await plane.registrars.get(context.id("registrar"), by: context.principal())
            return try Answer.data(API.Registrar(registrar), context)
        }
        group.patch("registrars/{registrar}") { request, context in
            let body = try await context.read(RegistrarRequest.self, from: request)
            let id: RegistrarID = try context.id("registrar")
            let caller = try context.principal()
            var draft = RegistrarDraft(try await plane.registrars.get(id, by: caller))
            try draft.apply(body)
            let registrar = try await plane.registrars.update(id, to: draft, by: caller)
            return try Answer.data(API.Registrar(registrar), context)
        }
        group.get("registrars/{registrar}/deletion") { _, context in
            let deletion = try await plane.registrars.deletion(context.id("registrar"), by: context.principal())
            return try Answer.data(API.Deletion(deletion), context)
        }
        group.delete("registrars/{registrar}") { _, context in
            let id: RegistrarID = try context.id("registrar")
            let deletion = try await plane.registrars.delete(id, by: context.principal())
            return try Answer.data(Deleted(id: id.description, deletion: API.Deletion(deletion)), context)
        }
    }
}
