// SPDX-License-Identifier: Apache-2.0

import API
import ArgumentParser

/// `callmeter accounts`.
struct AccountsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "accounts", abstract: "Import, list and delete SIP accounts.",
        subcommands: [Import.self, List.self, Delete.self])

    struct Where: ParsableArguments {
        @Option(help: "The registrar.") var registrar: String?
        @Option(help: "The project.") var project: String?

        func find(in workplace: any Workplace) async throws -> API.Registrar {
            try await workplace.registrar(named: registrar, project: project)
        }
    }

    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Import username:password lines.",
            discussion:
                "Lines that are not valid are named and skipped; accounts that exist already keep their passwords.")

        @OptionGroup var place: Place
        @OptionGroup var target: Where
        @Argument(help: "The file; '-' reads standard input.") var file: String
        @Flag(help: "Report only; store nothing.") var dryRun = false

        mutating func run() async throws {
            let source = try SecretSource(path: file)
            let report = try await importing(source)
            try place.print(report, Self.lines)
        }

        private func importing(_ source: consuming SecretSource) async throws -> API.ImportReport {
            Logs.quiet()
            let workplace = try place.open()
            do {
                let registrar = try await target.find(in: workplace)
                let report = try await workplace.importAccounts(source, into: registrar.id, dryRun: dryRun)
                try await workplace.close()
                return report
            } catch {
                try? await workplace.close()
                throw error
            }
        }

        static func lines(_ report: API.ImportReport) -> [String] {
            let head = report.dryRun ? "dry run, nothing stored: " : ""
            var lines = ["\(head)\(report.created) created, \(report.skipped) skipped, \(report.failed) failed"]
            for problem in report.problems {
                let name = problem.username.map { " (\($0))" } ?? ""
                lines.append("  line \(problem.line)\(name): \(problem.reason)")
            }
            let more = report.skipped + report.failed - report.problems.count
            if more > 0 { lines.append("  and \(more) more") }
            return lines + report.warnings.map { "  note: \($0)" }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List accounts; never a password.")

        @OptionGroup var place: Place
        @OptionGroup var target: Where
        @Flag(help: "Only those that a run holds.") var inUse = false
        @Option(help: "Only usernames that hold this text.") var match: String?

        mutating func run() async throws {
            let filter = AccountFilter(text: match, inUse: inUse ? true : nil)
            let accounts = try await place.with { workplace in
                let registrar = try await target.find(in: workplace)
                var all: [API.Account] = []
                var page = 1
                while true {
                    let part = try await workplace.accounts(of: registrar.id, filter, page: page)
                    all += part.items
                    page += 1
                    if part.items.isEmpty || all.count >= part.total { return all }
                }
            }
            try place.print(accounts) { accounts in
                var table = Table(["#", "username", "realm", "added", "in use by", "last registration"], right: [0])
                for one in accounts {
                    table.add([
                        "\(one.position)", one.username, one.realm ?? "auto", one.createdAt, one.inUseBy ?? "",
                        one.lastRegistration?.result ?? "",
                    ])
                }
                return table.lines(.current())
            }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete accounts; those that a run holds stay and are named.")

        @OptionGroup var place: Place
        @OptionGroup var target: Where
        @OptionGroup var confirmation: Confirmation
        @Argument(help: "Usernames.") var usernames: [String] = []
        @Option(help: "All whose username holds this text.") var match: String?
        @Flag(help: "All of the registrar.") var all = false

        func validate() throws {
            let given = [!usernames.isEmpty, match != nil, all].filter { $0 }.count
            guard given == 1 else { throw ValidationError("say what to delete: usernames, --match TEXT, or --all") }
        }

        mutating func run() async throws {
            let report = try await place.with { workplace in
                let registrar = try await target.find(in: workplace)
                let request = try await self.request(workplace, registrar.id)
                let count = request.expectedCount ?? request.ids?.count ?? 0
                try confirmation.ask("Delete \(count) account\(count == 1 ? "" : "s") of registrar \(registrar.name)?")
                return try await workplace.deleteAccounts(request, of: registrar.id)
            }
            try place.print(report) { report in
                ["\(report.deleted) deleted, \(report.refusedCount) in use"]
                    + report.refused.map { "  \($0.username) is held by run \($0.heldBy)" }
            }
        }

        private func request(_ workplace: any Workplace, _ registrar: String) async throws -> AccountDeletionRequest {
            guard usernames.isEmpty else {
                var ids: [String] = []
                for name in usernames {
                    let found = try await workplace.accounts(of: registrar, AccountFilter(text: name), page: 1)
                    guard let account = found.items.first(where: { $0.username == name }) else {
                        throw CommandFailure.usage("there is no account '\(name)'")
                    }
                    ids.append(account.id)
                }
                return AccountDeletionRequest(ids: ids)
            }
            let count = try await workplace.accounts(of: registrar, AccountFilter(text: match), page: 1).total
            return AccountDeletionRequest(q: match, all: all ? true : nil, expectedCount: count)
        }
    }
}
