// SPDX-License-Identifier: Apache-2.0

import API
import ArgumentParser

/// `callmeter projects`.
struct ProjectsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "projects", abstract: "Add, list and delete projects.",
        subcommands: [Add.self, List.self, Delete.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Add a project.")

        @OptionGroup var place: Place
        @Argument(help: "Its name.") var name: String

        mutating func run() async throws {
            let made = try await place.with { try await $0.addProject(ProjectRequest(name: name)) }
            try place.print(made) { ["project \($0.name) (\($0.id))"] }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List projects.")

        @OptionGroup var place: Place

        mutating func run() async throws {
            let projects = try await place.with { try await $0.projects() }
            try place.print(projects) { projects in
                var table = Table(["name", "id", "made"])
                for project in projects { table.add([project.name, project.id, project.createdAt]) }
                return table.lines(.current())
            }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete a project with its registrars, accounts and tests; its runs and their results stay.")

        @OptionGroup var place: Place
        @OptionGroup var confirmation: Confirmation
        @Argument(help: "Its name or id.") var name: String

        mutating func run() async throws {
            try await place.with { workplace in
                let project = try await workplace.project(named: name)
                let before = try await workplace.deletion(ofProject: project.id)
                try confirmation.ask("Delete project \(project.name)? \(before.text).")
                let deleted = try await workplace.deleteProject(project.id)
                try place.print(deleted) { deleted in
                    ["deleted project \(project.name)"] + (deleted.deletion.map { [$0.text] } ?? [])
                }
            }
        }
    }
}
