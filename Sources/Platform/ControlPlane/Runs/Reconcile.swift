// SPDX-License-Identifier: Apache-2.0

import Domain
import Logging
import RunMetrics
import Store

/// What a controller does first: runs without a coordinator are over (D5).
///
/// Workers live in the same process or wipe by themselves when they lose their controller, so nothing delays the release.
struct Reconcile: Sendable {
    static let code = "interrupted"

    let services: Services

    /// Ends every open run with what is known of it; releases its accounts.
    func run() async throws {
        for run in try await services.store.openRuns() {
            let text =
                "the controller ended while the run was \(run.status.rawValue); endpoints that had not closed have no result; "
                + "start it again"
            let summary = await summary(of: run, text)
            try await services.store.finish(
                run.id,
                RunEnding(
                    status: .failed, failure: RunFailure(code: Self.code, text: text), verdict: .failed,
                    summary: summary, at: services.clock()),
                under: nil, by: Principal.controller.name)
            try await services.audit(.controller, "runs.interrupted", "run \(run.id)", "was \(run.status.rawValue)")
            services.logger.notice("an interrupted run was ended", metadata: ["run": "\(run.id)"])
        }
    }

    /// The figures of the endpoints that had closed; nil when even those cannot be read, for the release must not wait for them.
    func summary(of run: RunRecord, _ text: String) async -> [UInt8]? {
        do {
            let definition = try DefinitionText.decode(run.definition)
            let results = try await results(of: run.id)
            return try SummaryText.encode(
                RunSummary(
                    status: .failed, failure: text, results: results, thresholds: definition.thresholds,
                    diagnoses: Diagnosis.explain(results), windows: await services.review(of: run.id, definition)))
        } catch {
            services.logger.error(
                "a run that did not come to its end has no summary",
                metadata: ["run": "\(run.id)", "cause": "\(type(of: error))"])
            return nil
        }
    }

    private func results(of run: RunID) async throws -> [EndpointResult] {
        var results: [EndpointResult] = []
        var number = 1
        while true {
            let page = try await services.store.endpoints(
                of: run, EndpointQuery(page: PageRequest(page: number, perPage: PageRequest.largestPage)))
            results += page.items.map(\.result)
            guard !page.items.isEmpty, results.count < page.total else { return results }
            number += 1
        }
    }
}
