// SPDX-License-Identifier: Apache-2.0

/// What a message may cost us; beyond it the message is refused.
public enum Limits {
    /// Bytes in a message: the largest UDP datagram, and what 16-bit offsets reach.
    public static let messageSize = 65_535
    /// Header lines in a message. Real ones have under 40; without a limit the index of a hostile one would be large.
    public static let headerCount = 256
    /// Bytes of the head of a message on a stream, before the body is looked for: a sender that never ends its head is cut off.
    public static let headSize = 32_768
    /// The largest CSeq number, 2^31 - 1 (RFC 3261 §8.1.1.5).
    public static let sequenceNumber: UInt32 = 0x7FFF_FFFF
}
