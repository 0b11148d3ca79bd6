// SPDX-License-Identifier: Apache-2.0

/// A place in a message: where it starts and how many bytes it has.
///
/// It means nothing without the bytes it was read from.
public struct Slice: Hashable, Sendable {
    /// The first byte's place, counted from the start of the message.
    public let offset: UInt16
    /// How many bytes.
    public let length: UInt16

    /// A place from its start and its length in bytes; both fit because no message is longer than `Limits.messageSize`.
    @inlinable public init(offset: Int, length: Int) {
        self.offset = UInt16(offset)
        self.length = UInt16(length)
    }

    /// The place between two offsets.
    @inlinable init(_ start: Int, _ end: Int) { self.init(offset: start, length: end - start) }

    /// The first byte's place.
    @inlinable public var start: Int { Int(offset) }
    /// The place after the last byte.
    @inlinable public var end: Int { Int(offset) + Int(length) }
    /// Whether it has no bytes.
    @inlinable public var isEmpty: Bool { length == 0 }
    /// The bytes' places as a range.
    @inlinable public var range: Range<Int> { start..<end }
}
