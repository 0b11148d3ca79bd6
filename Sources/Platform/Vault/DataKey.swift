// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import Crypto
public import Domain
import FoundationEssentials
import Synchronization

/// The data key of one registrar, ready to seal and open its passwords.
///
/// A password is padded to a multiple of 32 bytes first, behind two bytes with its length: neither the database nor its
/// backups show how long it is.
public final class DataKey: Sendable {
    private static let prefix = 2

    /// Which key it is.
    public let id: KeyID
    /// The registrar it belongs to.
    public let registrar: RegistrarID
    private let memory: LockedMemory
    let scratch = ScratchPages()

    /// Copies the key into locked memory; the caller wipes its bytes.
    init(id: KeyID, registrar: RegistrarID, copying key: UnsafeRawBufferPointer) {
        precondition(key.count == MasterKey.length, "a data key has \(MasterKey.length) bytes")
        self.id = id
        self.registrar = registrar
        memory = LockedMemory(minimumCount: MasterKey.length)
        memory.withMutableBytes { $0.copyMemory(from: key) }
    }

    /// Makes the key for one operation of swift-crypto's, or for one chunk of many: its storage there is wiped on release but
    /// not locked.
    func withKey<Result, Failure: Error>(
        _ body: (SymmetricKey) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try withBytes { (bytes) throws(Failure) in try body(SymmetricKey(data: bytes)) }
    }

    /// Lends the key's bytes. The pointer must not leave the closure.
    func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try memory.withBytes { (bytes) throws(Failure) in
            try body(UnsafeRawBufferPointer(rebasing: bytes[..<MasterKey.length]))
        }
    }

    /// Seals a password for one account. The caller's bytes are left as they are.
    public func seal(_ password: UnsafeRawBufferPointer, for account: AccountID) throws(VaultError) -> SealedSecret {
        guard (1...AccountRules.longestPassword).contains(password.count) else { throw .wrongLength(password.count) }
        let length = Self.paddedLength(password.count)
        let label = Label.password(of: account, registrar: registrar, under: id)
        let page = scratch.take()
        defer { scratch.giveBack(page, used: length) }
        do {
            let box = try page.memory.withMutableBytes { bytes in
                Self.pad(password, into: bytes)
                return try withKey { key in
                    try AES.GCM.seal(
                        UnsafeRawBufferPointer(rebasing: bytes[..<length]), using: key, authenticating: label)
                }
            }
            return try SealedSecret(key: id, nonce: Data(box.nonce), ciphertext: box.ciphertext, tag: box.tag)
        } catch {
            throw .encryptionFailed
        }
    }

    /// How long a password of so many bytes is behind its length and padded.
    static func paddedLength(_ count: Int) -> Int {
        (prefix + count + SealedSecret.block - 1) / SealedSecret.block * SealedSecret.block
    }

    /// Writes length and password; the bytes behind are zero before and stay so.
    static func pad(_ password: UnsafeRawBufferPointer, into bytes: UnsafeMutableRawBufferPointer) {
        bytes[0] = UInt8(password.count >> 8)
        bytes[1] = UInt8(password.count & 0xFF)
        UnsafeMutableRawBufferPointer(rebasing: bytes[prefix..<prefix + password.count]).copyMemory(from: password)
    }

    /// Opens an account's password and lends it, in locked memory that is wiped afterwards. The pointer must not leave
    /// the closure. Throws `wrongKey` or `notAuthentic`, or what `body` throws.
    public func open<Result>(
        _ sealed: SealedSecret, of account: AccountID, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        guard sealed.key == id else { throw VaultError.wrongKey }
        let label = Label.password(of: account, registrar: registrar, under: id)
        let plain = try withKey { (key) throws(VaultError) in try sealed.opened(with: key, label: label) }
        let page = scratch.take()
        defer { scratch.giveBack(page, used: plain.count) }
        page.memory.withMutableBytes { bytes in
            plain.withUnsafeBytes { bytes.copyMemory(from: $0) }
        }
        plain.wipeInPlace()
        return try page.memory.withBytes { bytes in
            let length = Int(bytes[0]) << 8 | Int(bytes[1])
            guard length > 0, Self.prefix + length <= plain.count else { throw VaultError.notAuthentic }
            return try body(UnsafeRawBufferPointer(rebasing: bytes[Self.prefix..<Self.prefix + length]))
        }
    }
}

/// Locked pages for one password each, kept for the next: mapping and locking one costs more than the encryption.
final class ScratchPages: Sendable {
    /// A page that one caller has.
    final class Page: Sendable {
        let memory = LockedMemory(minimumCount: SealedSecret.longestCiphertext)
    }

    /// Locked memory is scarce; more callers at once than this map their own.
    private static let mostKept = 4

    private let pages = Mutex<[Page]>([])

    func take() -> Page { pages.withLock { $0.popLast() } ?? Page() }

    func giveBack(_ page: Page, used: Int) {
        page.memory.wipe(0..<used)
        pages.withLock { if $0.count < Self.mostKept { $0.append(page) } }
    }
}
