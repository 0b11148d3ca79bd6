// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import RunMetrics

/// The seconds of a run in the columns of SIPp's `-trace_stat` file, so that what draws those draws these.
///
/// One row a second; `(P)` is since the row before, `(C)` since the start. A call is one of ours, a response time runs from the INVITE
/// to its 200. A second knows that a call failed, not how, so every failed call is under `FailedUnexpectedMessage`; the kinds are in
/// the diagnoses. What SIPp counts and we do not is 0, and the target rate is the rate there was.
public enum SIPpStatistics {
    private static let responseBounds: [Double] = [10, 20, 30, 40, 50, 100, 150, 200]
    private static let lengthBounds: [Double] = [10, 50, 100, 500, 1_000, 5_000, 10_000]
    private static let failures = [
        "CannotSendMessage", "MaxUDPRetrans", "TcpConnect", "TcpClosed", "UnexpectedMessage", "CallRejected",
        "CmdNotSent", "RegexpDoesntMatch", "RegexpShouldntMatch", "RegexpHdrNotFound", "OutboundCongestion",
        "TimeoutOnRecv", "TimeoutOnSend", "TestDoesntMatch", "TestShouldntMatch", "StrcmpDoesntMatch",
        "StrcmpShouldntMatch",
    ]
    private static let others = ["OutOfCallMsgs", "DeadCallMsgs", "Retransmissions", "AutoAnswered", "Warnings"]
    private static let troubles = ["FatalErrors", "WatchdogMajor", "WatchdogMinor"]

    /// The names of all columns, in order.
    static let columns: [String] = {
        func both(_ name: String) -> [String] { ["\(name)(P)", "\(name)(C)"] }
        var names = ["StartTime", "LastResetTime", "CurrentTime"] + both("ElapsedTime") + ["TargetRate"]
        names += ["CallRate", "IncomingCall", "OutgoingCall"].flatMap(both) + ["TotalCallCreated", "CurrentCall"]
        names += ["SuccessfulCall", "FailedCall"].flatMap(both) + failures.flatMap { both("Failed" + $0) }
        names += (others + troubles).flatMap(both)
        names += ["ResponseTime1", "ResponseTime1StDev", "CallLength", "CallLengthStDev"].flatMap(both)
        func spread(_ name: String, _ bounds: [Double]) -> [String] {
            let last = bounds.last.map { "\(name)_>=\(NumberText.plain($0))" } ?? name
            return [name] + bounds.map { "\(name)_<\(NumberText.plain($0))" } + [last]
        }
        return names + spread("ResponseTimeRepartition1", responseBounds)
            + spread("CallLengthRepartition", lengthBounds)
    }()

    /// The file: the heading and a row for each second.
    public static func text(_ report: RunReport) -> String {
        var text = columns.joined(separator: ";") + ";\n"
        var total = Totals()
        let start = report.record.startedAt ?? report.record.createdAt
        for window in report.windows {
            let before = total
            total.add(window, report)
            text += row(window, before, total, start) + "\n"
        }
        return text
    }

    /// What was counted since the start.
    private struct Totals {
        var started = 0
        var succeeded = 0
        var failed = 0
        var retransmissions = 0
        var responses = Moments(bounds: SIPpStatistics.responseBounds)
        var lengths = Moments(bounds: SIPpStatistics.lengthBounds)
        private var taken = [0, 0]

        mutating func add(_ window: Window, _ report: RunReport) {
            started += Int(window.callsStarted)
            succeeded += Int(window.callsEnded)
            failed += Int(window.callsFailed)
            retransmissions += Int(window.retransmissions)
            // A column wider than a second counts in the row of its first second.
            while taken[0] < report.setupTimes.columns.count,
                taken[0] * report.setupTimes.width <= Int(window.second)
            {
                responses.add(report.setupTimes.columns[taken[0]])
                taken[0] += 1
            }
            while taken[1] < report.callLengths.columns.count,
                taken[1] * report.callLengths.width <= Int(window.second)
            {
                lengths.add(report.callLengths.columns[taken[1]])
                taken[1] += 1
            }
        }
    }

