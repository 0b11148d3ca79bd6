// SPDX-License-Identifier: Apache-2.0

/// A set of places in a registrar's order of addition, kept and written as ranges: `1-500,702`.
///
/// Accounts are handed out in order, so that even large sets are few ranges.
public struct PositionRanges: Hashable, Sendable {
    /// The ranges in rising order; no two overlap or touch.
    public private(set) var ranges: [ClosedRange<Int64>] = []

    /// No places.
    public init() {}

    /// Some places, in any order.
    public init(_ positions: some Sequence<Int64>) {
        for position in positions.sorted() where position != ranges.last?.upperBound { append(position...position) }
    }

    /// How many places there are.
    public var count: Int { ranges.reduce(0) { $0 + Int($1.upperBound - $1.lowerBound) + 1 } }

    /// Whether there is no place.
    public var isEmpty: Bool { ranges.isEmpty }

    /// Adds places behind all others; ranges that touch become one.
    public mutating func append(_ range: ClosedRange<Int64>) {
        guard let last = ranges.last else {
            ranges.append(range)
            return
        }
        precondition(range.lowerBound > last.upperBound, "places are added in rising order")
        if range.lowerBound == last.upperBound + 1 {
            ranges[ranges.count - 1] = last.lowerBound...range.upperBound
        } else {
            ranges.append(range)
        }
    }

    /// The places that both have.
    public func intersection(_ other: PositionRanges) -> PositionRanges {
        var common = PositionRanges()
        var (mine, theirs) = (0, 0)
        while mine < ranges.count, theirs < other.ranges.count {
            let (left, right) = (ranges[mine], other.ranges[theirs])
            if left.overlaps(right) { common.append(left.clamped(to: right)) }
            if left.upperBound < right.upperBound { mine += 1 } else { theirs += 1 }
        }
        return common
    }

    /// The places that at least one has.
    public func union(_ other: PositionRanges) -> PositionRanges {
        var sum = PositionRanges()
        for range in (ranges + other.ranges).sorted(by: { $0.lowerBound < $1.lowerBound }) {
            guard let last = sum.ranges.last, range.lowerBound <= last.upperBound else {
                sum.append(range)
                continue
            }
            if range.upperBound > last.upperBound { sum.append(last.upperBound + 1...range.upperBound) }
        }
        return sum
    }

    /// Adds the places of the other.
    public mutating func formUnion(_ other: PositionRanges) { self = union(other) }

    /// The places that the other has not.
    public func subtracting(_ other: PositionRanges) -> PositionRanges {
        var rest = PositionRanges()
        var place = 0
        for range in ranges {
            var start = range.lowerBound
            while place < other.ranges.count, other.ranges[place].upperBound < start { place += 1 }
            var next = place
            while next < other.ranges.count, other.ranges[next].lowerBound <= range.upperBound {
                let gone = other.ranges[next]
                if gone.lowerBound > start { rest.append(start...gone.lowerBound - 1) }
                start = gone.upperBound + 1
                next += 1
            }
            if start <= range.upperBound { rest.append(start...range.upperBound) }
        }
        return rest
    }

    /// The same places in sets of at most so many ranges each, in order; none for none.
    public func split(_ most: Int) -> [PositionRanges] {
        stride(from: 0, to: ranges.count, by: max(1, most)).map { start in
            var part = PositionRanges()
            part.ranges = Array(ranges[start..<min(start + max(1, most), ranges.count)])
            return part
        }
    }
}

extension PositionRanges: CustomStringConvertible {
    /// The ranges with commas, `702` for one place and `1-500` for several.
    public var description: String {
        ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")
    }

    /// Reads what `description` writes. Nil for anything else: an order that does not rise, ranges that touch, a place
    /// below 1 or at the end of the numbers.
    public init?(_ text: some StringProtocol) {
        for part in String(text).split(separator: ",", omittingEmptySubsequences: false) where !text.isEmpty {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Self.position($0) }
            guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1] else { return nil }
            guard ends.count == 1 || first < last else { return nil }
            if let before = ranges.last, first <= before.upperBound + 1 { return nil }
            append(first...last)
        }
    }

    private static func position(_ digits: Substring) -> Int64? {
        guard let first = digits.utf8.first, (0x31...0x39).contains(first), let value = Int64(digits) else {
            return nil
        }
        return value < .max ? value : nil
    }
}
