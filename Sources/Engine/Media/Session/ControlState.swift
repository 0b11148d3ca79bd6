// SPDX-License-Identifier: Apache-2.0

import Bedrock

/// What RTCP knows of the other side.
struct ControlState: Sendable {
    var sent: UInt64 = 0
    var received: UInt64 = 0
    var packetsAtLastReport: UInt64 = 0
    var peerReport: (source: UInt32, middle: UInt32, arrival: Instant)?
    var roundTrip: RoundTripFigures?
    var roundTripSum = 0.0
    var peerView: PeerView?
    var peerSaidBye = false

    mutating func record(roundTrip milliseconds: Double) {
        roundTripSum += milliseconds
        guard var figures = roundTrip else {
            roundTrip = RoundTripFigures(
                last: milliseconds, minimum: milliseconds, maximum: milliseconds, mean: milliseconds, count: 1)
            return
        }
        figures.last = milliseconds
        figures.minimum = min(figures.minimum, milliseconds)
        figures.maximum = max(figures.maximum, milliseconds)
        figures.count += 1
        figures.mean = roundTripSum / Double(figures.count)
        roundTrip = figures
    }
}
