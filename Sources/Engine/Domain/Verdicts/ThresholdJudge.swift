// SPDX-License-Identifier: Apache-2.0

import RunMetrics

/// Judges the conditions of a run that is over.
struct ThresholdJudge {
    let figures: RunFigures
    let groups: [String: RunFigures]
    let windows: WindowReview?
    /// The condition that ended the run early.
    let abort: WindowReview.Break?

    func result(of threshold: Threshold) -> RunSummary.ThresholdResult {
        if let abort, abort.threshold == threshold.text {
            return RunSummary.ThresholdResult(
                threshold: threshold.text, value: abort.value, passed: false, group: threshold.group,
                window: threshold.window.map { _ in .init(worstSecond: abort.second, value: abort.value) },
                abortedAt: abort.second)
        }
        guard threshold.window != nil else {
            let value = value(of: threshold)
            return RunSummary.ThresholdResult(
                threshold: threshold.text, value: value, passed: threshold.holds(for: value), group: threshold.group)
        }
        let worst = windows?.watch(of: threshold)?.worstWindow
        return RunSummary.ThresholdResult(
            threshold: threshold.text, value: worst?.value, passed: threshold.holds(for: worst?.value),
            group: threshold.group, window: worst.map { .init(worstSecond: $0.second, value: $0.value) })
    }

    private func value(of threshold: Threshold) -> Double? {
        let metric = threshold.metric
        if metric.aggregate == .perSecond { return windows?.watch(of: threshold)?.whole }
        let figures = threshold.group.map { groups[$0] ?? RunFigures() } ?? figures
        return figures.value(of: metric) ?? windows?.value(of: metric, group: threshold.group)
    }
}

extension RunSummary.Generator {
    init(_ figures: RunFigures, _ windows: WindowReview?) {
        self.init(lateSends: figures.lateSends, skippedFrames: figures.skippedFrames)
        notAttempted = figures.callsNotAttempted + figures.registrationsNotAttempted
        guard let windows, !windows.isEmpty else { return }
        let judgement = GeneratorJudgement(figures: figures, windows: windows.total)
        verdict = judgement.verdict
        reasons = judgement.reasons
        let sample = windows.total.generator
        latenessMs = .init(windows.total.tally.delays?.lateness)
        rtpLatenessMs = .init(sample?.rtp)
        wakeLatenessMs = .init(sample?.wakes)
        cpuPercent = sample?.processorPercent
        stealPercent = sample?.stealPercent
        socketDrops = sample?.socketDrops ?? 0
    }
}
