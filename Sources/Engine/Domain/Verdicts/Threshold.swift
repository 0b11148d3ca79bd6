// SPDX-License-Identifier: Apache-2.0

/// A condition on a run's summary that passes or fails it (H4): `p95(post_dial_delay) < 800ms`, `mos.avg >= 4.0`.
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

    /// The condition as it was written.
    public let text: String
    /// What is judged.
    public let metric: SummaryMetric
    /// How it is compared.
    public let comparison: Comparison
    /// The bound in the metric's unit (ms, %, count, MOS).
    public let bound: Double

    /// Why a condition could not be read.
    public struct Problem: Error, Hashable, Sendable {
        /// What is wrong, and what would be right.
        public let message: String
    }

    /// Reads a condition.
    public init(_ text: String) throws(Problem) {
        let operators = ["==", "!=", ">=", "<=", "<", ">"]
        guard let symbol = operators.first(where: { text.firstRange(of: $0) != nil }),
            let range = text.firstRange(of: symbol), let comparison = Comparison(rawValue: symbol)
        else {
            throw Problem(message: "'\(text)' has no comparison; write for example 'mos.avg >= 4.0'")
        }
        let name = trim(text[..<range.lowerBound])
        let value = trim(text[range.upperBound...])
        guard let metric = SummaryMetric(name) else {
            let hint = nearest(to: name, among: SummaryMetric.allNames).map { "; did you mean '\($0)'?" } ?? ""
            throw Problem(message: "unknown metric '\(name)'\(hint)")
        }
        guard let bound = metric.unit.read(value) else {
            throw Problem(message: "'\(value)' is no \(metric.unit.words) for \(name)")
        }
        self.text = text
        self.metric = metric
        self.comparison = comparison
        self.bound = bound
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
}

private func trim(_ text: Substring) -> String {
    var part = text
    while part.first == " " || part.first == "\t" { part.removeFirst() }
    while part.last == " " || part.last == "\t" { part.removeLast() }
    return String(part)
}
