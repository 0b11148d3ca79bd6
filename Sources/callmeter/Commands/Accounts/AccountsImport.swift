// SPDX-License-Identifier: Apache-2.0

import API
import ArgumentParser
import Domain

extension AccountsCommand {
    /// `callmeter accounts import`.
    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Import a list of accounts.",
            discussion:
                "Lines that are not valid are named and skipped; accounts that exist already keep their passwords.")

        @OptionGroup var place: Place
        @OptionGroup var target: Where
        @OptionGroup var list: ListArguments

        mutating func run() async throws {
            let dryRun = list.dryRun
            let report = try await AccountsCommand.giving(list.open(), to: target, at: place) {
                try await $0.importAccounts($1, as: $2, into: $3, dryRun: dryRun, progress: $4)
            }
            try place.print(report) {
                AccountsCommand.lines($0, verb: "\($0.created) created, \($0.skipped) skipped")
            }
        }
    }

    /// `callmeter accounts rotate`.
    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give a list of accounts new passwords, all of them or none.",
            discussion: """
                Every username must be on the registrar and free: one bad line, one unknown username or one account that a run \
                holds, and nothing changes; exit code 1. Accounts that the list does not name stay as they are, and every \
                account keeps its position. A CSV list with the columns realm or extension replaces those too.
                """)

        @OptionGroup var place: Place
        @OptionGroup var target: Where
        @OptionGroup var list: ListArguments

        mutating func run() async throws {
            let dryRun = list.dryRun
            let report = try await AccountsCommand.giving(list.open(), to: target, at: place) {
                try await $0.rotateAccounts($1, as: $2, of: $3, dryRun: dryRun, progress: $4)
            }
            try place.print(report) { report in
                AccountsCommand.lines(report, verb: "\(report.rotated) rotated")
                    + (report.failed > 0 && !report.dryRun ? ["nothing was changed"] : [])
            }
            if report.failed > 0 { throw CommandFailure(.endpointsFailed) }
        }
    }

    /// Opens the workplace, gives it the list by `send`, and shows how far it is meanwhile.
    private static func giving(
        _ list: consuming OpenList, to target: Where, at place: Place,
        by send: (
            any Workplace, consuming SecretSource, ImportFormat, String, @escaping @Sendable (ListStep) -> Void
        ) async throws -> API.ImportReport
    ) async throws -> API.ImportReport {
        Logs.quiet()
        let workplace = try place.open()
        let format = list.format
        let progress = ListProgress(.current(), size: list.source.size)
        do {
            let registrar = try await target.find(in: workplace)
            let report = try await send(workplace, list.source, format, registrar.id, progress.show)
            progress.clear()
            try await workplace.close()
            return report
        } catch {
            progress.clear()
            try? await workplace.close()
            throw error
        }
    }
}
