// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Media

/// A peer made of single packets: every field of each can be chosen.
struct PacketFeed {
    var session: Session
    var source: UInt32 = 0xAABB_CCDD

    init(telephoneEvent: UInt8? = nil, direction: MediaDirection = .sendReceive) {
        let audio = NegotiatedAudio(
            codec: .pcma, remoteRTP: TransportAddress(192, 0, 2, 1, port: 4000), direction: direction,
            telephoneEventPayloadType: telephoneEvent)
        session = Session(
            configuration: StreamConfiguration(audio: audio, source: .material(.silence())), start: .zero,
            clock: UnixTime(nanoseconds: 1_700_000_000_000_000_000), random: SeededRandom(seed: 1))
    }

    /// The bytes of a packet of 20 ms.
    static func bytes(_ header: RTPHeader) -> [UInt8] {
        var bytes = [UInt8](repeating: 0xD5, count: 172)
        bytes.withUnsafeMutableBytes { header.write(into: $0) }
        return bytes
    }

    /// Hands the session a packet that arrives at a number of milliseconds.
    mutating func receive(
        _ sequence: UInt16, timestamp: UInt32, at milliseconds: Double, payloadType: UInt8 = 8, marker: Bool = false
    ) {
        let header = RTPHeader(
            payloadType: payloadType, marker: marker, sequenceNumber: sequence, timestamp: timestamp, source: source)
        Self.bytes(header).withUnsafeBytes {
            _ = session.receivePacket($0, at: Instant(nanoseconds: Int64(milliseconds * 1_000_000)))
        }
    }

    /// A packet of an even stream: number and timestamp follow from `index`, arrival too unless it is given.
    mutating func receive(index: Int, at milliseconds: Double? = nil) {
        receive(
            UInt16(truncatingIfNeeded: index), timestamp: UInt32(truncatingIfNeeded: index &* 160),
            at: milliseconds ?? Double(index) * 20)
    }
}
