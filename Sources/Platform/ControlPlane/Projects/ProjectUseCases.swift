// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import Domain
import Store

/// Projects: they hold registrars, tests, runs and keys.
public struct ProjectUseCases: Sendable {
    /// Names longer than this do not fit a list.
    public static let longestName = 100

    let services: Services

    /// The projects the principal may see, by name.
    public func list(by principal: Principal) async throws(ControlPlaneError) -> [Project] {
        try principal.require(.viewer, in: principal.project)
        return try await services.perform("projects") {
            try await services.store.projects().filter { principal.project == nil || $0.id == principal.project }
        }
    }

    /// One project. Throws `notFound`.
    public func get(_ id: ProjectID, by principal: Principal) async throws(ControlPlaneError) -> Project {
        try principal.require(.viewer, in: id)
        let project = try await services.perform("project") { try await services.store.project(id) }
        guard let project else { throw .notFound("project", id) }
        return project
    }

    /// One project by its exact name; nil when there is none.
    public func find(named name: String, by principal: Principal) async throws(ControlPlaneError) -> Project? {
        let project = try await services.perform("project") { try await services.store.project(named: name) }
        guard let project, principal.project == nil || principal.project == project.id else { return nil }
        try principal.require(.viewer, in: project.id)
        return project
    }

    /// Makes a project. Needs admin over all projects. Throws `nameTaken`.
    public func create(name: String, by principal: Principal) async throws(ControlPlaneError) -> Project {
        try principal.require(.admin, in: nil)
        try checkName(name, longest: Self.longestName)
        let project = Project(id: services.newID(), name: name, createdAt: services.clock())
        try await services.perform("createProject") {
            try await services.store.add(project)
            try await services.audit(principal, "projects.create", "project \(project.id)", name)
        }
        return project
    }

    /// Renames a project. Needs admin. Throws `notFound`, `nameTaken`.
    public func rename(
        _ id: ProjectID, to name: String, by principal: Principal
    ) async throws(ControlPlaneError) -> Project {
        try principal.require(.admin, in: id)
        try checkName(name, longest: Self.longestName)
        try await services.perform("renameProject") {
            try await services.store.rename(id, to: name)
            try await services.audit(principal, "projects.rename", "project \(id)", name)
        }
        return try await get(id, by: principal)
    }

    /// What would go with a project and what would stay. Needs viewer. Throws `notFound`.
    public func deletion(_ id: ProjectID, by principal: Principal) async throws(ControlPlaneError) -> Deletion {
        try principal.require(.viewer, in: id)
        return try await services.perform("projectDeletion") { try await services.store.deletion(of: id) }
    }

    /// Deletes a project with all that it holds but its runs, which stay readable (G4). Needs admin. Throws `inUse` while a run
    /// of it goes.
    @discardableResult
    public func delete(_ id: ProjectID, by principal: Principal) async throws(ControlPlaneError) -> Deletion {
        try principal.require(.admin, in: id)
        return try await services.perform("deleteProject") {
            let (now, who) = (services.clock(), principal.name)
            return try await services.store.deleteProject(id) { deletion in
                AuditEntry(
                    at: now, who: who, action: "projects.delete", subject: "project \(id)",
                    details: "\(deletion.name): \(deletion)")
            }
        }
    }
}

/// Throws `invalid` unless the name has 1 to `longest` characters, none of them a control character.
func checkName(_ name: String, longest: Int) throws(ControlPlaneError) {
    let isPlain = name.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
    guard !name.isEmpty, name.count <= longest, isPlain, name.first != " ", name.last != " " else {
        throw ControlPlaneError(
            .invalid, "a name has 1 to \(longest) characters, no control characters, no space at its ends",
            details: ["field": "name"])
    }
}
