// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// Tags the identifier of an account; the account itself is never one value, because its secret lives apart.
public enum Account {}
/// Tags the identifier of a key that encrypts: the master key, or the data key of one registrar.
public enum EncryptionKey {}
/// Tags the identifier of one bulk import while its rows are staged.
public enum AccountImport {}

/// Names a project.
public typealias ProjectID = ID<Project>
/// Names a registrar.
public typealias RegistrarID = ID<Registrar>
/// Names an account.
public typealias AccountID = ID<Account>
/// Names a test.
public typealias TestID = ID<TestRecord>
/// Names a run.
public typealias RunID = ID<RunRecord>
/// Names an API key.
public typealias APIKeyID = ID<APIKeyRecord>
/// Names a key that encrypts.
public typealias KeyID = ID<EncryptionKey>
/// Names a bulk import.
public typealias ImportID = ID<AccountImport>

extension ID {
    /// How many bytes the binary form has.
    public static var byteCount: Int { 16 }

    /// The binary form: 16 bytes, big-endian, so that byte order is order of age.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.byteCount)
        for half in [high, low] {
            for shift in stride(from: UInt64(56), through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: half >> shift))
            }
        }
        return bytes
    }

    /// Reads the binary form. Nil unless there are exactly 16 bytes.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        for byte in bytes {
            high = high << 8 | low >> 56
            low = low << 8 | UInt64(byte)
        }
        self.init(high: high, low: low)
    }
}
