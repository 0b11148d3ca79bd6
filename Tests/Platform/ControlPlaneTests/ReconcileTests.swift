// SPDX-License-Identifier: Apache-2.0

import ControlPlane
import Domain
import FoundationEssentials
import RunMetrics
import Store
import Testing
import Vault
import WorkerLink

@Suite struct ReconcileTests {
    @Test func `D5 a controller that died in the middle of a run leaves nothing held and no run open for the next one`()
        async throws
    {
        let folder = FileManager.default.temporaryDirectory.appending(path: "callmeter-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "data.db").path
        let master = MasterKey.ephemeral()

        let first = try await Office(store: SQLiteStore(path: path, hash: Fingerprint.sha256), master: master)
        try await first.importLines(Office.lines(4))
        let worker = ScriptedWorker()
        let (starts, started) = AsyncStream.makeStream(of: RunID.self)
        _ = worker.answer { frame, link in
            switch frame {
            case .assign(let assignment): link.up.put(.ready(assignment.run))
            case .start(let run, _):
                link.up.put(
                    .bindings(run, [Binding(endpoint: 1, contact: "<sip:user-2@127.0.0.1:40000>", expires: 300)]))
                link.up.put(.window(run, Window(second: 0)))
                started.yield(run)
            case .stop, .renewed, .revoke: break
            }
        }
        await worker.attach(to: first.control)
        let test = try await first.intraTest(endpoints: 4)
        let run = try await first.control.runs.start(test, by: .commandLine)
        var iterator = starts.makeAsyncIterator()
        _ = await iterator.next()
        // The window comes after the bindings: once it is out, they are stored.
        for await event in try await first.control.runs.events(of: run.id, by: .commandLine) {
            if case .window = event.kind { break }
        }
        // As kill -9 leaves it: nothing of the first controller gets to write any more.
        try await first.store.close()

        let second = try await Office(store: SQLiteStore(path: path, hash: Fingerprint.sha256), master: master)
        #expect(second.registrar == first.registrar)
        let view = try await second.control.runs.get(run.id, by: .commandLine)
        #expect(view.record.status == .failed)
        #expect(view.record.failure?.code == "interrupted")
        #expect(view.summary?.status == .failed && view.summary?.endpoints.total == 0)
        let usage = try await second.control.accounts.usage(of: second.registrar, by: .commandLine)
        #expect(usage.usage.free == 4 && usage.usage.inUse == 0)
        let page = try await second.control.runs.list(of: second.project, by: .commandLine)
        #expect(page.items.allSatisfy { $0.status.isFinal })

        // What the dead one had bound at the server is removed first by the account's next use.
        let heir = ScriptedWorker()
        let (assignments, found) = AsyncStream.makeStream(of: SegmentAssignment.self)
        _ = heir.answer { frame, _ in if case .assign(let assignment) = frame { found.yield(assignment) } }
        await heir.attach(to: second.control)
        _ = try await second.control.runs.start(test, by: .commandLine)
        var handed = assignments.makeAsyncIterator()
        let assignment = try #require(await handed.next())
        #expect(assignment.endpoints.map(\.leftover) == [nil, "<sip:user-2@127.0.0.1:40000>", nil, nil])
        heir.link.close()
        await second.control.shutdown()
        worker.link.close()
    }
}
