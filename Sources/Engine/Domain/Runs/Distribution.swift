// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics

/// Measured values of one kind from a whole run, sorted; every figure is exact and nil when nothing was measured.
struct Distribution {
    private let sorted: [Double]

    init(_ values: [Double]) { sorted = values.sorted() }

    var count: Int { sorted.count }
    var least: Double? { sorted.first }
    var greatest: Double? { sorted.last }
    var average: Double? { sorted.isEmpty ? nil : sorted.reduce(0, +) / Double(sorted.count) }

    /// The smallest value below or at which at least `part` of a hundred of the values lie (nearest rank).
    func percentile(_ part: Double) -> Double? {
        guard !sorted.isEmpty else { return nil }
        // 99.9 % of 1,000 is 999, whatever binary fractions make of it.
        let exact = part * Double(sorted.count) / 100
        let rank = Int(((exact * 1_000_000).rounded() / 1_000_000).rounded(.up))
        return sorted[min(max(rank, 1), sorted.count) - 1]
    }

    func value(of aggregate: SummaryMetric.Aggregate) -> Double? {
        switch aggregate {
        case .average: average
        case .least: least
        case .greatest: greatest
        case .percentile(let part): percentile(part)
        case .count: Double(count)
        case .whole, .perSecond: nil
        }
    }
}

extension Histogram {
    /// A figure in milliseconds; percentiles are at most 1/64 too great, the others exact.
    func value(of aggregate: SummaryMetric.Aggregate) -> Double? {
        switch aggregate {
        case .average: mean?.milliseconds
        case .least: minimum?.milliseconds
        case .greatest: maximum?.milliseconds
        case .percentile(let part): quantile(part / 100)?.milliseconds
        case .count: Double(count)
        case .whole, .perSecond: nil
        }
    }
}

extension RunSummary.Delay {
    init(_ values: Distribution) {
        self.init(
            p50: values.percentile(50), p95: values.percentile(95), p99: values.percentile(99), max: values.greatest)
    }

    init(_ values: Histogram?) {
        self.init(
            p50: values?.quantile(0.50)?.milliseconds, p95: values?.quantile(0.95)?.milliseconds,
            p99: values?.quantile(0.99)?.milliseconds, max: values?.maximum?.milliseconds)
    }
}

extension RunSummary.Spread {
    init(_ values: Distribution) {
        self.init(
            avg: values.average, min: values.least, max: values.greatest, p5: values.percentile(5),
            p95: values.percentile(95))
    }
}
