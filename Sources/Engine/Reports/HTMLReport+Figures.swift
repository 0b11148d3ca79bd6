// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import RunMetrics

extension HTMLReport {
    /// Columns of a histogram.
    private static let histogramColumns = 32

    static func charts(_ report: RunReport) -> String {
        var charts: [Chart] = []
        let columns = WindowColumns(report.windows)
        if !report.windows.isEmpty {
            charts.append(
                Chart(
                    title: "Registered endpoints and calls up",
                    series: [
                        Chart.Series(
                            name: "registered", colour: "a", values: columns.values { $0.map(\.registered).max() }),
                        Chart.Series(
                            name: "calls up", colour: "good", values: columns.values { $0.map(\.callsUp).max() }),
                    ], labels: columns.labels))
            charts.append(
                Chart(
                    title: "Started in each second",
                    series: [
                        Chart.Series(
                            name: "registrations", colour: "a", values: columns.rates(\.registrationsStarted)),
                        Chart.Series(name: "calls", colour: "good", values: columns.rates(\.callsStarted)),
                    ], labels: columns.labels))
            charts.append(
                Chart(
                    title: "Failed in each second", kind: .columns,
                    series: [
                        Chart.Series(name: "registrations", colour: "b", values: columns.rates(\.registrationsFailed)),
                        Chart.Series(name: "calls", colour: "bad", values: columns.rates(\.callsFailed)),
                    ], labels: columns.labels))
        }
        charts.append(delays("Post-dial delay by second", report.postDialDelays))
        charts.append(delays("Registration delay by second", report.registrationDelays))
        charts.append(histogram("Post-dial delay, all calls", report.samples.postDialDelay))
        charts.append(histogram("Registration delay, all endpoints", report.samples.registrationDelay))
        let drawn = charts.filter { $0.series.contains { $0.values.contains { ($0 ?? 0) > 0 } } }
        guard !drawn.isEmpty else { return "" }
        return section("Over time", "<div class=\"charts\">" + drawn.map { $0.html() }.joined() + "</div>")
    }

    private static func delays(_ title: String, _ series: DelaySeries) -> Chart {
        func values(_ share: Double) -> [Double?] { series.columns.map { $0.quantile(share) } }
        return Chart(
            title: title, unit: " ms",
            series: [
                Chart.Series(name: "median", colour: "a", values: values(0.5)),
                Chart.Series(name: "p95", colour: "b", values: values(0.95)),
                Chart.Series(name: "p99", colour: "bad", values: values(0.99)),
            ], labels: series.columns.indices.map { "\($0 * series.width) s" })
    }

    private static func histogram(_ title: String, _ set: SampleSet) -> Chart {
        let sorted = set.sorted
        guard let first = sorted.first?.value, let last = sorted.last?.value else {
            return Chart(title: title, series: [], labels: [])
        }
        let width = max((last - first) / Double(histogramColumns), 0.001)
        var counts = [Double](repeating: 0, count: histogramColumns)
        for (value, times) in sorted {
            counts[min(histogramColumns - 1, Int((value - first) / width))] += Double(times)
        }
        let labels = counts.indices.map { "\(NumberText.fixed(first + Double($0) * width, width < 1 ? 2 : 0)) ms" }
        return Chart(
            title: title, kind: .columns, series: [Chart.Series(name: "how many", colour: "a", values: counts)],
            labels: labels)
    }

    /// The tables of delays and quality.
    static func figures(_ summary: RunSummary) -> String {
        func row(_ name: String, _ delay: RunSummary.Delay) -> String? {
            guard delay.max != nil else { return nil }
            return "<tr><td>\(name)</td>"
                + [delay.p50, delay.p95, delay.p99, delay.max].map {
                    "<td class=\"number\">\(NumberText.milliseconds($0))</td>"
                }.joined() + "</tr>"
        }
        let delays = [
            row("registration delay", summary.registration.delayMs),
            row("post-dial delay", summary.calls.postDialDelayMs), row("setup time", summary.calls.setupTimeMs),
        ].compactMap(\.self)
        var text = ""
        if !delays.isEmpty { text += section("Delays", table(["", ">median", ">p95", ">p99", ">max"], delays)) }
        if summary.media.streams > 0 { text += section("Media", media(summary.media)) }
        text += section("Final answers", answers(summary))
        text += groups(summary) + standards(summary.standards)
        return text
    }

    private static func media(_ media: RunSummary.Media) -> String {
        func row(_ name: String, _ spread: RunSummary.Spread) -> String {
            "<tr><td>\(name)</td>"
                + [spread.avg, spread.min, spread.p5, spread.p95, spread.max].map {
                    "<td class=\"number\">\(NumberText.figure($0, 2))</td>"
                }.joined() + "</tr>"
        }
        return table(
            ["", ">mean", ">least", ">p5", ">p95", ">max"],
            [
                row("MOS", media.mos), row("loss, %", media.lossPercent), row("jitter, ms", media.jitterMs),
                row("round trip, ms", media.rttMs),
            ])
            + "<p>\(media.streams) streams, \(media.packetsSent) RTP packets sent, \(media.packetsReceived) received, "
            + "\(media.packetsLost) lost</p>"
    }

