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
            try Self.apply(body, to: &draft)
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
            try Self.apply(body, to: &draft)
            let registrar = try await plane.registrars.update(id, to: draft, by: caller)
            return try Answer.data(API.Registrar(registrar), context)
        }
        group.delete("registrars/{registrar}") { _, context in
            let id: RegistrarID = try context.id("registrar")
            try await plane.registrars.delete(id, by: context.principal())
            return try Answer.data(Deleted(id: id.description), context)
        }
    }

    private static func apply(_ body: RegistrarRequest, to draft: inout RegistrarDraft) throws(ControlPlaneError) {
        if let name = body.name { draft.name = name }
        if let domain = body.domain { draft.domain = domain }
        if let proxy = body.proxy { draft.outboundProxy = proxy.isEmpty ? nil : proxy }
        if let confirmed = body.confirmedPublic { draft.confirmedPublic = confirmed }
        if let port = body.port {
            guard let port = UInt16(exactly: port) else {
                throw ControlPlaneError(.invalid, "a port is 1 to 65535", details: ["field": "port"])
            }
            draft.port = port
        }
        if let expires = body.expires {
            guard let expires = UInt32(exactly: expires) else {
                throw ControlPlaneError(.invalid, "the expiry is a number of seconds", details: ["field": "expires"])
            }
            draft.expires = expires
        }
        if let word = body.transport {
            guard let transport = RegistrarTransport(rawValue: word) else {
                let words = RegistrarTransport.allCases.map(\.rawValue).joined(separator: ", ")
                throw ControlPlaneError(.invalid, "the transport is one of \(words)", details: ["field": "transport"])
            }
            draft.transport = transport
        }
    }
}

extension API.Registrar {
    init(_ registrar: Domain.Registrar) {
        self.init(
            id: registrar.id.description, projectId: registrar.project.description, name: registrar.name,
            domain: registrar.domain, port: registrar.port.map(Int.init), transport: registrar.transport.rawValue,
            proxy: registrar.outboundProxy, expires: Int(registrar.expires),
            confirmedPublic: registrar.confirmedPublic, createdAt: registrar.createdAt.text)
    }
}
