// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Store
import WorkerLink

/// From a saved test to a run under way: demand, allocation in one transaction, a worker with room, a coordinator.
struct StartRun: Sendable {
    let services: Services
    let fleet: FleetRegistry
    let registry: RunRegistry
    let hub: MetricsHub

    /// Starts the test and gives the run as it stands then: QUEUED, or ended at allocation.
    func start(_ test: TestRecord, by principal: Principal) async throws -> RunRecord {
        var definition = try DefinitionText.decode(test.definition)
        try await services.checkRegistrars(of: definition, in: test.project)
        let demands = try await resolve(&definition, in: test.project)
        let run = RunRecord(
            id: services.newID(), project: test.project, test: test.id, testName: test.name,
            definition: try DefinitionText.encode(definition), endpoints: demands.reduce(0) { $0 + $1.endpoints },
            requestedBy: principal.name, createdAt: services.clock())
        try await services.store.add(run)
        await hub.open(run.id)
        await hub.publish(.status(run), of: run.id)
        do {
            try await services.audit(
                principal, "runs.start", "run \(run.id)", "test \(test.name), \(run.endpoints) endpoints")
            let allocation = try await services.store.allocate(
                run: run.id, demands, term: RunBounds.assignment + services.leases.term, by: principal.name)
            return try await handOver(run, definition, allocation)
        } catch let shortage as InsufficientAccounts {
            return try await end(
                run, definition, .failed, InsufficientAccounts.code, shortage.description,
                diagnoses: [Diagnosis(shortage)])
        } catch {
            // Whatever failed here, the run must not stay open with accounts held.
            let text = ControlPlaneError.from(error).message
            _ = try? await end(run, definition, .failed, ErrorCode.internal.rawValue, text)
            throw error
        }
    }

    private func handOver(
        _ run: RunRecord, _ definition: TestDefinition, _ allocation: Allocation
    ) async throws -> RunRecord {
        var queued = run
        queued.status = .queued
        let inbox = Mailbox<CoordinatorInput>()
        guard let seat = await fleet.reserve(run.id, endpoints: allocation.accounts, inbox: inbox) else {
            let room = await fleet.room
            return try await end(
                run, definition, .cannotRunForNow, "no_worker_capacity",
                "no worker has room for \(allocation.accounts) endpoints (all together have \(room)); "
                    + "wait for other runs to end, or add a worker")
        }
        do {
            let leases = try await services.store.leases(of: run.id)
            let coordinator = RunCoordinator(
                services: services, fleet: fleet, hub: hub, inbox: inbox,
                job: RunJob(
                    run: queued, definition: definition, fence: allocation.fence, leases: leases, seat: seat))
            try await registry.begin(run.id, coordinator)
        } catch {
            await fleet.release(run.id)
            throw error
        }
        return queued
    }

    /// Looks the registrars of the groups up and describes them in the definition, so that a worker needs nothing else.
    private func resolve(_ definition: inout TestDefinition, in project: ProjectID) async throws -> [GroupDemand] {
        var demands: [GroupDemand] = []
        for group in definition.groups {
            guard let registrar = try await services.store.registrar(named: group.registrar, of: project) else {
                throw ControlPlaneError(
                    .invalidTest,
                    "group \(group.name): the project has no registrar named \(group.registrar); add it with its accounts",
                    details: ["group": group.name, "registrar": group.registrar])
            }
            try PublicTarget.check(registrar)
            demands.append(GroupDemand(registrar: registrar.id, endpoints: group.endpoints))
        }
        definition = try await services.described(definition, in: project)
        return demands
    }

    private func end(
        _ run: RunRecord, _ definition: TestDefinition, _ status: RunStatus, _ code: String, _ text: String,
        diagnoses: [Diagnosis] = []
    ) async throws -> RunRecord {
        let summary = RunSummary(
            status: status, failure: text, results: [], thresholds: definition.thresholds, diagnoses: diagnoses)
        try await services.store.finish(
            run.id,
            RunEnding(
                status: status, failure: RunFailure(code: code, text: text), verdict: .failed,
                summary: try SummaryText.encode(summary), at: services.clock()),
            under: nil, by: Principal.controller.name)
        guard let ended = try await services.store.run(run.id) else { throw ControlPlaneError.notFound("run", run.id) }
        await hub.publish(.status(ended), of: run.id)
        return ended
    }
}
