// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import Crypto
public import Domain
import FoundationEssentials
import Synchronization

/// Makes and unwraps the data keys that seal passwords (E1), and changes the master key they are wrapped under. Where wrapped
/// keys and sealed values are kept is not its business.
public final class Vault: Sendable {
    /// While a rotation goes there are two masters, and either unwraps.
    struct Ring {
        var current: MasterKey
        var next: NextMasterKey?
    }

    /// Where the master key comes from.
    public let source: MasterKeySource
    let ring: Mutex<Ring>

    /// A vault under a master key of this process alone, or of a source.
    public init(master: MasterKey, source: MasterKeySource = .process) {
        ring = Mutex(Ring(current: master))
        self.source = source
    }

    /// Names the master key that new data keys are wrapped under.
    public var masterID: KeyID { ring.withLock { $0.current.id } }

    /// Whether the system locked the master key's page.
    public var isLocked: Bool { ring.withLock { $0.current.isLocked } }

    /// Makes a data key for a registrar, wrapped under the master key.
    public func makeDataKey(_ id: KeyID, for registrar: RegistrarID, at time: UnixTime) throws(VaultError) -> WrappedKey
    {
        let memory = LockedMemory(minimumCount: MasterKey.length)
        MasterKey.fill(memory)
        let master = ring.withLock { $0.current }
        return try memory.withBytes { (bytes) throws(VaultError) in
            try Self.wrap(
                UnsafeRawBufferPointer(rebasing: bytes[..<MasterKey.length]), id: id, registrar: registrar,
                createdAt: time, under: master)
        }
    }

    /// Unwraps a data key. Throws `wrongKey` for one of another master key, `notAuthentic` for one that was changed or
    /// belongs to another registrar.
    public func unwrap(_ wrapped: WrappedKey) throws(VaultError) -> DataKey {
        let master = ring.withLock { ring in
            [ring.current, ring.next?.key].compactMap { $0 }.first { $0.id == wrapped.sealed.key }
        }
        guard let master else { throw .wrongKey }
        let label = Label.dataKey(wrapped.id, of: wrapped.registrar, under: master.id)
        let plain = try master.withKey { (key) throws(VaultError) in try wrapped.sealed.opened(with: key, label: label)
        }
        defer { plain.wipeInPlace() }
        guard plain.count == MasterKey.length else { throw .notAuthentic }
        return plain.withUnsafeBytes { DataKey(id: wrapped.id, registrar: wrapped.registrar, copying: $0) }
    }

    static func wrap(
        _ bytes: UnsafeRawBufferPointer, id: KeyID, registrar: RegistrarID, createdAt: UnixTime, under master: MasterKey
    ) throws(VaultError) -> WrappedKey {
        let label = Label.dataKey(id, of: registrar, under: master.id)
        do {
            let box = try master.withKey { try AES.GCM.seal(bytes, using: $0, authenticating: label) }
            let sealed = try SealedSecret(
                key: master.id, nonce: Data(box.nonce), ciphertext: box.ciphertext, tag: box.tag)
            return WrappedKey(id: id, registrar: registrar, sealed: sealed, createdAt: createdAt)
        } catch {
            throw .encryptionFailed
        }
    }
}

/// What sealed values are bound to, as additional authenticated data: purpose, format and place.
enum Label {
    /// Names the derivation of a master key's identifier.
    static let masterKey = [UInt8]("callmeter master key 1".utf8)

    /// A data key belongs to one registrar and one master key.
    static func dataKey(_ id: KeyID, of registrar: RegistrarID, under master: KeyID) -> [UInt8] {
        [UInt8]("callmeter data key 1".utf8) + registrar.bytes + id.bytes + master.bytes
    }

    /// A password belongs to one account of one registrar, and its data key.
    static func password(of account: AccountID, registrar: RegistrarID, under key: KeyID) -> [UInt8] {
        [UInt8]("callmeter password 1".utf8) + registrar.bytes + account.bytes + key.bytes
    }
}

extension SealedSecret {
    /// The plaintext in a buffer of swift-crypto's, which the caller wipes.
    func opened(with key: SymmetricKey, label: [UInt8]) throws(VaultError) -> Data {
        do {
            let box = try AES.GCM.SealedBox(nonce: AES.GCM.Nonce(data: nonce), ciphertext: ciphertext, tag: tag)
            return try AES.GCM.open(box, using: key, authenticating: label)
        } catch {
            throw .notAuthentic
        }
    }
}

extension Data {
    /// Zeroes the bytes where they lie.
    ///
    /// swift-crypto decrypts into one heap buffer and wraps it without copying, but Data copies up to 14 bytes into
    /// itself and frees the buffer as it is. So nothing shorter than a padded block is ever sealed, and the buffer is
    /// only reached through a Data that nobody else has. That no register or stack slot keeps a part cannot be proved
    /// from here; a test scans the process's memory.
    func wipeInPlace() {
        withUnsafeBytes { LockedMemory.wipe(UnsafeMutableRawBufferPointer(mutating: $0)) }
    }
}
