// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Domain

/// `callmeter doctor [TEST.yaml]`: this machine and the target before load.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Check this machine, and a test's target, before load.",
        discussion: """
            Ends with READY, or with what mends it. Each server of the test is asked with one REGISTER without credentials. With \
            --accounts one endpoint of each group registers and calls as the test says. Exit codes: 0 ready, 1 not ready, 2 wrong \
            usage, 4 the target does not answer.
            """)

    @Argument(help: "The test file whose needs and targets are checked.")
    var test: String?

    @Option(
        help: ArgumentHelp(
            "Accounts for the canary: a file of username:password lines; REGISTRAR=FILE where the test has several registrars.",
            valueName: "file"))
    var accounts: [String] = []

    @OptionGroup var lookUp: LookUpOptions

    @Flag(help: "JSON on standard output.")
    var json = false

    @Flag(help: "Confirm that the canary may call targets outside private address ranges.")
    var confirmPublic = false

    func validate() throws {
        guard test != nil || accounts.isEmpty else { throw ValidationError("--accounts goes with a test file") }
    }

    mutating func run() async throws {
        Logs.quiet()
        var file = try test.map { path throws(CommandFailure) in try FileTest(path: path) }
        if let dns = lookUp.dns { file?.ask(dns: dns) }
        try file?.checkFiles()
        let needs = file.map { MachineNeeds($0.definition) } ?? MachineNeeds()
        var checkup = Checkup()
        checkup.checks = MachineChecks.all(await MachineFacts.gather(secretBytes: needs.secretBytes), needs)
        for registrar in file?.definition.registrars ?? [] {
            checkup.checks += await TargetChecks(registrar: registrar).all()
        }
        if let file, !accounts.isEmpty, checkup.status != .unreachable {
            let canary = Canary(
                file: file, accounts: accounts, confirmedPublic: confirmPublic, interrupts: Interrupts())
            checkup.checks += Canary.checks(try await canary.play())
        }
        if json {
            Output.line(try JSONOutput.text(checkup))
        } else {
            for line in checkup.lines(.current()) { Output.line(line) }
        }
        guard checkup.ready else { throw CommandFailure(checkup.status) }
    }
}
