// SPDX-License-Identifier: Apache-2.0

import Bedrock
public import RunMetrics

/// Traces as a capture file that Wireshark, tshark and sngrep open: the libpcap format, little endian, microseconds, link type RAW.
///
/// Every message becomes one UDP datagram in one IP packet with right lengths and checksums, between the addresses and ports it really
/// went between. So do messages that went over TCP, TLS or WebSocket: what was in the stream is there in clear, and each message is
/// whole. RTP is not among it.
public struct PacketCapture: Sendable {
    /// LINKTYPE_RAW: a packet begins with its IPv4 or IPv6 header.
    private static let linkType: UInt32 = 101
    /// What fits in a UDP datagram over IPv4; a longer message, which only streams carry, is cut there.
    static let longestMessage = 65_535 - 20 - 8
    private static let udp: UInt8 = 17
    private static let hopLimit: UInt8 = 64

    /// What a file begins with.
    public static var fileHeader: [UInt8] {
        var writer = ByteWriter(capacity: 24)
        writer.append(little: 0xA1B2_C3D4, bytes: 4)
        writer.append(little: 2, bytes: 2)
        writer.append(little: 4, bytes: 2)
        writer.append(little: 0, bytes: 8)
        writer.append(little: 65_535 + 40, bytes: 4)
        writer.append(little: linkType, bytes: 4)
        return writer.bytes
    }

    /// The number of the next IPv4 packet.
    private var identification: UInt16 = 0

    /// A capture to which nothing was written yet.
    public init() {}

    /// The messages of traces as records to be written behind the header or earlier records, in order of time.
    public mutating func records(of traces: [EndpointTrace]) -> [UInt8] {
        var places: [(at: UnixTime, trace: Int, message: Int)] = []
        for (number, trace) in traces.enumerated() {
            for (place, message) in trace.messages.enumerated() {
                places.append((trace.startedAt + message.at, number, place))
            }
        }
        places.sort { ($0.at, $0.trace, $0.message) < ($1.at, $1.trace, $1.message) }
        var writer = ByteWriter(capacity: 4_096)
        for place in places { append(traces[place.trace].messages[place.message], at: place.at, to: &writer) }
        return writer.bytes
    }

    private mutating func append(_ message: TracedMessage, at moment: UnixTime, to writer: inout ByteWriter) {
        let kept = min(message.bytes.count, Self.longestMessage)
        let isWhole = kept == message.length
        let datagram = 8 + min(max(message.length, kept), Self.longestMessage)
        let (source, destination) = Self.pair(message.source, message.destination)
        let header = Self.headerLength(source)
        let microseconds = max(0, moment.nanoseconds) / 1_000
        writer.append(little: UInt32(truncatingIfNeeded: microseconds / 1_000_000), bytes: 4)
        writer.append(little: UInt32(microseconds % 1_000_000), bytes: 4)
        writer.append(little: UInt32(header + 8 + kept), bytes: 4)
        writer.append(little: UInt32(header + datagram), bytes: 4)
        appendIPHeader(from: source, to: destination, payload: datagram, to: &writer)
        var checksum = InternetChecksum()
        if isWhole {
            checksum.add(source)
            checksum.add(destination)
            checksum.add(UInt16(Self.udp))
            checksum.add(UInt16(datagram))
            checksum.add(message.source.port)
            checksum.add(message.destination.port)
            checksum.add(UInt16(datagram))
            checksum.add(message.bytes[..<kept])
        }
        writer.append(big: message.source.port)
        writer.append(big: message.destination.port)
        writer.append(big: UInt16(datagram))
        // Zero says that there is none (RFC 768), as for a message of which only the beginning is known.
        writer.append(big: isWhole ? (checksum.value == 0 ? 0xFFFF : checksum.value) : 0)
        writer.append(message.bytes[..<kept])
    }

    private mutating func appendIPHeader(
        from source: [UInt8], to destination: [UInt8], payload: Int, to writer: inout ByteWriter
    ) {
        guard source.count == 4 else {
            writer.append([0x60, 0, 0, 0])
            writer.append(big: UInt16(payload))
            writer.append([Self.udp, Self.hopLimit])
            writer.append(source)
            writer.append(destination)
            return
        }
        identification &+= 1
        var header: [UInt8] = [0x45, 0]
        header += [UInt8((20 + payload) >> 8), UInt8((20 + payload) & 255)]
        header += [UInt8(identification >> 8), UInt8(identification & 255), 0, 0, Self.hopLimit, Self.udp, 0, 0]
        header += source + destination
        var checksum = InternetChecksum()
        checksum.add(header[...])
        header[10] = UInt8(checksum.value >> 8)
        header[11] = UInt8(checksum.value & 255)
        writer.append(header)
    }

    private static func headerLength(_ address: [UInt8]) -> Int { address.count == 4 ? 20 : 40 }

    /// The bytes of two addresses, of the same family.
    private static func pair(_ source: TransportAddress, _ destination: TransportAddress) -> ([UInt8], [UInt8]) {
        let pair = (source.ip.octets, destination.ip.octets)
        guard pair.0.count != pair.1.count else { return pair }
        // No wire has both; an IPv4 address as RFC 4291 §2.5.5.2 writes it into IPv6.
        func mapped(_ octets: [UInt8]) -> [UInt8] {
            octets.count == 4 ? Array(repeating: 0, count: 10) + [255, 255] + octets : octets
        }
        return (mapped(pair.0), mapped(pair.1))
    }
}

/// The checksum of IP and UDP (RFC 1071).
struct InternetChecksum {
    private var sum: UInt64 = 0

    mutating func add(_ word: UInt16) { sum += UInt64(word) }

    mutating func add(_ bytes: [UInt8]) { add(bytes[...]) }

    /// Adds bytes as words; an odd last one counts as if a zero followed, so nothing may be added after it.
    mutating func add(_ bytes: ArraySlice<UInt8>) {
        bytes.withUnsafeBytes { raw in
            var place = 0
            while place + 1 < raw.count {
                sum += UInt64(raw[place]) << 8 | UInt64(raw[place + 1])
                place += 2
            }
            if place < raw.count { sum += UInt64(raw[place]) << 8 }
        }
    }

    var value: UInt16 {
        var folded = sum
        while folded >> 16 != 0 { folded = (folded & 0xFFFF) + folded >> 16 }
        return ~UInt16(folded)
    }
}

extension TransportAddress.IP {
    /// The address in network order, 4 or 16 bytes.
    var octets: [UInt8] {
        switch self {
        case .v4(let value): (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * $0)) }
        case .v6(let high, let low):
            (0..<16).map { UInt8(truncatingIfNeeded: ($0 < 8 ? high : low) >> UInt64(56 - 8 * ($0 % 8))) }
        }
    }
}

extension ByteWriter {
    /// Appends a number in little-endian order, zeros behind its four bytes.
    fileprivate mutating func append(little value: UInt32, bytes count: Int) {
        for place in 0..<count { append(place < 4 ? UInt8(truncatingIfNeeded: value >> UInt32(8 * place)) : 0) }
    }

    /// Appends a number in network order.
    mutating func append(big value: UInt16) {
        append(UInt8(value >> 8))
        append(UInt8(value & 255))
    }

    /// Appends a number in network order.
    mutating func append(big value: UInt32) {
        append(big: UInt16(value >> 16))
        append(big: UInt16(value & 0xFFFF))
    }
}
