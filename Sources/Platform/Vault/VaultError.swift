// SPDX-License-Identifier: Apache-2.0

public import Domain

/// Why the vault refuses. Holds no key, no secret, and nothing of a sealed value.
public enum VaultError: Error, Hashable, Sendable {
    /// There is no master key file.
    case masterKeyMissing(path: String)
    /// The file cannot be read.
    case masterKeyUnreadable(path: String, reason: String)
    /// Others than the owner may read or write the file; its permission bits.
    case masterKeyExposed(path: String, mode: UInt32)
    /// The file holds no key: 32 bytes, or their text.
    case masterKeyDamaged(path: String, bytes: Int)
    /// The file cannot be made.
    case masterKeyUnwritable(path: String, reason: String)
    /// The environment variable holds no key.
    case masterKeyText
    /// More than one source of a master key is named.
    case masterKeyAmbiguous(sources: [String])
    /// The database was sealed under another master key than the one given.
    case otherMasterKey(needed: KeyID, given: KeyID, source: String)
    /// The master key is being changed already.
    case rotationUnderWay
    /// The master key's source cannot be written: a file for the new key must be named.
    case newKeyFileNeeded(source: String)
    /// The new master key replaces the old one in its file.
    case newKeyFileNotNeeded(path: String)
    /// The file named for the new master key holds the old one.
    case newKeyIsOld(path: String)
    /// The database is under the new master key, but its file did not get into its place.
    case rotationUnfinished(path: String, newer: String, reason: String)
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
            "the master key file \(path) has \(bytes) bytes and is no key: 32 bytes are one, or 64 hexadecimal digits, or "
                + "base64 of 32 bytes; restore it from where you keep a copy"
        case .masterKeyUnwritable(let path, let reason): "the master key file \(path) cannot be made: \(reason)"
        case .masterKeyText:
            "the environment variable CALLMETER_MASTER_KEY holds no key: 64 hexadecimal digits or base64 of 32 bytes are one"
        case .masterKeyAmbiguous(let sources):
            "more than one master key is given: \(sources.joined(separator: " and ")); leave all but one away"
        case .otherMasterKey(let needed, let given, let source):
            "the database was sealed under the master key \(needed), but \(source) holds the key \(given); "
                + "give the key that belongs to this database"
        case .rotationUnderWay: "the master key is being changed already; wait for the end of that"
        case .newKeyFileNeeded(let source):
            "the master key comes from \(source), which cannot be written here; name a file for the new key, and have "
                + "the key taken from there before the next start"
        case .newKeyFileNotNeeded(let path):
            "the master key lies in the file \(path), where the new one replaces it; name no other file"
        case .newKeyIsOld(let path):
            "the file \(path) holds the present master key; name a file that does not exist yet"
        case .rotationUnfinished(let path, let newer, let reason):
            "the database is under the new master key now, but \(newer) could not be renamed to \(path) (\(reason)); "
                + "the next start tries it again: keep both files"
        case .wrongKey: "the data was sealed under another key; give the master key file that belongs to it"
        case .notAuthentic: "a sealed value was changed or moved from its place; restore the data from a backup"
        case .wrongLength(let count): "a secret of \(count) bytes cannot be sealed"
        case .encryptionFailed: "the encryption failed"
        }
    }
}
