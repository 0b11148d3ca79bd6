// SPDX-License-Identifier: Apache-2.0

import Bedrock
import ControlPlane
import Domain
import Foundation
import Store
import Synchronization
import Testing
import Vault
import WorkerLink

/// The store's clock, which a test moves.
private final class StoreClock: Sendable {
    private let time = Mutex(UnixTime(nanoseconds: 1_700_000_000_000_000_000))

    var now: UnixTime { time.withLock { $0 } }

    func advance(by interval: Interval) { time.withLock { $0 = $0 + interval } }
}

/// Every way a run can end gives its accounts back, once.
@Suite(.timeLimit(.minutes(2))) struct RunEndingTests {
    enum Ending: String, CaseIterable, CustomTestStringConvertible {
        case completed, stopped, refused, workerLost, handOverFailed, noRoom, leaseExpired, shutDown, killed

        var testDescription: String { rawValue }

        /// The failure's code, if the run counts as failed.
        var code: String? {
            switch self {
            case .completed, .stopped, .shutDown: nil
            case .refused: "no_descriptors"
            case .workerLost: "worker_lost"
            case .handOverFailed: "internal"
            case .noRoom: "no_worker_capacity"
            case .leaseExpired: "lease_expired"
            case .killed: "interrupted"
            }
        }
    }

    /// Overdue leases are looked for every 20 ms.
    private static let terms = LeaseTerms(
        term: .milliseconds(60), grace: .milliseconds(30), orphanDrain: .milliseconds(20))

    @Test(arguments: Ending.allCases)
    func `D5 however a run ends, no account stays held, and the log tells of one return`(ending: Ending) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "callmeter-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let clock = StoreClock()
        let master = MasterKey.ephemeral()
        func open() async throws -> Office {
            try await Office(
                store: SQLiteStore(
                    path: folder.appending(path: "callmeter.sqlite").path, hash: Fingerprint.sha256,
                    clock: { clock.now }),
                master: master, leases: Self.terms)
        }
        let office = try await open()
        if ending == .handOverFailed { try await Self.addDamagedAccount(to: office) }
        try await office.importLines(Office.lines(4))
        let worker = ScriptedWorker()
        let (starts, started) = AsyncStream.makeStream(of: RunID.self)
        _ = worker.answer { frame, link in Self.answer(frame, link, ending) { started.yield($0) } }
        await worker.attach(to: office.control, capacity: ending == .noRoom ? 3 : 1_000)
        let run = try await office.control.runs.start(try await office.intraTest(endpoints: 4), by: .commandLine).id

        var last = office
        switch ending {
        case .completed, .refused, .workerLost, .handOverFailed, .noRoom: break
        case .stopped, .leaseExpired, .shutDown, .killed:
            var iterator = starts.makeAsyncIterator()
            #expect(await iterator.next() == run)
        }
        switch ending {
        case .completed, .refused, .workerLost, .handOverFailed, .noRoom: break
        case .stopped: _ = try await office.control.runs.stop(run, by: .commandLine)
        case .leaseExpired: clock.advance(by: .seconds(3_600))
        case .shutDown:
            await office.control.shutdown()
            last = try await open()
        case .killed:
            // As kill -9 leaves it: nothing of this controller gets to write any more.
            try await office.store.close()
            last = try await open()
        }
        let view = try await last.control.runs.waitForEnd(of: run, by: .commandLine)
        #expect(view.record.status.isFinal && view.record.failure?.code == ending.code)
        try await Self.expectOneReturn(of: run, in: last)
        if last.store !== office.store { await last.control.shutdown() }
        worker.link.close()
    }

    @Test func `D5 a run that was too late keeps the figures of what had closed`() async throws {
        let clock = StoreClock()
        let office = try await Office(
            store: .inMemory(hash: Fingerprint.sha256, clock: { clock.now }), leases: Self.terms)
        try await office.importLines(Office.lines(2))
        let worker = ScriptedWorker()
        let seen = Mutex<SegmentAssignment?>(nil)
        _ = worker.answer { frame, link in
            switch frame {
            case .assign(let assignment):
                seen.withLock { $0 = assignment }
                link.up.put(.ready(assignment.run))
            case .start(let run, _):
                guard let assignment = seen.withLock({ $0 }) else { return }
                link.up.put(.results(run, Array(ScriptedWorker.successes(assignment).prefix(1))))
            case .stop, .renewed, .revoke: break
            }
        }
        await worker.attach(to: office.control)
        let run = try await office.control.runs.start(try await office.intraTest(endpoints: 2), by: .commandLine).id
        while try await office.store.endpoint(0, of: run) == nil { await Task.yield() }
        clock.advance(by: .seconds(3_600))
        var view = try await office.control.runs.waitForEnd(of: run, by: .commandLine)
        while view.summary == nil { view = try await office.control.runs.get(run, by: .commandLine) }
        #expect(view.record.failure?.code == "lease_expired")
        #expect(view.summary?.endpoints.byOutcome == ["SUCCESS": 1])
        worker.link.close()
    }

    @Test func `D2 a worker that asks in time gets a term more, one that asks too late is told to send nothing more`()
        async throws
    {
        let clock = StoreClock()
        // Nothing looks for overdue leases while this test goes: asking alone finds out.
        let terms = LeaseTerms(term: .seconds(30), grace: .seconds(15), orphanDrain: .milliseconds(20))
        let office = try await Office(store: .inMemory(hash: Fingerprint.sha256, clock: { clock.now }), leases: terms)
        try await office.importLines(Office.lines(2))
        let worker = ScriptedWorker()
        let (frames, heard) = AsyncStream.makeStream(of: ControllerFrame.self)
        _ = worker.answer { frame, link in
            if case .assign(let assignment) = frame {
                #expect(assignment.leases == terms)
                link.up.put(.alive(assignment.run, number: 1))
                link.up.put(.ready(assignment.run))
            }
            heard.yield(frame)
        }
        await worker.attach(to: office.control)
        let run = try await office.control.runs.start(try await office.intraTest(endpoints: 2), by: .commandLine).id
        var iterator = frames.makeAsyncIterator()
        guard case .assign? = await iterator.next(), case .renewed(_, let fence, 1)? = await iterator.next(),
            case .start? = await iterator.next()
        else {
            Issue.record("the leases are renewed before the start")
            return
        }
        clock.advance(by: .seconds(29))
        worker.link.up.put(.alive(run, number: 2))
        guard case .renewed(_, fence, 2)? = await iterator.next() else {
            Issue.record("asked in time, not renewed")
            return
        }
        clock.advance(by: .seconds(30))
        worker.link.up.put(.alive(run, number: 3))
        guard case .revoke(run, fence)? = await iterator.next() else {
            Issue.record("asked too late, not revoked")
            return
        }
        let view = try await office.control.runs.waitForEnd(of: run, by: .commandLine)
        #expect(view.record.failure?.code == "lease_expired")
        try await Self.expectOneReturn(of: run, in: office)
        worker.link.close()
    }

    // MARK: - Parts

    private static func answer(
        _ frame: ControllerFrame, _ link: InProcessLink, _ ending: Ending, started: (RunID) -> Void
    ) {
        let proof = StopProof(secretsHeld: 0, wasLocked: true, forced: 0)
        switch frame {
        case .assign(let assignment):
            link.up.put(
                ending == .refused
                    ? .refused(assignment.run, SegmentFailure(code: "no_descriptors", text: "too few open files"))
                    : .ready(assignment.run))
        case .start(let run, _):
            switch ending {
            case .completed: link.up.put(.stopped(run, proof, nil))
            case .workerLost: link.close()
            default: started(run)
            }
        case .stop(let run, _, _): link.up.put(.stopped(run, proof, nil))
        case .renewed, .revoke: break
        }
    }

    /// An account whose password nothing opens: the run fails between its allocation and the worker.
    private static func addDamagedAccount(to office: Office) async throws {
        var random = SystemRandomNumberGenerator()
        let secret = try SealedSecret(
            key: KeyID(high: 1, low: 2), nonce: [UInt8](repeating: 1, count: 12),
            ciphertext: [UInt8](repeating: 1, count: 32), tag: [UInt8](repeating: 1, count: 16))
        let account = NewAccount(
            id: AccountID(at: UnixTime(nanoseconds: 0), random: &random), username: "damaged", secret: secret)
        try await office.store.add(account, to: office.registrar, at: UnixTime(nanoseconds: 0))
    }

    private static func expectOneReturn(of run: RunID, in office: Office) async throws {
        let usage = try await office.store.usage(of: office.registrar)
        #expect(usage.inUse == 0 && usage.total >= 2)
        var history = AllocationHistory()
        var notes: [AllocationNote] = []
        var sequence: Int64 = 0
        while true {
            let entries = try await office.store.audit(after: sequence)
            guard let last = entries.last else { break }
            sequence = last.sequence
            for entry in entries { history.replay(entry) }
            notes += entries.compactMap { AllocationNote($0) }.filter { $0.fence.run == run }
        }
        #expect(history.faults(stillGoing: []).isEmpty)
        #expect(notes.count == 2 && notes.first?.event == .allocate && notes.last?.event != .allocate)
        #expect(notes.first?.positions == notes.last?.positions)
    }
}
