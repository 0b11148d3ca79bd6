// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import RunMetrics
import Testing
import WorkerLink

@testable import ControlPlane
@testable import callmeter

struct ExitStatusTests {
    @Test func `the first that applies is returned, in the documented order`() {
        let order: [Int32] = [2, 3, 105, 5, 99, 4, 1]
        for (place, first) in order.enumerated() {
            let later = order[place...].compactMap(ExitStatus.init(rawValue:))
            #expect(ExitStatus.first(of: Set(later)).rawValue == first)
        }
        #expect(ExitStatus.first(of: []).rawValue == 0)
        #expect(Set(ExitStatus.precedence).union([.allWell]) == Set(ExitStatus.allCases))
    }

    private static func view(
        _ results: [EndpointResult], status: RunStatus = .completed, thresholds: [String] = [],
        failure: RunFailure? = nil
    ) throws -> RunView {
        var record = RunRecord(
            id: RunID(high: 1, low: 1), project: ProjectID(high: 1, low: 1), test: nil, testName: "t", definition: [],
            endpoints: results.count, requestedBy: "cli", createdAt: UnixTime(nanoseconds: 0))
        record.status = status
        record.failure = failure
        let summary = RunSummary(
            status: status, failure: failure?.text, results: results,
            thresholds: try thresholds.map { try Threshold($0) },
            diagnoses: [])
        return RunView(record: record, summary: summary)
    }

    private static func endpoint(_ outcome: EndpointOutcome) -> EndpointResult {
        var result = EndpointResult(index: 0, group: "g", username: "u")
        result.outcome = outcome
        return result
    }

    @Test(arguments: [
        (EndpointOutcome.success, [String](), true, false, Int32(0)),
        (.registrationFailed, [], true, false, 1),
        (.registrationFailed, ["endpoint.failed <= 1"], true, false, 0),
        (.registrationFailed, ["endpoint.failed == 0"], true, false, 99),
        (.registrationFailed, [], false, false, 4),
        (.registrationFailed, ["endpoint.failed == 0"], false, false, 99),
        (.success, [], true, true, 105),
        (.registrationFailed, ["endpoint.failed == 0"], false, true, 105),
    ])
    func `a run's end is one status`(
        outcome: EndpointOutcome, thresholds: [String], isAnswered: Bool, isInterrupted: Bool, expected: Int32
    ) throws {
        let view = try Self.view([Self.endpoint(outcome)], thresholds: thresholds)
        #expect(ExitStatus.of(view, isInterrupted: isInterrupted, isAnswered: isAnswered).rawValue == expected)
    }

    @Test func `a target that the DNS does not know is 4`() throws {
        let lost = try Self.view(
            [], status: .failed, failure: RunFailure(code: SegmentFailure.targetUnresolved, text: "no such name"))
        #expect(ExitStatus.of(lost, isInterrupted: false, isAnswered: false).rawValue == 4)
    }

    @Test func `too few accounts are 3, no capacity is 5 (D4)`() throws {
        let short = try Self.view(
            [], status: .failed, thresholds: ["mos.avg >= 4.0"],
            failure: RunFailure(code: "insufficient_sip_accounts", text: "Insufficient SIP accounts"))
        #expect(ExitStatus.of(short, isInterrupted: false, isAnswered: false).rawValue == 3)
        let full = try Self.view(
            [], status: .cannotRunForNow, failure: RunFailure(code: "no_worker_capacity", text: ""))
        #expect(ExitStatus.of(full, isInterrupted: false, isAnswered: false).rawValue == 5)
    }
}
