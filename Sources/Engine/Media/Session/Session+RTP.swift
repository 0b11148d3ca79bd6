// SPDX-License-Identifier: Apache-2.0

public import Bedrock

extension Session {
    /// Writes the packet that is due into `bytes` (at least `maximumPacketLength`). Gives its length, 0 when none is due.
    public mutating func writePacket(into bytes: UnsafeMutableRawBufferPointer, now: Instant) -> Int {
        guard now >= nextPacketDue, case .material(let material) = configuration.source else { return 0 }
        let interval = configuration.audio.packetInterval.nanoseconds
        let skipped = (now - nextPacketDue).nanoseconds / interval
        if skipped > 0 {
            frame += skipped
            framesSkipped += UInt64(skipped)
            materialPosition += Int(skipped) * samplesPerPacket
        }
        writeHeader(
            into: bytes, timestamp: gridTimestamp &+ UInt32(truncatingIfNeeded: frame) &* UInt32(samplesPerPacket))
        let length = samplesPerPacket
        material.copy(
            configuration.audio.codec, at: materialPosition,
            into: UnsafeMutableRawBufferPointer(rebasing: bytes[RTPHeader.length..<RTPHeader.length + length]))
        materialPosition = (materialPosition + length) % material.count
        frame += 1
        nextPacketDue = gridStart + Interval(nanoseconds: frame * interval)
        recordSent(payload: length, now: now)
        return RTPHeader.length + length
    }

    /// Takes a datagram that came to the RTP port. False when it is not RTP.
    @discardableResult
    public mutating func receivePacket(
        _ bytes: UnsafeRawBufferPointer, from sender: TransportAddress? = nil, at arrival: Instant
    ) -> Bool {
        guard let packet = RTPPacket(parsing: bytes) else {
            statistics.recordMalformed()
            return false
        }
        if configuration.isSymmetric, let sender, sender != remoteRTP {
            remoteRTP = sender
            remoteRTCP = TransportAddress(ip: sender.ip, port: sender.port &+ 1)
        }
        statistics.record(packet, arrival: arrival)
        return true
    }

    /// Writes the answer to a packet that `receivePacket` took, when this stream is an echo. Gives its length, 0 for none.
    public mutating func writeEcho(
        of received: UnsafeRawBufferPointer, into bytes: UnsafeMutableRawBufferPointer, now: Instant
    ) -> Int {
        guard isEcho, let packet = RTPPacket(parsing: received),
            RTPHeader.length + packet.payload.count <= bytes.count
        else { return 0 }
        let offset = echoTimestampOffset ?? firstTimestamp &- packet.header.timestamp
        echoTimestampOffset = offset
        writeHeader(
            into: bytes, timestamp: packet.header.timestamp &+ offset, payloadType: packet.header.payloadType,
            marker: packet.header.marker)
        UnsafeMutableRawBufferPointer(rebasing: bytes[RTPHeader.length...])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: received[packet.payload]))
        recordSent(payload: packet.payload.count, now: now)
        return RTPHeader.length + packet.payload.count
    }

    private func writeHeader(
        into bytes: UnsafeMutableRawBufferPointer, timestamp: UInt32, payloadType: UInt8? = nil, marker: Bool = false
    ) {
        // No marker on own packets: without silence suppression it stays zero (RFC 3551 §4.1).
        RTPHeader(
            payloadType: payloadType ?? configuration.audio.payloadType, marker: marker,
            sequenceNumber: firstSequence &+ UInt16(truncatingIfNeeded: packetsSent), timestamp: timestamp,
            source: source
        ).write(into: bytes)
    }

    private mutating func recordSent(payload: Int, now: Instant) {
        packetsSent += 1
        bytesSent += UInt64(payload)
        if firstPacketSent == nil { firstPacketSent = now }
        lastPacketSent = now
    }
}
