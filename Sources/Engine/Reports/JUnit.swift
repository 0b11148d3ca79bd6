// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain

/// A run as JUnit XML, as Jenkins, GitLab and the others read it: one case for the run, one for the load generator, one for each
/// threshold, one for each group of failures.
///
/// A file without a failure or an error belongs to exit code 0: failures of endpoints that the thresholds tolerate are skipped cases.
public enum JUnit {
    /// Endpoints named in a case at most.
    private static let mostNamed = 20

    private enum Outcome: String {
        case good
        case failure
        case error
        case skipped
    }

    private struct Case {
        var kind: String
        var name: String
        var outcome = Outcome.good
        var message = ""
        var text = ""
    }

    /// The document.
    public static func text(_ report: RunReport) -> String {
        let summary = report.summary
        var cases = [runCase(summary), generatorCase(summary)]
        cases += summary.thresholds.map(thresholdCase)
        cases += summary.diagnoses.map { failureCase($0, isTolerated: summary.verdict == .passed) }
        func count(_ outcome: Outcome) -> Int { cases.count { $0.outcome == outcome } }
        let name = report.record.testName
        let counts =
            "tests=\"\(cases.count)\" failures=\"\(count(.failure))\" errors=\"\(count(.error))\""
        let time = NumberText.fixed(report.seconds ?? 0, 3)
        var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        text += "<testsuites name=\"callmeter\" \(counts) time=\"\(time)\">\n"
        text +=
            "  <testsuite name=\"\(TextEscaping.xml(name))\" \(counts) skipped=\"\(count(.skipped))\" time=\"\(time)\""
        text += " timestamp=\"\((report.record.startedAt ?? report.record.createdAt).text.dropLast(5))\">\n"
        text += properties(report)
        for one in cases { text += element(one, suite: name, time: one.kind == "run" ? time : "0.000") }
        return text + "  </testsuite>\n</testsuites>\n"
    }

    private static func runCase(_ summary: RunSummary) -> Case {
        var one = Case(kind: "run", name: "the run completed")
        guard summary.status != .completed || summary.failure != nil else { return one }
        one.outcome = .error
        one.message = summary.failure ?? "the run ended as \(summary.status.rawValue)"
        one.text = one.message
        return one
    }

    private static func generatorCase(_ summary: RunSummary) -> Case {
        var one = Case(kind: "run", name: "the load generator kept up")
        guard summary.verdict == .void else { return one }
        one.outcome = .error
        one.message = "the load generator itself was the limit: the run says nothing about the target"
        one.text = one.message
        return one
    }

    private static func thresholdCase(_ result: RunSummary.ThresholdResult) -> Case {
        var one = Case(kind: "thresholds", name: result.threshold)
        guard !result.passed else { return one }
        one.outcome = .failure
        one.message = "measured \(result.value.map(NumberText.plain) ?? "nothing")"
        one.text = "\(result.threshold)\n\(one.message)"
        return one
    }

    private static func failureCase(_ diagnosis: Diagnosis, isTolerated: Bool) -> Case {
        var one = Case(kind: "failures", name: diagnosis.title)
        one.outcome = isTolerated ? .skipped : .failure
        one.message = "\(diagnosis.count) endpoint\(diagnosis.count == 1 ? "" : "s"): \(diagnosis.cause.rawValue)"
        if isTolerated { one.message += ", within the thresholds" }
        let named = diagnosis.endpoints.prefix(mostNamed).map { "\($0)" }.joined(separator: ", ")
        let more = diagnosis.count > mostNamed ? " and \(diagnosis.count - mostNamed) more" : ""
        one.text =
            (diagnosis.evidence.map { "seen: \($0)" } + ["do: \(diagnosis.remedy)", "endpoints: \(named)\(more)"])
            .joined(separator: "\n")
        return one
    }

    private static func properties(_ report: RunReport) -> String {
        let values = [
            ("run", report.record.id.description), ("verdict", report.summary.verdict.rawValue),
            ("endpoints", "\(report.summary.endpoints.total)"),
        ]
        let lines = values.map { "      <property name=\"\($0.0)\" value=\"\(TextEscaping.xml($0.1))\"/>\n" }
        return "    <properties>\n" + lines.joined() + "    </properties>\n"
    }

    private static func element(_ one: Case, suite: String, time: String) -> String {
        let name = TextEscaping.xml(one.name)
        let open =
            "    <testcase classname=\"\(TextEscaping.xml(suite)).\(one.kind)\" name=\"\(name)\" time=\"\(time)\""
        let message = TextEscaping.xml(one.message)
        let text = TextEscaping.xml(one.text)
        switch one.outcome {
        case .good: return open + "/>\n"
        case .skipped:
            return open
                + ">\n      <skipped message=\"\(message)\"/>\n      <system-out>\(text)</system-out>\n    </testcase>\n"
        case .failure, .error:
            let word = one.outcome.rawValue
            return open
                + ">\n      <\(word) message=\"\(message)\" type=\"\(one.kind)\">\(text)</\(word)>\n    </testcase>\n"
        }
    }
}
