// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics

/// Delays by the second in which they began. A run of days keeps as many columns as one of minutes: they become wider.
struct DelaySeries: Hashable, Sendable {
    /// Columns kept at most.
    static let mostColumns = 600

    /// Seconds that one column covers; a power of two.
    private(set) var width = 1
    private(set) var columns: [SampleSet] = []

    /// Adds a delay in milliseconds that began `at` after the run's start.
    mutating func add(_ milliseconds: Double, at: Interval) {
        let seconds = at.seconds
        guard seconds >= 0, seconds < 1e9 else { return }
        while Int(seconds) / width >= Self.mostColumns { widen() }
        let column = Int(seconds) / width
        while columns.count <= column { columns.append(SampleSet()) }
        columns[column].add(milliseconds)
    }

    private mutating func widen() {
        width *= 2
        columns = stride(from: 0, to: columns.count, by: 2).map { first in
            var merged = columns[first]
            if first + 1 < columns.count { merged.merge(columns[first + 1]) }
            return merged
        }
    }
}
