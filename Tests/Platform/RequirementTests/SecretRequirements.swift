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
import Testing
import Vault
import WorkerLink

/// Requirements E1, E2, E4, E5 and E6; E3 is shown by a scan of a process's memory (Interop/memory-scan).
@Suite(.timeLimit(.minutes(4))) struct SecretRequirements {
    @Test func `E1 a sealed password opens only in its own account's row, and only under its master key`() async throws
    {
        try await withWire((1...3).map { PBXSubscriber("u\($0)", "canary-\($0)") }) { lab, exchange in
            _ = try await lab.bulk("u1:canary-1\nu2:canary-2\nu3:canary-3\n")
            let whole = try lab.rows("SELECT secret FROM account ORDER BY position")
            #expect(Set(whole).count == 3)
            // Moved to another row of the same registrar; then one bit changed.
            try lab.tamper(
                "UPDATE account SET secret = (SELECT secret FROM account WHERE username = 'u2') WHERE username = 'u1'")
            let test = try await lab.save("Moved", [Lab.group("g", 1)], duration: "100ms")
            for _ in 1...2 {
                let view = try await lab.end(of: lab.start(test))
                #expect(view.record.status == .failed)
                #expect(view.record.failure?.text.contains("canary") == false)
                #expect(try lab.rows("SELECT 1 FROM lease").isEmpty)
                try lab.tamper(
                    "UPDATE account SET secret = CAST(substr(secret, 1, length(secret) - 1) || x'00' AS BLOB) WHERE username = 'u1'"
                )
            }
            #expect(await exchange.server.statistics()?.received == 0)
            // A second installation with the same file and another master key.
            let other = try await Office(
                store: SQLiteStore(path: lab.database, hash: Fingerprint.sha256), starting: false)
            _ = try await lab.caller.send(.delete, "/api/v1/accounts/\(try await lab.accounts()[0].id)")
            let crew = await Crew(for: other.control, logger: other.log)
            let run = try? await other.control.runs.start(#require(TestID(test.id)), by: .commandLine)
            if let run {
                #expect(try await other.control.runs.waitForEnd(of: run.id, by: .commandLine).record.status == .failed)
            }
            #expect(await exchange.server.statistics()?.received == 0)
            await crew.dismiss()
            // The control: what was not touched opens where it belongs.
            #expect(try await lab.register(2, named: "Whole") == ["u2": .success, "u3": .success])
        }
    }

    @Test func `E1 the master key is in a file of its own for its owner alone, never in the database`() async throws {
        try await Lab.open { lab in
            _ = try await lab.bulk("a:canary-1\nb:canary-2\n")
            let key = Array(try Data(contentsOf: lab.masterKey))
            let attributes = try FileManager.default.attributesOfItem(atPath: lab.masterKey.path)
            #expect((attributes[.posixPermissions] as? Int) == 0o600)
            #expect(key.count == 32)
            let hex = key.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            let forms = [
                key, Array(hex.utf8), Array(hex.uppercased().utf8), Array(Data(key).base64EncodedString().utf8),
            ]
            #expect(try lab.files(holding: forms) == [])
            // Whoever may read it is checked again at each start.
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: lab.masterKey.path)
            #expect(throws: VaultError.self) { try MasterKey.readOrCreate(path: lab.masterKey.path) }
        }
    }

    @Test func `E2 a worker gets the passwords of a run it plays, sealed to its session's key, and no others`()
        async throws
    {
        try await Lab.open { lab in
            _ = try await lab.bulk("a:canary-1\nb:canary-2\nc:canary-3\n")
            let one = Listener(to: lab)
            let two = Listener(to: lab)
            await one.attach()
            let first = try await lab.start(try await lab.save("One", [Lab.group("g", 2)], duration: "1h"))
            let given = try await one.assignment(of: first)
            #expect(given.endpoints.map(\.username) == ["a", "b"])
            let bytes = given.endpoints.flatMap(\.sealed)
            #expect(Data(bytes).firstRange(of: Data("canary".utf8)) == nil)
            #expect(!"\(given)".contains("canary"))
            #expect(try Self.opened(given, with: one.key) == ["canary-1", "canary-2"])
            #expect(throws: (any Error).self) { try Self.opened(given, with: two.key) }
            // Another run's number or another fencing number: closed as well.
            var foreign = given
            foreign.fence += 1
            #expect(throws: (any Error).self) { try Self.opened(foreign, with: one.key) }
            // The same values sealed for another endpoint of the run: closed.
            var swapped = given
            (swapped.endpoints[0].sealed, swapped.endpoints[1].sealed) = (
                given.endpoints[1].sealed, given.endpoints[0].sealed
            )
            #expect(throws: (any Error).self) { try Self.opened(swapped, with: one.key) }
            _ = try await lab.caller.post("/runs/\(first.id)/stop")
            try await lab.end(of: first)
            await one.leave()
            // Who came later was told nothing of it; a run of its own is sealed to its own key.
            await two.attach()
            let second = try await lab.start(try await lab.save("Two", [Lab.group("g", 1)], duration: "1h"))
            let later = try await two.assignment(of: second)
            #expect(try Self.opened(later, with: two.key) == ["canary-1"])
            #expect(later.encapsulatedKey != given.encapsulatedKey)
            await two.leave()
        }
    }

    /// The passwords of an assignment, as the worker with this key reads them.
    private static func opened(_ assignment: SegmentAssignment, with key: SessionKey) throws -> [String] {
        let arena = SecretArena()
        var opener = try key.opener(
            encapsulatedKey: assignment.encapsulatedKey,
            context: SegmentAssignment.sealingContext(run: assignment.run, fence: assignment.fence))
        var found: [String] = []
        for endpoint in assignment.endpoints {
            let handle = try opener.open(endpoint.sealed, kind: endpoint.kind, endpoint: endpoint.index, into: arena)
            found.append(arena.withBytes(of: handle) { String(decoding: $0, as: UTF8.self) })
        }
        return found
    }

    @Test func `E4 no answer, error, log line, metric or page holds a password, a digest answer or a key`() async throws
    {
        try await withWire([PBXSubscriber("good", "canary-Good1"), PBXSubscriber("bad", "canary-Other")]) { lab, _ in
            var answers = [
                try await lab.add("good", "canary-Good1").text, try await lab.add("bad", "canary-Wrong2").text,
                try await lab.add("good", "canary-Again3").text, try await lab.add("x y", "canary-Name4").text,
                try await lab.add("long", String(repeating: "canary-Long5", count: 100)).text,
                try await lab.caller.post(
                    "/registrars/\(lab.registrar)/accounts", #"{"username":"u","password":"canary-6"#
                ).text,
                try await lab.caller.post("/registrars/\(lab.registrar)/accounts", #"{"canary-7":"u"}"#).text,
                try await lab.caller.importLines(
                    "canary-8\nu:canary-9:x\n:canary-10\nbad:canary-11\n", into: lab.registrar
                ).text,
            ]
            let test = try await lab.save("Both", [Lab.group("g", 2, callee: #""intra""#)], duration: "200ms")
            let run = try await lab.start(test)
            let view = try await lab.end(of: run)
            #expect(view.summary?.endpoints.byOutcome["REGISTRATION_FAILED"] == 1)
            for path in [
                "/api/v1/runs/\(run.id)", "/api/v1/runs/\(run.id)/endpoints?perPage=500",
                "/api/v1/runs/\(run.id)/endpoints/0",
                "/api/v1/runs/\(run.id)/endpoints/1", "/api/v1/tests/\(test.id)",
                "/api/v1/registrars/\(lab.registrar)/accounts", "/metrics", "/", "/runs/\(run.id)",
            ] {
                answers.append(try await lab.caller.send(.get, path).text)
            }
            let log = lab.office.log.text
            #expect(!log.isEmpty)
            let keys = lab.caller.keys.values
            for text in answers + [log, "\(try await lab.audit())", "\(view)"] {
                #expect(!text.isEmpty)
                #expect(!text.contains("canary"))
                // A digest answer is 32 hexadecimal digits after `response=`.
                #expect(text.firstMatch(of: /response\s*[=:]\s*\\?"?[0-9a-f]{32}/) == nil)
                for key in keys { #expect(!text.contains(key)) }
            }
        }
    }

    @Test func `E5 no file of the database holds a password while accounts are imported, used, and deleted`()
        async throws
    {
        try await withWire((0..<20).map { PBXSubscriber("u\($0)", "canary-\($0)-Kd") }) { lab, _ in
            let words = (0..<20).map { "canary-\($0)-Kd" }
            let needles = words.flatMap { word in
                [
                    Array(word.utf8), Array(word.utf8.map { String($0, radix: 16) }.joined().utf8),
                    Array(Data(word.utf8).base64EncodedString().dropLast(4).utf8),
                ]
            }
            // The search finds what is there.
            try Data(needles[1]).write(to: lab.folder.appending(path: "control"))
            #expect(try lab.files(holding: needles) == ["control"])
            try FileManager.default.removeItem(at: lab.folder.appending(path: "control"))

            let bytes = Array(words.enumerated().map { "u\($0.offset):\($0.element)\n" }.joined().utf8)
            let source = pieces(of: bytes, atOnce: 100)
            _ = try await lab.office.control.accounts.importLines(
                into: lab.office.registrar, dryRun: false, by: .commandLine
            ) { page in
                #expect(try lab.files(holding: needles) == [])
                return try await source(page)
            }
            _ = try await lab.bulk("bad canary-1-Kd\nu1:canary-2-Kd\n")
            #expect(try await lab.register(20, named: "All").values.allSatisfy { $0 == .success })
            #expect(try lab.files(holding: needles) == [])
            try lab.tamper("VACUUM INTO '\(lab.folder.appending(path: "copy.sqlite").path)'", inTransaction: false)
            _ = try await lab.caller.post(
                "/registrars/\(lab.registrar)/accounts/delete", #"{"all":true,"expectedCount":20}"#)
            #expect(try lab.files(holding: needles) == [])
        }
    }

    @Test func `E6 every use of secrets is in a log that can only grow: who, what, when, never the value`() async throws
    {
        try await withWire([PBXSubscriber("a", "canary-1"), PBXSubscriber("b", "canary-2")]) { lab, _ in
            let before = UnixTime(nanoseconds: Int64(Date.now.timeIntervalSince1970 * 1e9) - 1_000_000_000)
            let first = try await lab.add("a", "canary-1").data(API.Account.self)
            _ = try await lab.bulk("b:canary-2\nc:canary-3\n")
            let run = try await lab.start(try await lab.save("Two", [Lab.group("g", 2)], duration: "100ms"))
            try await lab.end(of: run)
            _ = try await lab.caller.send(.delete, "/api/v1/accounts/\(first.id)")
            _ = try await lab.caller.send(.delete, "/api/v1/registrars/\(lab.registrar)")
            let log = try await lab.audit()
            let mine = log.filter { $0.at >= before && $0.who.hasPrefix("key ") }
            #expect(
                mine.map(\.action).filter {
                    $0.hasPrefix("accounts.") || $0.hasPrefix("registrars.") || $0 == "runs.start"
                }
                    == [
                        "accounts.add", "accounts.import", "runs.start", "accounts.allocate", "accounts.delete",
                        "registrars.delete",
                    ])
            for action in ["secrets.lend", "accounts.allocate", "accounts.release"] {
                let entry = log.first { $0.action == action }
                #expect(entry?.subject == "run \(run.id)", "\(action)")
                #expect((entry?.at ?? before) > before, "\(action)")
            }
            #expect(log.allSatisfy { !$0.who.isEmpty && !$0.subject.isEmpty && $0.at.nanoseconds > 0 })
            #expect(zip(log, log.dropFirst()).allSatisfy { $0.sequence < $1.sequence })
            #expect(!"\(log)".contains("canary"))
            for change in [
                "UPDATE audit SET who = 'nobody'", "DELETE FROM audit", "DELETE FROM audit WHERE sequence = 1",
            ] {
                #expect(lab.refusal(of: change)?.contains("append-only") == true)
            }
            #expect(try await lab.audit() == log)
        }
    }
}
