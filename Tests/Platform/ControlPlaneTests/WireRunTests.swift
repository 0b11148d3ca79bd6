// SPDX-License-Identifier: Apache-2.0

import Bedrock
import ControlPlane
import Domain
import FoundationEssentials
import PBX
import RunMetrics
import Runtime
import SIP
import Store
import Testing
import Vault
import Worker
import WorkerLink

@Suite(.timeLimit(.minutes(3))) struct WireRunTests {
    @Test
    func `20 imported accounts register by digest and hold 10 calls: COMPLETED, 20 SUCCESS, all released, none kept`()
        async throws
    {
        let exchange = try await Exchange(accounts: 20)
        let office = try await Office(store: .inMemory(), port: exchange.server.address.port)
        try await office.importLines(Office.lines(20))
        let crew = await Crew(for: office.control, logger: office.log)
        let test = try await office.intraTest(endpoints: 20)
        let run = try await office.control.runs.start(test, by: .commandLine)
        let view = try await office.control.runs.waitForEnd(of: run.id, by: .commandLine)
        let summary = try #require(view.summary)
        #expect(view.record.status == .completed, "\(String(describing: view.record.failure))")
        #expect(summary.endpoints.byOutcome == ["SUCCESS": 20], "\(summary.diagnoses)")
        #expect(summary.registration.succeeded == 20)
        #expect(summary.calls.attempted == 10 && summary.calls.established == 10)
        #expect(summary.media.streams == 20)
        // One second at 20 ms is 50 packets from each end.
        #expect(summary.media.packetsReceived > 20 * 40)
        let mos = try #require(summary.media.mos.avg)
        // G.711 without loss cannot be better than 4.41 (ITU-T G.107, R = 93.2), and on loopback is not much worse.
        #expect(mos > 4.0 && mos < 4.5)
        #expect(summary.verdict == .passed)
        #expect(summary.diagnoses.isEmpty)
        #expect(await exchange.server.registeredAccounts() == 0)
        let usage = try await office.control.accounts.usage(of: office.registrar, by: .commandLine)
        #expect(usage.usage.free == 20)
        await crew.dismiss()
        await exchange.server.shutdown()
    }

    @Test
    func `a wrong password is exactly one REGISTRATION_FAILED with 401 and one diagnosis; its partner NOT_ATTEMPTED`()
        async throws
    {
        let exchange = try await Exchange(accounts: 6)
        let office = try await Office(store: .inMemory(), port: exchange.server.address.port)
        var lines = Office.lines(6)
        lines.replace(Office.password(5), with: "wrong-canary-pass")
        try await office.importLines(lines)
        let crew = await Crew(for: office.control, logger: office.log)
        let test = try await office.intraTest(endpoints: 6)
        let run = try await office.control.runs.start(test, by: .commandLine)
        let view = try await office.control.runs.waitForEnd(of: run.id, by: .commandLine)
        let summary = try #require(view.summary)
        #expect(view.record.status == .completed)
        #expect(
            summary.endpoints.byOutcome == ["SUCCESS": 4, "REGISTRATION_FAILED": 1, "NOT_ATTEMPTED": 1],
            "\(summary.diagnoses)")
        #expect(summary.diagnoses.map(\.cause) == [.wrongCredentials])
        #expect(summary.diagnoses.first?.count == 1)
        let endpoints = try await office.control.runs.endpoints(of: run.id, by: .commandLine).items
        let failed = try #require(endpoints.first { $0.result.outcome == .registrationFailed })
        #expect(failed.result.index == 4)
        #expect(failed.result.registration.finalStatus?.code == 401)
        #expect(failed.diagnosis == "wrong_credentials")
        let waiting = try #require(endpoints.first { $0.result.outcome == .notAttempted })
        #expect(waiting.result.partner == 4 && waiting.diagnosis == nil)
        // G3, E4: its messages are there, and the capture of the run, without any digest response.
        let trace = try await office.control.runs.trace(of: 4, of: run.id, by: .commandLine)
        #expect(trace.messages.count == 6 && !trace.isTruncated)
        var capture = try await office.control.runs.capture(of: run.id, by: .commandLine)
        var bytes: [UInt8] = []
        while let part = try await capture.next() { bytes += part }
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.contains("response=\"********************************\""))
        #expect(!text.contains(/response="[0-9a-f]/) && !text.contains("wrong-canary-pass"))
        await crew.dismiss()
        await exchange.server.shutdown()
    }

    @Test func `a run that is stopped in the middle hangs up, un-registers and releases`() async throws {
        let exchange = try await Exchange(accounts: 4)
        let office = try await Office(store: .inMemory(), port: exchange.server.address.port)
        try await office.importLines(Office.lines(4))
        let crew = await Crew(for: office.control, logger: office.log)
        let test = try await office.intraTest(endpoints: 4, duration: "1h")
        let run = try await office.control.runs.start(test, by: .commandLine)
        for await event in try await office.control.runs.events(of: run.id, by: .commandLine) {
            if case .progress(let progress) = event.kind, progress.callsUp > 0 { break }
        }
        let asked = ContinuousClock.now
        _ = try await office.control.runs.stop(run.id, by: .commandLine)
        let view = try await office.control.runs.waitForEnd(of: run.id, by: .commandLine)
        #expect(view.record.status == .completed)
        #expect(ContinuousClock.now - asked < .seconds(15))
        #expect(await exchange.server.registeredAccounts() == 0)
        let usage = try await office.control.accounts.usage(of: office.registrar, by: .commandLine)
        #expect(usage.usage.free == 4)
        await crew.dismiss()
        await exchange.server.shutdown()
    }

    @Test
    func
        `D5 the server killed in the middle ends the run by itself with the cause; accounts come free and know their Contact`()
        async throws
    {
        let exchange = try await Exchange(accounts: 4)
        let office = try await Office(store: .inMemory(), port: exchange.server.address.port)
        try await office.importLines(Office.lines(4))
        let crew = await Crew(for: office.control, logger: office.log)
        let test = try await office.intraTest(endpoints: 4, duration: "3s")
        let run = try await office.control.runs.start(test, by: .commandLine)
        for await event in try await office.control.runs.events(of: run.id, by: .commandLine) {
            if case .progress(let progress) = event.kind, progress.callsUp > 0 { break }
        }
        await exchange.server.shutdown()
        let view = try await office.control.runs.waitForEnd(of: run.id, by: .commandLine)
        let summary = try #require(view.summary)
        #expect(view.record.status.isFinal)
        #expect(summary.endpoints.total == 4)
        #expect(summary.diagnoses.contains { $0.cause == .serverStopped }, "\(summary.diagnoses)")
        #expect(summary.verdict == .failed)
        let usage = try await office.control.accounts.usage(of: office.registrar, by: .commandLine)
        #expect(usage.usage.free == 4)
        await crew.dismiss()

        // Nobody confirmed the un-REGISTER, so the next use of each account is told which Contact to remove first.
        let worker = ScriptedWorker()
        let (assignments, found) = AsyncStream.makeStream(of: SegmentAssignment.self)
        _ = worker.answer { frame, _ in if case .assign(let assignment) = frame { found.yield(assignment) } }
        await worker.attach(to: office.control)
        _ = try await office.control.runs.start(test, by: .commandLine)
        var iterator = assignments.makeAsyncIterator()
        let assignment = try #require(await iterator.next())
        #expect(assignment.endpoints.allSatisfy { $0.leftover?.contains("sip:user-") == true })
        worker.link.close()
    }

    @Test func `E4 E5 no password is in the database, its WAL, the log or the results`() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "callmeter-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let exchange = try await Exchange(accounts: 4)
        let office = try await Office(
            store: SQLiteStore(path: folder.appending(path: "data.db").path, hash: Fingerprint.sha256),
            port: exchange.server.address.port)
        try await office.importLines(Office.lines(4) + "broken:canary-broken:x\n")
        let crew = await Crew(for: office.control, logger: office.log)
        let test = try await office.intraTest(endpoints: 4)
        let run = try await office.control.runs.start(test, by: .commandLine)
        let view = try await office.control.runs.waitForEnd(of: run.id, by: .commandLine)
        #expect(view.record.status == .completed)
        let canaries = (1...4).map(Office.password) + ["canary-"]
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            let bytes = try Data(contentsOf: folder.appending(path: name))
            for canary in canaries {
                #expect(bytes.firstRange(of: Data(canary.utf8)) == nil, "\(canary) is in \(name)")
            }
        }
        let endpoints = try await office.control.runs.endpoints(of: run.id, by: .commandLine)
        let json = try JSONEncoder().encode(endpoints.items.map(\.result)) + JSONEncoder().encode(view.summary)
        #expect(!String(decoding: json, as: UTF8.self).contains("canary-"))
        #expect(office.log.text.count > 0 && !office.log.text.contains("canary-"))
        #expect(!"\(try await office.control.audit.entries(by: .commandLine))".contains("canary-"))
        await crew.dismiss()
        await exchange.server.shutdown()
    }
}
