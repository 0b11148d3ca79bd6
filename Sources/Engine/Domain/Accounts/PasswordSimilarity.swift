// SPDX-License-Identifier: Apache-2.0

import Bedrock

/// Tells whether a password occurred before in a batch, by keyed 64-bit fingerprints in locked memory.
///
/// The table grows to 1 MiB and then takes no more: locked memory is scarce (8 MiB for ordinary users), and this is a warning,
/// not a rule. Two different passwords look equal once in 2⁴⁰ or less.
struct PasswordFingerprints: ~Copyable {
    enum Insertion {
        case new, seen
        /// Not compared: the table is full and the password is not in it.
        case full
    }

    private static let fewestSlots = 512
    private static let mostSlots = 131_072

    private var memory = LockedMemory(minimumCount: fewestSlots * MemoryLayout<UInt64>.size)
    private var slots = fewestSlots
    private var held = 0

    /// Compares and adds a password.
    mutating func insert(_ password: UnsafeRawBufferPointer) -> Insertion {
        if held * 2 >= slots, slots < Self.mostSlots { grow() }
        // Keyed per process by the standard library; 0 marks a free slot.
        var hasher = Hasher()
        hasher.combine(bytes: password)
        let fingerprint = UInt64(bitPattern: Int64(hasher.finalize())) | 1
        let (mayAdd, slots) = (held * 2 < slots, slots)
        let insertion = memory.withMutableBytes { bytes in
            let table = bytes.assumingMemoryBound(to: UInt64.self)
            let slot = Self.slot(of: fingerprint, in: table, slots)
            if table[slot] == fingerprint { return Insertion.seen }
            guard mayAdd else { return .full }
            table[slot] = fingerprint
            return .new
        }
        if insertion == .new { held += 1 }
        return insertion
    }

    /// The slot that holds the fingerprint, or the free one where it belongs.
    private static func slot(
        of fingerprint: UInt64, in table: UnsafeMutableBufferPointer<UInt64>, _ slots: Int
    ) -> Int {
        var slot = Int(fingerprint >> 32) & (slots - 1)
        while table[slot] != 0, table[slot] != fingerprint { slot = (slot + 1) & (slots - 1) }
        return slot
    }

    private mutating func grow() {
        let larger = LockedMemory(minimumCount: slots * 2 * MemoryLayout<UInt64>.size)
        let (old, new) = (slots, slots * 2)
        memory.withMutableBytes { bytes in
            let table = bytes.assumingMemoryBound(to: UInt64.self)
            larger.withMutableBytes { bytes in
                let target = bytes.assumingMemoryBound(to: UInt64.self)
                for place in 0..<old where table[place] != 0 {
                    target[Self.slot(of: table[place], in: target, new)] = table[place]
                }
            }
        }
        memory = larger
        slots = new
    }
}

/// Recognises passwords that follow from their username.
enum PasswordSimilarity {
    /// Shorter usernames occur in good passwords by chance.
    private static let shortestTelling = 3

    /// True when the password contains the username (ASCII letters in either case), or is letters followed by exactly the
    /// username's final number, as in "testuser001" with "password001".
    static func isDerived(_ password: UnsafeRawBufferPointer, from username: UnsafeRawBufferPointer) -> Bool {
        if contains(password, username) { return true }
        let number = trailingDigits(of: username)
        guard number.count >= 2, trailingDigits(of: password).elementsEqual(number) else { return false }
        return password.dropLast(number.count).allSatisfy { (0x61...0x7A).contains(lower($0)) }
    }

    private static func contains(_ text: UnsafeRawBufferPointer, _ part: UnsafeRawBufferPointer) -> Bool {
        guard part.count <= text.count else { return false }
        guard part.count >= shortestTelling else { return equal(text, 0, part) && text.count == part.count }
        return (0...text.count - part.count).contains { equal(text, $0, part) }
    }

    private static func equal(_ text: UnsafeRawBufferPointer, _ start: Int, _ part: UnsafeRawBufferPointer) -> Bool {
        for index in 0..<part.count where lower(text[start + index]) != lower(part[index]) { return false }
        return true
    }

    private static func trailingDigits(of text: UnsafeRawBufferPointer) -> Slice<UnsafeRawBufferPointer> {
        var start = text.count
        while start > 0, (0x30...0x39).contains(text[start - 1]) { start -= 1 }
        return text[start...]
    }

    private static func lower(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }
}
