// SPDX-License-Identifier: Apache-2.0

/// Bytes being written, in one growing buffer that can be emptied and used again without giving back its memory.
public struct ByteWriter: Sendable {
    /// What was written so far.
    public private(set) var bytes: [UInt8]

    /// An empty writer with room for `capacity` bytes.
    public init(capacity: Int = 1024) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    /// How many bytes were written.
    @inlinable public var count: Int { bytes.count }

    /// Forgets what was written and keeps the memory.
    public mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

    /// Cuts what was written back to `count` bytes.
    public mutating func truncate(to count: Int) { bytes.removeLast(bytes.count - count) }

    /// Appends one byte.
    public mutating func append(_ byte: UInt8) { bytes.append(byte) }

    /// Appends text known at compile time.
    public mutating func append(_ text: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends a string as UTF-8. Not for the message path: configuration and tests only.
    public mutating func append(string: String) { bytes.append(contentsOf: string.utf8) }

    /// Appends raw memory.
    public mutating func append(_ raw: UnsafeRawBufferPointer) { bytes.append(contentsOf: raw) }

    /// Appends an array.
    public mutating func append(_ array: [UInt8]) { bytes.append(contentsOf: array) }

    /// Appends part of an array.
    public mutating func append(_ slice: ArraySlice<UInt8>) { bytes.append(contentsOf: slice) }

    /// Appends any collection of bytes.
    public mutating func append(contentsOf other: some Collection<UInt8>) { bytes.append(contentsOf: other) }

    /// Writes over a byte that was written before: a length that is known only after what it counts.
    public mutating func replace(at offset: Int, with byte: UInt8) { bytes[offset] = byte }

    /// Appends a number in decimal.
    public mutating func append(decimal value: UInt64) {
        var digits: InlineArray<20, UInt8> = .init(repeating: 0)
        var rest = value
        var start = 20
        repeat {
            start -= 1
            digits[start] = UInt8(truncatingIfNeeded: 0x30 + rest % 10)
            rest /= 10
        } while rest > 0
        // One append for all digits: each costs a check of uniqueness and of room.
        withUnsafeBytes(of: &digits) { bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: $0[start...])) }
    }

    /// Appends a number in decimal; negative numbers get a sign.
    public mutating func append(decimal value: Int) {
        if value < 0 { bytes.append(0x2D) }
        append(decimal: UInt64(value.magnitude))
    }

    /// Appends a number as lower-case hexadecimal of exactly `digits` digits, the highest ones cut off if it has more.
    public mutating func append(hex value: UInt64, digits: Int) {
        precondition(digits <= 16, "a 64-bit number has at most 16 hexadecimal digits")
        var text: InlineArray<16, UInt8> = .init(repeating: 0x30)
        var rest = value
        var place = 16
        while place > 16 - digits {
            place -= 1
            text[place] = Hex.digit(UInt8(truncatingIfNeeded: rest) & 15)
            rest >>= 4
        }
        withUnsafeBytes(of: &text) { bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: $0[(16 - digits)...])) }
    }

    /// Appends bytes as lower-case hexadecimal.
    public mutating func append(hexOf raw: UnsafeRawBufferPointer) {
        for byte in raw {
            bytes.append(Hex.digit(byte >> 4))
            bytes.append(Hex.digit(byte & 15))
        }
    }
}

/// Hexadecimal digits.
public enum Hex {
    /// The lower-case digit of a value 0…15.
    @inlinable public static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }
}
