// SPDX-License-Identifier: Apache-2.0

/// Measured values of one kind, kept to three significant digits with how often each came: however many were measured, it stays
/// small, merges without loss, and any rank can be read from it.
public struct SampleSet: Hashable, Sendable {
    /// How many values there are.
    public private(set) var count = 0
    private var counts: [Double: Int] = [:]

    /// No values.
    public init() {}

    /// Adds a value; what is no number is left out.
    public mutating func add(_ value: Double, times: Int = 1) {
        guard value.isFinite, times > 0 else { return }
        counts[Self.rounded(value), default: 0] += times
        count += times
    }

    /// Adds all values of another set.
    public mutating func merge(_ other: SampleSet) {
        for (value, times) in other.counts { counts[value, default: 0] += times }
        count += other.count
    }

    /// Each value with how often it came, least first.
    public var sorted: [(value: Double, times: Int)] {
        counts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// The value at which at least the share (0…1) of all values is reached (nearest rank); nil without values.
    public func quantile(_ share: Double) -> Double? {
        value(atRank: Int((share * Double(count)).rounded(.up)))
    }

    /// The value of a rank, counted from 1; ranks beyond the ends are the ends. Nil without values.
    public func value(atRank rank: Int) -> Double? {
        var seen = 0
        var last: Double?
        for (value, times) in sorted {
            seen += times
            last = value
            if seen >= rank { return value }
        }
        return last
    }

    /// The greatest value.
    public var greatest: Double? { counts.keys.max() }

    /// The sum of all values, and of their squares.
    var sums: (values: Double, squares: Double) {
        counts.reduce(into: (0, 0)) { sums, pair in
            sums.0 += pair.key * Double(pair.value)
            sums.1 += pair.key * pair.key * Double(pair.value)
        }
    }

    /// The mean; nil without values.
    public var mean: Double? { count == 0 ? nil : sums.values / Double(count) }

    /// Three significant digits.
    private static func rounded(_ value: Double) -> Double {
        guard value != 0 else { return 0 }
        var scale = 1.0
        let size = value.magnitude
        while size * scale < 100, scale < 1e12 { scale *= 10 }
        guard size * scale >= 1000 else { return (value * scale).rounded() / scale }
        var unit = 1.0
        while size / unit >= 1000 { unit *= 10 }
        return (value / unit).rounded() * unit
    }
}

extension SampleSet: Codable {
    /// Reads `[[value, times], …]`. Throws for negative numbers of times and for what is no pair.
    public init(from decoder: any Decoder) throws {
        self.init()
        var pairs = try decoder.unkeyedContainer()
        while !pairs.isAtEnd {
            var pair = try pairs.nestedUnkeyedContainer()
            let value = try pair.decode(Double.self)
            let times = try pair.decode(Int.self)
            guard times >= 0, times <= 1_000_000_000 else {
                throw DecodingError.dataCorruptedError(in: pair, debugDescription: "a number of times is not negative")
            }
            add(value, times: times)
        }
    }

    /// Writes `[[value, times], …]`, least value first.
    public func encode(to encoder: any Encoder) throws {
        var pairs = encoder.unkeyedContainer()
        for (value, times) in sorted {
            var pair = pairs.nestedUnkeyedContainer()
            try pair.encode(value)
            try pair.encode(times)
        }
    }
}
