// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// When each call of a run begins, and which caller's turn it is: computed for each call on its own, so nothing drifts.
///
/// Callers take turns. At a rate, a caller's first call comes at its place in the row and each further one a period later: its own
/// call and pause, or a whole row of callers at that rate, whichever is longer. With stages, a call begins where the rate's integral
/// reaches its number.
public struct CallSchedule: Hashable, Sendable {
    private enum Course: Hashable {
        case steady(rate: Double, period: Double)
        case stages([Section])
    }

    /// A stage with what came before it, in seconds and calls.
    private struct Section: Hashable {
        var begin: Double
        var callsBefore: Double
        var stage: CallStage
    }

    private let course: Course
    /// How many callers take turns.
    public let callers: Int
    /// How many calls there are in all.
    public let count: Int

    /// More calls than this in one run are a mistake, and its figures would not fit.
    private static let mostCalls = 2_000_000_000.0

    /// A schedule.
    ///
    /// - Parameters:
    ///   - callers: how many take turns, 0 or more.
    ///   - cycle: from the beginning of a call to that of the same caller's next one, at least.
    public init(_ pacing: Pacing, callers: Int, cycle: Interval) {
        self.callers = max(0, callers)
        let turns = Double(max(0, callers))
        switch pacing.calls {
        case .rate(let rate):
            course = .steady(rate: rate, period: max(cycle.seconds, turns / rate))
            count = Int(min(turns * Double(pacing.repeats ?? 1), Self.mostCalls))
        case .stages(let stages):
            var sections: [Section] = []
            var (time, calls) = (0.0, 0.0)
            for stage in stages {
                sections.append(Section(begin: time, callsBefore: calls, stage: stage))
                time += stage.length.seconds
                calls += stage.calls
            }
            course = .stages(sections)
            // A call whose number is the integral's end would begin with the end of the last stage.
            let due = (calls - 1e-6).rounded(.up)
            let limit = pacing.repeats.map { turns * Double($0) } ?? .infinity
            count = turns > 0 ? Int(min(max(0, due), limit, Self.mostCalls)) : 0
        }
    }

    /// When a call begins, counted from the first one's turn; calls are numbered from 0 and begin in this order.
    public func moment(of call: Int) -> Interval {
        switch course {
        case .steady(let rate, let period):
            .bounded(seconds: Double(call % max(1, callers)) / rate + Double(call / max(1, callers)) * period)
        case .stages(let sections): .bounded(seconds: Self.moment(of: Double(call), in: sections))
        }
    }

    /// The place of the caller whose turn a call is, from 0.
    public func caller(of call: Int) -> Int { call % max(1, callers) }

    /// How many turns a caller has from this call on.
    public func turns(of caller: Int, from call: Int) -> Int {
        guard callers > 0, call < count else { return 0 }
        let first = call + (caller - call % callers + callers) % callers
        return first < count ? (count - 1 - first) / callers + 1 : 0
    }

    /// When the last call begins.
    public var length: Interval { count > 0 ? moment(of: count - 1) : .zero }

    private static func moment(of call: Double, in sections: [Section]) -> Double {
        // The last section that begins with fewer calls: one without calls of its own is passed over.
        var (low, high) = (0, sections.count - 1)
        while low < high {
            let middle = (low + high + 1) / 2
            if sections[middle].callsBefore <= call { low = middle } else { high = middle - 1 }
        }
        let section = sections[low]
        let (stage, calls) = (section.stage, call - section.callsBefore)
        let length = stage.length.seconds
        let slope = (stage.to - stage.from) / length
        // from·t + slope·t²/2 = calls, solved so that it holds for a rate that does not change as well, and loses no digits.
        let root = max(0, stage.from * stage.from + 2 * slope * calls).squareRoot()
        guard calls > 0, stage.from + root > 0 else { return section.begin }
        return section.begin + min(length, 2 * calls / (stage.from + root))
    }
}

extension TestDefinition {
    /// From the beginning of a caller's call to that of its next one, at least: ringing, talk, pause.
    public var callCycle: Interval {
        let ringing = groups.filter { $0.callee == .receive || $0.callee == .intra }.map(\.answerAfter).max() ?? .zero
        return ringing + talkTime + (pacing.idle ?? Pacing.defaultIdle)
    }

    /// How long a caller talks before it hangs up.
    public var talkTime: Interval { pacing.talk ?? duration }
}
