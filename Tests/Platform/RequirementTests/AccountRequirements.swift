// SPDX-License-Identifier: Apache-2.0

import API
import ControlPlane
import Domain
import Foundation
import HTTPTypes
import RunMetrics
import Testing

/// Requirements A1 to A7, through the API of a whole installation.
@Suite(.timeLimit(.minutes(3))) struct AccountRequirements {
    @Test func `A1 an account has username, password, optional realm and extension, and one registrar`() async throws {
        try await Lab.open { lab in
            let other = try await lab.secondRegistrar()
            let plain = try await lab.add("1001", "P@ssw0rd123").data(API.Account.self)
            #expect(plain.username == "1001" && plain.realm == nil && plain.extension == nil)
            let full = try await lab.add(
                "sip.alice", "P@ssw0rd124", realm: "sip.example.com", extension: "2001", to: other
            ).data(API.Account.self)
            #expect(full.username == "sip.alice" && full.realm == "sip.example.com" && full.extension == "2001")
            #expect(try await lab.accounts() == [plain])
            #expect(try await lab.accounts(of: other) == [full])
            // It cannot stand without a registrar, nor hang on one that is not there.
            for value in ["NULL", "-1"] {
                let adrift = "UPDATE account SET pool = \(value)"
                #expect(lab.refusal(of: adrift)?.contains("constraint failed") == true)
            }
            // It goes with its registrar, and only with that.
            #expect(try await lab.caller.send(.delete, "/api/v1/registrars/\(other)").status == .ok)
            #expect(try await lab.caller.get("/accounts/\(full.id)").status == .notFound)
            #expect(try await lab.accounts() == [plain])
        }
    }

    @Test func `A1 the realm and the extension of an account are what its endpoint uses`() async throws {
        try await withWire([
            PBXSubscriber("auth-1", "one", address: "8001"), PBXSubscriber("auth-2", "two"),
            PBXSubscriber("auth-3", "three"),
        ]) { lab, _ in
            _ = try await lab.add("auth-1", "one", realm: "callmeter", extension: "8001")
            _ = try await lab.add("auth-2", "two", realm: "callmeter", extension: "8002")
            _ = try await lab.add("auth-3", "three", realm: "another")
            let outcomes = try await lab.register(3, named: "Realms")
            // The second's extension is nobody's address, the third's realm is not the one that is offered.
            #expect(
                outcomes == [
                    "auth-1": .success, "auth-2": .registrationFailed, "auth-3": .registrationFailed,
                ])
        }
    }

    @Test func `A2 a username that is empty or holds whitespace, a colon or a control character is refused`()
        async throws
    {
        try await Lab.open { lab in
            for (name, reason) in [
                ("", "empty"), (" ", "whitespace"), ("a b", "whitespace"), (" a", "whitespace"), ("a\t", "whitespace"),
                ("a\u{A0}b", "whitespace"), ("a\u{2003}b", "whitespace"), ("a\u{2028}b", "whitespace"),
                ("a:b", "colon"), (":", "colon"), ("a\u{0}b", "control character"), ("a\u{1F}", "control character"),
                ("\u{7F}", "control character"), ("a\u{9F}b", "control character"),
            ] {
                let answer = try await lab.add(name, "P@ssw0rd123")
                #expect(answer.status == .badRequest)
                #expect(try answer.error.message.contains(reason), "\(Array(name.utf8)): \(answer.text)")
                #expect(!answer.text.contains("P@ssw0rd123"))
            }
            #expect(try await lab.accounts().isEmpty)
        }
    }

    @Test func `A2 a username is unique within its registrar, case-sensitive, byte by byte; another may have it`()
        async throws
    {
        try await Lab.open { lab in
            let names = ["Bob", "bob", "BOB", "caf\u{E9}", "cafe\u{301}"]
            for name in names { #expect(try await lab.add(name, "x").status == .created) }
            for name in names {
                let again = try await lab.add(name, "y")
                #expect(again.status == .conflict)
                #expect(try again.error.code == "name_taken")
            }
            #expect(try await lab.accounts().map { Array($0.username.utf8) } == names.map { Array($0.utf8) })
            let other = try await lab.secondRegistrar()
            #expect(try await lab.add("bob", "z", to: other).status == .created)
            #expect(try await lab.bulk("Bob:1\ncaf\u{E9}:2\n", into: other).created == 2)
            // What the code forgets, the database refuses.
            let twice = "UPDATE account SET username = 'bob' WHERE username = 'Bob'"
            #expect(lab.refusal(of: twice)?.contains("UNIQUE") == true)
        }
    }

    @Test func `A2 username and realm have at most 255 bytes, the password 1,024, each with an error of its own`()
        async throws
    {
        try await Lab.open { lab in
            // Bytes are counted, not letters: "é" has two.
            let name = String(repeating: "é", count: 127) + "u"
            let realm = String(repeating: "r", count: 255)
            let password = String(repeating: "p", count: 1_024)
            #expect(try await lab.add(name, password, realm: realm).status == .created)
            for (answer, words) in [
                (try await lab.add(name + "u", password), "the username is longer than 255 bytes"),
                (try await lab.add("a", password, realm: realm + "r"), "the realm is longer than 255 bytes"),
                (try await lab.add("b", password + "p"), "the password is longer than 1024 bytes"),
            ] {
                #expect(answer.status == .badRequest)
                #expect(try answer.error.message == words)
            }
            let report = try await lab.bulk("\(name)v:x\nc:\(password)p\nd:\(password)\n")
            #expect(report.created == 1)
            #expect(report.failedByReason == ["username_too_long": 1, "password_too_long": 1])
        }
    }

    @Test func `A3 any password that is not empty is kept exactly as it is, as the server that knows it says`()
        async throws
    {
        let singly = [
            "P@ssw0rd123", " leading", "trailing ", "\ttab\t", "a:b:c", ":", "пароль€😀", "caf\u{E9}", "cafe\u{301}",
            "nul\u{0}inside", "line\nend", "return\r", "quote\"and'\\", "0x41", "%41", "\u{FEFF}mark", "\u{7F}",
            String(repeating: "long", count: 256),
        ]
        // Without an end-of-line or a colon they may come in bulk as well.
        let bulk = singly.filter { !$0.contains(":") && !$0.contains("\n") && !$0.contains("\r") }
        let subscribers =
            singly.enumerated().map { PBXSubscriber("s\($0.offset)", $0.element) }
            + bulk.enumerated().map { PBXSubscriber("b\($0.offset)", $0.element) }
        try await withWire(subscribers) { lab, _ in
            for (number, password) in singly.enumerated() {
                #expect(try await lab.add("s\(number)", password).status == .created, "password \(number)")
            }
            let lines = bulk.enumerated().map { "b\($0.offset):\($0.element)\r\n" }.joined()
            #expect(try await lab.bulk(lines).created == bulk.count)
            let outcomes = try await lab.register(subscribers.count, named: "Exact")
            #expect(outcomes.count == subscribers.count)
            #expect(outcomes.filter { $0.value != .success }.isEmpty)
        }
    }

    @Test func `A3 an empty password and one that is not UTF-8 are refused; a trimmed one would be another`()
        async throws
    {
        try await withWire([PBXSubscriber("padded", "secret")]) { lab, _ in
            #expect(try await lab.add("empty", "").error.message == "the password is empty")
            #expect(try await lab.bulk("empty:\n").failedByReason == ["password_empty": 1])
            let bytes = Array("raw:ab".utf8) + [0xFF]
            let report = try await lab.office.control.accounts.importLines(
                into: lab.office.registrar, dryRun: false, by: .commandLine, reading: pieces(of: bytes))
            #expect(report.counts.map(\.reason.code) == ["password_not_utf8"])
            // The control of the test before: one blank more, and the server refuses it.
            _ = try await lab.add("padded", "secret ")
            #expect(try await lab.register(1, named: "Padded") == ["padded": .registrationFailed])
        }
    }

    @Test func `A4 accounts are added singly and in bulk, listed by page, filtered and sorted`() async throws {
        try await Lab.open { lab in
            _ = try await lab.add("zoe", "x")
            _ = try await lab.bulk((1...60).map { "cm-test-\($0):p\($0)\n" }.joined())
            #expect(try await lab.accounts("").count == 25)
            #expect(
                try await lab.accounts("perPage=500").map(\.username).prefix(3) == ["zoe", "cm-test-1", "cm-test-2"])
            #expect(try await lab.accounts("page=3&perPage=25").count == 11)
            #expect(try await lab.accounts("q=test-6").map(\.username) == ["cm-test-6", "cm-test-60"])
            #expect(try await lab.accounts("sort=-username&perPage=1").map(\.username) == ["zoe"])
            #expect(try await lab.accounts("sort=-position&perPage=1").map(\.username) == ["cm-test-60"])
            // What stands for any text in SQL stands for itself here.
            #expect(try await lab.accounts("q=%25").isEmpty)
            #expect(try await lab.accounts("q=_").isEmpty)
            #expect(try await lab.caller.get("/registrars/\(lab.registrar)/accounts?perPage=0").status.code < 500)
        }
    }

    @Test func `A4 one, many, or all that match are deleted, after the number was confirmed`() async throws {
        try await Lab.open { lab in
            _ = try await lab.bulk((1...30).map { "u\($0):p\n" }.joined())
            let path = "/registrars/\(lab.registrar)/accounts/delete"
            let ids = try await lab.accounts().map(\.id)
            #expect(try await lab.caller.send(.delete, "/api/v1/accounts/\(ids[0])").status == .ok)
            #expect(try await lab.caller.send(.delete, "/api/v1/accounts/\(ids[0])").status == .notFound)
            let many = try await lab.caller.post(path, #"{"ids":["\#(ids[1])","\#(ids[2])"]}"#)
            #expect(try many.data(AccountDeletionReport.self).deleted == 2)
            // u10…u19; another number than was looked at deletes none of them.
            for wrong in [#"{"q":"u1","expectedCount":11}"#, #"{"all":true,"expectedCount":26}"#] {
                let answer = try await lab.caller.post(path, wrong)
                #expect(answer.status == .conflict)
                #expect(try answer.error.code == "count_changed")
            }
            for without in [#"{"q":"u1"}"#, #"{"all":true}"#, "{}", #"{"q":"","expectedCount":27}"#] {
                #expect(try await lab.caller.post(path, without).status == .badRequest)
            }
            #expect(try await lab.accounts().count == 27)
            let matching = try await lab.caller.post(path, #"{"q":"u1","expectedCount":10}"#)
            #expect(try matching.data(AccountDeletionReport.self).deleted == 10)
            let all = try await lab.caller.post(path, #"{"all":true,"expectedCount":17}"#)
            #expect(try all.data(AccountDeletionReport.self).deleted == 17)
            #expect(try await lab.accounts().isEmpty)
        }
    }

    @Test func `A5 no answer to any request gives a password back, and no request edits an account in place`()
        async throws
    {
        try await Lab.open { lab in
            let account = try await lab.add("bob", "canary-Zx81:q", realm: "r").data(API.Account.self)
            _ = try await lab.bulk("amy:canary-Zx82\nbad canary-Zx83\namy:canary-Zx84\nbob:canary-Zx85\n")
            let test = try await lab.save("T", [Lab.group("g", 1)])
            for (path, _) in try Description.operations() where !path.contains("events") {
                let filled =
                    path.replacing("{project}", with: lab.project).replacing("{registrar}", with: lab.registrar)
                    .replacing("{account}", with: account.id).replacing("{test}", with: test.id)
                    .replacing(/\{\w+\}/, with: String(repeating: "0", count: 26))
                let isHealth = ["/healthz", "/readyz", "/metrics"].contains(path)
                let answer = try await lab.caller.send(.get, (isHealth ? "" : "/api/v1") + filled)
                #expect(!answer.text.contains("canary"), "\(path)")
            }
            for method in [HTTPRequest.Method.put, .patch, .post] {
                for body in [#"{"password":"new"}"#, #"{"realm":"new"}"#, #"{"username":"new"}"#] {
                    let answer = try await lab.caller.send(method, "/api/v1/accounts/\(account.id)", body)
                    #expect([404, 405].contains(answer.status.code), "\(method)")
                }
            }
            #expect(try await lab.accounts().first == account)
            // Adding what is there already does not change it either.
            #expect(try await lab.add("bob", "new").status == .conflict)
            #expect(try await lab.bulk("bob:new\n").skipped == 1)
            // The description of the routes promises the same.
            #expect(!(try Description.operations().contains { $0.path.contains("/accounts/{account}") && $0.edits }))
        }
    }

    @Test func `A6 the list shows username, realm, time, run and last registration, and nothing of the password`()
        async throws
    {
        try await withWire([PBXSubscriber("short", "x"), PBXSubscriber("wrong", "right")]) { lab, _ in
            let before = UnixText.now()
            let first = try await lab.add("short", "x").data(API.Account.self)
            let second = try await lab.add("wrong", String(repeating: "y", count: 1_000), realm: "callmeter")
                .data(API.Account.self)
            #expect(first.createdAt >= before && first.createdAt.prefix(19) <= UnixText.now())
            let fresh = try await lab.caller.get("/registrars/\(lab.registrar)/accounts").json
            guard case .object(let envelope) = fresh, case .array(let items) = envelope["data"] else {
                Issue.record("no list")
                return
            }
            let shown: Set<String> = [
                "id", "position", "username", "realm", "extension", "createdAt", "inUseBy", "lastRegistration",
            ]
            for case .object(let item) in items { #expect(Set(item.keys).isSubset(of: shown)) }
            // A password of one byte and one of a thousand cannot be told apart, but for the fields that were chosen.
            var twin = second
            (twin.id, twin.position, twin.username, twin.realm, twin.createdAt) =
                (first.id, first.position, first.username, first.realm, first.createdAt)
            #expect(twin == first)

            let run = try await lab.start(try await lab.save("Long", [Lab.group("g", 2)], duration: "1h"))
            #expect(try await lab.accounts().map(\.inUseBy) == [run.id, run.id])
            _ = try await lab.caller.post("/runs/\(run.id)/stop")
            try await lab.end(of: run)
            #expect(try await lab.register(2, named: "Short") == ["short": .success, "wrong": .registrationFailed])
            let after = try await lab.accounts()
            #expect(after.map(\.inUseBy) == [nil, nil])
            #expect(after[0].lastRegistration?.result == "registered")
            #expect(after[1].lastRegistration?.result.hasPrefix("401") == true)
            #expect((after[1].lastRegistration?.at ?? "") >= before)
        }
    }

    @Test func `A7 what a live run holds is not deleted, and the answer names the run`() async throws {
        try await withWire([PBXSubscriber("a", "1"), PBXSubscriber("b", "2")]) { lab, _ in
            _ = try await lab.bulk("a:1\nb:2\nc:3\n")
            let ids = try await lab.accounts().map(\.id)
            let run = try await lab.start(try await lab.save("Long", [Lab.group("g", 2)], duration: "1h"))
            let path = "/registrars/\(lab.registrar)/accounts/delete"
            for body in [
                #"{"all":true,"expectedCount":3}"#, #"{"ids":["\#(ids[0])","\#(ids[1])"]}"#,
                #"{"q":"a","expectedCount":1}"#,
            ] {
                let report = try await lab.caller.post(path, body).data(AccountDeletionReport.self)
                #expect(report.refusedCount > 0)
                #expect(report.refused.allSatisfy { $0.heldBy == run.id })
            }
            for path in ["/accounts/\(ids[0])", "/registrars/\(lab.registrar)", "/projects/\(lab.project)"] {
                let single = try await lab.caller.send(.delete, "/api/v1\(path)")
                #expect(single.status == .conflict)
                #expect(single.text.contains(run.id), "\(path): \(single.text)")
            }
            // The one that nobody holds went; the held ones are all there.
            #expect(try await lab.accounts().map(\.username) == ["a", "b"])
            #expect(lab.refusal(of: "DELETE FROM account WHERE username = 'a'")?.contains("FOREIGN KEY") == true)
            _ = try await lab.caller.post("/runs/\(run.id)/stop")
            try await lab.end(of: run)
            let all = try await lab.caller.post(path, #"{"all":true,"expectedCount":2}"#)
            #expect(try all.data(AccountDeletionReport.self).deleted == 2)
        }
    }

    @Test func `A7 results keep the username after the account, its test and its registrar are gone`() async throws {
        try await withWire([PBXSubscriber("kept-name", "1")]) { lab, _ in
            _ = try await lab.bulk("kept-name:1\n")
            let test = try await lab.save("Once", [Lab.group("g", 1)], duration: "100ms")
            let run = try await lab.start(test)
            try await lab.end(of: run)
            let before = try await lab.caller.get("/runs/\(run.id)/endpoints").data([API.Endpoint].self)
            #expect(before.map(\.username) == ["kept-name"])
            let detail = try await lab.caller.get("/runs/\(run.id)").json
            for path in ["/accounts/\(try await lab.accounts()[0].id)", "/registrars/\(lab.registrar)"] {
                #expect(try await lab.caller.send(.delete, "/api/v1\(path)").status == .ok)
            }
            #expect(try await lab.caller.get("/runs/\(run.id)/endpoints").data([API.Endpoint].self) == before)
            let after = try await lab.caller.get("/runs/\(run.id)").json
            #expect(after.field("data") == detail.field("data"))
            #expect(try await lab.caller.send(.delete, "/api/v1/tests/\(test.id)").status == .ok)
            #expect(try await lab.caller.get("/runs/\(run.id)/endpoints").data([API.Endpoint].self) == before)
        }
    }
}
