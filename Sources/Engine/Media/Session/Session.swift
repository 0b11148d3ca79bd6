// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// One RTP stream in both directions, with its RTCP: sends on absolute deadlines, judges what it receives.
///
/// Packet n is due at the first deadline plus n intervals, whatever happened before. A packet that is late by an interval or
/// more is skipped and counted, and the stream goes on where the clock is: there is never a burst to catch up. The
/// timestamps follow the clock, the sequence numbers the packets, so that a skip here is not a loss to the peer.
///
/// RTCP goes by RFC 3550 §6.2 and §6.3 for a session of two: the interval does not depend on bandwidth (two members are far
/// below 5 %), the first report comes within half a second (§6.2 allows none to wait in unicast), later ones after 0.5 to
/// 1.5 intervals divided by e - 3/2; there is no reconsideration and a BYE goes out at once (§6.3.7, fewer than 50 members).
public struct Session: Sendable {
    /// Room for any RTP packet that this program sends: 60 ms of G.711.
    public static var maximumPacketLength: Int { RTPHeader.length + 480 }

    var configuration: StreamConfiguration
    let startTime: Instant
    let startClock: UnixTime
    var random: SeededRandom

    // Sending.
    let source: UInt32
    let canonicalName: UInt64
    let firstSequence: UInt16
    let firstTimestamp: UInt32
    var gridStart: Instant
    var gridTimestamp: UInt32
    var frame: Int64 = 0
    var samplesPerPacket: Int
    var materialPosition = 0
    var packetsSent: UInt64 = 0
    var bytesSent: UInt64 = 0
    var framesSkipped: UInt64 = 0
    var firstPacketSent: Instant?
    var lastPacketSent: Instant?

    // Receiving.
    var statistics: ReceiveStatistics
    var echoTimestampOffset: UInt32?

    // RTCP.
    var control = ControlState()

    /// When the next RTP packet shall be sent; far in the future when this side does not send by itself.
    public internal(set) var nextPacketDue: Instant
    /// When the next RTCP report shall be sent.
    public internal(set) var nextReportDue: Instant
    /// Where RTP goes.
    public internal(set) var remoteRTP: TransportAddress
    /// Where RTCP goes.
    public internal(set) var remoteRTCP: TransportAddress

    /// A stream whose first packet is due at `start`.
    /// - Parameters:
    ///   - clock: the wall-clock time at `start`; sender reports go on from there, untouched by later steps of that clock.
    ///   - random: chooses source, first sequence number and first timestamp (RFC 3550 §5.1) and spreads reports.
    public init(configuration: StreamConfiguration, start: Instant, clock: UnixTime, random: SeededRandom) {
        var random = random
        self.configuration = configuration
        startTime = start
        startClock = clock
        source = UInt32(truncatingIfNeeded: random.next() >> 16)
        canonicalName = random.next()
        firstSequence = UInt16(truncatingIfNeeded: random.next() >> 16)
        firstTimestamp = UInt32(truncatingIfNeeded: random.next() >> 16)
        gridStart = start
        gridTimestamp = firstTimestamp
        samplesPerPacket = Self.samples(configuration.audio)
        statistics = ReceiveStatistics(
            clockRate: configuration.audio.codec.clockRate, samplesPerPacket: samplesPerPacket,
            telephoneEvent: configuration.audio.telephoneEventPayloadType)
        nextReportDue = start + Interval(nanoseconds: Int64(random.unit() * 500_000_000))
        nextPacketDue = start
        remoteRTP = configuration.audio.remoteRTP
        remoteRTCP = configuration.audio.remoteRTCP
        self.random = random
        if !sendsByClock { nextPacketDue = .distantFuture }
    }

    private static func samples(_ audio: NegotiatedAudio) -> Int {
        Int(audio.packetInterval.nanoseconds) * audio.codec.clockRate / 1_000_000_000
    }

    var sendsByClock: Bool {
        if case .material = configuration.source { return configuration.audio.direction.sends }
        return false
    }

    /// Whether it returns what it receives.
    public var isEcho: Bool {
        if case .echo = configuration.source { return configuration.audio.direction.sends }
        return false
    }

    /// Whether it follows where the peer's packets come from.
    public var isSymmetric: Bool { configuration.isSymmetric }

    /// The earlier of the two deadlines.
    public var nextDue: Instant { min(nextPacketDue, nextReportDue) }

    /// Takes a new agreement from a later offer and answer. Packets go on at the next deadline of the old grid, unless the
    /// packet length changed; what was not sent on hold is not counted as skipped.
    public mutating func update(_ audio: NegotiatedAudio, at now: Instant) {
        let interval = configuration.audio.packetInterval
        var next = gridStart + Interval(nanoseconds: frame * interval.nanoseconds)
        if next < now {
            let missed = (now - next).nanoseconds / interval.nanoseconds + 1
            next = next + Interval(nanoseconds: missed * interval.nanoseconds)
        }
        if audio.packetInterval != interval || nextPacketDue == .distantFuture {
            gridTimestamp = timestamp(at: next)
            gridStart = next
            frame = 0
        }
        configuration.audio = audio
        samplesPerPacket = Self.samples(audio)
        statistics.telephoneEvent = audio.telephoneEventPayloadType
        statistics.setSamplesPerPacket(samplesPerPacket)
        remoteRTP = audio.remoteRTP
        remoteRTCP = audio.remoteRTCP
        nextPacketDue = sendsByClock ? next : .distantFuture
    }

    /// The RTP timestamp of a moment, on this stream's own grid.
    func timestamp(at moment: Instant) -> UInt32 {
        let passed = (moment - gridStart).nanoseconds
        let units = passed * Int64(configuration.audio.codec.clockRate) / 1_000_000_000
        return gridTimestamp &+ UInt32(truncatingIfNeeded: units)
    }
}
