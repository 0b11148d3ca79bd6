// SPDX-License-Identifier: Apache-2.0

/// Measured values of one kind from a whole run, sorted; every figure is exact and nil when nothing was measured.
struct Distribution {
    private let sorted: [Double]

    init(_ values: [Double]) { sorted = values.sorted() }

    var count: Int { sorted.count }
    var least: Double? { sorted.first }
    var greatest: Double? { sorted.last }
    var average: Double? { sorted.isEmpty ? nil : sorted.reduce(0, +) / Double(sorted.count) }

    /// The smallest value below or at which at least the share `share` (0…1) of the values lies (nearest rank).
    func quantile(_ share: Double) -> Double? {
        guard !sorted.isEmpty else { return nil }
        let rank = Int((share * Double(sorted.count)).rounded(.up))
        return sorted[min(max(rank, 1), sorted.count) - 1]
    }

    func value(of aggregate: SummaryMetric.Aggregate) -> Double? {
        switch aggregate {
        case .average: average
        case .least: least
        case .greatest: greatest
        case .quantile(let share): quantile(share)
        case .whole: nil
        }
    }
}
