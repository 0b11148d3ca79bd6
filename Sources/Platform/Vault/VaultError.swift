// SPDX-License-Identifier: Apache-2.0

/// Why the vault refuses. Holds no key, no secret, and nothing of a sealed value.
public enum VaultError: Error, Hashable, Sendable {
    /// There is no master key file.
    case masterKeyMissing(path: String)
    /// The file cannot be read.
    case masterKeyUnreadable(path: String, reason: String)
    /// Others than the owner may read or write the file; its permission bits.
    case masterKeyExposed(path: String, mode: UInt32)
    /// The file has another length than a key.
    case masterKeyDamaged(path: String, bytes: Int)
    /// The file cannot be made.
    case masterKeyUnwritable(path: String, reason: String)
    /// Wrapped or sealed under another key than the one at hand.
    case wrongKey
    /// Changed, cut, or moved from its place: authentication failed.
    case notAuthentic
    /// A secret is empty or longer than a password may be.
    case wrongLength(Int)
    /// The encryption itself failed.
    case encryptionFailed
}

extension VaultError: CustomStringConvertible {
    /// What is wrong and what to do.
    public var description: String {
        switch self {
        case .masterKeyMissing(let path):
            "the master key file \(path) is missing; restore it from where you keep a copy"
        case .masterKeyUnreadable(let path, let reason): "the master key file \(path) cannot be read: \(reason)"
        case .masterKeyExposed(let path, let mode):
            "the master key file \(path) is open to others (mode \(String(mode, radix: 8))); run: chmod 600 \(path)"
        case .masterKeyDamaged(let path, let bytes):
            "the master key file \(path) has \(bytes) bytes instead of 32; restore it from where you keep a copy"
        case .masterKeyUnwritable(let path, let reason): "the master key file \(path) cannot be made: \(reason)"
        case .wrongKey: "the data was sealed under another key; give the master key file that belongs to it"
        case .notAuthentic: "a sealed value was changed or moved from its place; restore the data from a backup"
        case .wrongLength(let count): "a secret of \(count) bytes cannot be sealed"
        case .encryptionFailed: "the encryption failed"
        }
    }
}
