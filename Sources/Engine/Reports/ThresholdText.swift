// SPDX-License-Identifier: Apache-2.0

public import Domain

/// What a threshold measured, in its metric's unit.
public enum ThresholdText {
    /// `99.90 %`, `16.3 ms`, `4.40`, `3`; `nothing` where nothing was measured.
    public static func measured(_ result: RunSummary.ThresholdResult) -> String {
        guard let value = result.value else { return "nothing" }
        guard let unit = (try? Threshold(result.threshold))?.metric.unit else { return NumberText.fixed(value, 2) }
        return switch unit {
        case .milliseconds: NumberText.milliseconds(value)
        case .percent: NumberText.fixed(value, 2) + " %"
        case .count: NumberText.fixed(value, 0)
        case .score: NumberText.fixed(value, 2)
        case .perSecond: NumberText.fixed(value, 1) + " /s"
        }
    }

    /// Where in the run it was worst, for thresholds that must hold in every window; empty for others.
    public static func place(_ result: RunSummary.ThresholdResult) -> String {
        var text = result.window.map { "worst at \($0.worstSecond) s" } ?? ""
        if let second = result.abortedAt { text += (text.isEmpty ? "" : ", ") + "ended the run at \(second) s" }
        return text
    }
}
