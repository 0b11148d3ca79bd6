// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// A 64-bit NTP timestamp: seconds since 1900 and their fraction (RFC 3550 §4).
public struct NTPTimestamp: Hashable, Sendable {
    /// Seconds from 1900 to 1970.
    private static var epochDifference: Int64 { 2_208_988_800 }

    /// Seconds in the upper half, 1/2³² of a second in the lower.
    public var value: UInt64

    /// A timestamp from its 64 bits.
    public init(value: UInt64) { self.value = value }

    /// The timestamp of a wall-clock time.
    public init(_ time: UnixTime) {
        let second: Int64 = 1_000_000_000
        let seconds = time.nanoseconds / second + Self.epochDifference
        let fraction = (UInt64(time.nanoseconds % second) << 32) / UInt64(second)
        value = UInt64(truncatingIfNeeded: seconds) << 32 | fraction
    }

    /// The middle 32 bits, in 1/65,536 of a second: what LSR and the round-trip calculation use (RFC 3550 §6.4.1).
    public var middle: UInt32 { UInt32(truncatingIfNeeded: value >> 16) }
}

/// The round trip of a report block (RFC 3550 §6.4.1, figure 2).
public enum RoundTrip {
    /// Below zero by no more than this the result is rounding of two clocks' steps, and means zero: 10 ms.
    private static var tolerance: Int32 { 655 }

    /// A - LSR - DLSR in milliseconds; all three in 1/65,536 of a second. Nil when the peer has seen no sender report
    /// (LSR = 0) or the values make no sense.
    public static func milliseconds(arrival: UInt32, lastReport: UInt32, delay: UInt32) -> Double? {
        guard lastReport != 0 else { return nil }
        let units = Int32(bitPattern: arrival &- lastReport &- delay)
        guard units >= -tolerance else { return nil }
        return Double(max(0, units)) * 1000 / 65_536
    }
}
