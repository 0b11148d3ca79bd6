// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import Domain

/// The hash functions of digest authentication, handed in by the program: what they write answers for an account in one realm, and says
/// nothing of its password to other realms.
public struct DigestKeyHash: Sendable {
    /// How many bytes `write` writes.
    let length: Int
    /// Writes the digests of a text, one for each hash function.
    let write: @Sendable (UnsafeRawBufferPointer, UnsafeMutableRawBufferPointer) -> Void

    /// Hash functions that write `length` bytes for a text. The closure must keep neither pointer.
    public init(
        length: Int, write: @escaping @Sendable (UnsafeRawBufferPointer, UnsafeMutableRawBufferPointer) -> Void
    ) {
        self.length = length
        self.write = write
    }
}

/// Makes digest keys of passwords in locked memory that is wiped after each.
final class DigestKeyForge {
    /// `username:realm:password` at their limits (A2).
    private static let longestText =
        AccountRules.longestUsername + AccountRules.longestRealm + AccountRules.longestPassword + 2

    private let hash: DigestKeyHash
    private let text = LockedMemory(minimumCount: longestText)
    private let keys: LockedMemory

    init(hash: DigestKeyHash) {
        self.hash = hash
        keys = LockedMemory(minimumCount: hash.length)
    }

    /// Lends the keys of an account for one call. The pointer must not leave the closure.
    func withKeys<Result>(
        username: String, realm: String, password: UnsafeRawBufferPointer,
        _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        let count = username.utf8.count + realm.utf8.count + password.count + 2
        defer {
            text.wipe(0..<count)
            keys.wipe(0..<hash.length)
        }
        return try keys.withMutableBytes { output in
            text.withMutableBytes { bytes in
                precondition(count <= bytes.count, "names and passwords have bounds")
                var place = 0
                for name in [username, realm] {
                    for byte in name.utf8 {
                        bytes[place] = byte
                        place += 1
                    }
                    bytes[place] = UInt8(ascii: ":")
                    place += 1
                }
                UnsafeMutableRawBufferPointer(rebasing: bytes[place...]).copyMemory(from: password)
                hash.write(UnsafeRawBufferPointer(rebasing: bytes[..<count]), output)
            }
            return try body(UnsafeRawBufferPointer(rebasing: output[..<hash.length]))
        }
    }
}
