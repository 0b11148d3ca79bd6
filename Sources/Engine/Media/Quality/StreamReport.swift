// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// A jitter estimate over a stream's life, in milliseconds.
public struct JitterFigures: Hashable, Sendable {
    /// Mean of the running estimate.
    public var mean: Double
    /// Highest value of the running estimate.
    public var maximum: Double
    /// The running estimate as it stands.
    public var current: Double
}

/// Round-trip times measured by RTCP (RFC 3550 §6.4.1), in milliseconds.
public struct RoundTripFigures: Hashable, Sendable {
    /// The last one.
    public var last: Double
    /// The shortest.
    public var minimum: Double
    /// The longest.
    public var maximum: Double
    /// Their mean.
    public var mean: Double
    /// How many were measured.
    public var count: Int
}

/// What the peer's RTCP says about the packets this side sent.
public struct PeerView: Hashable, Sendable {
    /// Packets the peer misses in all; negative when it counted duplicates (RFC 3550 §6.4.1).
    public var packetsLost: Int
    /// Share missed between the peer's last two reports, 0…1.
    public var fractionLost: Double
    /// The peer's jitter estimate in milliseconds.
    public var jitterMilliseconds: Double
}

/// One stream's figures, from its start to the moment of the report. Nil means not measured, never "fine".
public struct StreamReport: Hashable, Sendable {
    // Sent by this side.

    /// RTP packets handed to the network.
    public var packetsSent: UInt64 = 0
    /// Their payload in bytes.
    public var bytesSent: UInt64 = 0
    /// Packets that were due but not sent, because this machine was late by a whole packet interval or more.
    public var framesSkipped: UInt64 = 0
    /// When the first packet was sent.
    public var firstPacketSent: Instant?
    /// When the last packet was sent.
    public var lastPacketSent: Instant?

    // Received by this side.

    /// RTP packets received, duplicates included.
    public var packetsReceived: UInt64 = 0
    /// Their payload in bytes.
    public var bytesReceived: UInt64 = 0
    /// Packets that the sequence numbers say were sent, nil before the first one arrived.
    public var packetsExpected: UInt64?
    /// Packets that never arrived, nil before the first one arrived.
    public var packetsLost: UInt64?
    /// Packets that arrived again.
    public var duplicates: UInt64 = 0
    /// Packets that arrived after a later one.
    public var reordered: UInt64 = 0
    /// Datagrams that were not RTP version 2 or were cut.
    public var malformed: UInt64 = 0
    /// How often the source identifier changed.
    public var sourceChanges: UInt64 = 0
    /// How often the sequence numbers started afresh without a new source.
    public var sequenceRestarts: UInt64 = 0
    /// How often the timestamps jumped without a reason in sequence or time.
    public var timestampJumps: UInt64 = 0
    /// When the first packet arrived.
    public var firstPacketReceived: Instant?
    /// When the last packet arrived.
    public var lastPacketReceived: Instant?
    /// The RFC 3550 estimate over all packets, nil before two arrived.
    public var jitter: JitterFigures?
    /// The same without telephone events, comfort noise and packets with the marker bit.
    public var voiceJitter: JitterFigures?

    // RTCP.

    /// RTCP packets received that could be read.
    public var controlReceived: UInt64 = 0
    /// RTCP packets sent.
    public var controlSent: UInt64 = 0
    /// Round-trip times.
    public var roundTrip: RoundTripFigures?
    /// What the peer reported of this side's packets.
    public var peerView: PeerView?
    /// Whether the peer said BYE.
    public var peerSaidBye = false

    // Judged.

    /// The score of what was received, nil when nothing was.
    public var quality: QualityEstimate?

    // Filled in by the driver.

    /// Sends the system refused.
    public var sendErrors: UInt64 = 0
    /// ICMP errors that came back (port or host unreachable).
    public var unreachable: UInt64 = 0
    /// Received packets that the system dropped because this program did not fetch them in time: part of the loss, and ours.
    public var droppedBySystem: UInt64 = 0

    /// A report of nothing.
    public init() {}

    /// Share of expected packets that never arrived, in percent; nil before the first one arrived.
    public var lossPercent: Double? {
        guard let packetsExpected, let packetsLost, packetsExpected > 0 else { return nil }
        return 100 * Double(packetsLost) / Double(packetsExpected)
    }
}
