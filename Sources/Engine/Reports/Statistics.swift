// SPDX-License-Identifier: Apache-2.0

/// Confidence intervals without assumptions about the shape of a distribution.
enum Statistics {
    /// A figure with the range that holds the true one at the confidence asked for.
    struct Estimate: Hashable, Sendable {
        var value: Double
        var low: Double
        var high: Double
    }

    /// How many standard deviations of the normal distribution leave `alpha` outside, both sides together.
    static func deviations(alpha: Double) -> Double {
        var low = 0.0
        var high = 10.0
        for _ in 0..<80 {
            let middle = (low + high) / 2
            if outside(middle) > alpha { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }

    /// The share of the normal distribution beyond `x` deviations on both sides, by Marsaglia's series.
    private static func outside(_ x: Double) -> Double {
        var term = x
        var sum = x
        var odd = 3.0
        while term > 1e-17 * sum, odd < 600 {
            term *= x * x / odd
            sum += term
            odd += 2
        }
        let density = exponential(-x * x / 2) / 2.506_628_274_631_000_5  // √2π
        return max(0, 1 - 2 * sum * density)
    }

    /// e to the power of `x`, x ≤ 0.
    private static func exponential(_ x: Double) -> Double {
        var halvings = 0
        var part = x
        while part.magnitude > 0.03 {
            part /= 2
            halvings += 1
        }
        var term = 1.0
        var sum = 1.0
        for number in 1...10 {
            term *= part / Double(number)
            sum += term
        }
        for _ in 0..<halvings { sum *= sum }
        return sum
    }

    /// A share of successes, by Wilson's interval; nil without attempts.
    static func share(_ part: Int, of whole: Int, deviations z: Double) -> Estimate? {
        guard whole > 0, part >= 0, part <= whole else { return nil }
        let n = Double(whole)
        let p = Double(part) / n
        let middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        let half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
        return Estimate(value: p, low: max(0, middle - half), high: min(1, middle + half))
    }

    /// A quantile, by the ranks that a binomial count leaves; nil where there are too few values for the confidence.
    static func quantile(_ share: Double, of set: SampleSet, deviations z: Double) -> Estimate? {
        let n = Double(set.count)
        let half = z * (n * share * (1 - share)).squareRoot()
        let low = Int((n * share - half).rounded(.down))
        let high = Int((n * share + half).rounded(.up)) + 1
        guard low >= 1, high <= set.count, let value = set.quantile(share), let least = set.value(atRank: low),
            let most = set.value(atRank: high)
        else { return nil }
        return Estimate(value: value, low: least, high: most)
    }

    /// b − a with its range, from the two ranges (Newcombe's hybrid score method, Zou and Donner's MOVER).
    static func difference(_ a: Estimate, _ b: Estimate) -> Estimate {
        func root(_ x: Double, _ y: Double) -> Double { (x * x + y * y).squareRoot() }
        let value = b.value - a.value
        return Estimate(
            value: value, low: value - root(b.value - b.low, a.high - a.value),
            high: value + root(b.high - b.value, a.value - a.low))
    }
}
