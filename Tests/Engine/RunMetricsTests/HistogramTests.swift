// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics
import Testing

@Suite struct HistogramTests {
    @Test(arguments: [0.0, 0.5, 0.9, 0.95, 0.99, 1.0])
    func `quantiles are within a 64th of the sorted values`(quantile: Double) {
        var random = SeededRandom(seed: 7)
        var histogram = Histogram()
        var values: [Int64] = []
        for _ in 0..<5_000 {
            let micros =
                Int64(1) << Int64.random(in: 0..<30, using: &random) + Int64.random(in: 0..<1000, using: &random)
            values.append(micros)
            histogram.record(.microseconds(Int(micros)))
        }
        values.sort()
        let exact = values[max(0, Int((quantile * 5_000).rounded(.up)) - 1)]
        let measured = histogram.quantile(quantile)!.nanoseconds / 1_000
        #expect(abs(measured - exact) <= max(1, exact / 64))
        #expect(histogram.minimum == .microseconds(Int(values[0])))
        #expect(histogram.maximum == .microseconds(Int(values[4_999])))
    }

    @Test func `merging equals recording everything in one`() {
        var random = SeededRandom(seed: 3)
        var whole = Histogram()
        var parts = [Histogram(), Histogram(), Histogram()]
        for index in 0..<3_000 {
            let value = Interval(nanoseconds: Int64.random(in: 0..<5_000_000_000, using: &random))
            whole.record(value)
            parts[index % 3].record(value)
        }
        var merged = parts[2]
        merged.merge(parts[0])
        merged.merge(parts[1])
        #expect(merged == whole)
    }

    @Test func `an empty histogram measures nothing`() {
        #expect(Histogram().quantile(0.5) == nil)
        #expect(Histogram().mean == nil)
    }
}
