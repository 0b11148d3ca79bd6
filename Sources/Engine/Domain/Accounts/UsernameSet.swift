// SPDX-License-Identifier: Apache-2.0

/// The usernames of a batch, compared byte by byte: `String` would hold two spellings of "é" for one name, SIP does not.
///
/// About 25 bytes for a name of 12, so that a million fit in the import's memory bound.
struct UsernameSet {
    /// Each name after a byte with its length.
    private var names: [UInt8] = []
    /// Place in `names` plus one; 0 is empty. The size is a power of two.
    private var slots = [UInt32](repeating: 0, count: 1024)
    /// How many names it holds.
    private(set) var count = 0

    /// Adds a name of at most 255 bytes; false when it was there.
    mutating func insert(_ name: UnsafeRawBufferPointer) -> Bool {
        if (count + 1) * 3 > slots.count * 2 { grow() }
        let slot = freeSlot(for: name)
        guard let slot else { return false }
        slots[slot] = UInt32(names.count) + 1
        names.append(UInt8(name.count))
        names.append(contentsOf: name)
        count += 1
        return true
    }

    /// The slot where the name belongs, nil when it is there already.
    private func freeSlot(for name: UnsafeRawBufferPointer) -> Int? {
        var slot = Self.hash(name) & (slots.count - 1)
        return names.withUnsafeBytes { held in
            while slots[slot] != 0 {
                let start = Int(slots[slot])
                let other = UnsafeRawBufferPointer(rebasing: held[start..<start + Int(held[start - 1])])
                if other.elementsEqual(name) { return nil }
                slot = (slot + 1) & (slots.count - 1)
            }
            return slot
        }
    }

    private mutating func grow() {
        slots = [UInt32](repeating: 0, count: slots.count * 2)
        names.withUnsafeBytes { held in
            var place = 0
            while place < held.count {
                let length = Int(held[place])
                var slot =
                    Self.hash(UnsafeRawBufferPointer(rebasing: held[place + 1..<place + 1 + length]))
                    & (slots.count - 1)
                while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
                slots[slot] = UInt32(place) + 1
                place += 1 + length
            }
        }
    }

    /// Keyed per process, so that a crafted list cannot make the set slow; the answers do not depend on the key.
    private static func hash(_ name: UnsafeRawBufferPointer) -> Int {
        var hasher = Hasher()
        hasher.combine(bytes: name)
        return hasher.finalize()
    }
}
