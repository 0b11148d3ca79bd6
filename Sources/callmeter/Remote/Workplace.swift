// SPDX-License-Identifier: Apache-2.0

import API
import Domain
import Web

/// Where projects, registrars and accounts are kept: a local data folder or a server. The same values either way.
protocol Workplace: Sendable {
    func projects() async throws -> [API.Project]
    func addProject(_ request: ProjectRequest) async throws -> API.Project
    /// What would go with a project and what would stay.
    func deletion(ofProject id: String) async throws -> API.Deletion
    func deleteProject(_ id: String) async throws -> Deleted
    func registrars(of project: String) async throws -> [API.Registrar]
    func addRegistrar(_ request: RegistrarRequest, to project: String) async throws -> API.Registrar
    /// What would go with a registrar and what would stay.
    func deletion(ofRegistrar id: String) async throws -> API.Deletion
    func deleteRegistrar(_ id: String) async throws -> Deleted
    /// One page of accounts with the number of all.
    func accounts(of registrar: String, _ filter: AccountFilter, page: Int, perPage: Int) async throws -> (
        items: [API.Account], total: Int
    )
    /// How many accounts there are and who holds them, for so many endpoints.
    func accountUsage(of registrar: String, endpoints: Int?) async throws -> API.AccountUsage
    /// Imports what the source gives; its bytes never become a String.
    func importAccounts(
        _ source: consuming SecretSource, as format: ImportFormat, into registrar: String, dryRun: Bool,
        progress: @escaping @Sendable (ListStep) -> Void
    ) async throws -> API.ImportReport
    /// Gives the accounts of a list new passwords, all of them or none.
    func rotateAccounts(
        _ source: consuming SecretSource, as format: ImportFormat, of registrar: String, dryRun: Bool,
        progress: @escaping @Sendable (ListStep) -> Void
    ) async throws -> API.ImportReport
    func deleteAccounts(_ request: AccountDeletionRequest, of registrar: String) async throws -> AccountDeletionReport
    /// A finished run with its distributions, without its endpoints.
    func exportedRun(_ id: String) async throws -> ExportedRun
    /// Ends what was opened.
    func close() async throws
}

/// Which accounts are wanted, and in which order.
struct AccountFilter: Sendable {
    var text: String?
    var inUse: Bool?
    /// A field, with '-' before it for the other way round.
    var sort = "position"

    /// What a `sort` means; nil where it means nothing.
    static func order(_ sort: String) -> (order: AccountOrder, descending: Bool)? {
        let isDescending = sort.hasPrefix("-")
        return AccountOrder(rawValue: isDescending ? String(sort.dropFirst()) : sort).map { ($0, isDescending) }
    }
}

extension Workplace {
    /// The project of a name, or the only one where none is named.
    func project(named name: String?) async throws -> API.Project {
        let all = try await projects()
        if let name {
            guard let project = all.first(where: { $0.name == name || $0.id == name }) else {
                throw CommandFailure.usage("there is no project '\(name)'; \(Self.list(all.map(\.name)))")
            }
            return project
        }
        guard all.count == 1, let only = all.first else {
            throw CommandFailure.usage(
                all.isEmpty
                    ? "there is no project yet; make one with 'callmeter projects add NAME'"
                    : "say which project: --project NAME; \(Self.list(all.map(\.name)))")
        }
        return only
    }

    /// The registrar of a name, or the only one where none is named.
    func registrar(named name: String?, project: String?) async throws -> API.Registrar {
        let all = try await registrars(of: self.project(named: project).id)
        if let name {
            guard let registrar = all.first(where: { $0.name == name || $0.id == name }) else {
                throw CommandFailure.usage("there is no registrar '\(name)'; \(Self.list(all.map(\.name)))")
            }
            return registrar
        }
        guard all.count == 1, let only = all.first else {
            throw CommandFailure.usage(
                all.isEmpty
                    ? "there is no registrar yet; make one with 'callmeter registrars add NAME --domain HOST'"
                    : "say which registrar: --registrar NAME; \(Self.list(all.map(\.name)))")
        }
        return only
    }

    private static func list(_ names: [String]) -> String {
        names.isEmpty ? "there is none" : "there is \(names.joined(separator: ", "))"
    }
}
