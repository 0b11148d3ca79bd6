// SPDX-License-Identifier: Apache-2.0

import API
import ArgumentParser
import Domain

extension AccountsCommand {
    /// `callmeter accounts list`.
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List accounts; never a password.",
            discussion: "Without --page it lists all of them.")

        @OptionGroup var place: Place
        @OptionGroup var target: Where
        @Flag(help: "Only those that a run holds, with the run and its endpoint.") var inUse = false
        @Flag(help: "Only those that no run holds.") var free = false
        @Option(help: ArgumentHelp("Only usernames that hold this text.", valueName: "text")) var match: String?
        @Option(
            parsing: .unconditional,
            help: ArgumentHelp(
                "position, username or addedAt; with '-' before it the other way round.", valueName: "field"))
        var sort = "position"
        @Option(help: ArgumentHelp("Only this page, from 1.", valueName: "number")) var page: Int?
        @Option(help: ArgumentHelp("Accounts on a page, up to 500.", valueName: "number")) var perPage: Int?

        func validate() throws {
            guard !(inUse && free) else { throw ValidationError("give --in-use or --free, not both") }
            guard page ?? 1 > 0 else { throw ValidationError("pages are counted from 1") }
            guard (1...PageRequest.largestPage).contains(perPage ?? 1) else {
                throw ValidationError("a page has 1 to \(PageRequest.largestPage) accounts")
            }
            guard AccountFilter.order(sort) != nil else {
                let words = AccountOrder.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("--sort is one of \(words), with '-' before it for the other way round")
            }
        }

        mutating func run() async throws {
            let filter = AccountFilter(text: match, inUse: inUse ? true : free ? false : nil, sort: sort)
            let (accounts, total) = try await place.with { workplace in
                let registrar = try await target.find(in: workplace)
                guard page == nil, perPage == nil else {
                    return try await workplace.accounts(
                        of: registrar.id, filter, page: page ?? 1, perPage: perPage ?? PageRequest.usualPage)
                }
                var all: [API.Account] = []
                var number = 1
                while true {
                    let part = try await workplace.accounts(
                        of: registrar.id, filter, page: number, perPage: PageRequest.largestPage)
                    all += part.items
                    number += 1
                    if part.items.isEmpty || all.count >= part.total { return (all, all.count) }
                }
            }
            try place.print(accounts) { accounts in
                Self.table(accounts).lines(.current())
                    + (total > accounts.count ? ["\(accounts.count) of \(total) accounts"] : [])
            }
        }

        static func table(_ accounts: [API.Account]) -> Table {
            // Columns that nobody of the list fills are left out.
            let hasExtensions = accounts.contains { $0.extension != nil }
            var headings = ["#", "username", "realm", "added", "in use by", "last registration"]
            if hasExtensions { headings.insert("extension", at: 3) }
            var table = Table(headings, right: [0])
            for one in accounts {
                let holder = one.inUseBy.map { run in "run \(run)" + (one.inUseEndpoint.map { " endpoint \($0)" } ?? "")
                }
                var cells = [
                    "\(one.position)", one.username, one.realm ?? "auto", one.createdAt, holder ?? "",
                    one.lastRegistration?.result ?? "",
                ]
                if hasExtensions { cells.insert(one.extension ?? "", at: 3) }
                table.add(cells)
            }
            return table
        }
    }

    /// `callmeter accounts count`.
    struct Count: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Count accounts, and say whether they suffice.",
            discussion: "With --endpoints it ends with 3 where accounts are missing.")

        @OptionGroup var place: Place
        @OptionGroup var target: Where
        @Option(
            help: ArgumentHelp(
                "For a test of so many endpoints: each needs an account, answering ones too.", valueName: "number"))
        var endpoints: Int?

        func validate() throws {
            guard endpoints ?? 0 >= 0 else { throw ValidationError("--endpoints is not negative") }
        }

        mutating func run() async throws {
            let (registrar, usage) = try await place.with { workplace in
                let registrar = try await target.find(in: workplace)
                return (registrar, try await workplace.accountUsage(of: registrar.id, endpoints: endpoints))
            }
            try place.print(usage) { Self.lines($0, registrar: registrar.name, asked: endpoints != nil) }
            if usage.missing > 0 { throw CommandFailure(.insufficientAccounts) }
        }

        static func lines(_ usage: API.AccountUsage, registrar: String, asked: Bool) -> [String] {
            var table = Table(["", "", ""], right: [1])
            table.add(["total", "\(usage.total)", "on registrar \(registrar)"])
            let runs = usage.holders.map { "run \($0.run): \($0.accounts)" }
            table.add(["in use", "\(usage.inUse)", runs.first ?? ""])
            for run in runs.dropFirst() { table.add(["", "", run]) }
            table.add(["free", "\(usage.free)", ""])
            if asked {
                table.add(["needed", "\(usage.needed)", "one for each endpoint"])
                table.add([
                    "missing", "\(usage.missing)",
                    usage.missing > 0 ? "add accounts, wait for runs, or use fewer endpoints" : "",
                ])
            }
            return table.lines() + (usage.advice.map { [$0] } ?? [])
        }
    }
}
