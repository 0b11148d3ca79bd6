// SPDX-License-Identifier: Apache-2.0

/// The sender's part of a sender report (RFC 3550 §6.4.1).
public struct SenderInformation: Hashable, Sendable {
    /// Wall-clock time of the report.
    public var time: NTPTimestamp
    /// The same moment on the RTP clock.
    public var timestamp: UInt32
    /// RTP packets sent.
    public var packets: UInt32
    /// Their payload in bytes.
    public var bytes: UInt32
}

/// Writes compound RTCP into a buffer that was made before (RFC 3550 §6.1): a report, the source's CNAME, and BYE at the end.
public struct RTCPWriter {
    /// Room for everything this writer can write.
    public static var maximumLength: Int { 128 }

    private let bytes: UnsafeMutableRawBufferPointer
    /// How many bytes were written.
    public private(set) var count = 0

    /// A writer at the start of a buffer of at least `maximumLength` bytes.
    public init(into bytes: UnsafeMutableRawBufferPointer) {
        precondition(bytes.count >= Self.maximumLength, "an RTCP buffer needs \(Self.maximumLength) bytes")
        self.bytes = bytes
    }

    /// A sender report, or a receiver report when nothing was sent, with at most one block.
    public mutating func report(source: UInt32, sender: SenderInformation?, block: ReportBlock?) {
        let length = (sender == nil ? 8 : 28) + (block == nil ? 0 : ReportBlock.length)
        header(count: block == nil ? 0 : 1, type: sender == nil ? 201 : 200, length: length)
        append(source)
        if let sender {
            append(UInt32(truncatingIfNeeded: sender.time.value >> 32))
            append(UInt32(truncatingIfNeeded: sender.time.value))
            append(sender.timestamp)
            append(sender.packets)
            append(sender.bytes)
        }
        guard let block else { return }
        append(block.source)
        append(UInt32(block.fractionLost) << 24 | UInt32(bitPattern: block.packetsLost) & 0xFF_FFFF)
        append(block.extendedHighest)
        append(block.jitter)
        append(block.lastReport)
        append(block.delaySinceLastReport)
    }

    /// A source description with a CNAME of 16 hexadecimal digits (RFC 7022 §4.2: short-term, not tied to the host).
    public mutating func description(source: UInt32, name: UInt64) {
        // Chunk: source, item header, 16 digits, and 2 zeros that end the list on a word boundary.
        header(count: 1, type: 202, length: 28)
        append(source)
        bytes[count] = 1
        bytes[count + 1] = 16
        for digit in 0..<16 {
            let value = UInt8(truncatingIfNeeded: name >> UInt64(60 - 4 * digit)) & 15
            bytes[count + 2 + digit] = value < 10 ? 0x30 + value : 0x57 + value
        }
        bytes[count + 18] = 0
        bytes[count + 19] = 0
        count += 20
    }

    /// The source leaves.
    public mutating func bye(source: UInt32) {
        header(count: 1, type: 203, length: 8)
        append(source)
    }

    private mutating func header(count items: UInt8, type: UInt8, length: Int) {
        bytes[count] = 0x80 | items
        bytes[count + 1] = type
        bytes.storeBytes(of: UInt16(length / 4 - 1).bigEndian, toByteOffset: count + 2, as: UInt16.self)
        count += 4
    }

    private mutating func append(_ value: UInt32) {
        bytes.storeBytes(of: value.bigEndian, toByteOffset: count, as: UInt32.self)
        count += 4
    }
}
