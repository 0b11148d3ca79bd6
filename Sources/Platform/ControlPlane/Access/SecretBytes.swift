// SPDX-License-Identifier: Apache-2.0

import Bedrock

/// A secret on its way in or out (a password typed singly, a new API key): in locked memory, lent by closure, zeroed by its owner.
public struct SecretBytes: ~Copyable, Sendable {
    private let memory: LockedMemory
    /// How many bytes it has.
    public let count: Int

    /// Copies a secret; the caller wipes the source.
    public init(copying source: UnsafeRawBufferPointer) {
        memory = LockedMemory(minimumCount: max(1, source.count))
        count = source.count
        memory.withMutableBytes { $0.copyMemory(from: source) }
    }

    /// Makes a secret of `count` bytes in place.
    public init(count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) {
        memory = LockedMemory(minimumCount: max(1, count))
        self.count = count
        memory.withMutableBytes { fill(UnsafeMutableRawBufferPointer(rebasing: $0[..<count])) }
    }

    /// Lends the bytes. The pointer must not leave the closure.
    public borrowing func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let count = count
        return try memory.withBytes { (bytes) throws(Failure) in
            try body(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        }
    }
}
