// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import FoundationEssentials

/// `callmeter run TEST.yaml`: a test from a file, with no server.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run a test from a file, with no server.",
        discussion: """
            Progress goes to standard error, the summary to standard output. Exit codes: 0 all well, 1 endpoints failed, \
            2 wrong usage or test file, 3 insufficient SIP accounts, 4 target unreachable, 5 the load generator was the \
            limit, 99 a threshold failed, 105 interrupted.
            """)

    @Argument(help: "The test file (YAML).")
    var test: String

    @Option(
        help: ArgumentHelp(
            "A file of username:password lines, '-' for standard input; REGISTRAR=FILE where the test has several registrars.",
            valueName: "file"))
    var accounts: [String] = []

    @OptionGroup var files: OutputFiles

    @OptionGroup var homer: HomerOptions

    @OptionGroup var lookUp: LookUpOptions

    @Flag(help: "Print neither progress nor summary.")
    var quiet = false

    @Flag(help: "Play one endpoint of each group first, and begin only if that goes well.")
    var canary = false

    @OptionGroup var capacity: CapacityOptions

    @Flag(help: "Confirm that you may send load to targets outside private address ranges.")
    var confirmPublic = false

    mutating func run() async throws {
        Logs.quiet()
        var file = try FileTest(path: test)
        if let dns = lookUp.dns { file.ask(dns: dns) }
        try file.checkFiles()
        try files.check()
        for warning in file.warnings { Output.error("WARNING: \(warning)") }
        let terminal = Terminal.current()
        let interrupts = Interrupts()
        if canary { try await sendCanary(file, terminal, interrupts) }
        if capacity.findCapacity { return try await findCapacity(file, terminal, interrupts) }
        let plant = try await Plant.inMemory(homer: homer.address())
        let ended: RunWatcher.Ended
        do {
            let id = try await file.prepare(in: plant.plane, accounts: accounts, confirmedPublic: confirmPublic)
            let progress = ProgressLine(quiet ? .plain : terminal)
            ended = try await RunWatcher(plane: plant.plane, progress: progress, interrupts: interrupts).run(id)
            try await ResultOutput(terminal: terminal, files: files, isQuiet: quiet).print(ended, in: plant.plane)
        } catch {
            await plant.shutdown()
            throw error
        }
        await plant.shutdown()
        guard ended.status == .allWell else { throw CommandFailure(ended.status) }
    }

    /// One endpoint of each group; what fails there ends the command before any load.
    private func sendCanary(_ file: FileTest, _ terminal: Terminal, _ interrupts: Interrupts) async throws {
        guard !accounts.contains(where: { $0 == "-" || $0.hasSuffix("=-") }) else {
            throw CommandFailure.usage("--canary reads the accounts twice: give --accounts a file")
        }
        let ended = try await Canary(
            file: file, accounts: accounts, confirmedPublic: confirmPublic, interrupts: interrupts
        ).play()
        var checkup = Checkup()
        checkup.checks = Canary.checks(ended)
        guard ended.status != .allWell || !checkup.ready else { return }
        for line in checkup.lines(terminal) { Output.error(line) }
        throw CommandFailure(
            ended.status == .allWell ? checkup.status : ended.status, "the canary failed; no load was sent")
    }
}
