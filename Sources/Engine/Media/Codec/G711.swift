// SPDX-License-Identifier: Apache-2.0

/// G.711 companding of 16-bit linear samples (ITU-T G.711, tables 1a to 2b).
///
/// µ-law works on 14 bits and A-law on 13; samples here are scaled to 16 bits, so the low 2 or 3 bits are lost.
public enum G711 {
    /// Added before a µ-law value is cut into segment and step, so that every segment begins at a power of two.
    private static var bias: Int { 132 }
    /// The highest magnitude that µ-law can carry.
    private static var clip: Int { 32_635 }

    /// A sample without its sign. One's complement puts the borders between negative steps where the tables have them.
    private static func onesComplement(_ sample: Int16) -> Int16 { sample < 0 ? ~sample : sample }

    /// The µ-law byte of a sample.
    public static func encodeMuLaw(_ sample: Int16) -> UInt8 {
        let magnitude = min(Int(onesComplement(sample)), clip) + bias
        let segment = magnitude.bitWidth - magnitude.leadingZeroBitCount - 8
        let step = (magnitude >> (segment + 3)) & 0x0F
        let sign = sample < 0 ? 0x80 : 0
        return ~UInt8(sign | segment << 4 | step)
    }

    /// The sample of a µ-law byte.
    public static func decodeMuLaw(_ byte: UInt8) -> Int16 {
        let code = ~byte
        let segment = Int(code >> 4 & 7)
        let magnitude = ((Int(code & 0x0F) << 3 + bias) << segment) - bias
        return Int16(code & 0x80 != 0 ? -magnitude : magnitude)
    }

    /// The A-law byte of a sample.
    public static func encodeALaw(_ sample: Int16) -> UInt8 {
        let magnitude = Int(onesComplement(sample)) >> 3
        let width = magnitude.bitWidth - magnitude.leadingZeroBitCount
        let segment = max(0, width - 5)
        let step = magnitude >> max(1, segment) & 0x0F
        // Even bits are inverted on the line (G.711 §3.3.1.b); a set top bit means positive.
        return UInt8(segment << 4 | step) ^ (sample < 0 ? 0x55 : 0xD5)
    }

    /// The sample of an A-law byte.
    public static func decodeALaw(_ byte: UInt8) -> Int16 {
        let code = byte ^ 0x55
        let segment = Int(code >> 4 & 7)
        let step = Int(code & 0x0F) << 4 + 8
        let magnitude = segment == 0 ? step : (step + 0x100) << (segment - 1)
        return Int16(code & 0x80 != 0 ? magnitude : -magnitude)
    }
}
