// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Names a secret in a `SecretArena`. Says nothing about its value, so it may be copied and printed.
public struct SecretHandle: Hashable, Sendable {
    let chunk: UInt32
    let offset: UInt32
    let count: UInt32
}

/// The secrets of one run in locked memory: filled once by their custodian, lent for single calls, wiped at the end.
///
/// Handles of a wiped arena lend an empty buffer. Safe to use from several shards.
public final class SecretArena: Sendable, Redacted {
    /// No secret is longer than this (a password has at most 1,024 bytes).
    public static let largestSecret = 4096
    private static let chunkBytes = 64 * 1024

    private struct Contents {
        var chunks: [Chunk] = []
        var used = 0
        var held = 0
    }

    /// Zeroed and unmapped when the last reader lets go of it, so wiping never races with a loan.
    private final class Chunk: Sendable {
        let memory = LockedMemory(minimumCount: SecretArena.chunkBytes)
    }

    private let contents = Mutex(Contents())

    /// An arena without secrets; it takes pages as secrets come.
    public init() {}

    /// How many secrets it holds now. A worker proves with 0 that it forgot.
    public var held: Int { contents.withLock { $0.held } }

    /// Whether every page is locked; false where RLIMIT_MEMLOCK refused, which doctor and the run report.
    public var isLocked: Bool { contents.withLock { $0.chunks.allSatisfy { $0.memory.isLocked } } }

    /// Copies a secret into locked memory.
    public func store(_ secret: UnsafeRawBufferPointer) -> SecretHandle {
        precondition(secret.count <= Self.largestSecret, "a secret of \(secret.count) bytes is over the limit")
        let (chunk, place) = contents.withLock { contents in
            if contents.chunks.isEmpty || contents.used + secret.count > Self.chunkBytes {
                contents.chunks.append(Chunk())
                contents.used = 0
            }
            defer {
                contents.used += secret.count
                contents.held += 1
            }
            return (
                contents.chunks[contents.chunks.count - 1],
                SecretHandle(
                    chunk: UInt32(contents.chunks.count - 1), offset: UInt32(contents.used),
                    count: UInt32(secret.count))
            )
        }
        // Nobody else has this range: it was handed out just now and its handle is not known yet.
        chunk.memory.withMutableBytes { bytes in
            let start = Int(place.offset)
            UnsafeMutableRawBufferPointer(rebasing: bytes[start..<start + secret.count]).copyMemory(from: secret)
        }
        return place
    }

    /// Lends a secret for one call. The pointer must not leave the closure; an arena that was wiped lends nothing.
    public func withBytes<Result>(of handle: SecretHandle, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        let chunk = contents.withLock { contents in
            Int(handle.chunk) < contents.chunks.count ? contents.chunks[Int(handle.chunk)] : nil
        }
        guard let chunk else { return body(UnsafeRawBufferPointer(start: nil, count: 0)) }
        return chunk.memory.withBytes { bytes in
            body(UnsafeRawBufferPointer(rebasing: bytes[Int(handle.offset)..<Int(handle.offset + handle.count)]))
        }
    }

    /// Zeroes and gives back every page.
    public func wipeAll() {
        contents.withLock { contents in
            contents.chunks.removeAll()
            contents.used = 0
            contents.held = 0
        }
    }
}
