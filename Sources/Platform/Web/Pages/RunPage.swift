// SPDX-License-Identifier: Apache-2.0

import Bedrock
import ControlPlane
import Domain
import Reports
import RunMetrics

/// A run in the words and numbers of its page.
enum RunPage {
    /// A line of the list.
    static func row(_ run: RunRecord, project: String?) -> [String: Any] {
        var values = head(run)
        values["project"] = project
        return values
    }

    /// All of one run's page.
    static func values(_ view: RunView, _ endpoints: Page<EndpointRecord>, outcome: EndpointOutcome?) -> [String: Any] {
        var values = head(view.record)
        values["title"] = view.record.testName
        if let failure = view.record.failure {
            values["failure"] = failure.text
            values["failureTitle"] =
                failure.code == InsufficientAccounts.code ? "Insufficient SIP accounts" : "The run failed"
        }
        if let summary = view.summary {
            values["registered"] = summary.registration.succeeded
            values["established"] = summary.calls.established
            values["callsOf"] = summary.calls.attempted > 0 ? summary.calls.attempted : nil
            values["failed"] = summary.endpoints.byOutcome.reduce(0) { total, entry in
                let outcome = EndpointOutcome.allCases.first { $0.name == entry.key }
                return total + ((outcome?.severity ?? 0) >= 10 ? entry.value : 0)
            }
            values["mos"] = summary.media.mos.avg.map { number($0, 2) }
            figures(of: summary, into: &values)
        }
        values["rows"] = endpoints.items.map(row)
        values["hasEndpoints"] = !view.isEmpty(endpoints)
        let chips = outcomes(view, current: outcome)
        values["outcomes"] = chips
        values["hasOutcomes"] = !chips.isEmpty
        values["shown"] =
            endpoints.total > endpoints.items.count
            ? "The first \(endpoints.items.count) of \(endpoints.total); the API has all"
            : "\(endpoints.total) endpoints"
        return values
    }

    private static func head(_ run: RunRecord) -> [String: Any] {
        var values: [String: Any] = [
            "id": run.id.description, "name": run.testName, "status": run.status.rawValue, "kind": kind(run.status),
            "endpoints": run.endpoints, "started": clock(run.startedAt ?? run.createdAt), "registered": 0,
            "established": 0,
            "failed": 0,
        ]
        if !run.status.isFinal { values["live"] = true }
        if let verdict = run.verdict {
            values["verdict"] = verdict.rawValue.uppercased()
            values["verdictKind"] = verdict == .passed ? "good" : "bad"
        }
        if let start = run.startedAt, let end = run.endedAt {
            values["lasted"] = number((end - start).seconds, 1) + " s"
        }
        return values
    }

    private static func figures(of summary: RunSummary, into values: inout [String: Any]) {
        guard summary.registration.attempted > 0 else { return }
        values["hasFigures"] = true
        func delay(_ name: String, _ delay: RunSummary.Delay) -> [String: Any] {
            ["name": name, "values": [delay.p50, delay.p95, delay.p99, delay.max].map(milliseconds)]
        }
        var delays = [delay("Registration", summary.registration.delayMs)]
        if summary.calls.attempted > 0 {
            delays.append(delay("Post-dial delay", summary.calls.postDialDelayMs))
            delays.append(delay("Call setup", summary.calls.setupTimeMs))
        }
        values["delays"] = delays
        if summary.media.streams > 0 {
            func spread(_ name: String, _ spread: RunSummary.Spread) -> [String: Any] {
                ["name": name, "values": [spread.avg, spread.min, spread.max].map { $0.map { number($0, 2) } ?? "–" }]
            }
            values["media"] = [
                "rows": [
                    spread("MOS", summary.media.mos), spread("Loss, %", summary.media.lossPercent),
                    spread("Jitter, ms", summary.media.jitterMs), spread("Round trip, ms", summary.media.rttMs),
                ]
            ]
        }
        let generator = summary.generator
        if let p50 = generator.latenessMs.p50 ?? generator.wakeLatenessMs.p50 {
            let late = generator.latenessMs.p50 == nil ? generator.wakeLatenessMs : generator.latenessMs
            values["generator"] = [
                "word": generator.verdict.rawValue.uppercased(),
                "kind": generator.verdict == .valid ? "good" : generator.verdict == .void ? "bad" : "",
                "lateness":
                    "sends late by \(milliseconds(p50)) (p50), \(milliseconds(late.p99)) (p99), \(milliseconds(late.max)) at most",
                "reasons": generator.reasons,
            ]
        }
        values["hasThresholds"] = !summary.thresholds.isEmpty
        values["thresholds"] = summary.thresholds.map { result in
            [
                "text": result.threshold, "value": result.value.map { number($0, 2) } ?? "–",
                "kind": result.passed ? "good" : "bad", "word": result.passed ? "PASSED" : "FAILED",
            ]
        }
        values["diagnoses"] = summary.diagnoses.map { diagnosis -> [String: Any] in
            [
                "title": diagnosis.title, "count": diagnosis.count == 1 ? "1 endpoint" : "\(diagnosis.count) endpoints",
                "evidence": diagnosis.evidence, "remedy": diagnosis.remedy,
            ]
        }
    }

