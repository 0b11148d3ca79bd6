// SPDX-License-Identifier: Apache-2.0

public import API
import Bedrock
public import ControlPlane
public import Domain
import Reports

extension API.Project {
    /// A project as the API shows it.
    public init(_ project: Domain.Project) {
        self.init(id: project.id.description, name: project.name, createdAt: project.createdAt.text)
    }
}

extension API.Registrar {
    /// A registrar as the API shows it.
    public init(_ registrar: Domain.Registrar) {
        self.init(
            id: registrar.id.description, projectId: registrar.project.description, name: registrar.name,
            domain: registrar.domain, port: registrar.port.map(Int.init), transport: registrar.transport.rawValue,
            proxy: registrar.outboundProxy, dns: registrar.dns, expires: Int(registrar.expires),
            confirmedPublic: registrar.confirmedPublic, createdAt: registrar.createdAt.text)
    }
}

extension API.Key {
    /// A key as lists show it.
    public init(_ record: APIKeyRecord) {
        self.init(
            id: record.id.description, name: record.name, role: record.role.rawValue, createdAt: record.createdAt.text,
            revokedAt: record.revokedAt?.text)
    }
}

extension RegistrarDraft {
    /// Takes over what a request names; the rest stays. Throws `invalid` for a word or number that cannot be.
    public mutating func apply(_ request: RegistrarRequest) throws(ControlPlaneError) {
        if let name = request.name { self.name = name }
        if let domain = request.domain { self.domain = domain }
        if let dns = request.dns { self.dns = dns.isEmpty ? nil : dns }
        if let proxy = request.proxy { outboundProxy = proxy.isEmpty ? nil : proxy }
        if let confirmed = request.confirmedPublic { confirmedPublic = confirmed }
        if let port = request.port {
            guard let port = UInt16(exactly: port) else {
                throw ControlPlaneError(.invalid, "a port is 1 to 65535", details: ["field": "port"])
            }
            self.port = port
        }
        if let expires = request.expires {
            guard let expires = UInt32(exactly: expires) else {
                throw ControlPlaneError(.invalid, "the expiry is a number of seconds", details: ["field": "expires"])
            }
            self.expires = expires
        }
        if let word = request.transport {
            guard let transport = RegistrarTransport(rawValue: word) else {
                let words = RegistrarTransport.allCases.map(\.rawValue).joined(separator: ", ")
                throw ControlPlaneError(.invalid, "the transport is one of \(words)", details: ["field": "transport"])
            }
            self.transport = transport
        }
    }
}

extension AccountSelection {
    /// What a request selects. Throws `invalid` unless it is exactly one of `ids`, `q` and `all`, with the number meant.
    public init(_ request: AccountDeletionRequest) throws(ControlPlaneError) {
        let given = [request.ids != nil, request.q != nil, request.all == true].filter { $0 }.count
        guard given == 1 else {
            throw ControlPlaneError(.invalid, "exactly one of 'ids', 'q' and 'all' says what to delete")
        }
        if let ids = request.ids {
            var parsed: [AccountID] = []
            for text in ids {
                guard let id = AccountID(text) else {
                    throw ControlPlaneError(.invalid, "'ids' holds something that is no identifier")
                }
                parsed.append(id)
            }
            self = .ids(parsed)
            return
        }
        guard request.expectedCount != nil else {
            throw ControlPlaneError(
                .invalid, "'expectedCount' must say how many accounts you mean to delete",
                details: ["field": "expectedCount"])
        }
        if let text = request.q {
            guard !text.isEmpty else {
                throw ControlPlaneError(.invalid, "'q' is empty; say 'all' if you mean all", details: ["field": "q"])
            }
            self = .matching(text)
        } else {
            self = .all
        }
    }
}

extension API.Deletion {
    /// A deletion as the API shows it.
    public init(_ deletion: Domain.Deletion) {
        self.init(
            name: deletion.name, registrars: deletion.registrars, accounts: deletion.accounts, tests: deletion.tests,
            apiKeys: deletion.apiKeys, runsThatStay: deletion.runsThatStay,
            inUseBy: deletion.inUseBy.map(\.description), affectedTests: deletion.affectedTests,
            text: deletion.description)
    }
}
