// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import Crypto
public import Domain
import Glibc

/// The key that wraps all data keys. It is kept in a file of its own, never in the database (E1).
///
/// The bytes are read into locked memory; swift-crypto then holds them in storage that it wipes on release, but does not
/// lock.
public struct MasterKey: Sendable {
    /// The key's length in bytes, and the file's.
    static let length = 32

    /// Follows from the key itself, so that what was wrapped under another key is recognised.
    public let id: KeyID
    let key: SymmetricKey

    private init(_ bytes: UnsafeRawBufferPointer) {
        key = SymmetricKey(data: bytes)
        var mac = HMAC<SHA256>(key: key)
        mac.update(data: Label.masterKey)
        id = mac.finalize().withUnsafeBytes { code in
            var halves: (high: UInt64, low: UInt64) = (0, 0)
            for byte in code[..<8] { halves.high = halves.high << 8 | UInt64(byte) }
            for byte in code[8..<16] { halves.low = halves.low << 8 | UInt64(byte) }
            return KeyID(high: halves.high, low: halves.low)
        }
    }

    /// A key that lives as long as this process: for a run from a file, whose store is in memory.
    public static func ephemeral() -> MasterKey {
        let memory = newKey()
        return memory.withBytes { MasterKey(UnsafeRawBufferPointer(rebasing: $0[..<length])) }
    }

    /// Reads the key of a file of exactly 32 bytes that only its owner may read or write.
    public static func read(path: String) throws(VaultError) -> MasterKey {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else {
            throw errno == ENOENT ? .masterKeyMissing(path: path) : .masterKeyUnreadable(path: path, reason: reason())
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .masterKeyUnreadable(path: path, reason: reason()) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .masterKeyUnreadable(path: path, reason: "it is no regular file")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw .masterKeyExposed(path: path, mode: UInt32(status.st_mode & 0o777))
        }
        guard status.st_size == length else { throw .masterKeyDamaged(path: path, bytes: Int(status.st_size)) }
        let memory = LockedMemory(minimumCount: length)
        let count = memory.withMutableBytes { Glibc.read(descriptor, $0.baseAddress, length) }
        guard count == length else { throw .masterKeyUnreadable(path: path, reason: reason()) }
        return memory.withBytes { MasterKey(UnsafeRawBufferPointer(rebasing: $0[..<length])) }
    }

    /// Reads the key, or makes a file with a new one where there is none.
    ///
    /// To be used only while nothing is sealed yet: a new key cannot open what an older one wrapped.
    public static func readOrCreate(path: String) throws(VaultError) -> MasterKey {
        do throws(VaultError) {
            return try read(path: path)
        } catch .masterKeyMissing {
            try create(path: path)
            return try read(path: path)
        }
    }

    /// Writes a new key beside its place and links it there, so that no other process ever sees half a key.
    private static func create(path: String) throws(VaultError) {
        let draft = "\(path).\(String(UInt64.random(in: 0...UInt64.max), radix: 36)).new"
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .masterKeyUnwritable(path: path, reason: reason()) }
        defer {
            close(descriptor)
            unlink(draft)
        }
        let memory = newKey()
        let count = memory.withBytes { write(descriptor, $0.baseAddress, length) }
        guard count == length, fsync(descriptor) == 0 else {
            throw .masterKeyUnwritable(path: path, reason: reason())
        }
        // Another process that was quicker wins; its key is read next.
        guard link(draft, path) == 0 || errno == EEXIST else {
            throw .masterKeyUnwritable(path: path, reason: reason())
        }
    }

    /// A key of the kernel's generator, in locked memory.
    private static func newKey() -> LockedMemory {
        let memory = LockedMemory(minimumCount: length)
        var generator = SystemRandomNumberGenerator()
        memory.withMutableBytes { bytes in
            for index in 0..<length { bytes[index] = generator.next() }
        }
        return memory
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}
