// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import Crypto
public import Domain
import FoundationEssentials

/// Makes and unwraps the data keys that seal passwords (E1). Where wrapped keys and sealed values are kept is not its
/// business.
public struct Vault: Sendable {
    private let master: MasterKey

    /// A vault under a master key.
    public init(master: MasterKey) { self.master = master }

    /// Makes a data key for a registrar, wrapped under the master key.
    public func makeDataKey(_ id: KeyID, for registrar: RegistrarID, at time: UnixTime) throws(VaultError) -> WrappedKey
    {
        let key = SymmetricKey(size: .bits256)
        let label = Label.dataKey(id, of: registrar, under: master.id)
        do {
            let box = try key.withUnsafeBytes { try AES.GCM.seal($0, using: master.key, authenticating: label) }
            let sealed = try SealedSecret(
                key: master.id, nonce: Data(box.nonce), ciphertext: box.ciphertext, tag: box.tag)
            return WrappedKey(id: id, registrar: registrar, sealed: sealed, createdAt: time)
        } catch {
            throw .encryptionFailed
        }
    }

    /// Unwraps a data key. Throws `wrongKey` for one of another master key, `notAuthentic` for one that was changed or
    /// belongs to another registrar.
    public func unwrap(_ wrapped: WrappedKey) throws(VaultError) -> DataKey {
        guard wrapped.sealed.key == master.id else { throw .wrongKey }
        let plain = try wrapped.sealed.opened(
            with: master.key, label: Label.dataKey(wrapped.id, of: wrapped.registrar, under: master.id))
        defer { plain.wipeInPlace() }
        return DataKey(id: wrapped.id, registrar: wrapped.registrar, key: SymmetricKey(data: plain))
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
