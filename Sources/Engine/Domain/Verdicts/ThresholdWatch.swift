// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics

/// One condition over the seconds of a run, as they come in order.
struct ThresholdWatch: Sendable {
    let threshold: Threshold
    /// The worst window so far in which something was measured.
    private(set) var worst: (second: Int, value: Double)?
    /// When the condition was first found broken, and may end the run.
    private(set) var broken: (second: Int, value: Double)?
    private var sliding: SlidingMeasure?
    private var total = WindowMeasure()
    private var firstActive: Int?
    private var lastActive = 0
    private var nextSecond = 0
    /// Windows of a count that wait for a sign that the counted thing still goes on: after the last one of a run, nothing
    /// happens for good, which breaks no promise.
    private var unconfirmed: [(second: Int, value: Double)] = []

    /// The group whose counts are watched; nil for all together.
    private let group: String?

    /// - Parameter hasGroups: whether the run's seconds tell its groups apart; with one group the whole is the group.
    init(_ threshold: Threshold, hasGroups: Bool) {
        self.threshold = threshold
        group = hasGroups ? threshold.group : nil
        sliding = threshold.window.map(SlidingMeasure.init)
    }

    private var isCounted: Bool {
        threshold.metric.entry?.kind == .count || threshold.metric.aggregate == .count
    }

    /// Takes the next second; those between were empty.
    mutating func add(_ window: Window) {
        let second = Int(window.second)
        guard second >= nextSecond else { return }
        // More empty seconds than a window holds change nothing any more.
        let gap = min(second - nextSecond, threshold.window ?? 0)
        for missing in nextSecond..<(nextSecond + gap) { push(WindowMeasure(), second: missing) }
        let tally = group.map { window.tally(of: $0) } ?? window.tally
        push(WindowMeasure(threshold.metric, tally), second: second)
        nextSecond = second + 1
    }

    private mutating func push(_ measure: WindowMeasure, second: Int) {
        if measure.isActive {
            firstActive = firstActive ?? second
            lastActive = second
        }
        total.add(measure)
        guard sliding != nil else { return judgeWhole(second) }
        sliding?.push(measure)
        guard let sliding, sliding.isFull else { return }
        let length = sliding.length
        guard let value = sliding.sum.value(of: threshold.metric, seconds: length) else { return }
        guard isCounted else { return judge(value, second) }
        // A count of a time in which nothing was meant to happen yet, or any more, says nothing.
        guard let firstActive, second - length + 1 >= firstActive else { return }
        unconfirmed.append((second, value))
        guard measure.isActive else {
            if unconfirmed.count > Threshold.longestWindow { unconfirmed.removeFirst() }
            return
        }
        for window in unconfirmed { judge(window.value, window.second) }
        unconfirmed = []
    }

    private mutating func judge(_ value: Double, _ second: Int) {
        if let worst, threshold.worse(worst.value, value) == worst.value {} else { worst = (second, value) }
        noteBreak(value, second)
    }

    private mutating func judgeWhole(_ second: Int) {
        guard threshold.abortAfter != nil else { return }
        let seconds = firstActive.map { second - $0 + 1 } ?? 1
        if let value = total.value(of: threshold.metric, seconds: seconds) { noteBreak(value, second) }
    }

    private mutating func noteBreak(_ value: Double, _ second: Int) {
        guard broken == nil, let delay = threshold.abortAfter, !threshold.holds(for: value) else { return }
        if Interval.seconds(second + 1) >= delay { broken = (second, value) }
    }

    /// The value over all seconds seen; nil when nothing was measured.
    var whole: Double? {
        total.value(of: threshold.metric, seconds: firstActive.map { lastActive - $0 + 1 } ?? 1)
    }

    /// The worst window; a run shorter than a window is one window.
    var worstWindow: (second: Int, value: Double?) {
        if let worst { return worst }
        let value = firstActive == nil ? nil : whole
        return (max(0, nextSecond - 1), value)
    }
}
