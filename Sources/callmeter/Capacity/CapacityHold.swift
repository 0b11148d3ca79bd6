// SPDX-License-Identifier: Apache-2.0

import Domain
import Reports

/// What one hold of a rate showed.
struct CapacityHold: Encodable {
    /// More calls than this share that found their caller busy: the rate was not held.
    private static let mostMissed = 0.01

    /// The rate that was to be held, per second.
    let rate: Double
    let isConfirmation: Bool
    /// Whether it was carried.
    let carried: Bool
    /// Why not; nil when it was.
    let reason: String?
    /// Most calls that were up at once, or registrations.
    let peak: Int
    /// Mean opinion score over all streams; nil when no media was measured.
    let mos: Double?
    /// Share of calls, or registrations, that succeeded; nil when there was none.
    let successPercent: Double?

    /// The cause that explains most of what failed; nil when nothing did.
    let diagnosis: Diagnosis?
    /// The threshold that broke, with what was measured.
    let measured: String?
    /// What it means for the search.
    let verdict: CapacitySearch.Verdict

    private enum CodingKeys: String, CodingKey {
        case rate, isConfirmation = "confirmation", carried, reason, peak, mos, successPercent
    }

    init(rate: Double, isConfirmation: Bool, peak: Int, summary: RunSummary, plan: CapacityPlan) {
        self.rate = rate
        self.isConfirmation = isConfirmation
        self.peak = plan.hasCalls ? peak : summary.registration.succeeded
        mos = summary.media.mos.avg
        let (succeeded, attempted) =
            plan.hasCalls
            ? (summary.calls.established, summary.calls.attempted)
            : (summary.registration.succeeded, summary.registration.attempted)
        successPercent = attempted > 0 ? 100 * Double(succeeded) / Double(attempted) : nil
        diagnosis = summary.diagnoses.first
        measured = Self.broken(summary, plan).map(Self.words)
        verdict = Self.judge(summary, plan, planned: plan.planned(at: rate))
        switch verdict {
        case .carried: (carried, reason) = (true, nil)
        case .broken(let why), .void(let why): (carried, reason) = (false, why)
        }
    }

    private static func judge(_ summary: RunSummary, _ plan: CapacityPlan, planned: Double) -> CapacitySearch.Verdict {
        if summary.verdict == .void || summary.generator.verdict == .void {
            return .void(summary.generator.reasons.first ?? "it says nothing about why")
        }
        if let first = broken(summary, plan) {
            guard let cause = summary.diagnoses.first else { return .broken(words(first)) }
            return .broken("\(cause.title) (\(words(first)))")
        }
        if plan.hasCalls, Double(summary.calls.notAttempted) > max(1, planned * mostMissed) {
            return .broken(
                "calls take longer than planned: \(summary.calls.notAttempted) were due while their caller was still busy"
            )
        }
        return .carried
    }

    /// The first threshold that broke. The usual ones do not ask for what the test does not measure, a call without media for example.
    private static func broken(_ summary: RunSummary, _ plan: CapacityPlan) -> RunSummary.ThresholdResult? {
        summary.thresholds.first { !$0.passed && !(plan.isJudgedByUsual && $0.value == nil) }
    }

    private static func words(_ result: RunSummary.ThresholdResult) -> String {
        "\(result.threshold) was \(ThresholdText.measured(result))"
    }

    /// One line for people.
    func line(_ plan: CapacityPlan) -> String {
        var figures: [String] = []
        if let successPercent { figures.append("\(NumberText.fixed(successPercent, 1)) % succeeded") }
        if plan.hasCalls { figures.append("\(peak) calls at once") }
        if let mos { figures.append("MOS \(NumberText.fixed(mos, 2))") }
        let word = carried ? "carried" : "broken: \(reason ?? "")"
        let rate = "\(NumberText.plain(rate)) \(plan.unit)"
        return "\(isConfirmation ? "again " : "")\(rate)  \(figures.joined(separator: ", "))  \(word)"
    }
}
