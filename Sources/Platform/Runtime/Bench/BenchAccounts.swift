// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import Glibc
import SIP

/// Accounts for a benchmark, read from a file of `username:password` lines straight into a secret arena.
public struct BenchAccounts: Sendable {
    /// Why a file of accounts cannot be used; never quotes the file.
    public struct Unreadable: Error, Hashable, Sendable, CustomStringConvertible {
        /// The file.
        public let path: String
        /// What is wrong with it.
        public let reason: String

        /// Which file, and what is wrong.
        public var description: String { "\(path): \(reason)" }
    }

    /// One account: the auth user, and where its password lies.
    public struct Account: Sendable {
        /// The username as in the file.
        public let username: [UInt8]
        /// The password in the arena the file was read into.
        public let password: SecretHandle
    }

    /// A million accounts of 60 bytes; a larger file is not one of accounts.
    public static let largestFile = 64 * 1024 * 1024

    /// The accounts in the file's order.
    public let accounts: [Account]

    /// Reads a file. Empty lines are skipped; the first colon ends the username.
    public init(path: String, into arena: SecretArena) throws(Unreadable) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Unreadable(path: path, reason: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_size <= Self.largestFile else {
            throw Unreadable(path: path, reason: "larger than \(Self.largestFile) bytes")
        }
        let memory = LockedMemory(minimumCount: Int(status.st_size) + 1)
        accounts = try memory.withMutableBytes { bytes throws(Unreadable) in
            var filled = 0
            while filled < bytes.count {
                let count = read(descriptor, bytes.baseAddress! + filled, bytes.count - filled)
                guard count >= 0 else { throw Unreadable(path: path, reason: String(cString: strerror(errno))) }
                guard count > 0 else { break }
                filled += count
            }
            return try Self.parse(UnsafeRawBufferPointer(rebasing: bytes[0..<filled]), path: path, into: arena)
        }
    }

    private static func parse(
        _ bytes: UnsafeRawBufferPointer, path: String, into arena: SecretArena
    ) throws(Unreadable) -> [Account] {
        var accounts: [Account] = []
        var line = 0
        for text in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
            line += 1
            let end = text.last == 0x0D ? text.endIndex - 1 : text.endIndex
            let trimmed = text[text.startIndex..<end]
            if trimmed.isEmpty { continue }
            guard let colon = trimmed.firstIndex(of: 0x3A), colon > trimmed.startIndex,
                colon + 1 < trimmed.endIndex
            else { throw Unreadable(path: path, reason: "line \(line) is not username:password") }
            let password = arena.store(UnsafeRawBufferPointer(rebasing: trimmed[(colon + 1)...]))
            accounts.append(Account(username: Array(trimmed[..<colon]), password: password))
        }
        guard !accounts.isEmpty else { throw Unreadable(path: path, reason: "holds no account") }
        return accounts
    }
}
