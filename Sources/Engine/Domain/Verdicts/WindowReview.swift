// SPDX-License-Identifier: Apache-2.0

public import RunMetrics

/// What the seconds of a run add up to, for its verdict: fed with one window after the other in order of the seconds, it keeps
/// sums and the last seconds only.
public struct WindowReview: Sendable {
    /// A condition that was broken and ends the run.
    public struct Break: Hashable, Sendable {
        /// The condition, in its canonical text.
        public var threshold: String
        /// The second of the run with which it was found broken, from 0.
        public var second: Int
        /// What was measured then.
        public var value: Double

        /// A break from its parts.
        public init(threshold: String, second: Int, value: Double) {
            self.threshold = threshold
            self.second = second
            self.value = value
        }
    }

    /// Everything counted and timed; its `second` is that of the last window.
    public private(set) var total = Window(second: 0)
    /// Whether there was any window.
    public private(set) var isEmpty = true
    private var watches: [ThresholdWatch]

    private let hasGroups: Bool

    /// A review of a run with these conditions and so many groups.
    public init(_ thresholds: [Threshold], groups: Int = 1) {
        hasGroups = groups > 1
        watches = thresholds.map { ThresholdWatch($0, hasGroups: groups > 1) }
    }

    /// Takes the next second.
    public mutating func add(_ window: Window) {
        isEmpty = false
        total.merge(window)
        total.second = max(total.second, window.second)
        for place in watches.indices { watches[place].add(window) }
    }

    /// The first condition that was broken and asked to end the run.
    public var firstBreak: Break? {
        watches.compactMap { watch in
            watch.broken.map { Break(threshold: watch.threshold.text, second: $0.second, value: $0.value) }
        }.min { $0.second < $1.second }
    }

    func watch(of threshold: Threshold) -> ThresholdWatch? { watches.first { $0.threshold == threshold } }

    /// The value of a metric that is measured by the generator as a whole, or second by second only.
    func value(of metric: SummaryMetric, group: String?) -> Double? {
        let sample = total.generator
        switch metric.base {
        case "lateness":
            guard hasGroups, let group else { return total.tally.delays?.lateness?.value(of: metric.aggregate) }
            return total.tally(of: group)?.delays?.lateness?.value(of: metric.aggregate)
        case "rtp_lateness": return sample?.rtp?.value(of: metric.aggregate)
        case "wake_lateness": return sample?.wakes?.value(of: metric.aggregate)
        case "generator.socket_drops": return sample.map { Double($0.socketDrops) }
        case "generator.cpu": return sample?.processorPercent
        case "generator.steal": return sample?.stealPercent
        default: return nil
        }
    }
}

extension GeneratorSample {
    /// Processor time of the process, of what its cores could give.
    public var processorPercent: Double? {
        capacityMicroseconds == 0 ? nil : 100 * Double(processorMicroseconds) / Double(capacityMicroseconds)
    }

    /// Time stolen by the host.
    public var stealPercent: Double? { allTicks == 0 ? nil : 100 * Double(stolenTicks) / Double(allTicks) }
}
