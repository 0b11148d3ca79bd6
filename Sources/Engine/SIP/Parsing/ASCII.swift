// SPDX-License-Identifier: Apache-2.0

/// Classes of bytes in SIP's grammar (RFC 3261 §25.1).
enum ASCII {
    @inline(__always) static func isWhitespace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    @inline(__always) static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }
    @inline(__always) static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }
    @inline(__always) static func lower(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }

    /// `token` characters: letters, digits and ``-.!%*_+`'~``.
    @inline(__always) static func isToken(_ byte: UInt8) -> Bool {
        let half = byte < 64 ? tokenLow : tokenHigh
        return byte < 128 && half >> UInt64(byte & 63) & 1 == 1
    }

    /// Bit n is set when byte n is a token character: digits and ``!%'*+-.``.
    private static var tokenLow: UInt64 { 0x03FF_6CA2_0000_0000 }
    /// Bit n is set when byte 64 + n is a token character: letters and ``_`~``.
    private static var tokenHigh: UInt64 { 0x47FF_FFFF_87FF_FFFE }

    /// The value of a hexadecimal digit, nil for another byte.
    @inline(__always) static func hexValue(_ byte: UInt8) -> UInt8? {
        if isDigit(byte) { return byte - 0x30 }
        let letter = (byte | 0x20) &- 0x61
        return letter < 6 ? letter + 10 : nil
    }
}

extension UnsafeRawBufferPointer {
    /// Whether a place holds exactly `text`.
    func matches(_ slice: Slice, _ text: StaticString) -> Bool {
        guard Int(slice.length) == text.utf8CodeUnitCount else { return false }
        let other = text.utf8Start
        for index in 0..<Int(slice.length) where self[slice.start + index] != other[index] { return false }
        return true
    }

    /// Whether a place holds `text`, letters compared without case. `text` is in lower case.
    func matchesIgnoringCase(_ slice: Slice, _ text: StaticString) -> Bool {
        guard Int(slice.length) == text.utf8CodeUnitCount else { return false }
        let other = text.utf8Start
        for index in 0..<Int(slice.length) where ASCII.lower(self[slice.start + index]) != other[index] { return false }
        return true
    }

    /// The part of a place without spaces and tabs at its ends.
    func trimmed(_ slice: Slice) -> Slice {
        var start = slice.start
        var end = slice.end
        while start < end, ASCII.isWhitespace(self[start]) { start += 1 }
        while end > start, ASCII.isWhitespace(self[end - 1]) { end -= 1 }
        return Slice(start, end)
    }

    /// The decimal number at a place: digits only, not over `maximum`. Nil for anything else.
    func decimal(_ slice: Slice, maximum: UInt64) -> UInt64? {
        guard !slice.isEmpty, slice.length <= 19 else { return nil }
        var value: UInt64 = 0
        for index in slice.range {
            let digit = self[index] &- 0x30
            guard digit < 10 else { return nil }
            value = value * 10 + UInt64(digit)
        }
        return value <= maximum ? value : nil
    }

    /// The bytes at a place.
    func part(_ slice: Slice) -> UnsafeRawBufferPointer {
        precondition(slice.end <= count, "a slice of another message")
        return UnsafeRawBufferPointer(rebasing: self[slice.range])
    }
}
