// SPDX-License-Identifier: Apache-2.0

import API
import ControlPlane
import Domain
import FoundationEssentials
import Runtime
import Web
import Worker

/// A test from a file, made ready in a plant: project, registrars, accounts, test.
struct FileTest {
    /// Lines of an import that are named on standard error.
    private static let mostNamedLines = 5

    /// The file's name as it was given.
    let path: String
    private(set) var document: DocumentNode
    private(set) var definition: TestDefinition

    /// Reads the file. Throws a usage failure that lists every mistake with line and column.
    init(path: String) throws(CommandFailure) {
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw .usage("'\(path)' cannot be read as UTF-8 text")
        }
        try self.init(path: path, text: text)
    }

    /// Reads the text of a file.
    init(path: String, text: String) throws(CommandFailure) {
        self.path = path
        do {
            document = try YAMLDocument.read(text).withFilesBeside(path)
        } catch {
            let place = error.line > 0 ? "line \(error.line), column \(error.column): " : ""
            throw .usage("\(path): \(place)\(error.message)")
        }
        do {
            definition = try TestDefinition.read(document)
        } catch {
            throw .usage(error.problems.map { "\(path): \($0.text)" }.joined(separator: "\n"))
        }
        for group in definition.groups where !definition.registrars.contains(where: { $0.name == group.registrar }) {
            let names = definition.registrars.map(\.name).joined(separator: ", ")
            throw .usage(
                "\(path): group '\(group.name)' names the registrar '\(group.registrar)', which the file does not describe; "
                    + (names.isEmpty ? "add it under 'registrars'" : "it describes \(names)"))
        }
    }

    /// Has the names of all registrars looked up at this DNS server.
    mutating func ask(dns: String) {
        for index in definition.registrars.indices { definition.registrars[index].dns = dns }
        document = definition.document
    }

    /// Takes another test in place of the file's.
    mutating func replace(_ test: TestDefinition) {
        definition = test
        document = test.document
    }

    /// What must be said loudly before the run.
    var warnings: [String] { definition.registrars.compactMap(\.warning) }

    /// Throws a usage failure when a file that the test names for TLS cannot be used.
    func checkFiles() throws(CommandFailure) {
        for registrar in definition.registrars where registrar.tls != nil {
            do {
                try registrar.security.check()
            } catch {
                throw .usage("\(path): registrars.\(registrar.name).tls: \(error.description)")
            }
        }
    }

    /// Makes everything the test needs and gives the test.
    ///
    /// - Parameters:
    ///   - accounts: `FILE`, or `REGISTRAR=FILE` where the test has several registrars.
    ///   - confirmedPublic: whether load may go to targets outside private ranges (H5).
    func prepare(in plane: ControlPlane, accounts: [String], confirmedPublic: Bool) async throws -> TestID {
        let project = try await plane.projects.create(name: "local", by: .commandLine)
        var registrars: [String: RegistrarID] = [:]
        for described in definition.registrars {
            let registrar = try await plane.registrars.create(
                RegistrarDraft(
                    name: described.name, domain: described.domain, port: described.port,
                    transport: described.transport,
                    outboundProxy: described.proxy, dns: described.dns, expires: UInt32(described.expires),
                    confirmedPublic: confirmedPublic),
                in: project.id, by: .commandLine)
            registrars[described.name] = registrar.id
        }
        for argument in accounts {
            let (registrar, file) = try place(of: argument, registrars)
            let source = try SecretSource(path: file)
            let format = try source.format(name: file)
            let report = try await plane.accounts.importLines(
                into: registrar, as: format, dryRun: false, by: .commandLine
            ) { buffer in try source.read(into: buffer) }
            Self.complain(about: report, file)
        }
        return try await plane.tests.create(document, in: project.id, by: .commandLine).record.id
    }

    private func place(
        of argument: String, _ registrars: [String: RegistrarID]
    ) throws(CommandFailure) -> (RegistrarID, String) {
        if let sign = argument.firstIndex(of: "="), let id = registrars[String(argument[..<sign])] {
            return (id, String(argument[argument.index(after: sign)...]))
        }
        guard registrars.count == 1, let id = registrars.values.first else {
            throw .usage(
                "the test has the registrars \(registrars.keys.sorted().joined(separator: ", ")); "
                    + "say which one the accounts are for: --accounts REGISTRAR=FILE")
        }
        return (id, argument)
    }

    private static func complain(about report: Domain.ImportReport, _ file: String) {
        guard report.failed + report.skipped > 0 else { return }
        let unused = report.failed + report.skipped
        Output.error("\(file): \(report.created) accounts, \(unused) line\(unused == 1 ? "" : "s") not used")
        for problem in report.problems.prefix(mostNamedLines) {
            Output.error("  line \(problem.line): \(problem.reason.text)")
        }
        if report.problems.count > mostNamedLines {
            Output.error("  and \(report.problems.count - mostNamedLines) more")
        }
    }
}
