// SPDX-License-Identifier: Apache-2.0

import Bedrock

/// A figure of a run's summary that a threshold can name.
public struct SummaryMetric: Hashable, Sendable {
    /// What a figure is counted in.
    public enum Unit: Hashable, Sendable {
        case milliseconds, percent, count, score, perSecond

        var words: String {
            switch self {
            case .milliseconds: "duration like 800ms or 2s"
            case .percent: "percentage like 99.9%"
            case .count: "whole number"
            case .score: "number like 4.0"
            case .perSecond: "rate like 10/s"
            }
        }

        func read(_ text: String) -> Double? {
            switch self {
            case .milliseconds: Units.duration(text)?.milliseconds
            case .percent: text.hasSuffix("%") ? Units.plainNumber(text.dropLast()) : nil
            case .count: Int(text).map(Double.init)
            case .score: Units.plainNumber(text)
            case .perSecond: text == "0/s" ? 0 : Units.rate(text)
            }
        }
    }

    /// How a distribution is reduced to one figure.
    public enum Aggregate: Hashable, Sendable {
        case average, least, greatest
        /// The value that this part of a hundred does not exceed, 0…100.
        case percentile(Double)
        /// How many values there are.
        case count
        /// A count by the seconds it took.
        case perSecond
        /// The figure is one number already.
        case whole
    }

    /// The distribution or figure, and how it is reduced.
    public let base: String
    /// How the distribution is reduced to one figure.
    public let aggregate: Aggregate
    /// What it is counted in.
    public let unit: Unit

    /// The metric in the one spelling that summaries and stored tests use.
    public var text: String {
        switch aggregate {
        case .average: "\(base).avg"
        case .least: "\(base).min"
        case .greatest: "\(base).max"
        case .percentile(let part): "p\(Units.number(part))(\(base))"
        case .count: "count(\(base))"
        case .perSecond: "rate(\(base))"
        case .whole: base
        }
    }

    /// What the catalogue says of it.
    var entry: Entry? { Self.byName[base] }

    private init(_ entry: Entry, _ aggregate: Aggregate) {
        base = entry.name
        self.aggregate = aggregate
        unit =
            switch aggregate {
            case .count: .count
            case .perSecond: .perSecond
            case .average, .least, .greatest, .percentile, .whole: entry.unit
            }
    }

    // MARK: Reading

    /// Reads `registration.success_rate`, `mos.avg`, `p95(post_dial_delay)`, `p(99.9)(rrd)`, `setup_time.med`,
    /// `rate(call.attempted)`.
    static func read(_ name: String) throws(Threshold.Problem) -> SummaryMetric {
        if let entry = byName[name] {
            guard entry.kind != .spread else {
                throw Threshold.Problem(
                    message: "'\(name)' has many values; say which figure of them, for example 'p95(\(name))' or "
                        + "'\(name).avg'")
            }
            return SummaryMetric(entry, .whole)
        }
        for (base, figure) in splits(of: name) {
            guard let entry = byName[base] else { continue }
            return SummaryMetric(entry, try aggregate(figure, of: entry))
        }
        let hint = nearest(to: name, among: allNames).map { "; did you mean '\($0)'?" } ?? ""
        throw Threshold.Problem(message: "unknown metric '\(name)'\(hint)")
    }

    /// The ways to read a text as a metric and a figure of it: `figure(metric)`, `metric.figure`.
    private static func splits(of name: String) -> [(base: String, figure: String)] {
        var found: [(String, String)] = []
        if name.hasSuffix(")"), let open = name.lastIndex(of: "(") {
            found.append((String(name[name.index(after: open)...].dropLast()), String(name[..<open])))
        }
        for dot in name.indices where name[dot] == "." {
            found.append((String(name[..<dot]), String(name[name.index(after: dot)...])))
        }
        return found
    }

    private static func aggregate(_ figure: String, of entry: Entry) throws(Threshold.Problem) -> Aggregate {
        let name = entry.name
        switch (entry.kind, figure) {
        case (.count, "count"): return .whole
        case (.count, "rate"):
            guard entry.isWindowed else {
                throw Threshold.Problem(message: "'\(name)' is not counted second by second; compare its count")
            }
            return .perSecond
        case (.spread, "avg"), (.spread, "mean"): return .average
        case (.spread, "min"): return .least
        case (.spread, "max"): return .greatest
        case (.spread, "med"), (.spread, "median"): return .percentile(50)
        case (.spread, "count"): return .count
        case (.spread, _) where figure.hasPrefix("p"):
            guard let part = percentile(figure.dropFirst()), part <= 100 else {
                throw Threshold.Problem(message: "'\(figure)' is no percentile; write for example 'p95' or 'p(99.9)'")
            }
            return .percentile(part)
        case (.spread, _):
            let hint = nearest(to: "\(name).\(figure)", among: allNames).map { "; did you mean '\($0)'?" } ?? ""
            throw Threshold.Problem(
                message: "'\(figure)' is no figure of '\(name)'\(hint); use avg, min, max, med, count or p(0) to p(100)"
            )
        case (.count, _):
            throw Threshold.Problem(message: "'\(name)' is counted; use 'count(\(name))' or 'rate(\(name))'")
        case (.share, _):
            throw Threshold.Problem(message: "'\(name)' is one figure already; write it without '\(figure)'")
        }
    }

    /// `95` or `(95)`.
    private static func percentile(_ text: Substring) -> Double? {
        if text.hasPrefix("("), text.hasSuffix(")") { return Units.plainNumber(text.dropFirst().dropLast()) }
        return Units.plainNumber(text)
    }

    private static let byName: [String: Entry] = .init(uniqueKeysWithValues: catalogue.map { ($0.name, $0) })

    /// Names a threshold may use, each with the usual figures.
    public static var allNames: [String] {
        catalogue.flatMap { entry -> [String] in
            guard entry.kind == .spread else { return [entry.name] }
            return ["avg", "min", "max", "med"].map { "\(entry.name).\($0)" }
                + ["p50", "p90", "p95", "p99"].flatMap { ["\($0)(\(entry.name))", "\(entry.name).\($0)"] }
        }
    }
}
