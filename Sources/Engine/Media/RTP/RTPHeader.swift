// SPDX-License-Identifier: Apache-2.0

/// The fixed header of an RTP packet (RFC 3550 §5.1).
public struct RTPHeader: Hashable, Sendable {
    /// Its length in bytes, without contributing sources and extension.
    public static var length: Int { 12 }

    /// The payload type, 0…127.
    public var payloadType: UInt8
    /// The marker bit.
    public var marker: Bool
    /// The sequence number.
    public var sequenceNumber: UInt16
    /// The timestamp in units of the clock rate.
    public var timestamp: UInt32
    /// The synchronisation source.
    public var source: UInt32

    /// A header from its fields.
    public init(payloadType: UInt8, marker: Bool = false, sequenceNumber: UInt16, timestamp: UInt32, source: UInt32) {
        self.payloadType = payloadType
        self.marker = marker
        self.sequenceNumber = sequenceNumber
        self.timestamp = timestamp
        self.source = source
    }

    /// Writes the header into the first 12 bytes of `bytes`.
    public func write(into bytes: UnsafeMutableRawBufferPointer) {
        precondition(bytes.count >= Self.length, "an RTP header needs 12 bytes")
        bytes[0] = 0x80
        bytes[1] = payloadType & 0x7F | (marker ? 0x80 : 0)
        bytes.storeBytes(of: sequenceNumber.bigEndian, toByteOffset: 2, as: UInt16.self)
        bytes.storeBytes(of: timestamp.bigEndian, toByteOffset: 4, as: UInt32.self)
        bytes.storeBytes(of: source.bigEndian, toByteOffset: 8, as: UInt32.self)
    }
}

/// A received RTP packet: its header and where its payload is.
public struct RTPPacket: Hashable, Sendable {
    /// The header.
    public var header: RTPHeader
    /// The payload within the datagram, without contributing sources, extension and padding.
    public var payload: Range<Int>

    /// Reads a datagram; nil when it is not version 2, is cut, or claims more padding than it has (RFC 3550 §A.1).
    public init?(parsing bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= RTPHeader.length, bytes[0] >> 6 == 2 else { return nil }
        header = RTPHeader(
            payloadType: bytes[1] & 0x7F, marker: bytes[1] & 0x80 != 0, sequenceNumber: bytes.bigEndian16(at: 2),
            timestamp: bytes.bigEndian32(at: 4), source: bytes.bigEndian32(at: 8))
        var start = RTPHeader.length + 4 * Int(bytes[0] & 0x0F)
        if bytes[0] & 0x10 != 0 {
            guard start + 4 <= bytes.count else { return nil }
            start += 4 + 4 * Int(bytes.bigEndian16(at: start + 2))
        }
        var end = bytes.count
        if bytes[0] & 0x20 != 0 {
            let padding = Int(bytes[end - 1])
            guard padding > 0 else { return nil }
            end -= padding
        }
        guard start <= end else { return nil }
        payload = start..<end
    }

    /// Whether a datagram is RTCP although it came to an RTP port (RFC 5761 §4: packet types 192 to 223).
    public static func isControl(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.count >= 8 && bytes[0] >> 6 == 2 && (192...223).contains(bytes[1])
    }
}

extension UnsafeRawBufferPointer {
    /// The big-endian 16-bit number at an offset inside the buffer.
    func bigEndian16(at offset: Int) -> UInt16 {
        UInt16(bigEndian: loadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    /// The big-endian 32-bit number at an offset inside the buffer.
    func bigEndian32(at offset: Int) -> UInt32 {
        UInt32(bigEndian: loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
}
