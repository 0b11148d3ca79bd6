// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import RunMetrics

/// A run as one HTML file: everything in it, no script, nothing fetched, light and dark by the reader's wish.
public enum HTMLReport {
    /// Endpoints named under a cause at most.
    private static let mostNamed = 40

    /// The document.
    public static func text(_ report: RunReport) -> String {
        let summary = report.summary
        var text = head(report) + "<body><main>\n" + title(report)
        if let failure = summary.failure { text += "<p class=\"alarm\">\(escaped(failure))</p>\n" }
        if summary.verdict == .void {
            text +=
                "<p class=\"alarm\">The load generator itself was the limit: these figures say nothing about the target.</p>\n"
        }
        if summary.endpoints.total > 0 {
            text += tiles(summary) + thresholds(summary) + diagnoses(report) + generator(summary)
            text += outcomes(summary) + charts(report) + figures(summary) + endpoints(report)
        }
        return text + definition(report) + "</main></body></html>\n"
    }

    static func escaped(_ text: String) -> String { TextEscaping.xml(text) }

    private static func head(_ report: RunReport) -> String {
        // The policy is a promise to the reader: the file can fetch nothing, whatever stands in it.
        """
        <!DOCTYPE html>
        <html lang="en"><head><meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>\(escaped(report.record.testName)): \(report.summary.verdict.rawValue)</title>
        <style>\(HTMLStyle.text)</style></head>

        """
    }

    private static func title(_ report: RunReport) -> String {
        let record = report.record
        let verdict = report.summary.verdict
        var facts = ["\(report.summary.endpoints.total) endpoints"]
        if let seconds = report.seconds { facts.append("\(NumberText.fixed(seconds, 1)) s") }
        facts.append(
            (record.startedAt ?? record.createdAt).text.prefix(19).split(separator: "T").joined(separator: " ") + " UTC"
        )
        if report.summary.status != .completed { facts.append(report.summary.status.rawValue) }
        facts.append("run \(record.id)")
        return "<header><span class=\"verdict \(verdict.rawValue)\">\(verdict.rawValue.uppercased())</span>"
            + "<h1>\(escaped(record.testName))</h1><p>\(escaped(facts.joined(separator: " · ")))</p></header>\n"
    }

    private static func tiles(_ summary: RunSummary) -> String {
        var tiles: [(String, String, String)] = []
        let registration = summary.registration
        if registration.attempted > 0 {
            tiles.append(
                (
                    "Registrations", "\(registration.succeeded) of \(registration.attempted)",
                    "p95 \(NumberText.milliseconds(registration.delayMs.p95))"
                ))
        }
        let calls = summary.calls
        if calls.attempted > 0 {
            tiles.append(("Calls", "\(calls.established) of \(calls.attempted)", "\(calls.failed) failed"))
            tiles.append(
                (
                    "Post-dial delay, p95", NumberText.milliseconds(calls.postDialDelayMs.p95),
                    "median \(NumberText.milliseconds(calls.postDialDelayMs.p50))"
                ))
        }
        let media = summary.media
        if media.streams > 0 {
            tiles.append(
                ("MOS, mean", NumberText.figure(media.mos.avg, 2), "least \(NumberText.figure(media.mos.min, 2))"))
            tiles.append(
                (
                    "Packet loss, mean", NumberText.figure(media.lossPercent.avg, 2) + " %",
                    "\(media.packetsLost) of \(media.packetsReceived) packets"
                ))
        }
        return "<section class=\"tiles\">"
            + tiles.map {
                "<div><h3>\(escaped($0.0))</h3><strong>\(escaped($0.1))</strong><small>\(escaped($0.2))</small></div>"
            }.joined() + "</section>\n"
    }

    private static func thresholds(_ summary: RunSummary) -> String {
        guard !summary.thresholds.isEmpty else { return "" }
        let rows = summary.thresholds.map { result in
            let mark = result.passed ? "<td class=\"good\">✓ passed</td>" : "<td class=\"bad\">✗ failed</td>"
            return "<tr>\(mark)<td><code>\(escaped(result.threshold))</code></td>"
                + "<td class=\"number\">\(escaped(ThresholdText.measured(result)))</td>"
                + "<td>\(ThresholdText.place(result))</td></tr>"
        }
        return section("Thresholds", table(["", "threshold", ">measured", ""], rows))
    }

