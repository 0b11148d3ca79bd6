// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import Domain

/// Who asks for something, and what they may do. Every use case is told.
public struct Principal: Hashable, Sendable {
    /// For the audit log: "key 01h…", "cli".
    public var name: String
    /// What they may do.
    public var role: Role
    /// The project they are confined to; nil for all.
    public var project: ProjectID?

    /// A principal from its parts.
    public init(name: String, role: Role, project: ProjectID? = nil) {
        self.name = name
        self.role = role
        self.project = project
    }

    /// Who runs the command line on the data folder itself: file permissions are the check.
    public static var commandLine: Principal { Principal(name: "cli", role: .admin) }
    /// The program itself.
    public static var controller: Principal { Principal(name: "controller", role: .admin) }

    /// Throws `forbidden` unless the role suffices, and `notFound` for a project the principal may not know of.
    func require(_ role: Role, in project: ProjectID?) throws(ControlPlaneError) {
        if let mine = self.project, mine != project {
            throw project.map { .notFound("project", $0) } ?? Self.refusal(.admin)
        }
        guard self.role.allows(role) else { throw Self.refusal(role) }
    }

    private static func refusal(_ needed: Role) -> ControlPlaneError {
        ControlPlaneError(
            .forbidden, "this needs the role \(needed.rawValue); ask an admin for a key with it",
            details: ["needed": needed.rawValue])
    }
}
