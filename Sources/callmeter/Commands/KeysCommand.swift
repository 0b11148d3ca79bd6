// SPDX-License-Identifier: Apache-2.0

import API
import ArgumentParser
import Bedrock
import ControlPlane
import Domain
import Glibc
import Store
import Vault
import Web

/// `callmeter keys`: API keys of a data folder, also while a server holds it.
struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Make, list and revoke API keys.",
        subcommands: [Create.self, List.self, Revoke.self])

    struct Folder: ParsableArguments {
        @Option(help: ArgumentHelp("Where the data lies.", valueName: "dir"))
        var data = "./callmeter-data"

        func withPlane<Result>(_ body: (ControlPlane) async throws -> Result) async throws -> Result {
            Logs.quiet()
            let folder = try DataFolder(data, .shared)
            let store = try folder.store()
            // API keys are kept as hashes; nothing here needs the master key.
            let plane = ControlPlane(store: store, vault: Vault(master: .ephemeral()))
            let result: Result
            do {
                result = try await body(plane)
            } catch {
                try await store.close()
                throw error
            }
            try await store.close()
            return result
        }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a key; it is printed once and kept only as a hash.")

        @OptionGroup var folder: Folder

        @Option(help: "viewer, tester, editor or admin.")
        var role = "admin"

        @Option(help: "What you call it.")
        var name = "key"

        mutating func run() async throws {
            guard let role = Role(rawValue: role) else {
                throw CommandFailure.usage(
                    "the role is one of \(Role.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            try await folder.withPlane { plane in
                let made = try await plane.access.createKey(name: name, role: role, by: .commandLine)
                Output.error("key \(made.record.id), role \(role.rawValue); it is shown this once:")
                made.key.withBytes { key in _ = write(STDOUT_FILENO, key.baseAddress, key.count) }
                Output.line()
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List keys; never the keys themselves.")

        @OptionGroup var folder: Folder

        @Flag(help: "JSON on standard output.")
        var json = false

        mutating func run() async throws {
            let keys = try await folder.withPlane { try await $0.access.keys(by: .commandLine).map(API.Key.init) }
            if json { return Output.line(try JSONOutput.text(keys)) }
            var table = Table(["id", "name", "role", "made", "revoked"])
            for key in keys { table.add([key.id, key.name, key.role, key.createdAt, key.revokedAt ?? ""]) }
            for line in table.lines(.current()) { Output.line(line) }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Revoke a key for ever; its sessions end with it.")

        @OptionGroup var folder: Folder

        @Argument(help: "The key's id, from 'keys list'.")
        var id: String

        mutating func run() async throws {
            guard let key = APIKeyID(id) else {
                throw CommandFailure.usage("'\(id)' is no key's id; see 'callmeter keys list'")
            }
            try await folder.withPlane { try await $0.access.revoke(key, by: .commandLine) }
        }
    }
}