    private static func diagnoses(_ report: RunReport) -> String {
        let summary = report.summary
        guard !summary.diagnoses.isEmpty else { return "" }
        let failed = summary.diagnoses.reduce(0) { $0 + $1.count }
        let causes = summary.diagnoses.count
        let heading = "\(failed) endpoint\(failed == 1 ? "" : "s") failed: \(causes) cause\(causes == 1 ? "" : "s")"
        let cards = summary.diagnoses.map { diagnosis in
            let named = diagnosis.endpoints.prefix(mostNamed).map { "\($0)" }.joined(separator: ", ")
            let more = diagnosis.count > mostNamed ? " and \(diagnosis.count - mostNamed) more" : ""
            return "<article><h3>\(escaped(diagnosis.title))</h3>"
                + "<p class=\"count\">\(diagnosis.count) endpoint\(diagnosis.count == 1 ? "" : "s") · "
                + "<code>\(diagnosis.cause.rawValue)</code></p><ul>"
                + diagnosis.evidence.map { "<li>\(escaped($0))</li>" }.joined()
                + "</ul><p class=\"remedy\"><b>What to do:</b> \(escaped(diagnosis.remedy))</p>"
                + "<p class=\"where\">Endpoints \(named)\(more)</p>\(messages(diagnosis, report))</article>"
        }
        return section(heading, cards.joined())
    }

    /// The messages of the first endpoint that a cause is about, folded away.
    private static func messages(_ diagnosis: Diagnosis, _ report: RunReport) -> String {
        guard let trace = diagnosis.endpoints.first.flatMap({ report.traces[$0] }), !trace.messages.isEmpty else {
            return ""
        }
        let ladder = Ladder.text(trace, columns: 100, mostMessages: 40)
        return
            "<details><summary>Messages of endpoint \(trace.endpoint)</summary><pre>\(escaped(ladder))</pre></details>"
    }

    private static func generator(_ summary: RunSummary) -> String {
        let generator = summary.generator
        let rows = GeneratorFacts.lines(generator).map { "<tr><td>\(escaped($0.0))</td><td>\(escaped($0.1))</td></tr>" }
        return section("The load generator about itself", "<table>\(rows.joined())</table>")
    }

    private static func outcomes(_ summary: RunSummary) -> String {
        let all = EndpointOutcome.allCases.compactMap { outcome in
            summary.endpoints.byOutcome[outcome.name].map { (outcome, $0) }
        }
        let total = max(1, summary.endpoints.total)
        var x = 0.0
        let bars = all.map { outcome, count -> String in
            let width = 100 * Double(count) / Double(total)
            defer { x += width }
            return "<rect class=\"\(colour(outcome))\" x=\"\(NumberText.fixed(x, 2))\" y=\"0\" "
                + "width=\"\(NumberText.fixed(width, 2))\" height=\"6\"><title>\(count) \(outcome.name)</title></rect>"
        }
        let rows = all.map { outcome, count in
            "<tr><td><span class=\"key \(colour(outcome))\">\(outcome.name)</span></td><td class=\"number\">\(count)</td>"
                + "<td class=\"number\">\(NumberText.fixed(100 * Double(count) / Double(total), 1)) %</td></tr>"
        }
        return section(
            "What became of the endpoints",
            "<svg class=\"share\" viewBox=\"0 0 100 6\" preserveAspectRatio=\"none\">\(bars.joined())</svg>"
                + table(["outcome", ">endpoints", ">share"], rows))
    }

    private static func colour(_ outcome: EndpointOutcome) -> String {
        switch outcome.severity {
        case 0: "good"
        case 1: "b"
        default: "bad"
        }
    }

    static func section(_ title: String, _ content: String) -> String {
        "<section><h2>\(escaped(title))</h2>\(content)</section>\n"
    }

    /// A table whose rows are HTML already. A heading that begins with `>` stands over numbers.
    static func table(_ headings: [String], _ rows: [String]) -> String {
        "<div class=\"wide\"><table><thead><tr>" + headings.map(heading).joined()
            + "</tr></thead><tbody>"
            + rows.joined() + "</tbody></table></div>"
    }

    private static func heading(_ text: String) -> String {
        text.hasPrefix(">")
            ? "<th class=\"number\">\(escaped(String(text.dropFirst())))</th>" : "<th>\(escaped(text))</th>"
    }

    private static func definition(_ report: RunReport) -> String {
        guard let definition = report.definition else { return "" }
        return section("The test", "<pre>\(escaped(DocumentText.yaml(definition)))</pre>")
    }
}
