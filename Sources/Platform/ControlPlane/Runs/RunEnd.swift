// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Logging
import RunMetrics
import Store

/// Sums a run up, and stores its end and the release of its accounts in one transaction.
struct RunEnd: Sendable {
    /// A database that is busy or full for a moment must not keep accounts held; after this many tries the next start does it.
    private static let tries = 5
    /// Records per transaction.
    private static let chunk = 1_000

    let services: Services
    let job: RunJob
    /// The condition that ended the run early.
    var abort: WindowReview.Break?

    func store(_ status: RunStatus, _ failure: RunFailure?, _ results: [EndpointResult]) async {
        let summary = RunSummary(
            status: status, failure: failure?.text, results: results, thresholds: job.definition.thresholds,
            diagnoses: Diagnosis.explain(results, registrars: registrars),
            windows: await services.review(of: job.run.id, job.definition), abort: abort)
        for attempt in 1...Self.tries {
            do {
                try await saveRecords(results)
                try await finish(status, failure, summary)
                return
            } catch StoreError.wrongStatus {
                return
            } catch StoreError.leaseLost {
                // The accounts are not this run's any more: whoever took them ended the run.
                return
            } catch {
                services.logger.error(
                    "the end of a run was not stored",
                    metadata: ["run": "\(job.run.id)", "try": "\(attempt)", "cause": "\(error)"])
                try? await Task.sleep(for: .milliseconds(200 * attempt))
            }
        }
    }

    private func finish(_ status: RunStatus, _ failure: RunFailure?, _ summary: RunSummary) async throws {
        let store = services.store
        try await store.finish(
            job.run.id,
            RunEnding(
                status: status, failure: failure, verdict: summary.verdict, summary: try SummaryText.encode(summary),
                at: services.clock()),
            under: job.fence, by: Principal.controller.name)
        try await services.audit(
            .controller, "runs.end", "run \(job.run.id)",
            "\(status.rawValue), \(job.leases.count) accounts released")
    }

    private func saveRecords(_ results: [EndpointResult]) async throws {
        let causes = Diagnosis.causes(of: results, registrars: registrars)
        var records: [EndpointRecord] = []
        var updates: [RegistrationUpdate] = []
        let now = services.clock()
        for (result, cause) in zip(results, causes) {
            records.append(EndpointRecord(run: job.run.id, result: result, diagnosis: cause?.rawValue))
            if result.registration.attempts > 0, Int(result.index) < job.leases.count {
                updates.append(
                    RegistrationUpdate(
                        account: job.leases[Int(result.index)].account,
                        registration: RegistrationRecord(status: result.registration.finalStatus, at: now),
                        leftover: Self.leftover(of: result.registration, now: now)))
            }
        }
        for start in stride(from: 0, to: records.count, by: Self.chunk) {
            try await services.store.save(
                Array(records[start..<min(start + Self.chunk, records.count)]), under: job.fence)
        }
        for start in stride(from: 0, to: updates.count, by: Self.chunk) {
            try await services.store.record(
                Array(updates[start..<min(start + Self.chunk, updates.count)]), under: job.fence)
        }
    }

    /// What a registration left bound at the server; its lifetime counts from now, since a refresh may just have happened (D5).
    private static func leftover(of registration: RegistrationEvidence, now: UnixTime) -> LeftoverContact? {
        guard let contact = registration.boundContact, let granted = registration.grantedExpires else { return nil }
        return LeftoverContact(contact: contact, expiresAt: now + .seconds(Int(granted)))
    }

    /// Where each group's requests went, in words.
    private var registrars: [String: String] {
        var places: [String: String] = [:]
        for group in job.definition.groups {
            guard let registrar = job.definition.registrars.first(where: { $0.name == group.registrar }) else {
                continue
            }
            let host = registrar.proxy ?? registrar.domain
            let port = registrar.port.map { ":\($0)" } ?? ""
            places[group.name] = "\(host)\(port) (\(registrar.transport.rawValue.uppercased()))"
        }
        return places
    }
}
