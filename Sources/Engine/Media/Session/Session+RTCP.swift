// SPDX-License-Identifier: Apache-2.0

public import Bedrock

extension Session {
    /// Wall-clock time of a moment by this stream's clock.
    private func networkTime(at moment: Instant) -> NTPTimestamp {
        NTPTimestamp(startClock + (moment - startTime))
    }

    /// Takes a datagram that came to the RTCP port. False when it is not RTCP.
    @discardableResult
    public mutating func receiveControl(_ bytes: UnsafeRawBufferPointer, at arrival: Instant) -> Bool {
        var items = 0
        RTCPReader.read(bytes) { item in
            items += 1
            switch item {
            case .senderReport(let source, let time, _): control.peerReport = (source, time.middle, arrival)
            case .reportBlock(let block): receive(block, at: arrival)
            case .bye: control.peerSaidBye = true
            }
        }
        // A lone source description or feedback packet has no item for us and is still RTCP.
        let isControl = items > 0 || RTPPacket.isControl(bytes)
        if isControl { control.received += 1 }
        return isControl
    }

    private mutating func receive(_ block: ReportBlock, at arrival: Instant) {
        guard block.source == source else { return }
        control.peerView = PeerView(
            packetsLost: Int(block.packetsLost), fractionLost: Double(block.fractionLost) / 256,
            jitterMilliseconds: Double(block.jitter) * 1000 / Double(statistics.clockRate))
        let trip = RoundTrip.milliseconds(
            arrival: networkTime(at: arrival).middle, lastReport: block.lastReport, delay: block.delaySinceLastReport)
        if let trip { control.record(roundTrip: trip) }
    }

    /// Writes the report that is due into `bytes` (at least `RTCPWriter.maximumLength`). Gives its length, 0 when none is due.
    public mutating func writeReport(into bytes: UnsafeMutableRawBufferPointer, now: Instant) -> Int {
        guard now >= nextReportDue else { return 0 }
        // Uniform in 0.5…1.5 of the interval, divided by e - 3/2 (RFC 3550 §6.3.1).
        let factor = (0.5 + random.unit()) / 1.21828
        nextReportDue = now + Interval(nanoseconds: Int64(Double(configuration.reportInterval.nanoseconds) * factor))
        var writer = RTCPWriter(into: bytes)
        writeReport(to: &writer, now: now)
        return writer.count
    }

    /// Writes a last report with BYE into `bytes` (at least `RTCPWriter.maximumLength`). Gives its length; 0 when nothing was
    /// ever sent, for then there is nobody to leave (RFC 3550 §6.3.7).
    public mutating func writeBye(into bytes: UnsafeMutableRawBufferPointer, now: Instant) -> Int {
        guard packetsSent > 0 || control.sent > 0 else { return 0 }
        var writer = RTCPWriter(into: bytes)
        writeReport(to: &writer, now: now)
        writer.bye(source: source)
        return writer.count
    }

    private mutating func writeReport(to writer: inout RTCPWriter, now: Instant) {
        let isSender = packetsSent > control.packetsAtLastReport
        control.packetsAtLastReport = packetsSent
        let sender = SenderInformation(
            time: networkTime(at: now), timestamp: timestamp(at: now), packets: UInt32(truncatingIfNeeded: packetsSent),
            bytes: UInt32(truncatingIfNeeded: bytesSent))
        writer.report(source: source, sender: isSender ? sender : nil, block: takeBlock(now: now))
        writer.description(source: source, name: canonicalName)
        control.sent += 1
    }

    private mutating func takeBlock(now: Instant) -> ReportBlock? {
        guard let peer = statistics.source else { return nil }
        let figures = statistics.takeReportFigures()
        var block = ReportBlock(
            source: peer, fractionLost: figures.fractionLost, packetsLost: figures.lost,
            extendedHighest: figures.highest, jitter: figures.jitter, lastReport: 0, delaySinceLastReport: 0)
        if let last = control.peerReport, last.source == peer {
            block.lastReport = last.middle
            block.delaySinceLastReport = UInt32(max(0, (now - last.arrival).seconds) * 65_536)
        }
        return block
    }
}
