// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Glibc
import Synchronization

/// Somebody in this process who has a list of accounts to give, piece by piece.
protocol SecretSupply: Sendable {
    /// Fills `buffer` from its start with the next bytes; 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int
}

/// Bytes that hold passwords, read from a file or standard input straight into memory that the caller owns; never a String.
struct SecretSource: ~Copyable {
    private let descriptor: Int32
    private let isOwned: Bool
    private let name: String
    private let supply: (any SecretSupply)?
    private let ahead = ReadAhead()

    /// Opens `path`; `-` is standard input.
    init(path: String) throws(CommandFailure) {
        isOwned = path != "-"
        name = path == "-" ? "standard input" : "'\(path)'"
        supply = nil
        descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .usage("\(name) cannot be opened: \(String(cString: strerror(errno)))")
        }
    }

    /// A list that this process has.
    init(_ supply: any SecretSupply) {
        (descriptor, isOwned, name) = (-1, false, "the list")
        self.supply = supply
    }

    deinit {
        if isOwned, descriptor >= 0 { close(descriptor) }
    }

    /// How many bytes there are in all; nil where only reading tells.
    var size: Int? {
        // A pipe or a terminal has no place to seek from.
        let place = lseek(descriptor, 0, SEEK_CUR)
        guard descriptor >= 0, place >= 0 else { return nil }
        let end = lseek(descriptor, 0, SEEK_END)
        guard lseek(descriptor, place, SEEK_SET) == place, end >= 0 else { return nil }
        return end
    }

    /// What the list seems to be; its first line is read ahead for that.
    borrowing func format(name: String) throws(CommandFailure) -> ImportFormat {
        while ahead.wantsMore {
            let count = try ahead.fill { (free) throws(CommandFailure) in try readOn(into: free) }
            if count == 0 { break }
        }
        return ahead.guess(name: name)
    }

    /// Fills `buffer` from its start with the next bytes; 0 at the end.
    borrowing func read(into buffer: UnsafeMutableRawBufferPointer) throws(CommandFailure) -> Int {
        let count = ahead.take(into: buffer)
        return count > 0 ? count : try readOn(into: buffer)
    }

    private borrowing func readOn(into buffer: UnsafeMutableRawBufferPointer) throws(CommandFailure) -> Int {
        if let supply { return supply.read(into: buffer) }
        while true {
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            if count >= 0 { return count }
            if errno != EINTR { throw .usage("\(name) cannot be read: \(String(cString: strerror(errno)))") }
        }
    }
}

/// The beginning of a source, read before its reader asks, in locked memory.
private final class ReadAhead: Sendable {
    private struct State {
        var filled = 0
        var taken = 0
    }

    private let memory = LockedMemory(minimumCount: 4_096)
    private let state = Mutex(State())

    /// Whether the first line is still not there.
    var wantsMore: Bool {
        let filled = state.withLock { $0.filled }
        return filled < memory.count && !memory.withBytes { $0[..<filled].contains(UInt8(ascii: "\n")) }
    }

    func fill(
        _ read: (UnsafeMutableRawBufferPointer) throws(CommandFailure) -> Int
    ) throws(CommandFailure) -> Int {
        let filled = state.withLock { $0.filled }
        // One thread reads ahead, before anybody else reads.
        let free = memory.withMutableBytes { UnsafeMutableRawBufferPointer(rebasing: $0[filled...]) }
        let count = try read(free)
        state.withLock { $0.filled += count }
        return count
    }

    func guess(name: String) -> ImportFormat {
        let filled = state.withLock { $0.filled }
        return memory.withBytes {
            ImportFormat.guess(name: name, beginning: UnsafeRawBufferPointer(rebasing: $0[..<filled]))
        }
    }

    /// Gives what was read ahead, and wipes it; 0 when nothing is left.
    func take(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let range = state.withLock { state in
            let end = min(state.filled, state.taken + buffer.count)
            defer { state.taken = end }
            return state.taken..<end
        }
        guard !range.isEmpty else { return 0 }
        memory.withBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[range])) }
        memory.wipe(range)
        return range.count
    }
}

/// The list of generated accounts, written as it is read.
final class GeneratedLines: SecretSupply {
    private let accounts: GeneratedAccounts
    private let next = Mutex(0)

    init(_ accounts: GeneratedAccounts) { self.accounts = accounts }

    /// Fills `buffer` with the next whole lines; 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        next.withLock { place in
            let (bytes, following) = accounts.writeLines(from: place, into: buffer)
            place = following
            return bytes
        }
    }

    /// Hands all lines on, from locked memory that is wiped.
    func write(to sink: (UnsafeRawBufferPointer) throws(CommandFailure) -> Void) throws(CommandFailure) {
        let memory = LockedMemory(minimumCount: 16_384)
        // The pages live as long as this function.
        let page = memory.withMutableBytes { $0 }
        while true {
            let count = read(into: page)
            if count == 0 { return }
            try sink(UnsafeRawBufferPointer(rebasing: page[..<count]))
        }
    }
}

/// Bytes in locked memory that can be read once.
final class HeldBytes: SecretSupply {
    private let memory: LockedMemory
    private let count: Int
    private let taken = Mutex(0)

    init(_ memory: consuming LockedMemory, count: Int) {
        self.memory = memory
        self.count = count
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let range = taken.withLock { taken in
            let end = min(count, taken + buffer.count)
            defer { taken = end }
            return taken..<end
        }
        guard !range.isEmpty else { return 0 }
        memory.withBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[range])) }
        return range.count
    }
}
