// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// A condition on a run's figures that passes or fails it (H4).
///
///     p95(post_dial_delay) < 800ms
///     registration.success_rate >= 99% of callers over 10s abort after 30s
///
/// docs/thresholds.md has the whole grammar.
public struct Threshold: Hashable, Sendable {
    /// What a value is compared with, and how.
    public enum Comparison: String, Hashable, Sendable, CaseIterable {
        case atLeast = ">="
        case atMost = "<="
        case below = "<"
        case above = ">"
        case equal = "=="
        case unequal = "!="
    }

    /// The condition in its canonical text, which reads back as the same condition.
    public let text: String
    /// What is judged.
    public let metric: SummaryMetric
    /// How it is compared.
    public let comparison: Comparison
    /// The bound in the metric's unit (ms, %, count, MOS, per second).
    public let bound: Double
    /// The group it is about; nil for the whole run.
    public let group: String?
    /// The length of the sliding window in whole seconds, each of which must meet the condition; nil for the run as a whole.
    public let window: Int?
    /// Ends the run when the condition is broken this long after its start, or later; nil lets the run go on.
    public let abortAfter: Interval?

    /// Why a condition could not be read.
    public struct Problem: Error, Hashable, Sendable {
        /// What is wrong, and what would be right.
        public let message: String
    }

    init(
        metric: SummaryMetric, comparison: Comparison, value: (text: String, bound: Double), group: String?,
        window: Int?, abortAfter: Interval?
    ) {
        self.metric = metric
        self.comparison = comparison
        bound = value.bound
        self.group = group
        self.window = window
        self.abortAfter = abortAfter
        var text = "\(metric.text) \(comparison.rawValue) \(value.text)"
        if let group { text += " of \(ThresholdWords.quoted(group))" }
        if let window { text += " over \(Units.text(.seconds(window)))" }
        if let abortAfter { text += abortAfter == .zero ? " abort" : " abort after \(Units.text(abortAfter))" }
        self.text = text
    }

    /// Whether a measured value meets the condition; a value that was not measured never does.
    public func holds(for value: Double?) -> Bool {
        guard let value else { return false }
        return switch comparison {
        case .atLeast: value >= bound
        case .atMost: value <= bound
        case .below: value < bound
        case .above: value > bound
        case .equal: value == bound
        case .unequal: value != bound
        }
    }

    /// Of two measured values the one that is worse for this condition.
    func worse(_ left: Double, _ right: Double) -> Double {
        switch comparison {
        case .atLeast, .above: min(left, right)
        case .atMost, .below: max(left, right)
        case .equal: abs(left - bound) >= abs(right - bound) ? left : right
        case .unequal: abs(left - bound) <= abs(right - bound) ? left : right
        }
    }
}
