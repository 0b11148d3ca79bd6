// SPDX-License-Identifier: Apache-2.0

import API
import ArgumentParser
import ControlPlane
import Synchronization
import Web

/// `callmeter vault`: the keys that seal the passwords.
struct VaultCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vault", abstract: "Look at, check and change the keys that seal the passwords.",
        subcommands: [Status.self, Verify.self, RotateMaster.self, RotateData.self])

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Which keys there are and where they come from.")

        @OptionGroup var place: Place

        mutating func run() async throws {
            let state = try await place.withKeys(.shared) { try await $0.vaultState() }
            try place.print(state) { state in
                var lines = [
                    "master key   \(state.masterKey ?? "none yet"), from \(state.sourceText)",
                    "data keys    \(state.dataKeys)",
                    "memory       \(state.memoryLocked ? "locked" : "not locked: the system refused (RLIMIT_MEMLOCK)")",
                    "audit log    \(state.auditEntries) entries, head \(state.auditHead)",
                ]
                for rotation in state.rotations {
                    let far = rotation.accounts.map { "\(rotation.resealed ?? 0) of \($0) accounts" }
                    lines.append("changing     registrar \(rotation.registrarId), \(far ?? "nobody works on it now")")
                }
                return lines
            }
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Check the database, its rules, the audit log, and that every password opens; exit code 1 if not.",
            discussion:
                "Works beside a server. Passwords are opened in locked memory, one at a time; only counts are printed.")

        @Option(help: ArgumentHelp("The data folder.", valueName: "dir")) var data = "./callmeter-data"
        @Option(help: ArgumentHelp("Its master key (default: master.key in it).", valueName: "file"))
        var masterKeyFile: String?
        @Flag(help: "JSON on standard output.") var json = false

        mutating func run() async throws {
            Logs.quiet()
            let workplace = try LocalWorkplace(path: data, .shared, keyFile: masterKeyFile)
            let check: VaultCheck
            do {
                check = VaultCheck(try await workplace.plane.vault.verify(by: .commandLine))
            } catch {
                try? await workplace.close()
                throw error
            }
            try await workplace.close()
            if json { Output.line(try JSONOutput.text(check)) } else { Self.lines(check).forEach { Output.line($0) } }
            if !check.sound { throw CommandFailure(.endpointsFailed) }
        }

        private static func lines(_ check: VaultCheck) -> [String] {
            var lines = check.counts.sorted { $0.key < $1.key }.map { "\($0.key)  \($0.value)" }
            lines.append("opened  \(check.opened) of \(check.counts["accounts"] ?? check.opened) passwords")
            lines.append("audit  \(check.auditEntries) entries, head \(check.auditHead)")
            for (name, count) in check.leftovers.sorted(by: { $0.key < $1.key }) where count > 0 {
                lines.append("under way or left for the next start: \(name)  \(count)")
            }
            lines += check.problems.map { "WRONG: \($0)" }
            lines.append(check.sound ? "all is well" : "\(check.problems.count) problems")
            return lines
        }
    }

    struct RotateMaster: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Change the master key; every data key is wrapped under the new one.",
            discussion: """
                A server goes on meanwhile (--server). Where the key lies in a file, the new one replaces it there: copy the old \
                one first if backups made before must stay readable. Where it comes from the environment or a systemd \
                credential, --new-key-file says where to write the new one; put it in the old one's place before the next start.
                """)

        @OptionGroup var place: Place

        @Option(
            help: ArgumentHelp(
                "Where the new key is written; on a server a name in its data folder.", valueName: "file"))
        var newKeyFile: String?

        mutating func run() async throws {
            let change = try await place.withKeys(.alone) { try await $0.rotateMasterKey(newKeyFile: newKeyFile) }
            try place.print(change) { change in
                var lines = [
                    "master key \(change.newKey) in place of \(change.oldKey), \(change.dataKeys) data keys wrapped anew",
                    "backups made before this need the old master key",
                ]
                if let newKeyFile { lines.append("the next start needs the key that \(newKeyFile) holds") }
                if let warning = change.warning { lines.append("WARNING: \(warning)") }
                return lines
            }
        }
    }

    struct RotateData: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Change a registrar's data key; every password is sealed anew under it.",
            discussion: "Imports and runs go on meanwhile (--server). A change that was cut short is finished first.")

        @OptionGroup var place: Place
        @Option(help: "The registrar's name or id; needed where there are several.") var registrar: String?
        @Option(help: "Its project's name or id.") var project: String?

        mutating func run() async throws {
            let meter = Meter()
            let isShown = !place.json
            let change = try await place.withKeys(.alone) { keeper in
                let found = try await keeper.registrar(named: registrar, project: project)
                return try await keeper.rotateDataKey(of: found.id) { done, all in
                    if isShown { meter.show(done, of: all) }
                }
            }
            try place.print(change) { change in
                [
                    "data key \(change.newKey)\(change.takenUp ? ", begun earlier" : ""), \(change.resealed) accounts sealed anew",
                    change.done
                        ? "the old key is gone" : "the old key goes when the import that is open under it is over",
                ]
            }
        }
    }
}

/// Tells how far something is, at every tenth.
private final class Meter: Sendable {
    private let shown = Mutex(0)

    func show(_ done: Int, of all: Int) {
        guard all > 0 else { return }
        let tenth = min(10, done * 10 / all)
        let isNews = shown.withLock { shown in
            defer { shown = tenth }
            return tenth != shown
        }
        if isNews { Output.error("\(done) of \(all) accounts") }
    }
}
