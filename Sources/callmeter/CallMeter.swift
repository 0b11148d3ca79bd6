// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ControlPlane
import Glibc

/// The program: one command per file in `Commands`.
@main
struct CallMeter: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "callmeter",
        abstract: "Tests VoIP systems: plays many SIP phones at once and says what happened.",
        version: "0.1.0",
        subcommands: [
            DemoCommand.self, ServeCommand.self, RunCommand.self, CompareCommand.self, DoctorCommand.self,
            RegisterCommand.self,
            CallCommand.self,
            PBXCommand.self, ProjectsCommand.self, RegistrarsCommand.self, AccountsCommand.self, KeysCommand.self,
            VaultCommand.self, AuditCommand.self, BackupCommand.self, BenchCommand.self,
        ])

    static func main() async {
        CrashReports.withhold()
        // A peer that closes its connection, or a reader that closes the pipe, is an error value of the write, not a signal.
        signal(SIGPIPE, SIG_IGN)
        var status = ExitStatus.allWell
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            status = report(error)
        }
        Glibc.exit(status.rawValue)
    }

    /// Says what is wrong and gives the status to end with.
    private static func report(_ error: any Error) -> ExitStatus {
        switch error {
        case let failure as CommandFailure:
            if let message = failure.message { Output.error("callmeter: " + message) }
            return failure.status
        case let error as ControlPlaneError:
            Output.error("callmeter: " + error.message)
            return error.code == .insufficientAccounts ? .insufficientAccounts : .usage
        default:
            let text = fullMessage(for: error)
            if exitCode(for: error) == .success {
                Output.line(text)
                return .allWell
            }
            Output.error(text.isEmpty ? "callmeter: \(error)" : text)
            return .usage
        }
    }
}
