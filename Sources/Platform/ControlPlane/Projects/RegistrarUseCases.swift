// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import Domain
import Store

/// What can be chosen of a registrar.
public struct RegistrarDraft: Hashable, Sendable {
    /// Its name, unique within the project.
    public var name: String
    /// Host name or IP address: host part of addresses-of-record and Request-URIs.
    public var domain: String
    /// 1…65535; nil for the transport's default.
    public var port: UInt16?
    /// How SIP reaches it.
    public var transport: RegistrarTransport
    /// `host` or `host:port` that requests are sent to instead of the domain.
    public var outboundProxy: String?
    /// The DNS server that is asked for its name, `ADDRESS` or `ADDRESS:PORT`; nil for the system's.
    public var dns: String?
    /// The expiry asked for, 1…86,400 seconds.
    public var expires: UInt32
    /// Whether load may go to it although it is outside private address ranges (H5).
    public var confirmedPublic: Bool

    /// A draft from its parts.
    public init(
        name: String, domain: String, port: UInt16? = nil, transport: RegistrarTransport = .udp,
        outboundProxy: String? = nil, dns: String? = nil, expires: UInt32 = Registrar.defaultExpires,
        confirmedPublic: Bool = false
    ) {
        self.name = name
        self.domain = domain
        self.port = port
        self.transport = transport
        self.outboundProxy = outboundProxy
        self.dns = dns
        self.expires = expires
        self.confirmedPublic = confirmedPublic
    }

    /// A draft that changes nothing of `registrar`, to be changed.
    public init(_ registrar: Registrar) {
        self.init(
            name: registrar.name, domain: registrar.domain, port: registrar.port, transport: registrar.transport,
            outboundProxy: registrar.outboundProxy, dns: registrar.dns, expires: registrar.expires,
            confirmedPublic: registrar.confirmedPublic)
    }
}

/// Registrars: the SIP servers under test.
public struct RegistrarUseCases: Sendable {
    /// The longest DNS name (RFC 1035 §2.3.4).
    private static let longestHost = 255
    private static let longestExpires: UInt32 = 86_400

    let services: Services

    /// The registrars of a project by name.
    public func list(of project: ProjectID, by principal: Principal) async throws(ControlPlaneError) -> [Registrar] {
        try principal.require(.viewer, in: project)
        return try await services.perform("registrars") {
            guard try await services.store.project(project) != nil else {
                throw ControlPlaneError.notFound("project", project)
            }
            return try await services.store.registrars(of: project)
        }
    }

    /// One registrar. Throws `notFound`.
    public func get(_ id: RegistrarID, by principal: Principal) async throws(ControlPlaneError) -> Registrar {
        try await services.registrar(id, role: .viewer, by: principal)
    }

    /// One registrar of a project by its exact name; nil when there is none.
    public func find(
        named name: String, of project: ProjectID, by principal: Principal
    ) async throws(ControlPlaneError) -> Registrar? {
        try principal.require(.viewer, in: project)
        return try await services.perform("registrar") {
            try await services.store.registrar(named: name, of: project)
        }
    }

    /// Adds a registrar. Needs editor. Throws `invalid`, `nameTaken`, `notFound` for the project.
    public func create(
        _ draft: RegistrarDraft, in project: ProjectID, by principal: Principal
    ) async throws(ControlPlaneError) -> Registrar {
        try principal.require(.editor, in: project)
        try Self.check(draft)
        let registrar = Registrar(
            id: services.newID(), project: project, name: draft.name, domain: draft.domain, port: draft.port,
            transport: draft.transport, outboundProxy: draft.outboundProxy, dns: draft.dns, expires: draft.expires,
            confirmedPublic: draft.confirmedPublic,
            createdAt: services.clock())
        try await services.perform("createRegistrar") {
            try await services.store.add(registrar)
            try await services.audit(
                principal, "registrars.create", "registrar \(registrar.id)", "\(draft.name), domain \(draft.domain)")
        }
        return registrar
    }

