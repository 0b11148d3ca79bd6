// SPDX-License-Identifier: Apache-2.0

import Domain
import Reports

/// What a search for capacity found, for people and for programs.
struct CapacityReport: Encodable {
    /// What set the limit.
    enum Limiter: String, Encodable {
        case target, generator, test
    }

    /// The answer in a sentence.
    let sentence: String
    /// The highest rate that was carried and confirmed, per second; nil when none was.
    let rate: Double?
    /// What the rate counts: `calls/s` or `registrations/s`.
    let unit: String
    /// Most calls at once at that rate; registrations where nobody calls.
    let peak: Int?
    /// Mean opinion score at that rate; nil when no media was measured.
    let mos: Double?
    /// What set the limit, and in words.
    let limitedBy: Limiter
    let limit: String
    /// What the holds were judged by, and whether the test named none.
    let thresholds: [String]
    let usualThresholds: Bool
    /// Every hold, in order.
    let holds: [CapacityHold]
    /// Whether the search was stopped before its end.
    let interrupted: Bool

    init(_ outcome: CapacitySearch.Outcome?, _ holds: [CapacityHold], plan: CapacityPlan) {
        let isOver = outcome != nil
        // Of a search that was stopped remains what was carried so far, unconfirmed.
        rate = isOver ? outcome?.rate : holds.filter(\.carried).map(\.rate).max()
        let rate = rate
        let best = holds.last { $0.carried && $0.rate == rate }
        unit = plan.unit
        peak = best?.peak
        mos = best?.mos
        switch outcome?.limit {
        case .target(let why): (limitedBy, limit) = (.target, Self.cause(holds) ?? why)
        case .generator(let why): (limitedBy, limit) = (.generator, "the load generator itself: \(why)")
        case .ceiling(let why): (limitedBy, limit) = (.test, why)
        case nil: (limitedBy, limit) = (.test, "the interruption of the search")
        }
        thresholds = plan.thresholds.map(\.text)
        usualThresholds = plan.isJudgedByUsual
        self.holds = holds
        interrupted = !isOver
        sentence = Self.sentence(rate, best, limit, plan, lowest: holds.map(\.rate).min() ?? plan.settings.start)
    }

    /// What most failures of the holds that broke came from; where no cause stands out, the threshold that broke. Credentials that were
    /// good at a lower rate are not what is wrong, however alike a single refusal looks.
    private static func cause(_ holds: [CapacityHold]) -> String? {
        guard holds.contains(where: \.carried) else { return nil }
        let broken = holds.filter { if case .broken = $0.verdict { true } else { false } }
        let known = broken.filter { hold in
            hold.diagnosis.map { $0.cause != .wrongCredentials && $0.cause != .unknown } ?? false
        }
        return known.max { ($0.diagnosis?.count ?? 0) < ($1.diagnosis?.count ?? 0) }?.reason ?? broken.last?.measured
    }

    private static func sentence(
        _ rate: Double?, _ best: CapacityHold?, _ limit: String, _ plan: CapacityPlan, lowest: Double
    ) -> String {
        guard let rate, let best else {
            return "not even \(NumberText.plain(lowest)) \(plan.unit) were carried, limited by \(limit)"
        }
        let speed = "\(NumberText.plain(rate)) \(plan.unit)"
        let success = best.successPercent.map { "\(NumberText.fixed($0, 1)) % success" }
        let quality = [best.mos.map { "MOS \(NumberText.fixed($0, 2))" }, success].compactMap { $0 }.joined(
            separator: " and ")
        let size = plan.hasCalls ? "\(best.peak) call\(best.peak == 1 ? "" : "s")" : "\(best.peak) registrations"
        return "\(size) at \(speed) with quality \(quality), limited by \(limit)"
    }

    /// How the command ends.
    var status: ExitStatus {
        if interrupted { return .interrupted }
        if limitedBy == .generator { return .generatorLimited }
        return rate == nil ? .thresholdFailed : .allWell
    }
}
