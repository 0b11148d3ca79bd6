// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import RunMetrics
import Store
import Synchronization
import Testing
import WorkerLink

@testable import ControlPlane

/// What becomes of a run's seconds between the worker and its verdict.
@Suite(.timeLimit(.minutes(3))) struct RunWindowTests {
    static func window(_ second: UInt32, established: UInt32 = 0, failed: UInt32 = 0) -> Window {
        var window = Window(second: second)
        window.tally.callsStarted = established + failed
        window.tally.callsEstablished = established
        window.tally.callsFailed = failed
        return window
    }

    /// A run whose worker sends these parts once it was started, and ends when it is told to, or by itself after them.
    private static func play(
        _ threshold: String, _ parts: [Window], untilStopped: Bool
    ) async throws -> (view: RunView, windows: [Window], wasStopped: Bool) {
        let office = try await Office(store: .inMemory())
        try await office.importLines(Office.lines(2))
        let worker = ScriptedWorker()
        let seen = Mutex<(assignment: SegmentAssignment?, isStopped: Bool)>((nil, false))
        _ = worker.answer { frame, link in
            func end(_ run: RunID) {
                guard let assignment = seen.withLock({ $0.assignment }) else { return }
                link.up.put(.results(run, ScriptedWorker.successes(assignment)))
                link.up.put(.stopped(run, StopProof(secretsHeld: 0, wasLocked: true, forced: 0), nil))
            }
            switch frame {
            case .assign(let assignment):
                seen.withLock { $0.assignment = assignment }
                link.up.put(.ready(assignment.run))
            case .start(let run, _):
                for part in parts { link.up.put(.window(run, part), isDetail: true) }
                if !untilStopped { end(run) }
            case .stop(let run, _, _):
                seen.withLock { $0.isStopped = true }
                end(run)
            case .renewed, .revoke: break
            }
        }
        await worker.attach(to: office.control)
        let document = DocumentNode.object([
            ("name", .text("T")),
            (
                "groups",
                .list([
                    .object([
                        ("name", .text("phones")), ("registrar", .text("pbx")), ("endpoints", .text("2")),
                        ("callee", .text("intra")),
                    ])
                ])
            ), ("duration", .text("1s")), ("thresholds", .list([.text(threshold)])),
        ])
        let test = try await office.control.tests.create(document, in: office.project, by: .commandLine).record.id
        let run = try await office.control.runs.start(test, by: .commandLine)
        let view = try await office.control.runs.waitForEnd(of: run.id, by: .commandLine)
        let windows = try await office.control.runs.windows(of: run.id, by: .commandLine)
        return (view, windows, seen.withLock { $0.isStopped })
    }

    @Test func `a broken threshold that may abort stops the run; the summary says which and when`() async throws {
        let parts = (0..<10).map { Self.window($0, established: 3, failed: $0 >= 4 ? 1 : 0) }
        let played = try await Self.play("call.success_rate >= 90% over 2s abort", parts, untilStopped: true)
        #expect(played.wasStopped)
        #expect(played.view.record.status == .completed)
        let result = try #require(played.view.summary?.thresholds.first)
        #expect(result.abortedRun && !result.passed)
        // Seconds 3 and 4 together are the first window below: 6 of 7.
        #expect(result.abortedAt == 4)
        #expect(played.view.record.verdict == .failed)
    }

    @Test func `a threshold without abort is judged at the end, over all seconds, late and split ones too`()
        async throws
    {
        var parts = (0..<80).map { Self.window($0, established: 1) }
        // Parts of seconds that came before: within the minute that is kept open, and long after it.
        parts.append(Self.window(70, failed: 1))
        parts.append(Self.window(2, failed: 3))
        let played = try await Self.play("call.success_rate >= 50% over 1s", parts, untilStopped: false)
        #expect(!played.wasStopped)
        #expect(played.windows.map(\.second) == (0..<80).map { UInt32($0) })
        #expect(played.windows[70].callsFailed == 1)
        #expect(played.windows[2].callsFailed == 3)
        let result = try #require(played.view.summary?.thresholds.first)
        #expect(result.window == .init(worstSecond: 2, value: 25))
        #expect(!result.passed)
    }

    @Test func `parts of a second from two shards are one second`() async throws {
        let parts = [
            Self.window(0, established: 1), Self.window(0, established: 2), Self.window(1), Self.window(1, failed: 1),
        ]
        let played = try await Self.play("rate(call.established) >= 1/s", parts, untilStopped: false)
        #expect(played.windows.map(\.callsEstablished) == [3, 0])
        #expect(played.view.summary?.thresholds.first?.value == 1.5)
    }
}

@Suite struct WindowLedgerTests {
    private static func ledger(_ threshold: String) throws -> WindowLedger {
        let definition = TestDefinition(
            name: "T", registrars: [], groups: [], duration: .seconds(1), thresholds: [try Threshold(threshold)])
        return WindowLedger(definition)
    }

    @Test func `a second is saved when the next one has begun, and again when a part of it comes late`() throws {
        var ledger = try Self.ledger("mos.avg >= 4")
        #expect(!ledger.add(RunWindowTests.window(0, established: 1)).isNewSecond)
        #expect(ledger.takeUnsaved(all: false).windows == [])
        #expect(ledger.add(RunWindowTests.window(1)).isNewSecond)
        #expect(ledger.takeUnsaved(all: false).windows.map(\.second) == [0])
        _ = ledger.add(RunWindowTests.window(0, established: 2))
        #expect(ledger.takeUnsaved(all: false).windows.map(\.callsEstablished) == [3])
        #expect(ledger.takeUnsaved(all: true).windows.map(\.second) == [1])
    }

    @Test func `what could not be saved is saved the next time`() throws {
        var ledger = try Self.ledger("mos.avg >= 4")
        for second in 0..<3 { _ = ledger.add(RunWindowTests.window(UInt32(second))) }
        let first = ledger.takeUnsaved(all: true)
        ledger.putBack(first.windows, first.late)
        #expect(ledger.takeUnsaved(all: true).windows.map(\.second) == [0, 1, 2])
    }

    @Test func `a jump in time neither hangs nor traps`() throws {
        var ledger = try Self.ledger("call.failed < 1 over 1s abort")
        _ = ledger.add(RunWindowTests.window(0, established: 1))
        _ = ledger.add(RunWindowTests.window(.max, failed: 1))
        _ = ledger.add(RunWindowTests.window(.max - 1, failed: 1))
        #expect(ledger.watch.firstBreak == nil)
        #expect(ledger.takeUnsaved(all: true).windows.count == 3)
    }
}
