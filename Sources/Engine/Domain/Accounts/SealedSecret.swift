// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// Why bytes are no sealed secret.
public enum SealedSecretError: Error, Hashable, Sendable {
    /// No sealed secret has so many bytes.
    case wrongLength(Int)
    /// A format version this program does not know.
    case unknownVersion(UInt8)
}

/// A secret under authenticated encryption, as opaque bytes; what it is bound to is known only to who sealed it.
///
/// Layout: version (1 byte, now 1), key id (16), nonce (12), ciphertext (32…1,056, a multiple of 32), tag (16). Parsing is strict: every
/// byte is accounted for, and an unknown version is refused.
public struct SealedSecret: Hashable, Sendable {
    /// The only version written and read today: AES-256-GCM.
    public static let version: UInt8 = 1
    /// A nonce of AES-GCM, in bytes.
    public static let nonceLength = 12
    /// A tag of AES-GCM, in bytes.
    public static let tagLength = 16
    /// The longest ciphertext: a password of 1,024 bytes (A2) with its length, padded.
    public static let longestCiphertext = 1_056
    /// What a secret is padded to a multiple of, so that its length is not seen.
    public static let block = 32
    private static let headerLength = 1 + KeyID.byteCount + nonceLength

    /// The whole form, as it is stored and sent.
    public let encoded: [UInt8]

    /// Reads the stored form.
    public init(encoded: [UInt8]) throws(SealedSecretError) {
        let ciphertext = encoded.count - Self.headerLength - Self.tagLength
        guard (Self.block...Self.longestCiphertext).contains(ciphertext), ciphertext % Self.block == 0 else {
            throw .wrongLength(encoded.count)
        }
        guard encoded[0] == Self.version else { throw .unknownVersion(encoded[0]) }
        self.encoded = encoded
    }

    /// Puts together what an encryption gave.
    public init(
        key: KeyID, nonce: some Collection<UInt8>, ciphertext: some Collection<UInt8>, tag: some Collection<UInt8>
    ) throws(SealedSecretError) {
        guard nonce.count == Self.nonceLength, tag.count == Self.tagLength else {
            throw .wrongLength(nonce.count + tag.count)
        }
        var encoded: [UInt8] = []
        encoded.reserveCapacity(Self.headerLength + ciphertext.count + Self.tagLength)
        encoded.append(Self.version)
        encoded.append(contentsOf: key.bytes)
        encoded.append(contentsOf: nonce)
        encoded.append(contentsOf: ciphertext)
        encoded.append(contentsOf: tag)
        try self.init(encoded: encoded)
    }

    /// The key it was sealed under.
    public var key: KeyID {
        let start = KeyID(bytes: encoded[1..<1 + KeyID.byteCount])
        guard let start else { preconditionFailure("the length was checked when it was made") }
        return start
    }
    /// The nonce.
    public var nonce: ArraySlice<UInt8> { encoded[1 + KeyID.byteCount..<Self.headerLength] }
    /// The ciphertext without its tag.
    public var ciphertext: ArraySlice<UInt8> { encoded[Self.headerLength..<encoded.count - Self.tagLength] }
    /// The tag.
    public var tag: ArraySlice<UInt8> { encoded[(encoded.count - Self.tagLength)...] }
}

/// The data key of one registrar, itself sealed under the master key; safe to store.
public struct WrappedKey: Hashable, Sendable {
    /// The data key's identifier, which every secret sealed under it names.
    public var id: KeyID
    /// The registrar it belongs to; part of what the wrapping authenticates.
    public var registrar: RegistrarID
    /// The key under the master key.
    public var sealed: SealedSecret
    /// When it was made.
    public var createdAt: UnixTime

    /// A wrapped key from its parts.
    public init(id: KeyID, registrar: RegistrarID, sealed: SealedSecret, createdAt: UnixTime) {
        self.id = id
        self.registrar = registrar
        self.sealed = sealed
        self.createdAt = createdAt
    }
}
