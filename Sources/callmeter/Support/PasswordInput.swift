// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Glibc

/// One password from a file, standard input or the terminal, straight into an arena.
enum PasswordInput {
    /// Reads the first line, without its line end, exactly as it stands.
    ///
    /// Without a file it is asked for on the terminal, unseen.
    static func read(_ file: String?, prompt: String, into arena: SecretArena) throws(CommandFailure) -> SecretHandle {
        if let file { return try firstLine(of: SecretSource(path: file), into: arena) }
        guard isatty(STDIN_FILENO) == 1 else {
            throw .usage("a password is needed: --password-file FILE, or '-' for standard input")
        }
        var settings = termios()
        tcgetattr(STDIN_FILENO, &settings)
        var silent = settings
        silent.c_lflag &= ~tcflag_t(ECHO)
        Output.write(prompt, to: STDERR_FILENO)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
        defer {
            tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings)
            Output.error("")
        }
        return try firstLine(of: SecretSource(path: "-"), into: arena)
    }

    private static func firstLine(
        of source: consuming SecretSource, into arena: SecretArena
    ) throws(CommandFailure) -> SecretHandle {
        let memory = LockedMemory(minimumCount: SecretArena.largestSecret)
        var filled = 0
        var end: Int?
        while end == nil, filled < memory.count {
            let start = filled
            // The pages live as long as this function, and nothing keeps the pointer.
            let count = try source.read(
                into: memory.withMutableBytes { UnsafeMutableRawBufferPointer(rebasing: $0[start...]) })
            guard count > 0 else { break }
            filled += count
            end = memory.withBytes { $0[start..<filled].firstIndex(of: UInt8(ascii: "\n")) }
        }
        var length = end ?? filled
        if length > 0, memory.withBytes({ $0[length - 1] }) == UInt8(ascii: "\r") { length -= 1 }
        let fault = memory.withBytes { AccountRules.fault(password: UnsafeRawBufferPointer(rebasing: $0[..<length])) }
        if let fault { throw .usage(fault.text) }
        return memory.withBytes { arena.store(UnsafeRawBufferPointer(rebasing: $0[..<length])) }
    }
}
