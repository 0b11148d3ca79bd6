// SPDX-License-Identifier: Apache-2.0

public import Domain

/// Two runs beside each other: what became worse, what better, and what is only noise.
///
/// A difference counts when the confidence interval of it leaves out zero and it is larger than the tolerance. The confidence holds
/// for the comparison as a whole: of 100 comparisons of runs that differ by chance only, at most 5 say that anything changed
/// (Bonferroni over the figures compared).
public struct Comparison: Hashable, Sendable, Codable {
    /// How sure a comparison is of what it says.
    public static let confidence = 0.95
    /// Differences smaller than this, in percent of the first run's value, do not matter to anybody.
    public static let usualTolerance = 5.0

    /// A run as a comparison needs it: what `run --json` writes.
    public struct Side: Sendable {
        /// What it is called.
        public var name: String
        /// Its figures.
        public var summary: RunSummary
        /// Its distributions.
        public var samples: RunSamples

        /// A run from its parts.
        public init(name: String, summary: RunSummary, samples: RunSamples) {
            self.name = name
            self.summary = summary
            self.samples = samples
        }
    }

    /// What is said of one figure.
    public enum Judgement: String, Hashable, Sendable, Codable {
        /// It became worse, and not by chance.
        case regression
        /// It became better, and not by chance.
        case improvement
        /// The difference may be chance, or is too small to matter.
        case noise
        /// Too few values to tell.
        case tooFew = "too_few"
    }

    /// One figure of both runs.
    public struct Row: Hashable, Sendable, Codable {
        /// `registration.success_rate`, `p95(post_dial_delay)`: the name that thresholds use.
        public var figure: String
        /// `ms`, `%`, or empty.
        public var unit: String
        /// Its value in the first run and in the second.
        public var a: Double
        /// Its value in the second run.
        public var b: Double
        /// How many values each is made of.
        public var countA: Int
        /// How many values the second is made of.
        public var countB: Int
        /// b − a; with the range that holds the true difference, nil where there are too few values.
        public var difference: Double
        /// The lower end of that range.
        public var low: Double?
        /// The upper end of that range.
        public var high: Double?
        /// What it means.
        public var judgement: Judgement
    }

    /// What the two runs are called.
    public var names: [String]
    /// The confidence of the whole.
    public var confidence: Double
    /// Percent of the first run's value below which a difference does not count.
    public var tolerancePercent: Double
    /// The figures that both runs have.
    public var rows: [Row]
    /// Causes of failures that only the second run has, and only the first.
    public var newCauses: [String]
    /// Causes that only the first run has.
    public var goneCauses: [String]
    /// What makes the comparison weak: a void run, other endpoints.
    public var cautions: [String]

    /// Whether anything became worse.
    public var isRegression: Bool { rows.contains { $0.judgement == .regression } }
    /// Whether one of the runs is void, so that nothing is said.
    public var isVoid: Bool

    /// Compares the second run with the first.
    public init(_ a: Side, _ b: Side, tolerancePercent: Double = Comparison.usualTolerance) {
        names = [a.name, b.name]
        confidence = Self.confidence
        self.tolerancePercent = tolerancePercent
        let figures = ComparedFigure.all.filter { $0.isMeasured(a) && $0.isMeasured(b) }
        let z = Statistics.deviations(alpha: (1 - Self.confidence) / Double(max(1, figures.count)))
        rows = figures.compactMap { $0.row(a, b, deviations: z, tolerance: tolerancePercent / 100) }
        let causes = [a, b].map { Set($0.summary.diagnoses.map(\.cause.rawValue)) }
        newCauses = causes[1].subtracting(causes[0]).sorted()
        goneCauses = causes[0].subtracting(causes[1]).sorted()
        isVoid = [a, b].contains { $0.summary.verdict == .void }
        cautions = Self.cautions(a, b)
        if isVoid {
            for index in rows.indices where rows[index].judgement != .tooFew { rows[index].judgement = .noise }
        }
    }

    private static func cautions(_ a: Side, _ b: Side) -> [String] {
        var cautions: [String] = []
        for side in [a, b] where side.summary.verdict == .void {
            cautions.append("\(side.name) is void: its load generator was the limit, so nothing can be said")
        }
        let sizes = [a, b].map(\.summary.endpoints.total)
        if sizes[0] != sizes[1] { cautions.append("the runs have \(sizes[0]) and \(sizes[1]) endpoints") }
        for side in [a, b] where side.summary.status != .completed {
            cautions.append("\(side.name) ended as \(side.summary.status.rawValue)")
        }
        return cautions
    }
}

