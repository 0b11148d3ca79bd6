// SPDX-License-Identifier: Apache-2.0

/// One report block of a sender or receiver report (RFC 3550 §6.4.1).
public struct ReportBlock: Hashable, Sendable {
    /// Its length in bytes.
    static var length: Int { 24 }

    /// The source it is about.
    public var source: UInt32
    /// Share of packets lost since the last report, in 1/256.
    public var fractionLost: UInt8
    /// Packets lost in all, a signed 24-bit number.
    public var packetsLost: Int32
    /// Highest sequence number with the count of cycles above it.
    public var extendedHighest: UInt32
    /// Jitter in units of the clock rate.
    public var jitter: UInt32
    /// The middle 32 bits of the last sender report's time, 0 when there was none.
    public var lastReport: UInt32
    /// Time since that report in 1/65,536 of a second.
    public var delaySinceLastReport: UInt32

    init(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
        source = bytes.bigEndian32(at: offset)
        let loss = bytes.bigEndian32(at: offset + 4)
        fractionLost = UInt8(truncatingIfNeeded: loss >> 24)
        packetsLost = Int32(bitPattern: loss << 8) >> 8
        extendedHighest = bytes.bigEndian32(at: offset + 8)
        jitter = bytes.bigEndian32(at: offset + 12)
        lastReport = bytes.bigEndian32(at: offset + 16)
        delaySinceLastReport = bytes.bigEndian32(at: offset + 20)
    }

    init(
        source: UInt32, fractionLost: UInt8, packetsLost: Int32, extendedHighest: UInt32, jitter: UInt32,
        lastReport: UInt32, delaySinceLastReport: UInt32
    ) {
        self.source = source
        self.fractionLost = fractionLost
        self.packetsLost = packetsLost
        self.extendedHighest = extendedHighest
        self.jitter = jitter
        self.lastReport = lastReport
        self.delaySinceLastReport = delaySinceLastReport
    }
}

/// Something a compound RTCP packet says that matters here.
public enum RTCPItem: Hashable, Sendable {
    /// A sender report's own part (RFC 3550 §6.4.1).
    case senderReport(source: UInt32, time: NTPTimestamp, packets: UInt32)
    /// A block of a sender or receiver report.
    case reportBlock(ReportBlock)
    /// A source leaves (RFC 3550 §6.6).
    case bye(source: UInt32)
}

/// Reads compound RTCP (RFC 3550 §6.1), passing over source descriptions, feedback, extended reports and unknown types.
public enum RTCPReader {
    /// Gives each item in order. Returns false when the datagram is not RTCP or a packet in it is cut; what stood before the
    /// fault was given. A packet without a report in front is accepted (RFC 5506).
    @discardableResult
    public static func read(_ bytes: UnsafeRawBufferPointer, _ body: (RTCPItem) -> Void) -> Bool {
        var offset = 0
        while offset < bytes.count {
            guard offset + 4 <= bytes.count, bytes[offset] >> 6 == 2 else { return false }
            let end = offset + 4 + 4 * Int(bytes.bigEndian16(at: offset + 2))
            guard end <= bytes.count else { return false }
            let count = Int(bytes[offset] & 0x1F)
            switch bytes[offset + 1] {
            case 200:
                guard offset + 28 + count * ReportBlock.length <= end else { return false }
                let high = UInt64(bytes.bigEndian32(at: offset + 8))
                body(
                    .senderReport(
                        source: bytes.bigEndian32(at: offset + 4),
                        time: NTPTimestamp(value: high << 32 | UInt64(bytes.bigEndian32(at: offset + 12))),
                        packets: bytes.bigEndian32(at: offset + 20)))
                readBlocks(bytes, at: offset + 28, count: count, body)
            case 201:
                guard offset + 8 + count * ReportBlock.length <= end else { return false }
                readBlocks(bytes, at: offset + 8, count: count, body)
            case 203:
                guard offset + 4 + count * 4 <= end else { return false }
                for index in 0..<count { body(.bye(source: bytes.bigEndian32(at: offset + 4 + 4 * index))) }
            default: break
            }
            offset = end
        }
        return bytes.count > 0
    }

    private static func readBlocks(
        _ bytes: UnsafeRawBufferPointer, at offset: Int, count: Int, _ body: (RTCPItem) -> Void
    ) {
        for index in 0..<count { body(.reportBlock(ReportBlock(bytes, at: offset + index * ReportBlock.length))) }
    }
}