    /// Changes a registrar; runs already going keep what they began with. Needs editor.
    public func update(
        _ id: RegistrarID, to draft: RegistrarDraft, by principal: Principal
    ) async throws(ControlPlaneError) -> Registrar {
        var registrar = try await services.registrar(id, role: .editor, by: principal)
        try Self.check(draft)
        registrar.name = draft.name
        registrar.domain = draft.domain
        registrar.port = draft.port
        registrar.transport = draft.transport
        registrar.outboundProxy = draft.outboundProxy
        registrar.dns = draft.dns
        registrar.expires = draft.expires
        registrar.confirmedPublic = draft.confirmedPublic
        let changed = registrar
        try await services.perform("updateRegistrar") {
            try await services.store.update(changed)
            try await services.audit(
                principal, "registrars.update", "registrar \(id)", "\(changed.name), domain \(changed.domain)")
        }
        return changed
    }

    /// What would go with a registrar and what would stay, and which tests need it. Needs viewer. Throws `notFound`.
    public func deletion(_ id: RegistrarID, by principal: Principal) async throws(ControlPlaneError) -> Deletion {
        let registrar = try await services.registrar(id, role: .viewer, by: principal)
        return try await services.perform("registrarDeletion") {
            var deletion = try await services.store.deletion(of: id)
            deletion.affectedTests = try await testsThatNeed(registrar)
            return deletion
        }
    }

    /// Deletes a registrar with its accounts and the keys to their passwords; runs and their results stay (G4). Needs editor.
    /// Throws `inUse` while a run holds one of the accounts.
    @discardableResult
    public func delete(_ id: RegistrarID, by principal: Principal) async throws(ControlPlaneError) -> Deletion {
        let registrar = try await services.registrar(id, role: .editor, by: principal)
        return try await services.perform("deleteRegistrar") {
            let affected = try await testsThatNeed(registrar)
            let (now, who) = (services.clock(), principal.name)
            var deletion = try await services.store.deleteRegistrar(id) { deletion in
                AuditEntry(
                    at: now, who: who, action: "registrars.delete", subject: "registrar \(id)",
                    details: "\(deletion.name): \(deletion)")
            }
            deletion.affectedTests = affected
            return deletion
        }
    }

    private func testsThatNeed(_ registrar: Registrar) async throws -> [String] {
        let tests = try await services.store.tests(of: registrar.project).filter { test in
            let definition = try? DefinitionText.decode(test.definition)
            return definition?.groups.contains { $0.registrar == registrar.name } == true
        }
        return tests.prefix(Deletion.mostTests).map(\.name)
    }

    private static func check(_ draft: RegistrarDraft) throws(ControlPlaneError) {
        try checkName(draft.name, longest: ProjectUseCases.longestName)
        try checkHost(draft.domain, field: "domain")
        if let proxy = draft.outboundProxy { try checkHost(proxy, field: "proxy") }
        if let dns = draft.dns, (TransportAddress(dns, usualPort: 53)?.port ?? 0) == 0 {
            throw ControlPlaneError(
                .invalid, "the DNS server is an IP address, with or without a port", details: ["field": "dns"])
        }
        if draft.port == 0 {
            throw ControlPlaneError(.invalid, "a port is 1 to 65535", details: ["field": "port"])
        }
        guard (1...longestExpires).contains(draft.expires) else {
            throw ControlPlaneError(
                .invalid, "the expiry is 1 to \(longestExpires) seconds", details: ["field": "expires"])
        }
    }

    /// Letters, digits and what host names, ports and IPv6 addresses are made of: it is written into SIP messages as it is.
    private static func checkHost(_ text: String, field: String) throws(ControlPlaneError) {
        let allowed = text.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x3A, 0x5B, 0x5D, 0x5F: true
            default: false
            }
        }
        guard allowed, !text.isEmpty, text.utf8.count <= longestHost else {
            throw ControlPlaneError(
                .invalid, "the \(field) is a host name or IP address of at most \(longestHost) characters",
                details: ["field": field])
        }
    }
}

extension Services {
    /// A registrar the principal may use with this role. Throws `notFound` and `forbidden`.
    func registrar(
        _ id: RegistrarID, role: Role, by principal: Principal
    ) async throws(ControlPlaneError) -> Registrar {
        let registrar = try await perform("registrar") { try await store.registrar(id) }
        guard let registrar, principal.project == nil || principal.project == registrar.project else {
            throw .notFound("registrar", id)
        }
        try principal.require(role, in: registrar.project)
        return registrar
    }
}
