// SPDX-License-Identifier: Apache-2.0

import API
import Bedrock
import ControlPlane
import Domain
import Foundation
import GRDB
import HTTPTypes
import RunMetrics
import Testing

/// Requirements E1 and E6 once more: keys that are changed while everything goes on, and the log that cannot be changed unseen.
@Suite(.timeLimit(.minutes(3))) struct KeyRequirements {
    @Test func `E1 data and master keys are changed while a run goes on, and every password opens under the new ones`()
        async throws
    {
        let users = (0..<40).map { PBXSubscriber("u\($0)", "canary-\($0)") }
        try await withWire(users) { lab, _ in
            _ = try await lab.bulk((0..<40).map { "u\($0):canary-\($0)\n" }.joined())
            let before = try lab.rows("SELECT username, secret FROM account ORDER BY position")
            let dataKeys = try lab.rows("SELECT id FROM data_key")
            let key = try Data(contentsOf: lab.masterKey)
            let run = try await lab.start(try await lab.save("Meanwhile", [Lab.group("g", 10)], duration: "1h"))
            for path in ["/registrars/\(lab.registrar)/data-key/rotate", "/vault/master-key/rotate"] {
                let answer = try await lab.caller.post(path)
                #expect(answer.status == .ok, "\(path): \(answer.text)")
                #expect(!answer.text.contains("canary"))
                #expect(try await lab.caller.post(path, as: .editor).status == .forbidden)
            }
            let after = try lab.rows("SELECT username, secret FROM account ORDER BY position")
            #expect(zip(before, after).allSatisfy { $0 != $1 } && before.count == after.count)
            #expect(Set(try lab.rows("SELECT id FROM data_key")).isDisjoint(with: dataKeys))
            #expect(try lab.files(holding: [Array(key)]) == [])
            // The run did not notice, nothing was deleted, and all forty register with what they always had.
            #expect(try await lab.caller.get("/runs/\(run.id)").data(API.Run.self).status != "FAILED")
            _ = try await lab.caller.post("/runs/\(run.id)/stop")
            try await lab.end(of: run)
            let outcomes = try await lab.register(40, named: "Anew")
            #expect(outcomes.count == 40 && outcomes.values.allSatisfy { $0 == .success })
            #expect(try await lab.bulk("new:one\n").created == 1)
        }
    }

    @Test func `E1 a registrar's deletion takes its key along, so what was sealed under it never opens again`()
        async throws
    {
        try await Lab.open { lab in
            let other = try await lab.secondRegistrar()
            _ = try await lab.bulk((0..<50).map { "u\($0):canary-\($0)\n" }.joined())
            _ = try await lab.bulk("kept:1\n", into: other)
            let place = "x'\(try lab.hexadecimal(of: lab.registrar))'"
            let keys = try lab.rows("SELECT sealed FROM data_key WHERE registrar = \(place)")
            let wrapped = try #require(keys.first?["sealed"] as Data?)
            let needles = [Array(wrapped.suffix(40))]
            #expect(!(try lab.files(holding: needles)).isEmpty)
            #expect(try await lab.caller.send(.delete, "/api/v1/registrars/\(lab.registrar)").status == .ok)
            // Neither in the file nor in the log beside it.
            #expect(try lab.files(holding: needles) == [])
            #expect(try lab.rows("SELECT 1 FROM account").count == 1)
        }
    }

    @Test func `E6 the log is a chain: an entry that was changed or taken out behind its back is found`() async throws {
        try await Lab.open { lab in
            _ = try await lab.bulk("a:1\n")
            let sound = try await lab.caller.get("/audit/verify")
            #expect(sound.status == .ok)
            #expect(try sound.json.field("data")?.field("intact") == .bool(true), "\(sound.text)")
            #expect(try await lab.caller.get("/audit/verify", as: .editor).status == .forbidden)
            let listed = try await lab.caller.get("/audit?after=0")
            #expect(listed.text.contains("accounts.import") && listed.text.contains("key "))
            // Whoever can write the file can drop the triggers; the chain still tells.
            try lab.tamper(
                "DROP TRIGGER audit_unchanged; UPDATE audit SET who = 'nobody' WHERE action = 'accounts.import'")
            let changed = try await lab.caller.get("/audit/verify")
            #expect(try changed.json.field("data")?.field("intact") == .bool(false), "\(changed.text)")
        }
    }
}

extension Lab {
    /// The bytes of an identifier, as SQL writes them.
    func hexadecimal(of id: String) throws -> String {
        try #require(RegistrarID(id)).bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
