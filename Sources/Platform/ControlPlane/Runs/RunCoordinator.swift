// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Logging
import RunMetrics
import Store
import WorkerLink

/// What a coordinator works on.
struct RunJob: Sendable {
    var run: RunRecord
    let definition: TestDefinition
    /// What every write of this run carries.
    let fence: LeaseFence
    /// In order of the endpoints.
    let leases: [LeaseRecord]
    let seat: WorkerSeat
}

/// One run from QUEUED to its final status. It takes one input after the other from its inbox, so nothing comes between reading
/// and writing its state.
///
///     assigning → running → stopping → orphaned → over        (any of them may lead straight to over)
///
/// `assigning` is left by ready, refused, its bound or the loss of the worker; `running` by stopped, a stop request or the run's
/// bound; `stopping` by stopped or its bound. The loss of a worker that began leads to `orphaned`: it may still be alive, hangs
/// up and un-registers by itself, and its accounts stay held for that long (D5). The loss of the leases ends all of them.
actor RunCoordinator {
    private enum Course { case assigning, running, stopping, orphaned, over }

    nonisolated let inbox: Mailbox<CoordinatorInput>
    private let services: Services
    private let fleet: FleetRegistry
    private let hub: MetricsHub
    private var job: RunJob
    private var course = Course.assigning
    private var results = ResultLedger()
    private var windows: WindowLedger
    /// The condition that was broken and ended the run.
    private var abort: WindowReview.Break?
    private var traces = TraceLedger()
    private var progress: RunProgress
    /// Why the run fails, once something made it stop before its time.
    private var failure: RunFailure?
    private var alarm: Task<Void, Never>?

    init(services: Services, fleet: FleetRegistry, hub: MetricsHub, inbox: Mailbox<CoordinatorInput>, job: RunJob) {
        self.services = services
        self.fleet = fleet
        self.hub = hub
        self.inbox = inbox
        self.job = job
        windows = WindowLedger(job.definition)
        progress = RunProgress(status: .queued, endpoints: job.leases.count)
    }

    /// Coordinates until the final status is stored and the accounts are released.
    func coordinate() async {
        await hub.publish(.status(job.run), of: job.run.id)
        do {
            let assignment = try await SegmentSealing(services: services).assignment(for: job)
            setAlarm(after: RunBounds.assignment)
            if !job.seat.link.down.put(.assign(assignment)) { inbox.put(.workerLost) }
        } catch {
            let known = ControlPlaneError.from(error)
            await end(.failed, RunFailure(code: known.code.rawValue, text: known.message), neverBegan: true)
        }
        await inbox.forEach { input in await self.take(input) }
    }

    private func take(_ input: CoordinatorInput) async {
        guard course != .over else { return }
        switch input {
        case .frame(let frame): await take(frame)
        case .workerLost:
            await lost(
                RunFailure(
                    code: "worker_lost",
                    text: "worker \(job.seat.hello.name) was lost; endpoints that had not closed have no result"))
        case .leaseLost: await revoke()
        case .stopRequested: if course == .assigning || course == .running { await stop() }
        case .overran: await overran()
        }
    }

    private func take(_ frame: WorkerFrame) async {
        switch frame {
        case .hello, .phases: break
        case .alive(_, let number): await renew(number)
        case .ready: if course == .assigning { await begin() }
        case .refused(_, let failure):
            await end(.failed, RunFailure(code: failure.code, text: failure.text), neverBegan: true)
        case .window(_, let part): await count(part)
        case .bindings(_, let batch): await remember(batch)
        case .results(_, let batch): await keep(batch)
        case .traces(_, let batch): await keep(traces.admit(batch, endpoints: job.leases.count))
        case .stopped(_, let proof, let failure): await stopped(proof, failure)
        }
    }

    // MARK: - Course

    private func begin() async {
        course = .running
        setAlarm(after: RunBounds.longest(job.definition))
        await advance(to: .running)
        job.seat.link.down.put(.start(job.run.id, fence: fence))
    }

    private func stop() async {
        course = .stopping
        setAlarm(after: RunBounds.drain + RunBounds.slack)
        job.seat.link.down.put(.stop(job.run.id, fence: fence, drain: RunBounds.drain))
        await advance(to: .stopping)
    }

    private func overran() async {
        switch course {
        case .running:
            failure = RunFailure(
                code: "run_overran",
                text: "the run was still going after \(Int(RunBounds.longest(job.definition).seconds)) s, "
                    + "longer than its calls and every timer can take; it was stopped")
            await stop()
        case .assigning, .stopping:
            job.seat.link.close()
            await lost(
                RunFailure(
                    code: "worker_stuck", text: "worker \(job.seat.hello.name) did not answer in time; restart it"))
        case .orphaned: await end(.failed, failure, neverBegan: false)
        case .over: break
        }
    }

    private func lost(_ cause: RunFailure) async {
        guard course != .orphaned else { return }
        failure = failure ?? cause
        // A segment that was never started has sent nothing.
        if course == .assigning {
            await end(.failed, failure, neverBegan: true)
            return
        }
        course = .orphaned
        setAlarm(after: services.leases.orphanGrace)
        await advance(to: .stopping)
    }

    // MARK: - Seconds

    /// Takes a part of a second; ends the run when a condition that may do so is broken.
    private func count(_ part: Window) async {
        let (window, isNewSecond) = windows.add(part)
        // Nothing is known of the endpoints yet while only the generator has told of itself.
        if !window.isGeneratorOnly {
            progress.count(window, part: part)
            await hub.publish(.window(window), of: job.run.id)
            await hub.publish(.progress(progress), of: job.run.id)
        }
        guard isNewSecond else { return }
        await saveWindows(all: false)
        guard course == .running, abort == nil, let broken = windows.watch.firstBreak else { return }
        abort = broken
        services.logger.notice(
            "a threshold ended a run", metadata: ["run": "\(job.run.id)", "threshold": "\(broken.threshold)"])
        await stop()
    }

    private func saveWindows(all: Bool) async {
        let (whole, late) = windows.takeUnsaved(all: all)
        do {
            try await services.store.save(whole, late: late, of: job.run.id, under: job.fence)
        } catch {
            windows.putBack(whole, late)
            services.logger.error(
                "seconds of a run were not saved yet", metadata: ["run": "\(job.run.id)", "cause": "\(error)"])
        }
    }

    // MARK: - Leases

    private func renew(_ number: UInt64) async {
        guard course != .orphaned else { return }
        do {
            try await services.store.renew(job.fence, term: services.leases.term)
            job.seat.link.down.put(.renewed(job.run.id, fence: fence, number: number))
        } catch StoreError.leaseLost {
            await revoke()
        } catch {
            // The worker asks again; without an answer it stops by itself.
            services.logger.error(
                "leases were not renewed", metadata: ["run": "\(job.run.id)", "cause": "\(error)"])
        }
    }

    private func revoke() async {
        job.seat.link.down.put(.revoke(job.run.id, fence: fence))
        await end(
            .failed, RunFailure(code: ExpiredLeases.code, text: ExpiredLeases.text), neverBegan: course == .assigning)
    }

    private func stopped(_ proof: StopProof, _ failure: SegmentFailure?) async {
        if proof.secretsHeld != 0 {
            services.logger.error(
                "a worker still holds secrets", metadata: ["run": "\(job.run.id)", "secrets": "\(proof.secretsHeld)"])
        }
        if !proof.wasLocked {
            services.logger.warning(
                "the worker could not lock the pages of its secrets; raise RLIMIT_MEMLOCK",
                metadata: ["run": "\(job.run.id)"])
        }
        let failure = self.failure ?? failure.map { RunFailure(code: $0.code, text: $0.text) }
        await end(failure == nil ? .completed : .failed, failure, neverBegan: course == .assigning)
    }

    private func keep(_ batch: [EndpointResult]) async {
        results.add(batch)
        progress.closed = results.count
        progress.failed = results.failed
        let run = job.run.id
        do {
            try await services.store.save(batch.map { EndpointRecord(run: run, result: $0) }, under: job.fence)
        } catch {
            // They are saved again with the end.
            services.logger.error("results were not saved yet", metadata: ["run": "\(run)", "cause": "\(error)"])
        }
        await hub.publish(.progress(progress), of: run)
    }

    /// A database that refuses them loses traces, never results.
    private func keep(_ batch: [EndpointTrace]) async {
        guard !batch.isEmpty else { return }
        services.traceSink?(batch)
        do {
            try await services.store.save(batch, of: job.run.id, under: job.fence)
        } catch {
            services.logger.error("traces were not saved", metadata: ["run": "\(job.run.id)", "cause": "\(error)"])
        }
    }

    /// Should this process die, the accounts' next use removes these Contacts first (D5); the run's end clears what was removed.
    private func remember(_ bindings: [Binding]) async {
        let now = services.clock()
        let updates = bindings.compactMap { binding -> RegistrationUpdate? in
            guard Int(binding.endpoint) < job.leases.count else { return nil }
            let contact = LeftoverContact(
                contact: binding.contact, expiresAt: now + .seconds(Int(binding.expires)))
            return RegistrationUpdate(
                account: job.leases[Int(binding.endpoint)].account, registration: nil, leftover: contact)
        }
        do {
            try await services.store.record(updates, under: job.fence)
        } catch {
            services.logger.error(
                "bindings were not saved", metadata: ["run": "\(job.run.id)", "cause": "\(error)"])
        }
    }

    // MARK: - Ending

    private func end(_ status: RunStatus, _ failure: RunFailure?, neverBegan: Bool) async {
        guard course != .over else { return }
        course = .over
        alarm?.cancel()
        results.fillGaps(of: job, neverBegan: neverBegan)
        await saveWindows(all: true)
        await RunEnd(services: services, job: job, abort: abort).store(status, failure, results.all)
        await fleet.release(job.run.id)
        // Watchers are told in any case, also when the database cannot be read just now.
        job.run.status = status
        job.run.failure = failure
        let ended = (try? await services.store.run(job.run.id)).flatMap { $0?.status.isFinal == true ? $0 : nil }
        progress.status = ended?.status ?? status
        await hub.publish(.progress(progress), of: job.run.id)
        await hub.publish(.status(ended ?? job.run), of: job.run.id)
        inbox.close()
    }

    // MARK: - Helpers

    private var fence: Int64 { job.fence.number }

    private func advance(to status: RunStatus) async {
        job.run.status = status
        progress.status = status
        let now = services.clock()
        if status == .running { job.run.startedAt = now }
        do {
            try await services.store.advance(job.run.id, to: status, at: now)
        } catch {
            services.logger.error(
                "a status was not stored", metadata: ["run": "\(job.run.id)", "cause": "\(error)"])
        }
        await hub.publish(.status(job.run), of: job.run.id)
    }

    private func setAlarm(after interval: Interval) {
        alarm?.cancel()
        let inbox = inbox
        alarm = Task {
            do { try await Task.sleep(for: interval.duration) } catch { return }
            inbox.put(.overran)
        }
    }
}

extension RunProgress {
    /// Takes over what a second counted: `part` is new, `window` is the second as far as it is known.
    mutating func count(_ window: Window, part: Window) {
        second = max(second, window.second)
        registered = Int(window.registered)
        callsUp = Int(window.callsUp)
        callsEstablished += Int(part.callsEstablished)
        callsFailed += Int(part.callsFailed)
    }
}
