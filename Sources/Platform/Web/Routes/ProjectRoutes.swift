// SPDX-License-Identifier: Apache-2.0

import API
import Bedrock
import ControlPlane
import Domain
import Hummingbird

/// `/projects` and what is listed under one.
struct ProjectRoutes {
    let plane: ControlPlane

    func add(to group: RouterGroup<CallContext>) {
        group.get("projects") { _, context in
            let projects = try await plane.projects.list(by: context.principal())
            return try Answer.data(projects.map(API.Project.init), context)
        }
        group.post("projects") { request, context in
            let body = try await context.read(ProjectRequest.self, from: request)
            let project = try await plane.projects.create(name: body.name, by: context.principal())
            return try Answer.data(API.Project(project), context, status: .created)
        }
        group.get("projects/{project}") { _, context in
            let project = try await plane.projects.get(context.id("project"), by: context.principal())
            return try Answer.data(API.Project(project), context)
        }
        group.patch("projects/{project}") { request, context in
            let body = try await context.read(ProjectRequest.self, from: request)
            let project = try await plane.projects.rename(
                context.id("project"), to: body.name, by: context.principal())
            return try Answer.data(API.Project(project), context)
        }
        group.get("projects/{project}/deletion") { _, context in
            let deletion = try await plane.projects.deletion(context.id("project"), by: context.principal())
            return try Answer.data(API.Deletion(deletion), context)
        }
        group.delete("projects/{project}") { _, context in
            let id: ProjectID = try context.id("project")
            let deletion = try await plane.projects.delete(id, by: context.principal())
            return try Answer.data(Deleted(id: id.description, deletion: API.Deletion(deletion)), context)
        }
    }
}
