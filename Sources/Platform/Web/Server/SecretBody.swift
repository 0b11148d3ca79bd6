// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Hummingbird
import NIOCore

/// The body of a request that holds secrets: read piece by piece into locked memory, each piece overwritten once it was copied.
struct SecretBody {
    private var iterator: RequestBody.AsyncIterator
    private var rest = ByteBuffer()
    private var received = 0
    private let limit: Int

    /// A body of at most `limit` bytes.
    init(_ body: RequestBody, upTo limit: Int) {
        iterator = body.makeAsyncIterator()
        self.limit = limit
    }

    /// Fills `page` with the next bytes; 0 at the end. Throws 413 when the body is too large.
    mutating func read(into page: UnsafeMutableRawBufferPointer) async throws -> Int {
        while rest.readableBytes == 0 {
            guard let next = try await iterator.next(isolation: #isolation) else { return 0 }
            received += next.readableBytes
            guard received <= limit else {
                next.wipeInPlace()
                throw HTTPError(.contentTooLarge, message: "the body has at most \(limit) bytes")
            }
            rest = next
        }
        let count = min(rest.readableBytes, page.count)
        rest.readWithUnsafeReadableBytes { bytes in
            let piece = UnsafeRawBufferPointer(rebasing: bytes[..<count])
            page.copyMemory(from: piece)
            LockedMemory.wipe(UnsafeMutableRawBufferPointer(mutating: piece))
            return count
        }
        return count
    }

    /// Reads a whole body into locked memory and lends it; it is zeroed when this returns.
    static func withBytes<Result>(
        of body: RequestBody, upTo limit: Int, _ use: (UnsafeRawBufferPointer) throws -> Result
    ) async throws -> Result {
        let memory = LockedMemory(minimumCount: limit)
        var source = SecretBody(body, upTo: limit)
        var filled = 0
        while filled < limit {
            // The pages live as long as this function, and the reader keeps no pointer.
            let free = memory.withMutableBytes { UnsafeMutableRawBufferPointer(rebasing: $0[filled...]) }
            let count = try await source.read(into: free)
            guard count > 0 else { break }
            filled += count
        }
        // At the limit the end must follow.
        if filled == limit {
            let beyond = LockedMemory(minimumCount: 1)
            _ = try await source.read(into: beyond.withMutableBytes { $0 })
        }
        return try memory.withBytes { try use(UnsafeRawBufferPointer(rebasing: $0[..<filled])) }
    }
}
