// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Glibc
import Testing
import Vault

/// Looks for pieces of a password in the process's own memory.
@Suite struct ForgettingTests {
    /// Three pieces, so that a part left in a register's spill or a cipher's block is found as well.
    private static let piece = 8
    private static let length = 24

    @Test func `E3 no piece of a password is left in memory after sealing and opening it`() throws {
        let needle = LockedMemory(minimumCount: Self.length)
        needle.withMutableBytes { bytes in
            for index in 0..<Self.length { bytes[index] = UInt8.random(in: 0x21...0x7E) }
        }
        let vault = Vault(master: .ephemeral())
        let key = try vault.unwrap(
            vault.makeDataKey(
                KeyID(high: 1, low: 1), for: RegistrarID(high: 1, low: 1), at: UnixTime(nanoseconds: 0)))
        let account = AccountID(high: 1, low: 1)
        for _ in 0..<50 {
            let same = try needle.withBytes { secret in
                let password = UnsafeRawBufferPointer(rebasing: secret[..<Self.length])
                let sealed = try key.seal(password, for: account)
                return try key.open(sealed, of: account) { $0.elementsEqual(password) }
            }
            #expect(same)
        }
        #expect(needle.withBytes { Self.find($0, elsewhereThan: $0) } == 0)
        // The search finds what is there: a copy on the heap.
        let copy = UnsafeMutableRawPointer.allocate(byteCount: Self.length, alignment: 8)
        needle.withBytes {
            UnsafeMutableRawBufferPointer(start: copy, count: Self.length)
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<Self.length]))
        }
        #expect(needle.withBytes { Self.find($0, elsewhereThan: $0) } == 3)
        LockedMemory.wipe(UnsafeMutableRawBufferPointer(start: copy, count: Self.length))
        copy.deallocate()
        #expect(needle.withBytes { Self.find($0, elsewhereThan: $0) } == 0)
    }

    /// How often a piece of the needle occurs in writable memory, the needle's own page and the reading buffer left out.
    private static func find(_ needle: UnsafeRawBufferPointer, elsewhereThan own: UnsafeRawBufferPointer) -> Int {
        let window = 1 << 20
        let pages = mmap(nil, window, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let pages, pages != MAP_FAILED else { return -1 }
        defer { munmap(pages, window) }
        let memory = open("/proc/self/mem", O_RDONLY)
        guard memory >= 0 else { return -1 }
        defer { close(memory) }
        let skipped = [UInt(bitPattern: pages), UInt(bitPattern: own.baseAddress)]
        var found = 0
        for region in writableRegions() where !skipped.contains(where: region.contains) {
            var place = region.lowerBound
            while place < region.upperBound {
                let count = pread(memory, pages, min(window, Int(region.upperBound - place)), Int(place))
                guard count > 0 else { break }
                for start in stride(from: 0, to: length, by: piece) {
                    found += occurrences(of: needle.baseAddress.map { $0 + start }, in: pages, count)
                }
                // The windows overlap by less than a piece, so nothing is missed or counted twice.
                place += UInt(count) - (count > piece ? UInt(piece - 1) : 0)
                if count <= piece { break }
                if place + UInt(piece) > region.upperBound { break }
            }
        }
        return found
    }

    private static func occurrences(of piece: UnsafeRawPointer?, in start: UnsafeMutableRawPointer, _ count: Int) -> Int
    {
        guard let piece else { return 0 }
        let first = Int32(piece.load(as: UInt8.self))
        let end = UnsafeRawPointer(start) + count
        var found = 0
        var place = UnsafeRawPointer(start)
        while end - place >= Self.piece, let hit = memchr(place, first, end - place - Self.piece + 1) {
            if memcmp(hit, piece, Self.piece) == 0 { found += 1 }
            place = UnsafeRawPointer(hit) + 1
        }
        return found
    }

    private static func writableRegions() -> [Range<UInt>] {
        guard let file = fopen("/proc/self/maps", "r") else { return [] }
        defer { fclose(file) }
        var regions: [Range<UInt>] = []
        var line = [CChar](repeating: 0, count: 1_024)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            let words = String(decoding: text, as: UTF8.self).split(separator: " ")
            let ends = words.first?.split(separator: "-").compactMap { UInt($0, radix: 16) } ?? []
            if ends.count == 2, words.count > 1, words[1].hasPrefix("rw") { regions.append(ends[0]..<ends[1]) }
        }
        return regions
    }
}
