// SPDX-License-Identifier: Apache-2.0

import Bedrock

/// A figure of a run's summary that a threshold can name.
public struct SummaryMetric: Hashable, Sendable {
    /// What a figure is counted in.
    public enum Unit: Hashable, Sendable {
        case milliseconds, percent, count, score

        var words: String {
            switch self {
            case .milliseconds: "duration like 800ms or 2s"
            case .percent: "percentage like 99.9%"
            case .count: "whole number"
            case .score: "number like 4.0"
            }
        }

        func read(_ text: String) -> Double? {
            switch self {
            case .milliseconds: Units.duration(text)?.milliseconds
            case .percent: text.hasSuffix("%") ? Units.plainNumber(text.dropLast()) : nil
            case .count: Int(text).map(Double.init)
            case .score: Units.plainNumber(text)
            }
        }
    }

    /// Timings and distributions, and the aggregates each allows.
    private static let durations = ["registration_delay", "post_dial_delay", "setup_time"]
    private static let spreads = ["mos", "jitter", "loss", "rtt"]
    private static let percentiles = [("p50", 0.50), ("p90", 0.90), ("p95", 0.95), ("p99", 0.99)]
    private static let plain: [(String, Unit)] = [
        ("registration.success_rate", .percent), ("registration.failed", .count), ("call.success_rate", .percent),
        ("call.failed", .count), ("endpoint.success_rate", .percent), ("endpoint.failed", .count),
    ]

    /// How a distribution is reduced to one figure.
    public enum Aggregate: Hashable, Sendable {
        case average, least, greatest
        case quantile(Double)
        case whole
    }

    /// The distribution or figure, and how it is reduced.
    public let base: String
    /// How the distribution is reduced to one figure.
    public let aggregate: Aggregate
    /// What it is counted in.
    public let unit: Unit

    /// Reads `registration.success_rate`, `mos.avg`, `p95(post_dial_delay)`.
    init?(_ name: String) {
        if let figure = Self.plain.first(where: { $0.0 == name }) {
            self.init(base: name, aggregate: .whole, unit: figure.1)
            return
        }
        for base in Self.durations + Self.spreads {
            for (spelling, aggregate) in Self.spellings(of: base) where spelling == name {
                self.init(base: base, aggregate: aggregate, unit: Self.unit(of: base))
                return
            }
        }
        return nil
    }

    private init(base: String, aggregate: Aggregate, unit: Unit) {
        self.base = base
        self.aggregate = aggregate
        self.unit = unit
    }

    private static func unit(of base: String) -> Unit {
        switch base {
        case "mos": .score
        case "loss": .percent
        default: .milliseconds
        }
    }

    private static func spellings(of base: String) -> [(String, Aggregate)] {
        [("\(base).avg", .average), ("\(base).min", .least), ("\(base).max", .greatest)]
            + percentiles.flatMap { [("\($0.0)(\(base))", .quantile($0.1)), ("\(base).\($0.0)", .quantile($0.1))] }
    }

    /// Every name a threshold may use.
    public static var allNames: [String] {
        plain.map(\.0) + (durations + spreads).flatMap { spellings(of: $0).map(\.0) }
    }
}