    private static func groups(_ summary: RunSummary) -> String {
        guard summary.groups.count > 1 else { return "" }
        let rows = summary.groups.map { group in
            let cells = [
                "\(group.endpoints.total)", "\(group.registration.succeeded) of \(group.registration.attempted)",
                NumberText.milliseconds(group.registration.delayMs.p95),
                "\(group.calls.established) of \(group.calls.attempted)",
                NumberText.milliseconds(group.calls.postDialDelayMs.p95), NumberText.figure(group.media.mos.avg, 2),
            ]
            return "<tr><td>\(escaped(group.name))</td>" + cells.map { "<td class=\"number\">\($0)</td>" }.joined()
                + "</tr>"
        }
        return section(
            "Groups",
            table(
                ["group", ">endpoints", ">registered", ">delay, p95", ">calls", ">post-dial delay, p95", ">MOS, mean"],
                rows))
    }

    /// RFC 6076's names, for those who compare with other tools.
    private static func standards(_ standards: RunSummary.Standards) -> String {
        let delays = [
            ("RRD", "registration request delay", standards.rrdMs),
            ("SRD", "session request delay, successful", standards.srdSuccessMs),
            ("SRD", "session request delay, failed", standards.srdFailedMs),
            ("SDD", "session disconnect delay", standards.sddMs), ("SDT", "session duration time", standards.sdtMs),
        ].filter { $0.2.max != nil }.map { name, words, delay in
            "<tr><td>\(name)</td><td>\(words)</td><td class=\"number\">\(NumberText.milliseconds(delay.p50)) median, "
                + "\(NumberText.milliseconds(delay.p95)) p95</td></tr>"
        }
        let ratios = [
            ("IRA", "ineffective registration attempts", standards.iraPercent),
            ("SER", "session establishment ratio", standards.serPercent),
            ("SEER", "session establishment effectiveness ratio", standards.seerPercent),
            ("ISA", "ineffective session attempts", standards.isaPercent),
            ("SCR", "session completion ratio", standards.scrPercent),
        ].compactMap { name, words, value in
            value.map {
                "<tr><td>\(name)</td><td>\(words)</td><td class=\"number\">\(NumberText.fixed($0, 2)) %</td></tr>"
            }
        }
        guard !(delays + ratios).isEmpty else { return "" }
        return section("By RFC 6076", table(["name", "what it is", ">value"], delays + ratios))
    }

    private static func answers(_ summary: RunSummary) -> String {
        let rows = [("REGISTER", summary.registration.byStatus), ("INVITE", summary.calls.byStatus)].flatMap {
            method, all in
            all.sorted { $0.key < $1.key }.map { status, count in
                "<tr><td>\(method)</td><td>\(escaped(status))</td><td class=\"number\">\(count)</td></tr>"
            }
        }
        return rows.isEmpty ? "<p class=\"none\">None came.</p>" : table(["request", "status", ">how many"], rows)
    }

    /// The endpoints that failed and the slowest, by name.
    static func endpoints(_ report: RunReport) -> String {
        func rows(_ endpoints: [EndpointRecord]) -> [String] {
            endpoints.map { endpoint in
                let result = endpoint.result
                let call = result.calls.last
                let cells = [
                    "\(result.index)", result.group, result.username, result.outcome.name, endpoint.diagnosis ?? "",
                    status(result.registration.finalStatus),
                    NumberText.milliseconds(result.registration.delay?.milliseconds),
                    status(call?.finalStatus), NumberText.milliseconds(call?.postDialDelay?.milliseconds),
                ]
                return "<tr>" + cells.map { "<td>\(escaped($0))</td>" }.joined() + "</tr>"
            }
        }
        let headings = [
            "endpoint", "group", "username", "outcome", "cause", "REGISTER", "registered after", "INVITE", "rang after",
        ]
        var text = ""
        if !report.failed.isEmpty {
            text += section(
                "Endpoints that failed (the first \(report.failed.count))", table(headings, rows(report.failed)))
        }
        if !report.slowest.isEmpty {
            text += section("The slowest endpoints", table(headings, rows(Array(report.slowest.prefix(20)))))
        }
        return text
    }

    private static func status(_ status: SIPStatus?) -> String { status.map { "\($0.code) \($0.reason)" } ?? "–" }
}

/// Seconds drawn together where there are more of them than fit.
struct WindowColumns {
    private static let most = 300

    private let columns: [ArraySlice<Window>]
    /// The first second of each column.
    let labels: [String]

    init(_ windows: [Window]) {
        let width = max(1, (windows.count + Self.most - 1) / Self.most)
        columns = stride(from: 0, to: windows.count, by: width).map { windows[$0..<min(windows.count, $0 + width)] }
        labels = columns.map { "\($0.first?.second ?? 0) s" }
    }

    func values(_ value: (ArraySlice<Window>) -> UInt32?) -> [Double?] { columns.map { value($0).map(Double.init) } }

    /// The mean of a count over the seconds of each column.
    func rates(_ count: KeyPath<Window, UInt32>) -> [Double?] {
        columns.map { windows in windows.reduce(0) { $0 + Double($1[keyPath: count]) } / Double(max(1, windows.count)) }
    }
}