    private static func outcomes(_ view: RunView, current: EndpointOutcome?) -> [[String: Any]] {
        guard let byOutcome = view.summary?.endpoints.byOutcome, !byOutcome.isEmpty else { return [] }
        let path = "/runs/\(view.record.id)"
        var chips: [[String: Any]] = [
            ["name": "all", "count": view.record.endpoints, "link": path, "current": current == nil]
        ]
        for (name, count) in byOutcome.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
            chips.append([
                "name": name, "count": count, "link": "\(path)?outcome=\(name)", "current": current?.name == name,
            ])
        }
        return chips
    }

    private static func row(_ record: EndpointRecord) -> [String: Any] {
        let result = record.result
        let call = result.calls.last
        let kind = result.outcome == .success ? "good" : result.outcome.severity >= 10 ? "bad" : ""
        return [
            "index": Int(result.index), "group": result.group, "username": result.username, "kind": kind,
            "outcome": result.outcome.name, "phase": result.phase.name,
            "registration": status(result.registration.finalStatus, result.registration.transportFault),
            "delay": milliseconds(result.registration.delay?.milliseconds),
            "call": call.map { status($0.finalStatus, $0.transportFault) } ?? "–",
            "postDial": milliseconds(call?.postDialDelay?.milliseconds),
            "mos": (call?.media?.mosCq ?? call?.media?.mosLq).map { number($0, 2) } ?? "–",
        ]
    }

    private static func status(_ status: SIPStatus?, _ fault: TransportFault?) -> String {
        status.map { $0.reason.isEmpty ? "\($0.code)" : "\($0.code) \($0.reason)" } ?? fault?.rawValue ?? "–"
    }

    private static func kind(_ status: RunStatus) -> String {
        switch status {
        case .completed: "good"
        case .failed, .cannotRunForNow: "bad"
        case .pending, .queued, .running, .stopping: "busy"
        }
    }

    /// `2026-11-22 21:24:41 UTC`.
    private static func clock(_ time: UnixTime) -> String {
        time.text.prefix(19).split(separator: "T").joined(separator: " ") + " UTC"
    }

    private static func milliseconds(_ value: Double?) -> String {
        value.map { number($0, $0 < 100 ? 1 : 0) + " ms" } ?? "–"
    }

    private static func number(_ value: Double, _ digits: Int) -> String {
        let scale: Double = digits == 0 ? 1 : digits == 1 ? 10 : 100
        let scaled = Int64((value * scale).rounded())
        guard digits > 0 else { return "\(scaled)" }
        let rest = String(scaled.magnitude % UInt64(scale))
        let sign = scaled < 0 ? "-" : ""
        return "\(sign)\(scaled.magnitude / UInt64(scale)).\(String(repeating: "0", count: digits - rest.count))\(rest)"
    }
}

extension RunView {
    /// Whether there is no endpoint to list, whatever the filter is.
    fileprivate func isEmpty(_ endpoints: Page<EndpointRecord>) -> Bool {
        endpoints.total == 0 && (summary?.endpoints.byOutcome.isEmpty ?? true)
    }
}
