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
        counts[bucket].add(1)
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
        for (index, value) in other.counts.enumerated() { counts[index].add(value) }
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

    /// Adds what may not be there to what may not be there.
    static func merge(_ other: Histogram?, into sum: inout Histogram?) {
        guard let other else { return }
        if sum == nil { sum = other } else { sum?.merge(other) }
    }

    /// How many values lie above a bound, as far as the buckets tell: a bucket counts when all of it does.
    public func count(above bound: Interval) -> UInt64 {
        let micros = UInt64(max(0, bound.nanoseconds) / 1_000)
        guard count > 0, greatest > micros else { return 0 }
        let first = Self.bucket(of: micros) + 1
        guard first < counts.count else { return 0 }
        return counts[first...].reduce(0) { $0 + UInt64($1) }
    }

    /// What was recorded since an earlier state of this same histogram; least and greatest are the buckets' edges then.
    public func since(_ earlier: Histogram) -> Histogram {
        var difference = Histogram()
        for index in counts.indices {
            let before = index < earlier.counts.count ? earlier.counts[index] : 0
            guard counts[index] > before else { continue }
            if difference.counts.isEmpty {
                difference.counts = [UInt32](repeating: 0, count: counts.count)
                difference.least = min(Self.upperEdge(of: index), greatest)
            }
            difference.counts[index] = counts[index] - before
            difference.greatest = min(Self.upperEdge(of: index), greatest)
        }
        difference.count = count - min(count, earlier.count)
        difference.sumMicroseconds = sumMicroseconds &- earlier.sumMicroseconds
        return difference
    }

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

/// Sparse: `buckets` names each bucket that holds something and how many values it holds, in turns.
extension Histogram: Codable {
    private enum Keys: String, CodingKey {
        case count, sumUs, minUs, maxUs, buckets
    }

    /// Reads a histogram; buckets that cannot be are refused.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Keys.self)
        let pairs = try values.decode([UInt32].self, forKey: .buckets)
        let most = Self.bucket(of: .max)
        for place in stride(from: 0, to: pairs.count - 1, by: 2) {
            let index = Int(pairs[place])
            guard index <= most else {
                throw DecodingError.dataCorruptedError(
                    forKey: .buckets, in: values, debugDescription: "there is no bucket \(index)")
            }
            if index >= counts.count { counts.append(contentsOf: repeatElement(0, count: index + 1 - counts.count)) }
            counts[index] &+= pairs[place + 1]
            count &+= UInt64(pairs[place + 1])
        }
        sumMicroseconds = try values.decode(UInt64.self, forKey: .sumUs)
        guard count > 0 else { return }
        least = try values.decode(UInt64.self, forKey: .minUs)
        greatest = try values.decode(UInt64.self, forKey: .maxUs)
        guard least <= greatest, greatest <= UInt64(Int.max / 1_000) else {
            throw DecodingError.dataCorruptedError(
                forKey: .maxUs, in: values, debugDescription: "the least value is above the greatest")
        }
    }

    /// Writes only the buckets that hold something.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Keys.self)
        try values.encode(count, forKey: .count)
        try values.encode(sumMicroseconds, forKey: .sumUs)
        if count > 0 {
            try values.encode(least, forKey: .minUs)
            try values.encode(greatest, forKey: .maxUs)
        }
        var pairs: [UInt32] = []
        for (index, value) in counts.enumerated() where value > 0 { pairs += [UInt32(index), value] }
        try values.encode(pairs, forKey: .buckets)
    }
}
