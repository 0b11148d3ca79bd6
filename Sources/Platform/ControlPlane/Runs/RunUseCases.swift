// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import Domain
import FoundationEssentials
import Store

/// A run with what it found, once it ended.
public struct RunView: Hashable, Sendable {
    /// What is kept of the run itself.
    public var record: RunRecord
    /// Its figures, verdict and causes; nil until it ended.
    public var summary: RunSummary?
}

/// Runs: started, watched, stopped, read.
public struct RunUseCases: Sendable {
    let services: Services
    let fleet: FleetRegistry
    let registry: RunRegistry
    let hub: MetricsHub

    /// Starts a test. Needs tester.
    ///
    /// The record says QUEUED, or how the run ended already: FAILED with `insufficient_sip_accounts` and the numbers, before any
    /// SIP (D4), or CANNOT_RUN_FOR_NOW without worker capacity. Throws `invalidTest` and `confirmationRequired` without a run.
    public func start(_ test: TestID, by principal: Principal) async throws(ControlPlaneError) -> RunRecord {
        let record = try await services.test(test, role: .tester, by: principal)
        let starter = StartRun(services: services, fleet: fleet, registry: registry, hub: hub)
        return try await services.perform("startRun") { try await starter.start(record, by: principal) }
    }

    /// Stops a run: calls are hung up, accounts un-registered, within a bound. Needs tester. A run that is over stays as it is.
    public func stop(_ id: RunID, by principal: Principal) async throws(ControlPlaneError) -> RunRecord {
        let record = try await run(id, role: .tester, by: principal)
        guard !record.status.isFinal else { return record }
        try await services.perform("stopRun") {
            try await services.audit(principal, "runs.stop", "run \(id)")
        }
        await registry.stop(id)
        return try await run(id, role: .tester, by: principal)
    }

    /// Runs of a project, or of one test of it, newest first.
    public func list(
        of project: ProjectID, test: TestID? = nil, page: PageRequest = PageRequest(), by principal: Principal
    ) async throws(ControlPlaneError) -> Page<RunRecord> {
        try principal.require(.viewer, in: project)
        return try await services.perform("runs") {
            try await services.store.runs(of: project, test: test, page)
        }
    }

    /// The runs whose project was deleted, newest first (G4). For principals that are confined to no project.
    public func listWithoutProject(
        page: PageRequest = PageRequest(), by principal: Principal
    ) async throws(ControlPlaneError) -> Page<RunRecord> {
        try principal.require(.viewer, in: nil)
        return try await services.perform("runs") {
            try await services.store.runs(of: nil, test: nil, page)
        }
    }

    /// One run with its summary. Throws `notFound`.
    public func get(_ id: RunID, by principal: Principal) async throws(ControlPlaneError) -> RunView {
        let record = try await run(id, role: .viewer, by: principal)
        return try await services.perform("run") {
            RunView(record: record, summary: try record.summary.map { try SummaryText.decode($0) })
        }
    }

    /// One page of a run's endpoint results, those that closed so far.
    public func endpoints(
        of id: RunID, _ query: EndpointQuery = EndpointQuery(), by principal: Principal
    ) async throws(ControlPlaneError) -> Page<EndpointRecord> {
        _ = try await run(id, role: .viewer, by: principal)
        return try await services.perform("endpoints") { try await services.store.endpoints(of: id, query) }
    }

    /// The result of one endpoint. Throws `notFound` while it has none.
    public func endpoint(
        _ index: UInt32, of id: RunID, by principal: Principal
    ) async throws(ControlPlaneError) -> EndpointRecord {
        _ = try await run(id, role: .viewer, by: principal)
        let record = try await services.perform("endpoint") { try await services.store.endpoint(index, of: id) }
        guard let record else { throw .notFound("endpoint", "\(index) of run \(id)") }
        return record
    }

    /// What happens to a run, from its beginning or after the event with this number; ends with the final status.
    ///
    /// Each subscriber has a bounded queue: a slow one loses seconds in between, never the last event.
    public func events(
        of id: RunID, after last: UInt64 = 0, by principal: Principal
    ) async throws(ControlPlaneError) -> AsyncStream<RunEvent> {
        let record = try await run(id, role: .viewer, by: principal)
        if let stream = await hub.subscribe(id, after: last) { return stream }
        // Over and forgotten by the hub: the final status is all there is.
        let (stream, continuation) = AsyncStream.makeStream(of: RunEvent.self)
        continuation.yield(RunEvent(id: last + 1, kind: .status(record)))
        continuation.finish()
        return stream
    }

    /// Waits until the run has reached its final status and its accounts are released.
    public func waitForEnd(of id: RunID, by principal: Principal) async throws(ControlPlaneError) -> RunView {
        await registry.wait(id)
        return try await get(id, by: principal)
    }

    private func run(_ id: RunID, role: Role, by principal: Principal) async throws(ControlPlaneError) -> RunRecord {
        let record = try await services.perform("run") { try await services.store.run(id) }
        guard let record, principal.project == nil || principal.project == record.project else {
            throw .notFound("run", id)
        }
        try principal.require(role, in: record.project)
        return record
    }
}

/// How a run's summary is kept: its JSON, as the API gives it out.
enum SummaryText {
    static func encode(_ summary: RunSummary) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return Array(try encoder.encode(summary))
    }

    static func decode(_ bytes: [UInt8]) throws -> RunSummary {
        try JSONDecoder().decode(RunSummary.self, from: Data(bytes))
    }
}
