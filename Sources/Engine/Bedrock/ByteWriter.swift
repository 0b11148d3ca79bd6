// SPDX-License-Identifier: Apache-2.0

/// Bytes being written, in one growing buffer that can be emptied and used again without giving back its memory.
///
/// The buffer is an array that is always full; how much of it was written is counted apart. To append is then a copy and an
/// addition, where an array that grows works out its room and notes its length each time.
public struct ByteWriter: Sendable {
    private var storage: [UInt8]
    /// How many bytes were written.
    public private(set) var count = 0

    /// An empty writer with room for `capacity` bytes.
    public init(capacity: Int = 1024) { storage = Self.room(capacity) }

    /// A copy of what was written so far.
    public var bytes: [UInt8] { copy(from: 0) }

    /// A copy of what was written from `start` on.
    public func copy(from start: Int) -> [UInt8] {
        withBytes { Array(UnsafeRawBufferPointer(rebasing: $0[start...])) }
    }

    /// Lends what was written so far.
    public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        storage.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }

    /// Forgets what was written and keeps the memory.
    public mutating func removeAll() { count = 0 }

    /// Cuts what was written back to `count` bytes.
    public mutating func truncate(to count: Int) {
        precondition(count <= self.count, "a writer is cut back, not forward")
        self.count = count
    }

    /// Appends one byte.
    public mutating func append(_ byte: UInt8) {
        if count == storage.count { grow(by: 1) }
        storage[count] = byte
        count += 1
    }

    /// Appends text known at compile time.
    public mutating func append(_ text: StaticString) {
        append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends a string as UTF-8. Not for the message path: configuration and tests only.
    public mutating func append(string: String) { append(contentsOf: string.utf8) }

    /// Appends raw memory, which is not the writer's own.
    public mutating func append(_ raw: UnsafeRawBufferPointer) {
        guard let source = raw.baseAddress, raw.count > 0 else { return }
        if raw.count > storage.count - count { grow(by: raw.count) }
        storage.withUnsafeMutableBytes { room in
            room.baseAddress?.advanced(by: count).copyMemory(from: source, byteCount: raw.count)
        }
        count += raw.count
    }

    /// Appends an array.
    public mutating func append(_ array: [UInt8]) { array.withUnsafeBytes { append($0) } }

    /// Appends part of an array.
    public mutating func append(_ slice: ArraySlice<UInt8>) { slice.withUnsafeBytes { append($0) } }

    /// Appends any collection of bytes.
    @inlinable public mutating func append(contentsOf other: some Collection<UInt8>) {
        let isDone: Void? = other.withContiguousStorageIfAvailable { append(UnsafeRawBufferPointer($0)) }
        if isDone == nil { for byte in other { append(byte) } }
    }

    /// Writes over a byte that was written before: a length that is known only after what it counts.
    public mutating func replace(at offset: Int, with byte: UInt8) {
        precondition(offset < count, "only what was written is replaced")
        storage[offset] = byte
    }

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
        withUnsafeBytes(of: &digits) { append(UnsafeRawBufferPointer(rebasing: $0[start...])) }
    }

    /// Appends a number in decimal; negative numbers get a sign.
    public mutating func append(decimal value: Int) {
        if value < 0 { append(0x2D) }
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
        withUnsafeBytes(of: &text) { append(UnsafeRawBufferPointer(rebasing: $0[(16 - digits)...])) }
    }

    /// Appends bytes as lower-case hexadecimal.
    public mutating func append(hexOf raw: UnsafeRawBufferPointer) {
        for byte in raw {
            append(Hex.digit(byte >> 4))
            append(Hex.digit(byte & 15))
        }
    }

    private mutating func grow(by needed: Int) {
        var larger = Self.room(max(count + needed, 2 * storage.count))
        let written = count
        larger.withUnsafeMutableBytes { new in
            storage.withUnsafeBytes { new.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<written])) }
        }
        storage = larger
    }

    private static func room(_ capacity: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            // Whoever reads past what was written is a fault of ours, but even it shall not read old memory.
            buffer.initialize(repeating: 0)
            count = capacity
        }
    }
}

/// Hexadecimal digits.
public enum Hex {
    /// The lower-case digit of a value 0…15.
    @inlinable public static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }

    /// Writes two lower-case digits for each byte; `output` has room for them.
    @inlinable public static func write(_ bytes: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) {
        precondition(output.count >= 2 * bytes.count)
        for (place, byte) in bytes.enumerated() {
            output[2 * place] = digit(byte >> 4)
            output[2 * place + 1] = digit(byte & 15)
        }
    }
}