    /// Count, mean, deviation and buckets of times in milliseconds.
    private struct Moments {
        let bounds: [Double]
        var count = 0
        var sum = 0.0
        var squares = 0.0
        var buckets: [Int]

        init(bounds: [Double]) {
            self.bounds = bounds
            buckets = Array(repeating: 0, count: bounds.count + 1)
        }

        mutating func add(_ set: SampleSet) {
            let sums = set.sums
            count += set.count
            sum += sums.values
            squares += sums.squares
            for (value, times) in set.sorted { buckets[bounds.firstIndex { value < $0 } ?? bounds.count] += times }
        }

        /// Mean and deviation since `before`.
        func since(_ before: Moments) -> (mean: Double, deviation: Double) {
            Self.moments(count - before.count, sum - before.sum, squares - before.squares)
        }

        var whole: (mean: Double, deviation: Double) { Self.moments(count, sum, squares) }

        private static func moments(_ count: Int, _ sum: Double, _ squares: Double) -> (Double, Double) {
            guard count > 0 else { return (0, 0) }
            let mean = sum / Double(count)
            return (mean, max(0, squares / Double(count) - mean * mean).squareRoot())
        }
    }

    private static func row(_ window: Window, _ before: Totals, _ now: Totals, _ start: UnixTime) -> String {
        let seconds = Int(window.second) + 1
        let startedNow = now.started - before.started
        var fields = [
            time(start), time(start + .seconds(Int(window.second))), time(start + .seconds(seconds)), clock(1_000),
            clock(Double(seconds) * 1_000), "\(startedNow)", "\(startedNow)",
            NumberText.plain(Double(now.started) / Double(seconds)), "0", "0", "\(startedNow)", "\(now.started)",
            "\(now.started)", "\(window.callsUp)", "\(now.succeeded - before.succeeded)", "\(now.succeeded)",
            "\(now.failed - before.failed)", "\(now.failed)",
        ]
        for failure in failures {
            // What kind of failure it was only the endpoints' results tell.
            let isWhole = failure == "UnexpectedMessage"
            fields += isWhole ? ["\(now.failed - before.failed)", "\(now.failed)"] : ["0", "0"]
        }
        for other in others {
            let isCounted = other == "Retransmissions"
            fields +=
                isCounted ? ["\(now.retransmissions - before.retransmissions)", "\(now.retransmissions)"] : ["0", "0"]
        }
        fields += troubles.flatMap { _ in ["0", "0"] }
        for (part, whole) in [
            (now.responses.since(before.responses), now.responses.whole),
            (now.lengths.since(before.lengths), now.lengths.whole),
        ] {
            fields += [part.mean, whole.mean, part.deviation, whole.deviation].map(precise)
        }
        fields += [""] + now.responses.buckets.map { "\($0)" } + [""] + now.lengths.buckets.map { "\($0)" }
        return fields.joined(separator: ";") + ";"
    }

    /// `2026-11-23<TAB>06:57:44.437142<TAB>1795417064.437142`.
    private static func time(_ moment: UnixTime) -> String {
        let text = moment.text
        let micros = moment.nanoseconds / 1_000
        let fraction = padded(Int(micros % 1_000_000), 6)
        return "\(text.prefix(10))\t\(text.dropFirst(11).prefix(8)).\(fraction)\t\(micros / 1_000_000).\(fraction)"
    }

    /// `00:00:01` of milliseconds.
    private static func clock(_ milliseconds: Double) -> String {
        let seconds = Int(milliseconds / 1_000)
        return "\(padded(seconds / 3_600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
    }

    /// `00:00:01:208000` of milliseconds.
    private static func precise(_ milliseconds: Double) -> String {
        clock(milliseconds) + ":" + padded(Int((milliseconds * 1_000).rounded()) % 1_000_000, 6)
    }

    private static func padded(_ value: Int, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
