// SPDX-License-Identifier: Apache-2.0

import API
import ArgumentParser
import Bedrock
import Domain

extension AccountsCommand {
    /// `callmeter accounts add`.
    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add one account.",
            discussion: """
                The password is asked for on the terminal, unseen, or is the first line of a file; it may hold colons. A username \
                that the registrar has already is refused: to change a password, delete the account and add it again, or use \
                'accounts rotate'.
                """)

        @OptionGroup var place: Place
        @OptionGroup var target: Where
        @Argument(help: "The digest username.") var username: String
        @Option(help: ArgumentHelp("The realm, where it is not taken from the server's challenge.", valueName: "realm"))
        var realm: String?
        @Option(
            name: .customLong("extension"),
            help: ArgumentHelp("The user of the address, where it is not the username.", valueName: "name"))
        var number: String?
        @Option(help: ArgumentHelp("The file with the password; '-' for standard input.", valueName: "file"))
        var passwordFile: String?

        func validate() throws {
            let fault =
                Array(username.utf8).withUnsafeBytes { AccountRules.fault(username: $0) }
                ?? realm.flatMap { AccountRules.fault(realm: $0) }
                ?? number.flatMap { AccountRules.fault(extensionNumber: $0) }
            if let fault { throw ValidationError(fault.text) }
        }

        mutating func run() async throws {
            let arena = SecretArena()
            let handle = try PasswordInput.read(
                passwordFile, prompt: "Password of \(username): ", into: arena)
            let list = OneAccount(
                username: username, realm: realm, extensionNumber: number, password: handle, in: arena)
            arena.wipeAll()
            Logs.quiet()
            let workplace = try place.open()
            do {
                let registrar = try await target.find(in: workplace)
                let report = try await workplace.importAccounts(
                    SecretSource(list), as: .csv, into: registrar.id, dryRun: false, progress: { _ in })
                try await workplace.close()
                if let problem = report.problems.first {
                    throw CommandFailure.usage(
                        report.skipped > 0
                            ? "registrar \(registrar.name) has an account '\(username)' already" : problem.reason)
                }
                try place.print(report) { report in
                    ["\(username) added to registrar \(registrar.name)"] + report.warnings.map { "  note: \($0)" }
                }
            } catch {
                try? await workplace.close()
                throw error
            }
        }
    }
}

/// A CSV list of one account, in locked memory.
final class OneAccount: SecretSupply {
    private static let header = "username,password,realm,extension\n"
    /// Each field at its longest, all of it quotes, which are written twice.
    private static let longest =
        header.utf8.count + 2 * (3 * AccountRules.longestUsername + AccountRules.longestPassword) + 12

    private let bytes: HeldBytes

    init(username: String, realm: String?, extensionNumber: String?, password: SecretHandle, in arena: SecretArena) {
        let memory = LockedMemory(minimumCount: Self.longest)
        // The pages go to `bytes`, which outlives these functions.
        let pages = memory.withMutableBytes { $0 }
        var count = 0
        func put(_ byte: UInt8) {
            pages[count] = byte
            count += 1
        }
        func field(_ text: some Sequence<UInt8>, end: UInt8) {
            put(UInt8(ascii: "\""))
            for byte in text {
                if byte == UInt8(ascii: "\"") { put(byte) }
                put(byte)
            }
            put(UInt8(ascii: "\""))
            put(end)
        }
        Self.header.utf8.forEach(put)
        field(username.utf8, end: UInt8(ascii: ","))
        arena.withBytes(of: password) { field($0, end: UInt8(ascii: ",")) }
        field((realm ?? "").utf8, end: UInt8(ascii: ","))
        field((extensionNumber ?? "").utf8, end: UInt8(ascii: "\n"))
        bytes = HeldBytes(memory, count: count)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int { bytes.read(into: buffer) }
}
