// SPDX-License-Identifier: Apache-2.0

import API
import ArgumentParser
import Domain

extension AccountsCommand {
    /// `callmeter accounts delete`.
    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete accounts; those that a run holds stay and are named.",
            discussion: "Results of finished runs keep their usernames.")

        @OptionGroup var place: Place
        @OptionGroup var target: Where
        @OptionGroup var confirmation: Confirmation
        @Argument(help: "Usernames.") var usernames: [String] = []
        @Option(help: ArgumentHelp("All whose username holds this text.", valueName: "text")) var match: String?
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
            try place.print(report, Self.lines)
        }

        static func lines(_ report: AccountDeletionReport) -> [String] {
            let more = report.refusedCount - report.refused.count
            return ["\(report.deleted) deleted, \(report.refusedCount) in use"]
                + report.refused.map { "  \($0.username) is held by run \($0.heldBy)" }
                + (more > 0 ? ["  and \(more) more"] : [])
        }

        private func request(_ workplace: any Workplace, _ registrar: String) async throws -> AccountDeletionRequest {
            guard usernames.isEmpty else {
                var ids: [String] = []
                for name in usernames { ids.append(try await Self.account(name, of: registrar, in: workplace).id) }
                return AccountDeletionRequest(ids: ids)
            }
            let count = try await workplace.accounts(of: registrar, AccountFilter(text: match), page: 1, perPage: 1)
                .total
            return AccountDeletionRequest(q: match, all: all ? true : nil, expectedCount: count)
        }

        /// The account of exactly this username, among all that hold the text.
        private static func account(
            _ name: String, of registrar: String, in workplace: any Workplace
        ) async throws -> API.Account {
            var page = 1
            var seen = 0
            while true {
                let part = try await workplace.accounts(
                    of: registrar, AccountFilter(text: name, sort: "username"), page: page,
                    perPage: PageRequest.largestPage)
                if let found = part.items.first(where: { $0.username.utf8.elementsEqual(name.utf8) }) { return found }
                seen += part.items.count
                page += 1
                if part.items.isEmpty || seen >= part.total {
                    throw CommandFailure.usage("there is no account '\(name)'")
                }
            }
        }
    }
}
