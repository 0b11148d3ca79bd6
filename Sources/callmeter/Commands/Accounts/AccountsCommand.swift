// SPDX-License-Identifier: Apache-2.0

import API
import ArgumentParser
import Domain

/// `callmeter accounts`.
struct AccountsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "accounts", abstract: "Add, import, list, count, rotate, generate and delete SIP accounts.",
        subcommands: [Add.self, Import.self, List.self, Count.self, Rotate.self, Generate.self, Delete.self])

    struct Where: ParsableArguments {
        @Option(help: "The registrar.") var registrar: String?
        @Option(help: "The project.") var project: String?

        func find(in workplace: any Workplace) async throws -> API.Registrar {
            try await workplace.registrar(named: registrar, project: project)
        }
    }

    /// A list of accounts and how it is read.
    struct ListArguments: ParsableArguments {
        @Argument(help: "The file; '-' reads standard input.") var file: String

        @Option(
            help: ArgumentHelp(
                "lines (username:password), csv (with a header: username,password,realm,extension), sipp (an injection file), or auto.",
                discussion: "auto looks at the first line, then at the end of the file's name.", valueName: "format"))
        var format = "auto"

        @Flag(help: "Report only; change nothing.") var dryRun = false

        func validate() throws {
            guard format == "auto" || ImportFormat(rawValue: format) != nil else {
                throw ValidationError("--format is auto, lines, csv or sipp")
            }
        }

        /// Opens the list and says what it is.
        func open() throws -> OpenList {
            let source = try SecretSource(path: file)
            let format = try ImportFormat(rawValue: format) ?? source.format(name: file)
            return OpenList(source: source, format: format)
        }
    }

    /// A list of accounts that can be read once.
    struct OpenList: ~Copyable {
        var source: SecretSource
        var format: ImportFormat
    }

    /// The lines of a report (B5): the counts, each reason with its number, the first problems, remarks.
    static func lines(_ report: API.ImportReport, verb: String) -> [String] {
        let head = report.dryRun ? "dry run, nothing stored: " : ""
        var lines = ["\(head)\(verb), \(report.failed) failed"]
        for (code, count) in report.failedByReason.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
            lines.append("  \(count) × \(code.replacing("_", with: " "))")
        }
        for problem in report.problems {
            let name = problem.username.map { " (\($0))" } ?? ""
            lines.append("  line \(problem.line)\(name): \(problem.reason)")
        }
        let more = report.skipped + report.failed - report.problems.count
        if more > 0 { lines.append("  and \(more) more") }
        return lines + report.warnings.map { "  note: \($0)" }
    }

    /// One of the words of a kind. Throws what they are.
    @Sendable static func word<Kind: RawRepresentable & CaseIterable>(_ text: String) throws -> Kind
    where Kind.RawValue == String {
        guard let found = Kind(rawValue: text) else {
            throw ValidationError("'\(text)' is none of \(Kind.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return found
    }
}
