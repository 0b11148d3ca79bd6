// SPDX-License-Identifier: Apache-2.0

import Bedrock
import FoundationEssentials
import Glibc

/// Key files: 32 bytes, or the same as text, that only their owner may read or write.
extension MasterKey {
    /// Who beside the owner may read a key file.
    enum Audience {
        /// Nobody.
        case ownerOnly
        /// What a service manager lets the service's group read: its folder is closed to others.
        case serviceManager

        /// The permission bits that must not be set.
        var forbidden: mode_t { self == .ownerOnly ? 0o077 : 0o037 }
    }

    /// Reads the key of a file. Throws `masterKeyMissing`, `masterKeyUnreadable`, `masterKeyExposed`, `masterKeyDamaged`.
    public static func read(path: String) throws(VaultError) -> MasterKey { try read(path: path, for: .ownerOnly) }

    static func read(path: String, for audience: Audience) throws(VaultError) -> MasterKey {
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
        guard status.st_mode & audience.forbidden == 0 else {
            throw .masterKeyExposed(path: path, mode: UInt32(status.st_mode & 0o777))
        }
        let size = Int(status.st_size)
        guard (length...KeyText.longest).contains(size) else { throw .masterKeyDamaged(path: path, bytes: size) }
        let memory = LockedMemory(minimumCount: KeyText.longest)
        let count = memory.withMutableBytes { Glibc.read(descriptor, $0.baseAddress, size) }
        guard count == size else { throw .masterKeyUnreadable(path: path, reason: reason()) }
        guard let key = KeyText.key(in: memory, count: size) else {
            throw .masterKeyDamaged(path: path, bytes: size)
        }
        return key
    }

    /// Reads the key, or makes a file with a new one where there is none.
    ///
    /// To be used only while nothing is sealed yet: a new key cannot open what an older one wrapped.
    public static func readOrCreate(path: String) throws(VaultError) -> MasterKey {
        do throws(VaultError) {
            return try read(path: path)
        } catch .masterKeyMissing {
            try write(.ephemeral(), path: path, as: .bytes)
            return try read(path: path)
        }
    }

    /// How a key file holds the key.
    enum Form {
        /// 32 bytes.
        case bytes
        /// 64 hexadecimal digits and a line end, for whoever pastes the key elsewhere.
        case text
    }

    /// Writes a key beside its place and links it there, so that no other process ever sees half a key. A file that is there
    /// already stays: another process was quicker.
    static func write(_ key: MasterKey, path: String, as form: Form) throws(VaultError) {
        let draft = "\(path).\(String(UInt64.random(in: 0...UInt64.max), radix: 36)).draft"
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .masterKeyUnwritable(path: path, reason: reason()) }
        defer {
            close(descriptor)
            unlink(draft)
        }
        let memory = LockedMemory(minimumCount: KeyText.longest)
        let size = key.withBytes { KeyText.write($0, as: form, into: memory) }
        let count = memory.withBytes { Glibc.write(descriptor, $0.baseAddress, size) }
        guard count == size, fsync(descriptor) == 0 else {
            throw .masterKeyUnwritable(path: path, reason: reason())
        }
        guard link(draft, path) == 0 || errno == EEXIST else {
            throw .masterKeyUnwritable(path: path, reason: reason())
        }
        try syncFolder(of: path)
    }

    /// Takes away what a process that was killed while it wrote a key left beside its place.
    static func removeDrafts(of path: String) {
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { String(path[...$0]) } ?? "./"
        let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
        let entries = try? FileManager.default.contentsOfDirectory(atPath: folder)
        for entry in entries ?? [] where entry.hasPrefix(name + ".") && entry.hasSuffix(".draft") {
            unlink(folder + entry)
        }
    }

    /// Puts a finished key file in the place of another, for good.
    static func replace(_ path: String, by newer: String) throws(VaultError) {
        guard rename(newer, path) == 0 else { throw .rotationUnfinished(path: path, newer: newer, reason: reason()) }
        try syncFolder(of: path)
    }

    /// Makes a new name in a folder survive a loss of power.
    private static func syncFolder(of path: String) throws(VaultError) {
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .masterKeyUnwritable(path: path, reason: reason()) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw .masterKeyUnwritable(path: path, reason: reason()) }
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}

/// A key as bytes or as text: 32 bytes, 64 hexadecimal digits, or 44 characters of base64. White space may follow text.
enum KeyText {
    /// The longest form: hexadecimal with a carriage return and a line feed.
    static let longest = 66

    /// The key that memory holds; nil when it is none. The memory is wiped.
    static func key(in source: borrowing LockedMemory, count: Int) -> MasterKey? {
        defer { source.wipe(0..<count) }
        let memory = LockedMemory(minimumCount: MasterKey.length)
        let isKey = source.withBytes { bytes in
            memory.withMutableBytes { key in
                read(UnsafeRawBufferPointer(rebasing: bytes[..<count]), into: key)
            }
        }
        return isKey ? MasterKey(taking: memory) : nil
    }

    /// Writes a key in a form; gives its length.
    static func write(_ key: UnsafeRawBufferPointer, as form: MasterKey.Form, into memory: borrowing LockedMemory)
        -> Int
    {
        memory.withMutableBytes { target in
            guard form == .text else {
                target.copyMemory(from: key)
                return key.count
            }
            for (index, byte) in key.enumerated() {
                target[2 * index] = digit(byte >> 4)
                target[2 * index + 1] = digit(byte & 15)
            }
            target[2 * key.count] = 0x0A
            return 2 * key.count + 1
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }

    private static func read(_ source: UnsafeRawBufferPointer, into key: UnsafeMutableRawBufferPointer) -> Bool {
        if source.count == MasterKey.length {
            key.copyMemory(from: source)
            return true
        }
        var text = source[...]
        while let last = text.last, last == 0x0A || last == 0x0D || last == 0x20 { text = text.dropLast() }
        switch text.count {
        case 64: return decode(text, bitsEach: 4, into: key, value: hexadecimal)
        case 44 where text.last == 0x3D: return decode(text.dropLast(), bitsEach: 6, into: key, value: base64)
        default: return false
        }
    }

    /// Collects the digits' bits; those beyond the key must be zero (43 digits of base64 hold two more).
    private static func decode(
        _ text: Slice<UnsafeRawBufferPointer>, bitsEach: UInt32, into key: UnsafeMutableRawBufferPointer,
        value: (UInt8) -> UInt32?
    ) -> Bool {
        var pending: UInt32 = 0
        var bits: UInt32 = 0
        var written = 0
        for character in text {
            guard let digit = value(character) else { return false }
            pending = pending << bitsEach | digit
            bits += bitsEach
            if bits >= 8 {
                bits -= 8
                guard written < MasterKey.length else { return false }
                key[written] = UInt8(truncatingIfNeeded: pending >> bits)
                pending &= (1 << bits) - 1
                written += 1
            }
        }
        return written == MasterKey.length && pending == 0
    }

    private static func hexadecimal(_ character: UInt8) -> UInt32? {
        switch character {
        case 0x30...0x39: UInt32(character - 0x30)
        case 0x41...0x46: UInt32(character - 0x37)
        case 0x61...0x66: UInt32(character - 0x57)
        default: nil
        }
    }

    private static func base64(_ character: UInt8) -> UInt32? {
        switch character {
        case 0x41...0x5A: UInt32(character - 0x41)
        case 0x61...0x7A: UInt32(character - 0x47)
        case 0x30...0x39: UInt32(character + 4)
        case 0x2B: 62
        case 0x2F: 63
        default: nil
        }
    }
}
