// SPDX-License-Identifier: Apache-2.0

import API
import Domain
import HTTPTypes
import Testing

@testable import Web

/// Keys and audit log over HTTP.
@Suite struct VaultRoutesTests {
    @Test func `E1 keys change over HTTP, and accounts are as usable as before`() async throws {
        try await Harness().test { caller in
            let (_, registrar) = try await caller.prepare(accounts: 30)
            let before = try await caller.get("/vault").data(VaultState.self)
            #expect(before.dataKeys == 1 && before.source == "process" && before.rotations.isEmpty)
            let master = try await caller.post("/vault/master-key/rotate").data(MasterKeyChange.self)
            #expect(master.oldKey == before.masterKey && master.newKey != master.oldKey && master.dataKeys == 1)
            let change = try await caller.post("/registrars/\(registrar)/data-key/rotate").data(DataKeyChange.self)
            #expect(change.done && change.resealed == 30 && !change.takenUp && change.oldKeys.count == 1)
            let after = try await caller.get("/vault").data(VaultState.self)
            #expect(after.masterKey == master.newKey && after.dataKeys == 1)
            #expect(after.auditEntries > before.auditEntries && after.auditHead != before.auditHead)
            // The import seals under the new key.
            let report = try await caller.importLines("late:secret", into: registrar).data(API.ImportReport.self)
            #expect(report.created == 1)
            let again = try await caller.post("/registrars/\(registrar)/data-key/rotate").data(DataKeyChange.self)
            #expect(again.resealed == 31 && again.oldKeys == [change.newKey])
        }
    }

    @Test func `E1 a file for the new key is a plain name, and only where a folder was given`() async throws {
        try await Harness().test { caller in
            for name in ["../x.key", "/tmp/x.key", "x", ".x.key", "a/b.key"] {
                let answer = try await caller.post("/vault/master-key/rotate", #"{"newKeyFile":"\#(name)"}"#)
                #expect(answer.status == .badRequest, "\(name)")
            }
        }
    }

    @Test(arguments: [Role.viewer, .tester, .editor])
    func `E1 keys and audit log are for admins`(role: Role) async throws {
        try await Harness().test { caller in
            let (_, registrar) = try await caller.prepare(accounts: 1)
            for path in ["/vault", "/audit", "/audit/verify"] {
                #expect(try await caller.get(path, as: role).status == .forbidden, "\(path)")
            }
            for path in ["/vault/master-key/rotate", "/registrars/\(registrar)/data-key/rotate"] {
                #expect(try await caller.post(path, as: role).status == .forbidden, "\(path)")
            }
        }
    }

    @Test func `E6 the audit log is read and checked over HTTP, also against a head noted earlier`() async throws {
        try await Harness().test { caller in
            _ = try await caller.prepare(accounts: 2)
            let entries = try await caller.get("/audit").data([AuditRecord].self)
            #expect(entries.map(\.sequence) == (1...Int64(entries.count)).map { $0 })
            #expect(entries.contains { $0.action == "accounts.import" })
            let rest = try await caller.get("/audit?after=\(entries.count - 1)").data([AuditRecord].self)
            #expect(rest == [entries[entries.count - 1]])
            let check = try await caller.get("/audit/verify").data(AuditCheck.self)
            #expect(check.intact && check.head == entries.last?.hash && check.entries == entries.count)
            let noted = try await caller.get("/audit/verify?head=\(entries[1].hash)").data(AuditCheck.self)
            #expect(noted.intact && noted.notedAt == 2)
            let stranger = String(repeating: "ab", count: 32)
            let lost = try await caller.get("/audit/verify?head=\(stranger)").data(AuditCheck.self)
            #expect(!lost.intact && lost.problem?.contains("noted elsewhere") == true)
            #expect(try await caller.get("/audit/verify?head=12").status == .badRequest)
        }
    }
}
