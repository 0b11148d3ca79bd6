// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics

/// When a load generator's own figures say that a run's figures are not the target's. docs/metrics.md gives the reasons at length.
enum GeneratorLimits {
    /// So many late sends at least, and more than `share` of all: a single hiccup of a short run is no judgement on it.
    static let fewestSends: UInt64 = 10
    /// So many late wake-ups, one every 20 ms: stalls that lie over the limit by half a second in all.
    static let fewestWakes: UInt64 = 25
    /// So many frames left out of each stream on average: half a second of its audio.
    static let fewestSkipped: UInt64 = 25
    /// So many dropped datagrams: fewer may be one unlucky burst.
    static let fewestDrops: UInt64 = 10
    /// The part of a hundred that may be later than a limit: a limit on the 99th percentile.
    static let share = 1.0

    /// A fifth of SIP's T1 (500 ms): beyond it our own timers and delays stand in the figures of the target.
    static let sendVoid = Interval.milliseconds(100)
    /// One packet of audio: arrivals within a second are no longer what was asked for, delays are off by a noticeable part.
    static let sendQualified = Interval.milliseconds(20)
    /// T1 itself: once is enough to have sent again what was answered in time.
    static let stall = Interval.milliseconds(500)

    /// Of the frames that were due: one in twenty left out costs a peer more than a point of MOS (G.107, G.711 that conceals
    /// nothing), so its figures are about us.
    static let skippedVoid = 5.0
    /// One in ten thousand is heard by nobody.
    static let skippedQualified = 0.01
    /// A quarter of a packet interval: the jitter that a peer measures is partly ours.
    static let packetQualified = Interval.milliseconds(5)

    /// Of what came in: one in a thousand lost at our own sockets looks like a fault of the network.
    static let dropsVoid = 0.1

    /// Above it waiting for a core becomes part of what is measured.
    static let processorQualified = 80.0
    /// Above it the machine is not ours alone.
    static let stealQualified = 5.0
    /// Of the calls that were due: below it the offered load is what was asked for.
    static let notAttemptedQualified = 1.0
}

/// Judges whether the generator kept its schedule, and says in words why not.
struct GeneratorJudgement {
    private(set) var verdict = GeneratorVerdict.valid
    private(set) var reasons: [String] = []

    init(figures: RunFigures, windows: Window) {
        let sample = windows.generator
        judgeLateness(
            windows.tally.delays?.lateness, GeneratorLimits.fewestSends, "registrations and calls began",
            "so the load was not the one asked for")
        judgeLateness(
            sample?.wakes, GeneratorLimits.fewestWakes, "wake-ups of a waiting thread came",
            "so answers may have lain unread and delays are too long")
        judgePackets(figures, sample?.rtp)
        judgeDrops(sample?.socketDrops ?? 0, of: UInt64(windows.messagesReceived) + figures.packetsReceived)
        judgeMachine(sample)
        judgeAttempts(figures)
    }

    private mutating func judgeLateness(
        _ lateness: Histogram?, _ fewest: UInt64, _ what: String, _ meaning: String
    ) {
        guard let lateness, lateness.count > 0 else { return }
        let p99 = Self.text(lateness.quantile(0.99)?.milliseconds ?? 0)
        for (limit, grade) in [
            (GeneratorLimits.sendVoid, GeneratorVerdict.void), (GeneratorLimits.sendQualified, .qualified),
        ] {
            let late = lateness.count(above: limit)
            guard late >= fewest, Self.isMuch(late, of: lateness.count) else { continue }
            return note(
                grade,
                "\(late) of \(lateness.count) \(what) more than \(Self.text(limit.milliseconds)) ms late "
                    + "(p99 \(p99) ms), \(meaning)")
        }
        guard let greatest = lateness.maximum, greatest > GeneratorLimits.stall else { return }
        note(.qualified, "one stall of \(Self.text(greatest.milliseconds)) ms, longer than SIP's T1 of 500 ms")
    }

    private mutating func judgePackets(_ figures: RunFigures, _ lateness: Histogram?) {
        let due = figures.packetsSent + figures.skippedFrames
        if due > 0, figures.skippedFrames > 0 {
            let percent = 100 * Double(figures.skippedFrames) / Double(due)
            let words = "\(figures.skippedFrames) of \(due) RTP frames were left out because this machine was late"
            if percent > GeneratorLimits.skippedVoid,
                figures.skippedFrames >= GeneratorLimits.fewestSkipped * UInt64(figures.streams)
            {
                note(.void, words + ", so the loss at the peers is ours")
            } else if percent > GeneratorLimits.skippedQualified {
                note(.qualified, words)
            }
        }
        guard let lateness, lateness.count > 0 else { return }
        let late = lateness.count(above: GeneratorLimits.packetQualified)
        guard late >= GeneratorLimits.fewestSends, Self.isMuch(late, of: lateness.count) else { return }
        let p99 = Self.text(lateness.quantile(0.99)?.milliseconds ?? 0)
        note(
            .qualified,
            "\(late) of \(lateness.count) RTP packets left more than 5 ms late (p99 \(p99) ms), so part of the jitter is ours"
        )
    }

    private mutating func judgeDrops(_ drops: UInt64, of received: UInt64) {
        guard drops > 0 else { return }
        let all = received + drops
        let percent = 100 * Double(drops) / Double(all)
        let words = "\(drops) of \(all) datagrams were dropped at our own sockets"
        if percent > GeneratorLimits.dropsVoid, drops >= GeneratorLimits.fewestDrops {
            note(.void, words + ", so losses and retransmissions are ours; raise net.core.rmem_max or lower the load")
        } else {
            note(.qualified, words)
        }
    }

    private mutating func judgeMachine(_ sample: GeneratorSample?) {
        if let percent = sample?.processorPercent, percent > GeneratorLimits.processorQualified {
            note(.qualified, "the process used \(Self.text(percent)) % of its cores; use more workers or less load")
        }
        if let percent = sample?.stealPercent, percent > GeneratorLimits.stealQualified {
            note(.qualified, "the host gave \(Self.text(percent)) % of this machine's time to others (steal)")
        }
    }

    private mutating func judgeAttempts(_ figures: RunFigures) {
        let due = figures.callsMissed + figures.callsAttempted
        guard figures.callsMissed > 0 else { return }
        guard 100 * Double(figures.callsMissed) / Double(due) > GeneratorLimits.notAttemptedQualified else {
            return
        }
        note(
            .qualified,
            "\(figures.callsMissed) of \(due) planned calls were not made, their callers still busy when they were due "
                + "or the run over before: the offered load was below the one asked for; use more callers or shorter calls"
        )
    }

    private static func isMuch(_ part: UInt64, of whole: UInt64) -> Bool {
        100 * Double(part) > GeneratorLimits.share * Double(whole)
    }

    private mutating func note(_ grade: GeneratorVerdict, _ reason: String) {
        reasons.append(reason)
        if grade == .void || verdict == .valid { verdict = grade }
    }

    private static func text(_ value: Double) -> String { Units.number((value * 10).rounded() / 10) }
}
