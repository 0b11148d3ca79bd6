// SPDX-License-Identifier: Apache-2.0

import Bedrock

/// What is known of a received stream over all its sources; nothing is allocated per packet.
struct ReceiveStatistics: Sendable {
    /// Payload type of comfort noise (RFC 3389 §4).
    private static var comfortNoise: UInt8 { 13 }
    /// A timestamp that is farther than this from where sequence and time put it has jumped.
    private static var jumpSeconds: Int { 1 }

    let clockRate: Int
    var telephoneEvent: UInt8?

    private(set) var source: UInt32?
    private var tracker = SequenceTracker(first: 0)
    private var lastSequence: UInt16 = 0
    private var lastTimestamp: UInt32 = 0
    private var lastArrival = Instant.zero
    private var samplesPerPacket: Int

    // Sources and sequences that are over.
    private var pastExpected: UInt64 = 0
    private var pastLost: UInt64 = 0

    private(set) var packets: UInt64 = 0
    private(set) var bytes: UInt64 = 0
    private(set) var duplicates: UInt64 = 0
    private(set) var reordered: UInt64 = 0
    private(set) var malformed: UInt64 = 0
    private(set) var sourceChanges: UInt64 = 0
    private(set) var sequenceRestarts: UInt64 = 0
    private(set) var timestampJumps: UInt64 = 0
    private(set) var firstArrival: Instant?
    private(set) var lastPacketArrival: Instant?
    private var allPackets = JitterEstimator()
    private var voicePackets = JitterEstimator()

    // For report blocks (RFC 3550 §A.3): of the present source only, duplicates counted as received.
    private var sourcePackets: UInt64 = 0
    private var priorExpected: UInt64 = 0
    private var priorReceived: UInt64 = 0

    init(clockRate: Int, samplesPerPacket: Int, telephoneEvent: UInt8?) {
        self.clockRate = clockRate
        self.samplesPerPacket = samplesPerPacket
        self.telephoneEvent = telephoneEvent
    }

    mutating func recordMalformed() { malformed += 1 }

    mutating func setSamplesPerPacket(_ samples: Int) { samplesPerPacket = samples }

    /// Takes a packet in order of arrival.
    mutating func record(_ packet: RTPPacket, arrival: Instant) {
        let header = packet.header
        packets += 1
        bytes += UInt64(packet.payload.count)
        if firstArrival == nil { firstArrival = arrival }
        lastPacketArrival = arrival
        guard header.source == source else {
            begin(source: header, arrival: arrival)
            return
        }
        sourcePackets += 1
        let before = tracker
        switch tracker.record(header.sequenceNumber) {
        case .inOrder: break
        case .late: reordered += 1
        case .duplicate: duplicates += 1
        case .outOfRange: return
        case .restarted:
            sequenceRestarts += 1
            pastExpected += before.expected
            pastLost += before.lost
            sourcePackets = 2
            priorExpected = 0
            priorReceived = 0
            anchor(header, arrival: arrival)
            return
        }
        recordTiming(header, arrival: arrival)
    }

    private mutating func begin(source header: RTPHeader, arrival: Instant) {
        if source != nil {
            sourceChanges += 1
            pastExpected += tracker.expected
            pastLost += tracker.lost
        }
        source = header.source
        tracker = SequenceTracker(first: header.sequenceNumber)
        sourcePackets = 1
        priorExpected = 0
        priorReceived = 0
        allPackets.restart()
        voicePackets.restart()
        lastSequence = header.sequenceNumber
        lastTimestamp = header.timestamp
        lastArrival = arrival
        allPackets.record(timestamp: header.timestamp, arrival: arrival, clockRate: clockRate)
        if !isSilenceOrEvent(header) { voicePackets.anchor(timestamp: header.timestamp, arrival: arrival) }
    }

    private func isSilenceOrEvent(_ header: RTPHeader) -> Bool {
        header.payloadType == Self.comfortNoise || header.payloadType == telephoneEvent
    }

    private mutating func anchor(_ header: RTPHeader, arrival: Instant) {
        lastSequence = header.sequenceNumber
        lastTimestamp = header.timestamp
        lastArrival = arrival
        allPackets.anchor(timestamp: header.timestamp, arrival: arrival)
        voicePackets.anchor(timestamp: header.timestamp, arrival: arrival)
    }

    private mutating func recordTiming(_ header: RTPHeader, arrival: Instant) {
        let event = isSilenceOrEvent(header)
        if !event && hasJumped(header, arrival: arrival) {
            timestampJumps += 1
            anchor(header, arrival: arrival)
            return
        }
        lastSequence = header.sequenceNumber
        lastTimestamp = header.timestamp
        lastArrival = arrival
        allPackets.record(timestamp: header.timestamp, arrival: arrival, clockRate: clockRate)
        if event { return }
        if header.marker {
            voicePackets.anchor(timestamp: header.timestamp, arrival: arrival)
        } else {
            voicePackets.record(timestamp: header.timestamp, arrival: arrival, clockRate: clockRate)
        }
    }

    /// Whether the timestamp moved by over a second more or less than both the sequence number and the time that passed.
    private func hasJumped(_ header: RTPHeader, arrival: Instant) -> Bool {
        let moved = Int(Int32(bitPattern: header.timestamp &- lastTimestamp))
        let steps = Int(Int16(bitPattern: header.sequenceNumber &- lastSequence))
        let limit = Self.jumpSeconds * clockRate
        let passed = Int((arrival - lastArrival).seconds * Double(clockRate))
        return abs(moved - steps * samplesPerPacket) > limit && abs(moved - passed) > limit
    }

    // MARK: Results

    var expected: UInt64? { source == nil ? nil : pastExpected + tracker.expected }
    var lost: UInt64? { source == nil ? nil : pastLost + tracker.lost }
    var jitter: JitterFigures? { allPackets.figures }
    var voiceJitter: JitterFigures? { voicePackets.figures }

    /// The figures of a report block, and the start of the next one's interval (RFC 3550 §A.3).
    mutating func takeReportFigures() -> (fractionLost: UInt8, lost: Int32, highest: UInt32, jitter: UInt32) {
        let expected = tracker.expected
        let cumulative = Int64(expected) - Int64(sourcePackets)
        let expectedNow = Int64(expected) - Int64(priorExpected)
        let lostNow = expectedNow - (Int64(sourcePackets) - Int64(priorReceived))
        priorExpected = expected
        priorReceived = sourcePackets
        let fraction = expectedNow <= 0 || lostNow <= 0 ? 0 : min(255, lostNow * 256 / expectedNow)
        return (
            UInt8(fraction), Int32(max(-0x80_0000, min(0x7F_FFFF, cumulative))), tracker.extendedHighest,
            UInt32(allPackets.current * Double(clockRate) / 1000)
        )
    }
}
