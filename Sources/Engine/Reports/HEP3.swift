// SPDX-License-Identifier: Apache-2.0

import Bedrock
public import RunMetrics
import SIP

/// Traced messages as packets of the Homer encapsulation protocol, version 3, for a capture server that shows them beside others.
///
/// A packet is "HEP3", its length, and chunks of vendor, type, length and value, all numbers in network order.
public struct HEP3: Hashable, Sendable {
    /// The chunks that are written, by the numbers of the generic vendor.
    private enum Chunk: UInt16 {
        case family = 1, ipProtocol, sourceV4, destinationV4, sourceV6, destinationV6, sourcePort, destinationPort
        case seconds, microseconds, protocolType, captureID
        case payload = 15
        case correlationID = 17
        case node = 19
    }

    /// What a packet may hold to fit in a UDP datagram.
    static let longestPacket = 65_507
    /// The protocol type of SIP.
    private static let sip: UInt8 = 1

    /// Names this program to the capture server.
    public var captureID: UInt32
    /// The same in words.
    public var node: String

    /// A sender's packets. Homer's own agents use capture identifiers from 2,000 on.
    public init(captureID: UInt32 = 2_000, node: String = "callmeter") {
        self.captureID = captureID
        self.node = node
    }

    /// The packets of a trace, one for each message.
    public func packets(of trace: EndpointTrace) -> [[UInt8]] {
        trace.messages.map { packet($0, at: trace.startedAt + $0.at) }
    }

    /// One message as a packet.
    func packet(_ message: TracedMessage, at moment: UnixTime) -> [UInt8] {
        var writer = ByteWriter(capacity: message.bytes.count + 256)
        writer.append("HEP3")
        writer.append(big: UInt16(0))
        append(message.source.ip, .sourceV4, .sourceV6, to: &writer)
        append(message.destination.ip, .destinationV4, .destinationV6, to: &writer)
        writer.append(Chunk.family.rawValue, [message.source.ip.octets.count == 4 ? 2 : 10])
        writer.append(Chunk.ipProtocol.rawValue, [message.transport == .udp ? 17 : 6])
        writer.append(Chunk.sourcePort.rawValue, message.source.port)
        writer.append(Chunk.destinationPort.rawValue, message.destination.port)
        let microseconds = max(0, moment.nanoseconds) / 1_000
        writer.append(Chunk.seconds.rawValue, UInt32(truncatingIfNeeded: microseconds / 1_000_000))
        writer.append(Chunk.microseconds.rawValue, UInt32(microseconds % 1_000_000))
        writer.append(Chunk.protocolType.rawValue, [Self.sip])
        writer.append(Chunk.captureID.rawValue, captureID)
        writer.append(Chunk.node.rawValue, Array(node.utf8.prefix(255)))
        if let callID = Self.callID(of: message.bytes) { writer.append(Chunk.correlationID.rawValue, callID) }
        let room = Self.longestPacket - writer.count - 6
        writer.append(Chunk.payload.rawValue, Array(message.bytes.prefix(room)))
        writer.replace(at: 4, with: UInt8(writer.count >> 8))
        writer.replace(at: 5, with: UInt8(writer.count & 255))
        return writer.bytes
    }

    private func append(_ ip: TransportAddress.IP, _ v4: Chunk, _ v6: Chunk, to writer: inout ByteWriter) {
        let octets = ip.octets
        writer.append((octets.count == 4 ? v4 : v6).rawValue, octets)
    }

    private static func callID(of bytes: [UInt8]) -> [UInt8]? {
        guard let message = try? Message.parse(bytes), let place = message.callID else { return nil }
        return Array(message.bytes(of: place).prefix(1_024))
    }
}

extension ByteWriter {
    /// Appends a chunk of the generic vendor, number 0.
    fileprivate mutating func append(_ type: UInt16, _ value: [UInt8]) {
        append(big: UInt16(0))
        append(big: type)
        append(big: UInt16(6 + value.count))
        append(value)
    }

    fileprivate mutating func append(_ type: UInt16, _ value: UInt16) {
        append(type, [UInt8(value >> 8), UInt8(value & 255)])
    }

    fileprivate mutating func append(_ type: UInt16, _ value: UInt32) {
        append(type, (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * $0)) })
    }
}
