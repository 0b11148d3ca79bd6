// SPDX-License-Identifier: Apache-2.0

import API
import ArgumentParser
import ControlPlane
import Web

/// `callmeter backup`: a copy of the database, also while a server works on it.
struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Copy the database, also while a server works on it; without the master key.",
        discussion: """
            The copy is consistent: the database as it was at one moment. Passwords in it are sealed. The master key is not in it \
            and must be kept elsewhere: both together open every account, each alone none.
            """)

    @Argument(help: ArgumentHelp("The folder for the copy; made where there is none.", valueName: "dir"))
    var target: String

    @Option(help: ArgumentHelp("The data folder.", valueName: "dir")) var data = "./callmeter-data"
    @Flag(help: "JSON on standard output.") var json = false

    mutating func run() async throws {
        Logs.quiet()
        let workplace = try LocalWorkplace(withoutKeys: data)
        let note: BackupNote
        do {
            note = BackupNote(try await workplace.plane.vault.backUp(to: target, by: .commandLine))
        } catch {
            try? await workplace.close()
            throw error
        }
        try await workplace.close()
        if json { return Output.line(try JSONOutput.text(note)) }
        Output.line("copied to \(note.file)")
        for (name, count) in note.counts.sorted(by: { $0.key < $1.key }) { Output.line("  \(name)  \(count)") }
        Output.line("audit log: \(note.auditEntries) entries, head \(note.auditHead)")
        Output.line("Note the head elsewhere; 'callmeter audit verify --head HASH' checks against it later.")
        if let key = note.masterKey {
            Output.line(
                "The master key \(key), without which no password opens, is not in the copy. Keep it elsewhere.")
        }
    }
}
