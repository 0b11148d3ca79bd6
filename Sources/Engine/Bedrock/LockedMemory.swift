// SPDX-License-Identifier: Apache-2.0
//
// The one file of the engine that talks to the C library: memory for secrets.

import Glibc

/// Pages for secrets: kept out of swap where the system allows it, out of core dumps and out of forked children, and zeroed when
/// given back.
public struct LockedMemory: ~Copyable, @unchecked Sendable {
    // Sendable: the value owns its pages alone, and a noncopyable value is in one place at a time.

    private let start: UnsafeMutableRawPointer
    /// How many bytes it holds; a multiple of the page size.
    public let count: Int
    /// Whether the kernel locked the pages; false where RLIMIT_MEMLOCK refused.
    public let isLocked: Bool

    /// Maps zeroed pages for at least `minimumCount` bytes.
    public init(minimumCount: Int) {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        count = max(1, (minimumCount + page - 1) / page) * page
        let pages = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let pages, pages != MAP_FAILED else {
            preconditionFailure("the system gave no memory for secrets (\(count) bytes)")
        }
        start = pages
        isLocked = mlock(pages, count) == 0
        _ = madvise(pages, count, MADV_DONTDUMP)
        _ = madvise(pages, count, Self.wipeOnFork)
    }

    deinit {
        explicit_bzero(start, count)
        munmap(start, count)
    }

    /// MADV_WIPEONFORK of Linux 4.14, which not every C library's header names.
    private static var wipeOnFork: Int32 { 18 }

    /// Lends the bytes for reading. The pointer must not leave the closure.
    public borrowing func withBytes<Result: ~Copyable, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(start: start, count: count))
    }

    /// Lends the bytes for writing. The pointer must not leave the closure.
    public borrowing func withMutableBytes<Result: ~Copyable, Failure: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeMutableRawBufferPointer(start: start, count: count))
    }

    /// Overwrites part of the bytes with zeros; the compiler cannot drop it.
    public borrowing func wipe(_ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        explicit_bzero(start + range.lowerBound, range.count)
    }

    /// Overwrites a buffer that the caller owns (a stack buffer with a digest's input, say) with zeros.
    public static func wipe(_ buffer: UnsafeMutableRawBufferPointer) {
        guard let base = buffer.baseAddress else { return }
        explicit_bzero(base, buffer.count)
    }
}
