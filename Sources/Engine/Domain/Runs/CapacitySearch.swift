// SPDX-License-Identifier: Apache-2.0

/// The search for the highest load a target carries: load is held at one rate after the other, and each hold judged.
///
///     climbing → narrowing → confirming → over
///
/// `climbing` doubles the rate until a hold breaks or the ceiling is reached, or halves it when already the first one broke;
/// `narrowing` halves the gap between the best rate that was carried and the least that was not, until it is within the
/// resolution; `confirming` holds the best one again, and goes down by the resolution where that breaks. Pure: whoever runs the
/// holds reports what became of them.
public struct CapacitySearch: Sendable {
    /// What ended the climb.
    public enum Limit: Hashable, Sendable {
        /// The target did not carry more; why, in words.
        case target(String)
        /// The load generator could not make more, so nothing is known of the target beyond; why, in words.
        case generator(String)
        /// Nothing broke up to the highest rate that the test or the user allows; why it is the highest, in words.
        case ceiling(String)
    }

    /// What a hold said.
    public enum Verdict: Hashable, Sendable {
        case carried
        /// The target broke at it, for this reason.
        case broken(String)
        /// The generator was the limit, so the hold says nothing about the target.
        case void(String)
    }

    /// What is to be done next.
    public enum Step: Hashable, Sendable {
        /// Hold this rate and report.
        case hold(rate: Double, isConfirmation: Bool)
        case over(Outcome)
    }

    /// What was found.
    public struct Outcome: Hashable, Sendable {
        /// The highest rate that was carried twice, per second; nil when not even the lowest was.
        public var rate: Double?
        /// What ended the climb.
        public var limit: Limit

        /// An outcome from its parts.
        public init(rate: Double?, limit: Limit) {
            self.rate = rate
            self.limit = limit
        }
    }

    /// How a search goes.
    public struct Settings: Hashable, Sendable {
        /// The first rate, per second; positive.
        public var start: Double
        /// The highest rate that is tried, and why.
        public var ceiling: Double
        /// Why it is the highest, in words.
        public var ceilingReason: String
        /// How near the best and the least broken rate must come: the share of the best one between them.
        public var resolution: Double

        /// Settings; a start beyond the ceiling begins at the ceiling.
        public init(start: Double, ceiling: Double, ceilingReason: String, resolution: Double = 0.1) {
            self.ceiling = max(ceiling, 0.001)
            self.start = min(max(start, 0.001), self.ceiling)
            self.ceilingReason = ceilingReason
            self.resolution = min(max(resolution, 0.01), 1)
        }
    }

    private enum Phase: Hashable {
        case climbing, narrowing, confirming, over
    }

    /// Halving the first rate more often than this leads to rates at which a hold has no call at all.
    private static let mostHalvings = 6
    /// A search ends in any case: doubling to a ceiling, halving a gap and stepping back need far fewer.
    private static let mostHolds = 60

    private let settings: Settings
    private var phase = Phase.climbing
    private var rate: Double
    private var best: Double?
    private var worst: Double?
    private var limit: Limit?
    private var holds = 0
    private var isConfirmed = false

    /// A search that has not begun.
    public init(_ settings: Settings) {
        self.settings = settings
        rate = settings.start
    }

    /// What to do next; the same until a hold is reported.
    public var step: Step {
        switch phase {
        case .over:
            .over(Outcome(rate: isConfirmed ? best : nil, limit: limit ?? .ceiling(settings.ceilingReason)))
        case .climbing, .narrowing: .hold(rate: rate, isConfirmation: false)
        case .confirming: .hold(rate: rate, isConfirmation: true)
        }
    }

    /// Takes what became of the hold that `step` asked for.
    public mutating func report(_ verdict: Verdict) {
        guard phase != .over else { return }
        holds += 1
        switch verdict {
        case .carried: carried()
        case .broken(let reason): broke(.target(reason))
        case .void(let reason): broke(.generator(reason))
        }
        if holds >= Self.mostHolds { phase = .over }
    }

    private mutating func carried() {
        best = max(best ?? 0, rate)
        switch phase {
        case .climbing, .narrowing: aim()
        case .confirming:
            isConfirmed = true
            phase = .over
        case .over: break
        }
    }

    private mutating func broke(_ cause: Limit) {
        if rate <= worst ?? .infinity {
            worst = rate
            limit = cause
        }
        switch phase {
        case .climbing, .narrowing:
            // A rate that breaks below one that was carried: the better one was luck.
            if let best, best >= rate { self.best = nil }
            aim()
        case .confirming:
            let lower = rate * (1 - settings.resolution)
            guard lower >= lowest else {
                best = nil
                phase = .over
                return
            }
            best = lower
            rate = lower
        case .over: break
        }
    }

    /// The next rate, out of what is known.
    private mutating func aim() {
        switch (best, worst) {
        case (nil, nil): break
        case (let best?, nil):
            guard best < settings.ceiling else { return confirm() }
            rate = min(best * 2, settings.ceiling)
        case (nil, let worst?):
            rate = worst / 2
            if rate < lowest { phase = .over }
        case (let best?, let worst?):
            phase = .narrowing
            guard worst - best > best * settings.resolution else { return confirm() }
            rate = (best + worst) / 2
        }
    }

    private mutating func confirm() {
        phase = .confirming
        rate = best ?? rate
    }

    private var lowest: Double {
        var least = settings.start
        for _ in 0..<Self.mostHalvings { least /= 2 }
        return least
    }
}
