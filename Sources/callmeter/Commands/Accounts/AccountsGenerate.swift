// SPDX-License-Identifier: Apache-2.0

import API
import ArgumentParser
import Domain
import Runtime
import SIP

extension AccountsCommand {
    /// `callmeter accounts generate`.
    struct Generate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make accounts with strong passwords, and the SIP server's configuration for them.",
            discussion: """
                callmeter accounts generate --prefix cm-test- --count 500 --output accounts.txt
                callmeter accounts generate --from 8000 --to 8999 --import --registrar pbx --config asterisk --config-output test.conf

                Files are new and readable by their owner only; nothing is overwritten.
                """)

        @OptionGroup var place: Place
        @OptionGroup var target: Where
        @Option(help: ArgumentHelp("What the usernames begin with.", valueName: "text")) var prefix: String?
        @Option(help: ArgumentHelp("How many, numbered from 1.", valueName: "number")) var count: Int?
        @Option(
            help: ArgumentHelp(
                "Digits of those numbers (default: as many as the last one, at least 3).", valueName: "number"))
        var digits: Int?
        @Option(help: ArgumentHelp("The first number of a range.", valueName: "number")) var from: String?
        @Option(help: ArgumentHelp("The last number of a range.", valueName: "number")) var to: String?
        @Option(
            help: ArgumentHelp(
                "A new file for the username:password list; '-' for standard output (default, unless --import or --config is given).",
                valueName: "file"))
        var output: String?
        @Flag(name: .customLong("import"), help: "Import them into the registrar too.") var imports = false
        @Option(
            help: ArgumentHelp("Print the configuration of asterisk, freeswitch or kamailio.", valueName: "server"),
            transform: AccountsCommand.word)
        var config: ConfiguredServer?
        @Option(help: ArgumentHelp("A new file for the configuration (default: standard output).", valueName: "file"))
        var configOutput: String?
        @Option(
            help: ArgumentHelp(
                "The accounts' domain and realm (default with --import: the registrar's).", valueName: "name"))
        var domain: String?
        @Option(
            help: ArgumentHelp(
                "plain: the configuration holds the passwords; hashed: only HA1 (default for kamailio).",
                valueName: "kind"),
            transform: AccountsCommand.word)
        var secrets: ConfiguredSecrets?

        private var listOutput: String? { output ?? (imports || config != nil ? nil : "-") }

        func validate() throws {
            guard (count != nil) != (from != nil), (from == nil) == (to == nil) else {
                throw ValidationError("say --prefix TEXT --count N, or --from NUMBER --to NUMBER")
            }
            guard count == nil || prefix != nil else { throw ValidationError("--count needs --prefix") }
            guard digits == nil || count != nil else { throw ValidationError("--digits goes with --count") }
            guard config != nil || (configOutput == nil && secrets == nil) else {
                throw ValidationError("--config-output and --secrets need --config asterisk, freeswitch or kamailio")
            }
            let toStandardOutput = [
                listOutput == "-", config != nil && (configOutput ?? "-") == "-", place.json,
            ].filter { $0 }
            guard toStandardOutput.count <= 1 else {
                throw ValidationError(
                    "only one thing can go to standard output: give the others --output FILE, --config-output FILE")
            }
            guard listOutput != nil || imports || secrets == .plain || config != .kamailio else {
                throw ValidationError("nobody would know the passwords: add --output FILE, --import or --secrets plain")
            }
            do {
                _ = try names()
            } catch { throw ValidationError(error.text) }
        }

        private func names() throws(GeneratorFault) -> GeneratedNames {
            if let count { return try GeneratedNames(prefix: prefix ?? "", count: count, digits: digits) }
            return try GeneratedNames(prefix: prefix ?? "", from: from ?? "", to: to ?? "")
        }

        mutating func run() async throws {
            guard imports else { return try report(write(generated(), domain: domain), registrar: nil) }
            Logs.quiet()
            let workplace = try place.open()
            do {
                let registrar = try await target.find(in: workplace)
                let accounts = try generated()
                // Passwords of accounts that exist already would be written down and not be theirs.
                let known = try await Self.give(accounts, to: workplace, registrar.id, dryRun: true).skipped
                guard known == 0 else {
                    throw CommandFailure.usage(
                        "\(known) of these usernames are on registrar \(registrar.name) already; choose other names, "
                            + "delete those accounts, or generate a list without --import and use it with 'accounts rotate'"
                    )
                }
                var result = try write(accounts, domain: domain ?? registrar.domain)
                result.report = try await Self.give(accounts, to: workplace, registrar.id, dryRun: false)
                try await workplace.close()
                try report(result, registrar: registrar.name)
            } catch {
                try? await workplace.close()
                throw error
            }
        }

        private func generated() throws -> GeneratedAccounts {
            var random = SystemRandomNumberGenerator()
            return GeneratedAccounts(try names(), random: &random)
        }

        private static func give(
            _ accounts: GeneratedAccounts, to workplace: any Workplace, _ registrar: String, dryRun: Bool
        ) async throws -> API.ImportReport {
            try await workplace.importAccounts(
                SecretSource(GeneratedLines(accounts)), as: .lines, into: registrar, dryRun: dryRun, progress: { _ in })
        }

        /// What was made.
        struct Result: Encodable {
            var accounts: Int
            var first: String
            var last: String
            var list: String?
            var configuration: String?
            var report: API.ImportReport?
            var isLocked: Bool
        }

        private func write(_ accounts: GeneratedAccounts, domain: String?) throws -> Result {
            var configuration: ServerConfiguration?
            if let config {
                guard let domain else { throw CommandFailure.usage("say the accounts' domain: --domain NAME") }
                do throws(GeneratorFault) {
                    configuration = try ServerConfiguration(config, domain: domain, secrets: secrets)
                } catch { throw CommandFailure.usage(error.text) }
            }
            if let listOutput {
                let lines = GeneratedLines(accounts)
                try SecretOutput.write(to: listOutput) { sink throws(CommandFailure) in try lines.write(to: sink) }
            }
            if let configuration {
                try SecretOutput.write(to: configOutput ?? "-") { sink throws(CommandFailure) in
                    try configuration.write(accounts, md5: Self.md5, to: sink)
                }
            }
            return Result(
                accounts: accounts.count, first: accounts.names.name(at: 0),
                last: accounts.names.name(at: accounts.count - 1), list: output == "-" ? nil : output,
                configuration: configOutput, report: nil, isLocked: accounts.isLocked)
        }

        private static func md5(_ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer) {
            HashFunctions.libcrypto.hash(.md5, input, output)
        }

        private func report(_ result: Result, registrar: String?) throws {
            if place.json { return Output.line(try JSONOutput.text(result)) }
            // Standard output may hold the list.
            for line in Self.lines(result, registrar: registrar) { Output.error(line) }
        }

        static func lines(_ result: Result, registrar: String?) -> [String] {
            var table = Table(["", ""])
            if let list = result.list { table.add(["list", list]) }
            if let configuration = result.configuration { table.add(["configuration", configuration]) }
            if let report = result.report {
                table.add(["imported", "\(report.created) accounts into registrar \(registrar ?? "")"])
            }
            let range = result.accounts == 1 ? result.first : "\(result.first) to \(result.last)"
            return ["\(result.accounts) account\(result.accounts == 1 ? "" : "s"): \(range)"]
                + table.lines().map { "  " + $0 }
                + (result.isLocked
                    ? [] : ["  note: the system did not let the passwords' memory be locked (ulimit -l)"])
        }
    }
}
