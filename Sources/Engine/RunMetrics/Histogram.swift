// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// A histogram of durations with a relative error of at most 1/64, mergeable without loss.
///
/// Log-linear buckets after HdrHistogram (Tene): 64 linear buckets per power of two, from 1 µs; values above 19 hours count in the
/// last bucket. Minimum, maximum, count and sum are exact.
public struct Histogram: Hashable, Sendable {
    private static let subBits = 6
    private static let magnitudes = 31

    private var counts: [UInt32] = []
    /// How many values were recorded.
    public private(set) var count: UInt64 = 0
    private var sumMicroseconds: UInt64 = 0
    private var least = UInt64.max
    private var greatest: UInt64 = 0

    /// An empty histogram; it takes memory with the first value.
    public init() {}

    /// Records one duration; negative ones count as 0.
    public mutating func record(_ value: Interval) {
        let micros = UInt64(max(0, value.nanoseconds) / 1_000)
        let bucket = Self.bucket(of: micros)
        if bucket >= counts.count { counts.append(contentsOf: repeatElement(0, count: bucket + 1 - counts.count)) }
        counts[bucket] += 1
        count += 1
        sumMicroseconds &+= micros
        least = min(least, micros)
        greatest = max(greatest, micros)
    }

    /// Adds all that `other` recorded.
    public mutating func merge(_ other: Histogram) {
        if other.counts.count > counts.count {
            counts.append(contentsOf: repeatElement(0, count: other.counts.count - counts.count))
        }
        for (index, value) in other.counts.enumerated() { counts[index] += value }
        count += other.count
        sumMicroseconds &+= other.sumMicroseconds
        least = min(least, other.least)
        greatest = max(greatest, other.greatest)
    }

    /// The value below or at which the share `quantile` (0…1) of values lies; nil when empty.
    public func quantile(_ quantile: Double) -> Interval? {
        guard count > 0 else { return nil }
        if quantile >= 1 { return maximum }
        let rank = max(1, UInt64((quantile * Double(count)).rounded(.up)))
        var seen: UInt64 = 0
        for (index, value) in counts.enumerated() {
            seen += UInt64(value)
            if seen >= rank {
                return .microseconds(Int(min(max(Self.upperEdge(of: index), least), greatest)))
            }
        }
        return maximum
    }

    /// The smallest, greatest and mean value; nil when empty.
    public var minimum: Interval? { count == 0 ? nil : .microseconds(Int(least)) }
    /// The greatest value; nil when empty.
    public var maximum: Interval? { count == 0 ? nil : .microseconds(Int(greatest)) }
    /// The mean value; nil when empty.
    public var mean: Interval? { count == 0 ? nil : .microseconds(Int(sumMicroseconds / count)) }

    private static func bucket(of micros: UInt64) -> Int {
        let linear = 1 << subBits
        guard micros >= UInt64(linear) else { return Int(micros) }
        let magnitude = min(magnitudes, 63 - micros.leadingZeroBitCount - subBits)
        let sub = min(Int(micros >> UInt64(magnitude)), 2 * linear - 1) - linear
        return linear + magnitude * linear + sub
    }

    private static func upperEdge(of bucket: Int) -> UInt64 {
        let linear = 1 << subBits
        guard bucket >= linear else { return UInt64(bucket) }
        let magnitude = (bucket - linear) / linear
        let sub = (bucket - linear) % linear
        return UInt64(linear + sub + 1) << UInt64(magnitude) - 1
    }
}
