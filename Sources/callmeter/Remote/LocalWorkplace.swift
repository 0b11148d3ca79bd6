// SPDX-License-Identifier: Apache-2.0

import API
import Bedrock
import ControlPlane
import Domain
import Glibc
import Store
import Vault
import Web

/// A data folder of this machine, held alone while the command lasts unless something else is said.
struct LocalWorkplace: Workplace {
    private let folder: DataFolder
    private let store: SQLiteStore
    let plane: ControlPlane

    init(path: String, _ hold: DataFolder.Hold = .alone, keyFile: String? = nil) throws {
        folder = try DataFolder(path, hold)
        store = try folder.store()
        plane = ControlPlane(store: store, vault: try folder.vault(for: store, keyFile: keyFile))
    }

    /// For what needs no key, beside a server that may hold the folder. The folder must be there.
    init(withoutKeys path: String) throws {
        guard access(path + "/callmeter.sqlite", F_OK) == 0 else {
            throw CommandFailure.usage("there is no data in '\(path)'; name the data folder with --data")
        }
        folder = try DataFolder(path, .shared)
        store = try folder.store()
        plane = ControlPlane(store: store, vault: Vault(master: .ephemeral()))
    }

    func close() async throws { try await store.close() }

    func exportedRun(_ id: String) async throws -> ExportedRun {
        ExportedRun(try await plane.runs.report(of: Self.id(id), by: .commandLine))
    }

    func projects() async throws -> [API.Project] {
        try await plane.projects.list(by: .commandLine).map(API.Project.init)
    }

    func addProject(_ request: ProjectRequest) async throws -> API.Project {
        API.Project(try await plane.projects.create(name: request.name, by: .commandLine))
    }

    func deletion(ofProject id: String) async throws -> API.Deletion {
        API.Deletion(try await plane.projects.deletion(Self.id(id), by: .commandLine))
    }

    func deleteProject(_ id: String) async throws -> Deleted {
        Deleted(id: id, deletion: API.Deletion(try await plane.projects.delete(Self.id(id), by: .commandLine)))
    }

    func registrars(of project: String) async throws -> [API.Registrar] {
        try await plane.registrars.list(of: Self.id(project), by: .commandLine).map(API.Registrar.init)
    }

    func addRegistrar(_ request: RegistrarRequest, to project: String) async throws -> API.Registrar {
        var draft = RegistrarDraft(name: request.name ?? "", domain: request.domain ?? "")
        try draft.apply(request)
        return API.Registrar(try await plane.registrars.create(draft, in: Self.id(project), by: .commandLine))
    }

    func deletion(ofRegistrar id: String) async throws -> API.Deletion {
        API.Deletion(try await plane.registrars.deletion(Self.id(id), by: .commandLine))
    }

    func deleteRegistrar(_ id: String) async throws -> Deleted {
        Deleted(id: id, deletion: API.Deletion(try await plane.registrars.delete(Self.id(id), by: .commandLine)))
    }

    func accounts(
        of registrar: String, _ filter: AccountFilter, page: Int, perPage: Int
    ) async throws -> (items: [API.Account], total: Int) {
        let (order, descending) = AccountFilter.order(filter.sort) ?? (.position, false)
        let query = AccountQuery(
            text: filter.text, inUse: filter.inUse, order: order, descending: descending,
            page: PageRequest(page: page, perPage: perPage))
        let found = try await plane.accounts.list(of: Self.id(registrar), query, by: .commandLine)
        return (found.items.map(API.Account.init), found.total)
    }

    func accountUsage(of registrar: String, endpoints: Int?) async throws -> API.AccountUsage {
        API.AccountUsage(
            try await plane.accounts.usage(of: Self.id(registrar), endpoints: endpoints, by: .commandLine))
    }

    func importAccounts(
        _ source: consuming SecretSource, as format: ImportFormat, into registrar: String, dryRun: Bool,
        progress: @escaping @Sendable (ListStep) -> Void
    ) async throws -> API.ImportReport {
        let source = source
        let report = try await plane.accounts.importLines(
            into: Self.id(registrar), as: format, dryRun: dryRun, by: .commandLine,
            progress: { progress(ListStep(bytes: $0.bytes, accounts: dryRun ? nil : $0.accounts)) }
        ) { buffer in try source.read(into: buffer) }
        return API.ImportReport(report, dryRun: dryRun)
    }

    func rotateAccounts(
        _ source: consuming SecretSource, as format: ImportFormat, of registrar: String, dryRun: Bool,
        progress: @escaping @Sendable (ListStep) -> Void
    ) async throws -> API.ImportReport {
        let source = source
        let report = try await plane.accounts.rotate(
            of: Self.id(registrar), as: format, dryRun: dryRun, by: .commandLine,
            progress: { progress(ListStep(bytes: $0.bytes, accounts: nil)) }
        ) { buffer in try source.read(into: buffer) }
        return API.ImportReport(report, dryRun: dryRun)
    }

    func deleteAccounts(
        _ request: AccountDeletionRequest, of registrar: String
    ) async throws -> AccountDeletionReport {
        AccountDeletionReport(
            try await plane.accounts.delete(
                of: Self.id(registrar), AccountSelection(request), expectedCount: request.expectedCount,
                by: .commandLine))
    }

    static func id<Kind>(_ text: String) throws(CommandFailure) -> ID<Kind> {
        guard let id = ID<Kind>(text) else { throw .usage("'\(text)' is no identifier") }
        return id
    }
}
