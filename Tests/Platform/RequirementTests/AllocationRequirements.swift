// SPDX-License-Identifier: Apache-2.0

import API
import Bedrock
import ControlPlane
import Domain
import Foundation
import GRDB
import HTTPTypes
import PBX
import RunMetrics
import Runtime
import Store
import Synchronization
import Testing
import Vault
import WorkerLink

/// Requirements D1 to D5: who has which account, and until when.
@Suite(.timeLimit(.minutes(4))) struct AllocationRequirements {
    @Test
    func `D1 each group takes the first free accounts of its registrar in order of addition, in order of endpoints`()
        async throws
    {
        try await Lab.open { lab in
            let other = try await lab.secondRegistrar("sbc")
            _ = try await lab.bulk("zz:1\nmm:1\naa:1\n")
            _ = try await lab.add("kk", "1")
            _ = try await lab.bulk("s2:1\ns1:1\n", into: other)
            let worker = Listener(to: lab)
            await worker.attach()
            let groups = [Lab.group("x", 2), Lab.group("y", 1, at: "sbc"), Lab.group("z", 1)]
            let first = try await lab.start(try await lab.save("First", groups, duration: "1h"))
            #expect(try await worker.names(of: first) == ["zz", "mm", "s2", "aa"])
            let second = try await lab.start(
                try await lab.save("Second", [Lab.group("x", 1), Lab.group("y", 1, at: "sbc")], duration: "1h"))
            #expect(try await worker.names(of: second) == ["kk", "s1"])
            // One group without enough: the other group takes none either.
            let third = try await lab.start(
                try await lab.save("Third", [Lab.group("y", 1, at: "sbc"), Lab.group("x", 1)]))
            #expect(third.status == "FAILED")
            _ = try await lab.caller.post("/runs/\(first.id)/stop")
            try await lab.end(of: first)
            // What came back is the first again.
            let fourth = try await lab.start(try await lab.save("Fourth", [Lab.group("x", 2)], duration: "1h"))
            #expect(try await worker.names(of: fourth) == ["zz", "mm"])
            await worker.leave()
        }
    }

    @Test func `D2 no account is in two hands, across groups, runs and two control planes on one database`()
        async throws
    {
        try await Lab.open { lab in
            _ = try await lab.bulk((0..<100).map { "u\($0):p\n" }.joined())
            let test = try #require(
                TestID(try await lab.save("Seven", [Lab.group("a", 4), Lab.group("b", 3)], duration: "1h").id))
            let here = Listener(to: lab)
            await here.attach()
            // The second one takes up nothing that is open: it must not end the first one's runs.
            let replica = try await Office(
                store: SQLiteStore(path: lab.database, hash: Fingerprint.sha256),
                master: MasterKey.readOrCreate(path: lab.masterKey.path),
                starting: false)
            let there = Listener(to: replica)
            await there.attach()
            let planes = [lab.office.control, replica.control]
            let runs = await withTaskGroup(of: RunRecord?.self) { group in
                for number in 0..<20 {
                    group.addTask { try? await planes[number % 2].runs.start(test, by: .commandLine) }
                }
                return await group.reduce(into: []) { $0.append($1) }.compactMap { $0 }
            }
            let granted = runs.filter { $0.status != .failed }
            #expect(granted.count == 14, "100 accounts are enough for 14 runs of 7: \(runs.map(\.status))")
            #expect(runs.filter { $0.status == .failed }.allSatisfy { $0.failure?.code == "insufficient_sip_accounts" })
            let held = try lab.rows("SELECT account FROM lease")
            #expect(held.count == 98 && Set(held).count == 98)
            let twice = "UPDATE lease SET account = (SELECT account FROM lease ORDER BY account LIMIT 1)"
            #expect(lab.refusal(of: twice)?.contains("UNIQUE") == true, "the database itself sees to it")
            await replica.control.shutdown()
            await there.leave()
            await here.leave()
        }
    }

    @Test func `D3 an endpoint keeps its account for the whole run, whatever happens to the list meanwhile`()
        async throws
    {
        try await withWire((0..<6).map { PBXSubscriber("u\($0)", "p\($0)") }) { lab, _ in
            _ = try await lab.bulk("u0:p0\nu1:p1\nu2:p2\nu3:p3\n")
            let test = try await lab.save("Calls", [Lab.group("g", 4, callee: #""intra""#)], duration: "2s")
            let run = try await lab.start(test)
            let before = try lab.rows("SELECT endpoint, account, fence FROM lease ORDER BY endpoint")
            #expect(before.count == 4)
            _ = try await lab.caller.post(
                "/registrars/\(lab.registrar)/accounts/delete", #"{"all":true,"expectedCount":4}"#)
            _ = try await lab.bulk("u4:p4\nu5:p5\nu0:other\n")
            let events = try await lab.office.control.runs.events(of: #require(RunID(run.id)), by: .commandLine)
            for await event in events { if case .progress(let now) = event.kind, now.callsUp > 0 { break } }
            #expect(try lab.rows("SELECT endpoint, account, fence FROM lease ORDER BY endpoint") == before)
            let view = try await lab.end(of: run)
            #expect(
                view.summary?.endpoints.byOutcome == ["SUCCESS": 4], "\(String(describing: view.summary?.diagnoses))")
            let endpoints = try await lab.caller.get("/runs/\(run.id)/endpoints").data([API.Endpoint].self)
            #expect(endpoints.map(\.username) == ["u0", "u1", "u2", "u3"])
        }
    }

    @Test func `D4 too few: FAILED with its code, words and numbers before any SIP, and nothing stays allocated`()
        async throws
    {
        try await withWire([PBXSubscriber("a", "1"), PBXSubscriber("b", "2")]) { lab, exchange in
            _ = try await lab.bulk("a:1\nb:2\n")
            let test = try await lab.save("Three", [Lab.group("g", 3)])
            let answer = try await lab.caller.post("/tests/\(test.id)/runs")
            #expect(answer.status == .created)
            let run = try answer.data(API.Run.self)
            #expect(run.status == "FAILED")
            #expect(run.failureCode == "insufficient_sip_accounts")
            #expect(run.failure == "Insufficient SIP accounts: registrar pbx needs 3, has 2, missing 1")
            #expect(try lab.rows("SELECT 1 FROM lease").isEmpty)
            #expect(try await lab.usage().free == 2)
            #expect(await exchange.server.statistics()?.received == 0)
            // The control: with one fewer the same server does hear of it.
            #expect(try await lab.register(2, named: "Two") == ["a": .success, "b": .success])
            #expect(await exchange.server.statistics()?.received ?? 0 > 0)
        }
    }

    @Test func `D4 CANNOT_RUN_FOR_NOW is said for workers without room, and only for those`() async throws {
        try await Lab.open { lab in
            _ = try await lab.bulk("a:1\nb:2\n")
            let fits = try await lab.save("Fits", [Lab.group("g", 2)])
            let large = try await lab.save("Large", [Lab.group("g", 3)])
            // Nobody is there to play endpoints: with accounts it is the room, without them it is the accounts.
            let noRoom = try await lab.start(fits)
            #expect(noRoom.status == "CANNOT_RUN_FOR_NOW" && noRoom.failureCode == "no_worker_capacity")
            let noAccounts = try await lab.start(large)
            #expect(noAccounts.status == "FAILED" && noAccounts.failureCode == "insufficient_sip_accounts")
            #expect(try lab.rows("SELECT 1 FROM lease").isEmpty)
        }
    }

    /// How a run comes to its end.
    enum Ending: CaseIterable { case completed, stopped, workerRefuses, workerLost }

    @Test(arguments: Ending.allCases)
    func `D5 however a run ends, its accounts are released once and soon`(ending: Ending) async throws {
        try await Lab.open { lab in
            _ = try await lab.bulk("a:1\nb:2\n")
            let first = Mutex<RunID?>(nil)
            let worker = Listener(to: lab) { frame, link in
                // Only its first run ends in that way.
                guard
                    first.withLock({ known in
                        known = known ?? frame.run
                        return known == frame.run
                    })
                else { return Listener.usual(frame, link) }
                switch (frame, ending) {
                case (.assign(let assignment), .workerRefuses):
                    link.up.put(.refused(assignment.run, SegmentFailure(code: "no_descriptors", text: "too few")))
                case (.start(let run, _), .completed):
                    link.up.put(.stopped(run, StopProof(secretsHeld: 0, wasLocked: true, forced: 0), nil))
                case (.start, .workerLost): link.close()
                default: Listener.usual(frame, link)
                }
            }
            await worker.attach()
            let run = try await lab.start(try await lab.save("Ends", [Lab.group("g", 2)], duration: "1h"))
            if ending == .stopped { _ = try await lab.caller.post("/runs/\(run.id)/stop") }
            let asked = ContinuousClock.now
            let view = try await lab.end(of: run)
            #expect(view.record.status.isFinal)
            #expect(try lab.rows("SELECT 1 FROM lease").isEmpty)
            #expect(try await lab.usage(endpoints: 2).free == 2)
            #expect(ContinuousClock.now - asked < .seconds(30))
            // Released once: what the next run takes is not freed by anything that is late of this one.
            let next = ending == .workerLost ? Listener(to: lab) : worker
            if ending == .workerLost { await next.attach() }
            let heir = try await lab.start(try await lab.save("Next", [Lab.group("g", 2)], duration: "1h"))
            #expect(try await next.names(of: heir) == ["a", "b"])
            #expect(try await lab.office.store.release(view.record.id, by: "test") == 0)
            #expect(try lab.rows("SELECT 1 FROM lease").count == 2)
            await worker.leave()
            await next.leave()
        }
    }

    @Test func `D5 a Contact that was left behind is removed first, by exactly that Contact and Expires 0`()
        async throws
    {
        let socket = try SilentRegistrar()
        defer { socket.close() }
        try await Lab.open(port: socket.port) { lab in
            _ = try await lab.bulk("left:1\nfresh:2\n")
            let contact = "<sip:left@192.0.2.7:40004;transport=udp>;+sip.instance=\"<urn:x>\""
            let account = try await lab.accounts()[0]
            let later = UnixTime(nanoseconds: Int64(Date.now.timeIntervalSince1970 * 1e9) + 600_000_000_000)
            try await lab.office.store.record(
                [
                    RegistrationUpdate(
                        account: #require(AccountID(account.id)), registration: nil,
                        leftover: LeftoverContact(contact: contact, expiresAt: later))
                ], under: nil)
            let crew = await Crew(for: lab.office.control, logger: lab.office.log)
            let run = try await lab.start(try await lab.save("Two", [Lab.group("g", 2)], duration: "100ms"))
            let first = try await socket.firstRequests(from: ["left", "fresh"])
            let removal = try #require(first["left"])
            #expect(removal.contains("REGISTER sip:"))
            #expect(removal.contains("\r\nContact: \(contact)"))
            #expect(removal.contains("\r\nExpires: 0\r\n") || removal.contains("expires=0"))
            #expect(!removal.contains("Contact: *"))
            let usual = try #require(first["fresh"])
            #expect(!usual.contains("192.0.2.7") && !usual.contains("Expires: 0"))
            _ = try await lab.caller.post("/runs/\(run.id)/stop")
            try await lab.end(of: run)
            await crew.dismiss()
        }
    }
}
