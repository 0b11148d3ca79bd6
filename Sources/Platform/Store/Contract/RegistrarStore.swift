// SPDX-License-Identifier: Apache-2.0

public import Domain

/// Projects.
public protocol ProjectStore: Sendable {
    /// Adds a project. Throws `nameTaken`.
    func add(_ project: Project) async throws
    /// All projects by name.
    func projects() async throws -> [Project]
    /// One project; nil when there is none.
    func project(_ id: ProjectID) async throws -> Project?
    /// One project by its exact name.
    func project(named name: String) async throws -> Project?
    /// Renames a project. Throws `notFound`, `nameTaken`.
    func rename(_ id: ProjectID, to name: String) async throws
    /// What would go with a project and what would stay. Throws `notFound`.
    func deletion(of id: ProjectID) async throws -> Deletion
    /// Deletes a project with all that it holds but its runs, which stay without a project (G4). The log's entry is written in
    /// the same transaction. Throws `notFound`, and `inUse` while a run of it is not over.
    @discardableResult
    func deleteProject(_ id: ProjectID, audit: @escaping @Sendable (Deletion) -> AuditEntry) async throws -> Deletion
}

/// Registrars and their data keys.
public protocol RegistrarStore: Sendable {
    /// Adds a registrar. Throws `notFound` for its project, `nameTaken`.
    func add(_ registrar: Registrar) async throws
    /// The registrars of a project by name.
    func registrars(of project: ProjectID) async throws -> [Registrar]
    /// One registrar; nil when there is none.
    func registrar(_ id: RegistrarID) async throws -> Registrar?
    /// One registrar of a project by its exact name.
    func registrar(named name: String, of project: ProjectID) async throws -> Registrar?
    /// Changes everything but identifier, project and time of creation. Throws `notFound`, `nameTaken`.
    func update(_ registrar: Registrar) async throws
    /// Deletes a registrar with its accounts and keys. Throws `notFound`, and `inUse` while a run holds one of them.
    ///
    /// The log's entry is written in the same transaction.
    @discardableResult
    func deleteRegistrar(
        _ id: RegistrarID, audit: @escaping @Sendable (Deletion) -> AuditEntry
    ) async throws -> Deletion
    /// What would go with a registrar and what would stay. Throws `notFound`.
    func deletion(of id: RegistrarID) async throws -> Deletion

    /// Keeps a data key. Where the registrar has one already, nothing changes and that one is given back, so that two
    /// writers agree on one key. Throws `otherMasterKey` for one under another master key than the one noted.
    func addDataKey(_ key: WrappedKey) async throws -> WrappedKey
    /// The data key that a registrar's secrets are sealed under now; nil when it has none yet.
    func dataKey(of registrar: RegistrarID) async throws -> WrappedKey?
    /// Data keys by identifier; those that do not exist are left out.
    func dataKeys(_ ids: [KeyID]) async throws -> [WrappedKey]
}
