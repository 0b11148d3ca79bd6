// SPDX-License-Identifier: Apache-2.0

/// A 128-bit identifier of one kind of thing, rising with time: 48 bits of Unix milliseconds, then 80 bits of chance (ULID).
public struct ID<Kind>: Hashable, Comparable, Sendable {
    /// The upper half, with the time in its highest 48 bits.
    public let high: UInt64
    /// The lower half.
    public let low: UInt64

    /// An identifier from its halves.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// A new identifier for something made at `time`.
    public init(at time: UnixTime, random: inout some RandomNumberGenerator) {
        let milliseconds = UInt64(bitPattern: time.milliseconds) & 0xFFFF_FFFF_FFFF
        self.init(high: milliseconds << 16 | random.next() & 0xFFFF, low: random.next())
    }

    /// Older identifiers come first.
    public static func < (left: ID, right: ID) -> Bool {
        left.high == right.high ? left.low < right.low : left.high < right.high
    }
}

extension ID: CustomStringConvertible {
    private static var alphabet: StaticString { "0123456789abcdefghjkmnpqrstvwxyz" }

    /// 26 lower-case characters of Crockford's base 32.
    public var description: String {
        var text = ""
        var shift = 125
        while shift >= 0 {
            let value =
                shift >= 64
                ? high >> UInt64(shift - 64)
                : shift > 59 ? high << UInt64(64 - shift) | low >> UInt64(shift) : low >> UInt64(shift)
            text.unicodeScalars.append(Unicode.Scalar(Self.alphabet.utf8Start[Int(value & 31)]))
            shift -= 5
        }
        return text
    }

    /// Reads the 26 characters of `description`, upper case accepted. Nil for anything else.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count == 26 else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        for byte in text.utf8 {
            let lower = byte | ((0x41...0x5A).contains(byte) ? 0x20 : 0)
            guard let digit = (0..<32).first(where: { Self.alphabet.utf8Start[$0] == lower }), high >> 59 == 0 else {
                return nil
            }
            high = high << 5 | low >> 59
            low = low << 5 | UInt64(digit)
        }
        self.init(high: high, low: low)
    }
}