/// A figure that comparisons look at, and how its uncertainty is known.
struct ComparedFigure: Sendable {
    private enum Source {
        case share(@Sendable (RunSummary) -> (part: Int, whole: Int))
        case quantile(Double, @Sendable (RunSamples) -> SampleSet)
    }

    private let name: String
    private let unit: String
    private let isLessBetter: Bool
    /// Differences smaller than this do not matter, however large in percent.
    private let leastThatMatters: Double
    private let source: Source

    static let all: [ComparedFigure] =
        [
            share("registration.success_rate") { ($0.registration.succeeded, $0.registration.attempted) },
            share("call.success_rate") { ($0.calls.established, $0.calls.attempted) },
        ]
        + delays("registration_delay") { $0.registrationDelay } + delays("post_dial_delay") { $0.postDialDelay }
        + delays("setup_time") { $0.setupTime }
        + [
            ComparedFigure(
                name: "p50(mos)", unit: "", isLessBetter: false, leastThatMatters: 0.05,
                source: .quantile(0.5) { $0.mos }),
            ComparedFigure(
                name: "p95(loss)", unit: "%", isLessBetter: true, leastThatMatters: 0.1,
                source: .quantile(0.95) { $0.loss }),
            ComparedFigure(
                name: "p95(jitter)", unit: "ms", isLessBetter: true, leastThatMatters: 1,
                source: .quantile(0.95) { $0.jitter }),
        ]

    private static func share(
        _ name: String, _ counts: @escaping @Sendable (RunSummary) -> (part: Int, whole: Int)
    ) -> ComparedFigure {
        ComparedFigure(name: name, unit: "%", isLessBetter: false, leastThatMatters: 0.1, source: .share(counts))
    }

    private static func delays(
        _ name: String, _ set: @escaping @Sendable (RunSamples) -> SampleSet
    ) -> [ComparedFigure] {
        [("p50", 0.5), ("p95", 0.95)].map { word, share in
            ComparedFigure(
                name: "\(word)(\(name))", unit: "ms", isLessBetter: true, leastThatMatters: 1,
                source: .quantile(share, set))
        }
    }

    func isMeasured(_ side: Comparison.Side) -> Bool { count(side) > 0 }

    private func count(_ side: Comparison.Side) -> Int {
        switch source {
        case .share(let counts): counts(side.summary).whole
        case .quantile(_, let set): set(side.samples).count
        }
    }

    private func value(_ side: Comparison.Side) -> Double? {
        switch source {
        case .share(let counts): Statistics.share(counts(side.summary).part, of: count(side), deviations: 1)?.value
        case .quantile(let share, let set): set(side.samples).quantile(share)
        }
    }

    private func estimate(_ side: Comparison.Side, _ z: Double) -> Statistics.Estimate? {
        switch source {
        case .share(let counts):
            let (part, whole) = counts(side.summary)
            return Statistics.share(part, of: whole, deviations: z)
        case .quantile(let share, let set): return Statistics.quantile(share, of: set(side.samples), deviations: z)
        }
    }

    func row(_ a: Comparison.Side, _ b: Comparison.Side, deviations z: Double, tolerance: Double) -> Comparison.Row? {
        guard let valueA = value(a), let valueB = value(b) else { return nil }
        // Shares are counted from 0 to 1 and shown in percent.
        let scale = if case .share = source { 100.0 } else { 1.0 }
        var row = Comparison.Row(
            figure: name, unit: unit, a: valueA * scale, b: valueB * scale, countA: count(a), countB: count(b),
            difference: (valueB - valueA) * scale, judgement: .tooFew)
        guard let estimateA = estimate(a, z), let estimateB = estimate(b, z) else { return row }
        let difference = Statistics.difference(estimateA, estimateB)
        row.low = difference.low * scale
        row.high = difference.high * scale
        let matters =
            difference.value.magnitude * scale >= leastThatMatters
            && difference.value.magnitude >= tolerance * toleranceBase(valueA)
        guard difference.low > 0 || difference.high < 0, matters else {
            row.judgement = .noise
            return row
        }
        row.judgement = (difference.value > 0) == isLessBetter ? .regression : .improvement
        return row
    }

    /// What the tolerance is a share of: the value, or for success rates and scores nothing, since 95 % of calls instead of 99 % is
    /// no small change.
    private func toleranceBase(_ value: Double) -> Double { unit == "ms" ? value.magnitude : 0 }
}
