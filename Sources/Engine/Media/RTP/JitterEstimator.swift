// SPDX-License-Identifier: Apache-2.0

import Bedrock

/// Interarrival jitter by RFC 3550 §6.4.1 and §A.8, in milliseconds, with mean and maximum of the running estimate.
struct JitterEstimator: Sendable {
    private var previousArrival: Instant?
    private var previousTimestamp: UInt32 = 0
    private(set) var current = 0.0
    private var sum = 0.0
    private var count: UInt64 = 0
    private var maximum = 0.0

    /// Mean, maximum and present value; nil before two packets were compared.
    var figures: JitterFigures? {
        count == 0 ? nil : JitterFigures(mean: sum / Double(count), maximum: maximum, current: current)
    }

    /// Takes a packet in order of arrival.
    mutating func record(timestamp: UInt32, arrival: Instant, clockRate: Int) {
        if let previousArrival {
            // A signed difference: a reordered packet is a step back, not a wrap forward.
            let units = Int32(bitPattern: timestamp &- previousTimestamp)
            let sent = Double(units) * 1000 / Double(clockRate)
            let deviation = (arrival - previousArrival).milliseconds - sent
            current += (abs(deviation) - current) / 16
            sum += current
            count += 1
            maximum = max(maximum, current)
        }
        anchor(timestamp: timestamp, arrival: arrival)
    }

    /// Compares the next packet with this one, without counting this one: the start of a talk spurt or a timestamp jump.
    mutating func anchor(timestamp: UInt32, arrival: Instant) {
        previousArrival = arrival
        previousTimestamp = timestamp
    }

    /// Forgets the running estimate for a new source; mean and maximum go on.
    mutating func restart() {
        previousArrival = nil
        current = 0
    }
}
