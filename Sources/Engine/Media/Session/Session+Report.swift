// SPDX-License-Identifier: Apache-2.0

import Bedrock

extension Session {
    /// The figures so far.
    public func report() -> StreamReport {
        var report = StreamReport()
        report.packetsSent = packetsSent
        report.bytesSent = bytesSent
        report.framesSkipped = framesSkipped
        report.firstPacketSent = firstPacketSent
        report.lastPacketSent = lastPacketSent
        report.packetsReceived = statistics.packets
        report.bytesReceived = statistics.bytes
        report.packetsExpected = statistics.expected
        report.packetsLost = statistics.lost
        report.duplicates = statistics.duplicates
        report.reordered = statistics.reordered
        report.malformed = statistics.malformed
        report.sourceChanges = statistics.sourceChanges
        report.sequenceRestarts = statistics.sequenceRestarts
        report.timestampJumps = statistics.timestampJumps
        report.firstPacketReceived = statistics.firstArrival
        report.lastPacketReceived = statistics.lastPacketArrival
        report.jitter = statistics.jitter
        report.voiceJitter = statistics.voiceJitter
        report.controlReceived = control.received
        report.controlSent = control.sent
        report.roundTrip = control.roundTrip
        report.peerView = control.peerView
        report.peerSaidBye = control.peerSaidBye
        if let lossPercent = report.lossPercent {
            report.quality = QualityEstimate(
                lossPercent: lossPercent, codec: configuration.impairment,
                jitterMilliseconds: (report.voiceJitter ?? report.jitter)?.mean ?? 0,
                packetMilliseconds: configuration.audio.packetInterval.milliseconds,
                roundTripMilliseconds: report.roundTrip?.mean)
        }
        return report
    }
}
