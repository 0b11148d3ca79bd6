// SPDX-License-Identifier: Apache-2.0
//
// Credentials on their way to a worker are sealed to the key of its session with HPKE (RFC 9180, base mode,
// DHKEM(X25519, HKDF-SHA256), ChaCha20-Poly1305), also inside one process, so that buffers of a link only hold ciphertext.

public import Bedrock
import Crypto
import FoundationEssentials

/// What a sealed value is, so that a worker knows how to use it.
public enum CredentialKind: UInt8, Sendable, CaseIterable, Codable {
    /// The password itself: the realm is not known before the challenge.
    case password = 0
    /// The digest keys of an account whose realm is fixed, one for each hash function: H(username:realm:password), 16 bytes of MD5,
    /// 32 of SHA-256, 32 of SHA-512/256. The password stays with the controller.
    case digestKeys = 1
}

/// The public half of a worker's session key: 32 bytes of X25519.
public struct SessionPublicKey: Hashable, Sendable, Codable {
    /// The encoded key.
    public let bytes: [UInt8]

    /// A key from its encoding.
    public init(bytes: [UInt8]) { self.bytes = bytes }
}

/// Why sealing or opening failed. Says nothing of what was sealed.
public struct SealingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What went wrong.
    public enum Code: String, Sendable {
        /// The worker's public key is not a key.
        case badKey
        /// The value is longer than `SecretArena.largestSecret`.
        case tooLong
        /// Sealed for another key, run, endpoint or kind, opened out of order, or changed on the way.
        case notAuthentic
    }

    /// What went wrong.
    public let code: Code

    /// An error of this kind.
    public init(code: Code) { self.code = code }

    /// The error in words.
    public var description: String {
        switch code {
        case .badKey: "the session key of the worker is not usable; start the worker again"
        case .tooLong: "a credential is longer than \(SecretArena.largestSecret) bytes"
        case .notAuthentic: "a sealed credential does not belong to this session, run and endpoint"
        }
    }
}

private enum Envelope {
    static var ciphersuite: HPKE.Ciphersuite { .Curve25519_SHA256_ChachaPoly }
    /// Values are padded to a multiple of this, which hides their length, and keeps the library's buffer on the heap, where
    /// it can be wiped in place (a Data of up to 14 bytes would be copied from register to register).
    static let block = 64
    static let header = 2
    /// The longest padded value.
    static let capacity = (SecretArena.largestSecret + header + block - 1) / block * block

    static func info(_ context: [UInt8]) -> Data { Data(Array("callmeter session 1 ".utf8) + context) }

    static func additional(kind: CredentialKind, endpoint: UInt32) -> [UInt8] {
        [
            kind.rawValue, UInt8(truncatingIfNeeded: endpoint >> 24), UInt8(truncatingIfNeeded: endpoint >> 16),
            UInt8(truncatingIfNeeded: endpoint >> 8), UInt8(truncatingIfNeeded: endpoint),
        ]
    }
}

/// Seals the credentials of one segment, in order, to one worker's session key.
public struct SessionSealer: ~Copyable {
    private var sender: HPKE.Sender
    private let scratch: LockedMemory

    /// What the worker needs to open the values; 32 bytes.
    public let encapsulatedKey: [UInt8]

    /// A sealer for one segment. `context` (the run and its fencing number) must be the same at both ends.
    public init(to key: SessionPublicKey, context: [UInt8]) throws(SealingError) {
        do {
            let recipient = try Curve25519.KeyAgreement.PublicKey(rawRepresentation: key.bytes)
            sender = try HPKE.Sender(
                recipientKey: recipient, ciphersuite: Envelope.ciphersuite, info: Envelope.info(context))
        } catch {
            throw SealingError(code: .badKey)
        }
        encapsulatedKey = Array(sender.encapsulatedKey)
        scratch = LockedMemory(minimumCount: Envelope.capacity)
    }

    /// Seals the next value. The plaintext is copied once, into a locked page that is wiped before this returns.
    public mutating func seal(
        _ secret: UnsafeRawBufferPointer, kind: CredentialKind, endpoint: UInt32
    ) throws(SealingError) -> [UInt8] {
        guard secret.count <= SecretArena.largestSecret else { throw SealingError(code: .tooLong) }
        let used = (secret.count + Envelope.header + Envelope.block - 1) / Envelope.block * Envelope.block
        scratch.withMutableBytes { page in
            page[0] = UInt8(secret.count >> 8)
            page[1] = UInt8(secret.count & 255)
            UnsafeMutableRawBufferPointer(rebasing: page[2...]).copyMemory(from: secret)
        }
        defer { scratch.wipe(0..<used) }
        do {
            // A borrowed pointer, so the library encrypts straight from the locked page.
            return try scratch.withBytes { page in
                Array(
                    try sender.seal(
                        UnsafeRawBufferPointer(rebasing: page[..<used]),
                        authenticating: Envelope.additional(kind: kind, endpoint: endpoint)))
            }
        } catch {
            throw SealingError(code: .notAuthentic)
        }
    }
}

/// A worker's key for one session; the private half never leaves the process.
public struct SessionKey: Sendable, Redacted {
    private let key: Curve25519.KeyAgreement.PrivateKey

    /// A fresh key from the system's source of chance.
    public init() { key = Curve25519.KeyAgreement.PrivateKey() }

    /// The half to send in the hello.
    public var publicKey: SessionPublicKey { SessionPublicKey(bytes: Array(key.publicKey.rawRepresentation)) }

    /// Begins to open a segment's values.
    public func opener(encapsulatedKey: [UInt8], context: [UInt8]) throws(SealingError) -> SessionOpener {
        do {
            return SessionOpener(
                recipient: try HPKE.Recipient(
                    privateKey: key, ciphersuite: Envelope.ciphersuite, info: Envelope.info(context),
                    encapsulatedKey: Data(encapsulatedKey)))
        } catch {
            throw SealingError(code: .badKey)
        }
    }
}

/// Opens the values of one segment in the order they were sealed.
public struct SessionOpener: ~Copyable {
    private var recipient: HPKE.Recipient

    fileprivate init(recipient: HPKE.Recipient) { self.recipient = recipient }

    /// Opens the next value straight into the arena.
    ///
    /// The library hands the plaintext back in a heap buffer of its own (never a small inline one, see `Envelope.block`) that
    /// nobody else refers to; it is overwritten in place before it is given back. The cipher works in that buffer; no other
    /// copy is made by it.
    public mutating func open(
        _ sealed: [UInt8], kind: CredentialKind, endpoint: UInt32, into arena: SecretArena
    ) throws(SealingError) -> SecretHandle {
        let plain: Data
        do {
            plain = try recipient.open(sealed, authenticating: Envelope.additional(kind: kind, endpoint: endpoint))
        } catch {
            throw SealingError(code: .notAuthentic)
        }
        let handle: SecretHandle? = plain.withUnsafeBytes { bytes in
            defer { LockedMemory.wipe(UnsafeMutableRawBufferPointer(mutating: bytes)) }
            guard bytes.count >= Envelope.block else { return nil }
            let count = Int(bytes[0]) << 8 | Int(bytes[1])
            guard count <= SecretArena.largestSecret, count + Envelope.header <= bytes.count else { return nil }
            return arena.store(UnsafeRawBufferPointer(rebasing: bytes[2..<2 + count]))
        }
        guard let handle else { throw SealingError(code: .notAuthentic) }
        return handle
    }
}
