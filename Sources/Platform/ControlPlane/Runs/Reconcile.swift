// SPDX-License-Identifier: Apache-2.0

import Domain
import Logging
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
            try await services.store.finish(
                run.id,
                RunEnding(status: .failed, failure: RunFailure(code: Self.code, text: text), at: services.clock()))
            try await services.audit(.controller, "runs.interrupted", "run \(run.id)", "was \(run.status.rawValue)")
            services.logger.notice("an interrupted run was ended", metadata: ["run": "\(run.id)"])
        }
    }
}
