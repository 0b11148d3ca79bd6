// SPDX-License-Identifier: Apache-2.0

import ControlPlane
import Domain
import RunMetrics
import Store
import Synchronization
import Testing
import WorkerLink

@Suite struct RunCoordinatorTests {
    @Test func `D4 22 endpoints with 20 accounts fail at allocation with the numbers, before a worker hears of them`()
        async throws
    {
        let office = try await Office(store: .inMemory())
        try await office.importLines(Office.lines(20))
        let worker = ScriptedWorker()
        let heard = Mutex(0)
        _ = worker.answer { _, _ in heard.withLock { $0 += 1 } }
        await worker.attach(to: office.control)
        let test = try await office.intraTest(endpoints: 22)
        let run = try await office.control.runs.start(test, by: .commandLine)
        #expect(run.status == .failed)
        #expect(run.failure?.code == "insufficient_sip_accounts")
        #expect(
            run.failure?.text == "Insufficient SIP accounts: registrar pbx needs 22, has 20, missing 2")
        #expect(heard.withLock { $0 } == 0)
        let usage = try await office.control.accounts.usage(of: office.registrar, by: .commandLine)
        #expect(usage.usage.free == 20)
        let view = try await office.control.runs.get(run.id, by: .commandLine)
        #expect(view.summary?.verdict == .failed)
    }

    @Test func `a run goes through all statuses in order, its results are stored and its accounts come free`()
        async throws
    {
        let office = try await Office(store: .inMemory())
        try await office.importLines(Office.lines(4))
        let worker = ScriptedWorker()
        let seen = Mutex<SegmentAssignment?>(nil)
        _ = worker.answer { frame, link in
            switch frame {
            case .assign(let assignment):
                seen.withLock { $0 = assignment }
                link.up.put(.ready(assignment.run))
            case .start(let run, _):
                guard let assignment = seen.withLock({ $0 }) else { return }
                link.up.put(.results(run, ScriptedWorker.successes(assignment)))
                link.up.put(.stopped(run, StopProof(secretsHeld: 0, wasLocked: true, forced: 0), nil))
            case .stop, .renewed, .revoke: break
            }
        }
        await worker.attach(to: office.control)
        let test = try await office.intraTest(endpoints: 4)
        let run = try await office.control.runs.start(test, by: .commandLine)
        #expect(run.status == .queued)
        var statuses: [RunStatus] = []
        for await event in try await office.control.runs.events(of: run.id, by: .commandLine) {
            if case .status(let record) = event.kind, statuses.last != record.status { statuses.append(record.status) }
        }
        #expect(statuses == [.pending, .queued, .running, .completed])
        let view = try await office.control.runs.waitForEnd(of: run.id, by: .commandLine)
        #expect(view.record.verdict == .passed)
        #expect(view.summary?.endpoints.byOutcome == ["SUCCESS": 4])
        let endpoints = try await office.control.runs.endpoints(of: run.id, by: .commandLine)
        #expect(endpoints.items.map(\.result.username) == (1...4).map(Office.username))
        let accounts = try await office.control.accounts.list(of: office.registrar, by: .commandLine)
        #expect(accounts.items.allSatisfy { $0.inUseBy == nil && $0.lastRegistration?.status?.code == 200 })
    }

    @Test func `E2 an assignment holds the passwords only sealed to the worker that gets it`() async throws {
        let office = try await Office(store: .inMemory())
        try await office.importLines(Office.lines(2))
        let worker = ScriptedWorker()
        let (assignments, found) = AsyncStream.makeStream(of: SegmentAssignment.self)
        _ = worker.answer { frame, _ in if case .assign(let assignment) = frame { found.yield(assignment) } }
        await worker.attach(to: office.control)
        _ = try await office.control.runs.start(try await office.intraTest(endpoints: 2), by: .commandLine)
        var iterator = assignments.makeAsyncIterator()
        let assignment = try #require(await iterator.next())
        #expect(!"\(assignment)".contains("canary-"))
        let bytes = assignment.endpoints.flatMap(\.sealed)
        #expect(!String(decoding: bytes, as: UTF8.self).contains("canary-"))
        worker.link.close()
    }

    @Test func `a worker that is lost in the middle ends the run with the cause, and its accounts come free`()
        async throws
    {
        let office = try await Office(store: .inMemory())
        try await office.importLines(Office.lines(4))
        let worker = ScriptedWorker()
        _ = worker.answer { frame, link in
            switch frame {
            case .assign(let assignment): link.up.put(.ready(assignment.run))
            case .start: link.close()
            case .stop, .renewed, .revoke: break
            }
        }
        await worker.attach(to: office.control)
        let run = try await office.control.runs.start(try await office.intraTest(endpoints: 4), by: .commandLine)
        let view = try await office.control.runs.waitForEnd(of: run.id, by: .commandLine)
        #expect(view.record.status == .failed)
        #expect(view.record.failure?.code == "worker_lost")
        #expect(view.summary?.endpoints.byOutcome == ["OS_ERROR": 4])
        let usage = try await office.control.accounts.usage(of: office.registrar, by: .commandLine)
        #expect(usage.usage.free == 4)
    }

    @Test func `a segment that is refused ends the run with the worker's words, nothing attempted`() async throws {
        let office = try await Office(store: .inMemory())
        try await office.importLines(Office.lines(2))
        let worker = ScriptedWorker()
        _ = worker.answer { frame, link in
            guard case .assign(let assignment) = frame else { return }
            link.up.put(.refused(assignment.run, SegmentFailure(code: "no_descriptors", text: "too few open files")))
        }
        await worker.attach(to: office.control)
        let run = try await office.control.runs.start(try await office.intraTest(endpoints: 2), by: .commandLine)
        let view = try await office.control.runs.waitForEnd(of: run.id, by: .commandLine)
        #expect(view.record.status == .failed)
        #expect(view.record.failure == RunFailure(code: "no_descriptors", text: "too few open files"))
        #expect(view.summary?.endpoints.byOutcome == ["NOT_ATTEMPTED": 2])
    }

    @Test func `D4 without a worker that has room a run cannot run for now, and holds nothing`() async throws {
        let office = try await Office(store: .inMemory())
        try await office.importLines(Office.lines(4))
        let worker = ScriptedWorker()
        await worker.attach(to: office.control, capacity: 3)
        let run = try await office.control.runs.start(try await office.intraTest(endpoints: 4), by: .commandLine)
        #expect(run.status == .cannotRunForNow)
        #expect(run.failure?.code == "no_worker_capacity")
        let usage = try await office.control.accounts.usage(of: office.registrar, by: .commandLine)
        #expect(usage.usage.free == 4)
    }

    @Test func `D2 A7 two runs at once hold different accounts; held ones are not deleted, the run is named`()
        async throws
    {
        let office = try await Office(store: .inMemory())
        try await office.importLines(Office.lines(5))
        let worker = ScriptedWorker()
        let assigned = Mutex<[[String]]>([])
        let answering = worker.answer { frame, link in
            switch frame {
            case .assign(let assignment): assigned.withLock { $0.append(assignment.endpoints.map(\.username)) }
            case .stop(let run, _, _):
                link.up.put(.stopped(run, StopProof(secretsHeld: 0, wasLocked: true, forced: 0), nil))
            case .start, .renewed, .revoke: break
            }
        }
        await worker.attach(to: office.control)
        let test = try await office.intraTest(endpoints: 2)
        let one = try await office.control.runs.start(test, by: .commandLine)
        let two = try await office.control.runs.start(test, by: .commandLine)
        let three = try await office.control.runs.start(test, by: .commandLine)
        #expect(three.failure?.code == "insufficient_sip_accounts")
        let deletion = try await office.control.accounts.delete(of: office.registrar, .all, by: .commandLine)
        #expect(deletion.deleted == 1)
        #expect(Set(deletion.refused.map(\.run)) == [one.id, two.id])
        await office.control.shutdown()
        worker.link.close()
        await answering.value
        let names = assigned.withLock { $0.flatMap { $0 } }
        #expect(names.count == 4 && Set(names).count == 4)
    }

    @Test func `H1 a stopped run goes through STOPPING to COMPLETED`() async throws {
        let office = try await Office(store: .inMemory())
        try await office.importLines(Office.lines(2))
        let worker = ScriptedWorker()
        let (starts, started) = AsyncStream.makeStream(of: RunID.self)
        _ = worker.answer { frame, link in
            switch frame {
            case .assign(let assignment): link.up.put(.ready(assignment.run))
            case .start(let run, _): started.yield(run)
            case .stop(let run, _, _):
                link.up.put(.stopped(run, StopProof(secretsHeld: 0, wasLocked: true, forced: 0), nil))
            case .renewed, .revoke: break
            }
        }
        await worker.attach(to: office.control)
        let run = try await office.control.runs.start(try await office.intraTest(endpoints: 2), by: .commandLine)
        let events = try await office.control.runs.events(of: run.id, by: .commandLine)
        var iterator = starts.makeAsyncIterator()
        _ = await iterator.next()
        _ = try await office.control.runs.stop(run.id, by: .commandLine)
        var statuses: [RunStatus] = []
        for await event in events {
            if case .status(let record) = event.kind, statuses.last != record.status { statuses.append(record.status) }
        }
        #expect(statuses.suffix(2) == [.stopping, .completed])
        #expect(try await office.control.runs.stop(run.id, by: .commandLine).status == .completed)
    }

    @Test func `H5 a public target is used only once it was confirmed for its registrar`() async throws {
        let office = try await Office(store: .inMemory(), domain: "sip.provider.com")
        try await office.importLines(Office.lines(2))
        let test = try await office.intraTest(endpoints: 2)
        do {
            _ = try await office.control.runs.start(test, by: .commandLine)
            Issue.record("load would have gone to the internet")
        } catch {
            #expect(error.code == .confirmationRequired)
        }
        let registrar = try await office.control.registrars.get(office.registrar, by: .commandLine)
        var draft = RegistrarDraft(registrar)
        draft.confirmedPublic = true
        _ = try await office.control.registrars.update(office.registrar, to: draft, by: .commandLine)
        let run = try await office.control.runs.start(test, by: .commandLine)
        #expect(run.status == .cannotRunForNow)
    }

    @Test func `accounts are not sent to another server than the one they were added for`() async throws {
        let office = try await Office(store: .inMemory())
        let document = DocumentNode.object([
            ("name", .text("Elsewhere")),
            ("registrars", .object([("pbx", .object([("domain", .text("10.9.9.9")), ("port", .text("5060"))]))])),
            (
                "groups",
                .list([
                    .object([
                        ("name", .text("g")), ("registrar", .text("pbx")), ("endpoints", .text("2")),
                        ("callee", .text("intra")),
                    ])
                ])
            ), ("duration", .text("1s")),
        ])
        do {
            _ = try await office.control.tests.create(document, in: office.project, by: .commandLine)
            Issue.record("the description was accepted")
        } catch {
            #expect(error.code == .invalidTest)
        }
    }
}
