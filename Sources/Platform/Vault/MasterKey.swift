// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import Crypto
public import Domain
import Glibc

/// The key that wraps all data keys. It is kept outside the database (E1): see `MasterKeySource`.
///
/// The bytes lie in locked memory. swift-crypto wants them in storage of its own, which it wipes on release but does not
/// lock: that exists for the span of one operation only.
public final class MasterKey: Sendable {
    /// The key's length in bytes.
    static let length = 32

    /// Follows from the key itself, so that what was wrapped under another key is recognised.
    public let id: KeyID
    private let memory: LockedMemory

    /// Takes over memory that begins with the key.
    init(taking memory: consuming LockedMemory) {
        id = memory.withBytes { bytes in
            Self.identifier(of: SymmetricKey(data: UnsafeRawBufferPointer(rebasing: bytes[..<Self.length])))
        }
        self.memory = memory
    }

    /// A key that lives as long as this process: for a run from a file, whose store is in memory.
    public static func ephemeral() -> MasterKey {
        let memory = LockedMemory(minimumCount: length)
        fill(memory)
        return MasterKey(taking: memory)
    }

    /// Makes the key for one operation of swift-crypto's.
    func withKey<Result, Failure: Error>(
        _ body: (SymmetricKey) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try memory.withBytes { (bytes) throws(Failure) in
            try body(SymmetricKey(data: UnsafeRawBufferPointer(rebasing: bytes[..<Self.length])))
        }
    }

    /// Lends the bytes, to be written into a key file. The pointer must not leave the closure.
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        memory.withBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<Self.length])) }
    }

    /// Whether the system locked the key's page.
    public var isLocked: Bool { memory.isLocked }

    /// Fills memory with a key of the kernel's generator.
    static func fill(_ memory: borrowing LockedMemory) {
        var generator = SystemRandomNumberGenerator()
        memory.withMutableBytes { bytes in
            for index in 0..<length { bytes[index] = generator.next() }
        }
    }

    private static func identifier(of key: SymmetricKey) -> KeyID {
        var mac = HMAC<SHA256>(key: key)
        mac.update(data: Label.masterKey)
        return mac.finalize().withUnsafeBytes { code in
            var halves: (high: UInt64, low: UInt64) = (0, 0)
            for byte in code[..<8] { halves.high = halves.high << 8 | UInt64(byte) }
            for byte in code[8..<16] { halves.low = halves.low << 8 | UInt64(byte) }
            return KeyID(high: halves.high, low: halves.low)
        }
    }
}
