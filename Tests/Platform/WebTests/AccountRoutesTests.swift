// SPDX-License-Identifier: Apache-2.0

import API
import Domain
import HTTPTypes
import Testing

@testable import Web

struct AccountRoutesTests {
    @Test func `an import reports created, skipped and failed lines with their reasons (B3, B5)`() async throws {
        try await Harness().test { caller in
            let (_, registrar) = try await caller.prepare(accounts: 1)
            let report = try await caller.importLines(
                "user1:other\nuser2:a\r\nbad\nuser2:b\n:x\n\na:b:c", into: registrar
            )
            .data(API.ImportReport.self)
            #expect(report.created == 1)
            #expect(report.skipped == 1)
            #expect(report.failed == 4)
            #expect(
                report.problems == [
                    LineProblem(
                        line: 1, username: "user1", reason: "the username exists on this registrar already; skipped"),
                    LineProblem(
                        line: 3, username: nil, reason: "the line has no colon between username and password"),
                    LineProblem(
                        line: 4, username: "user2", reason: "the username is on an earlier line of this import"),
                    LineProblem(line: 5, username: nil, reason: "the username is empty"),
                    LineProblem(line: 7, username: nil, reason: "the line has more than one colon"),
                ])
            #expect(report.failedByReason["no_colon"] == 1)
            #expect(!report.dryRun)
        }
    }

    @Test func `a dry run reports the same and stores nothing (B7)`() async throws {
        try await Harness().test { caller in
            let (_, registrar) = try await caller.prepare(accounts: 0)
            let report = try await caller.importLines("a:b\nc", into: registrar, dryRun: true).data(
                API.ImportReport.self)
            #expect(report.created == 1)
            #expect(report.failed == 1)
            #expect(report.dryRun)
            #expect(try await caller.get("/registrars/\(registrar)/accounts").data([API.Account].self).isEmpty)
        }
    }

    @Test func `B8 a list's format is told by its type or by ?format, and another type is refused with 415`()
        async throws
    {
        try await Harness().test { caller in
            let (_, registrar) = try await caller.prepare(accounts: 0)
            let path = "/api/v1/registrars/\(registrar)/accounts/import"
            let csv = try await caller.send(
                .post, path, "username,password,extension\na,\"1:\n2\",100\n",
                headers: [.contentType: "text/csv; charset=utf-8"])
            #expect(try csv.data(API.ImportReport.self).created == 1)
            let sipp = try await caller.send(
                .post, path + "?format=sipp", "USER\nb;[authentication password=x]\n",
                headers: [.contentType: "text/plain"])
            #expect(try sipp.data(API.ImportReport.self).created == 1)
            let named = try await caller.send(.post, path + "?format=csv", "username,password\nc,x", headers: [:])
            #expect(try named.data(API.ImportReport.self).created == 1)
            let accounts = try await caller.get("/registrars/\(registrar)/accounts").data([API.Account].self)
            #expect(accounts.map(\.username) == ["a", "b", "c"])
            #expect(accounts.map(\.extension) == ["100", nil, nil])
            let other = try await caller.send(.post, path, "a,b", headers: [.contentType: "application/xml"])
            #expect(other.status == .unsupportedMediaType)
            #expect(try await caller.send(.post, path + "?format=xls", "a:b").status == .badRequest)
            let headless = try await caller.send(.post, path, "d,canary\n", headers: [.contentType: "text/csv"])
            #expect(headless.status == .badRequest)
            #expect(try headless.error.message.contains("'username' is missing"))
            #expect(!headless.text.contains("canary"))
        }
    }

    @Test func `A5 a list is rotated by its route, all of it or nothing, by an editor`() async throws {
        try await Harness().test { caller in
            let (_, registrar) = try await caller.prepare(accounts: 3)
            let path = "/api/v1/registrars/\(registrar)/accounts/rotate"
            let before = try await caller.get("/registrars/\(registrar)/accounts").data([API.Account].self)
            let refused = try await caller.send(
                .post, path, "user1:new\nuser9:canary", headers: [.contentType: "text/plain"])
            let report = try refused.data(API.ImportReport.self)
            #expect(report.rotated == 0 && report.failed == 1 && report.created == 0)
            #expect(
                report.problems == [
                    LineProblem(line: 2, username: "user9", reason: "the registrar has no account of this username")
                ])
            #expect(report.failedByReason == ["username_unknown": 1])
            #expect(try await caller.get("/registrars/\(registrar)/accounts").data([API.Account].self) == before)
            let dry = try await caller.send(
                .post, path + "?dryRun=true", "username,password\nuser3,x", headers: [.contentType: "text/csv"])
            #expect(try dry.data(API.ImportReport.self).dryRun)
            let done = try await caller.send(
                .post, path, "user3:new\nuser1:newer\n", headers: [.contentType: "text/plain"])
            #expect(try done.data(API.ImportReport.self).rotated == 2)
            let after = try await caller.get("/registrars/\(registrar)/accounts").data([API.Account].self)
            #expect(after.map(\.position) == [1, 2, 3] && after[1] == before[1] && after[0].id != before[0].id)
            let viewer = try await caller.send(
                .post, path, "user1:x", as: .viewer, headers: [.contentType: "text/plain"])
            #expect(viewer.status == .forbidden)
        }
    }

    @Test func `one account is added with a colon in its password and never shows it (A3, A6)`() async throws {
        try await Harness().test { caller in
            let (_, registrar) = try await caller.prepare(accounts: 0)
            let made = try await caller.post(
                "/registrars/\(registrar)/accounts",
                #"{"username":"bob","password":"canary:\u0041\n\"","realm":"example.com","extension":null}"#)
            #expect(made.status == .created)
            #expect(!made.text.contains("canary"))
            let account = try made.data(API.Account.self)
            #expect(account.username == "bob")
            #expect(account.realm == "example.com")
            #expect(account.position == 1)
            #expect(try await caller.get("/accounts/\(account.id)").data(API.Account.self) == account)
            let second = try await caller.post(
                "/registrars/\(registrar)/accounts", #"{"username":"bob","password":"x"}"#)
            #expect(second.status == .conflict)
        }
    }

    @Test(arguments: [
        (#"{"username":"bob"}"#, "the key 'password' is missing"),
        (#"{"password":"canary"}"#, "the key 'username' is missing"),
        (#"{"username":"bob","password":"canary"#, "a string does not end"),
        (#"{"username":"bob","password":"canary\q"}"#, "an escape is not known"),
        (#"{"username":"bob","password":17}"#, "a string is expected"),
        (#"{"username":"bob","password":"canary"} x"#, "something follows the object"),
        (#"{"username":"bob","password":"canary","colour":"x"}"#, "unknown key"),
        (#"{"username":"bob","password":"a","password":"b"}"#, "stands twice"),
        (#"[]"#, "'{' is expected"), ("", "'{' is expected"),
    ])
    func `a wrong account body is explained and not quoted`(body: String, words: String) async throws {
        try await Harness().test { caller in
            let (_, registrar) = try await caller.prepare(accounts: 0)
            let answer = try await caller.post("/registrars/\(registrar)/accounts", body)
            #expect(answer.status == .badRequest)
            #expect(try answer.error.message.contains(words))
            #expect(!answer.text.contains("canary"))
        }
    }

    @Test func `accounts are listed by page, text and order`() async throws {
        try await Harness().test { caller in
            let (_, registrar) = try await caller.prepare(accounts: 12)
            let page = try await caller.get("/registrars/\(registrar)/accounts?perPage=5&page=3")
            #expect(try page.data([API.Account].self).map(\.username) == ["user11", "user12"])
            guard case .object(let whole) = try page.json, case .object(let meta) = whole["meta"] else {
                Issue.record("no envelope")
                return
            }
            #expect(meta["pagination"] == ["page": 3, "perPage": 5, "total": 12, "pages": 3])
            let found = try await caller.get("/registrars/\(registrar)/accounts?q=ser1&sort=-username")
            #expect(try found.data([API.Account].self).map(\.username) == ["user12", "user11", "user10", "user1"])
            #expect(try await caller.get("/registrars/\(registrar)/accounts?sort=colour").status == .badRequest)
            #expect(try await caller.get("/registrars/\(registrar)/accounts?page=minus").status == .badRequest)
        }
    }

    @Test func `usage says what is missing and how large a pool to keep (C5)`() async throws {
        try await Harness().test { caller in
            let (_, registrar) = try await caller.prepare(accounts: 2)
            let usage = try await caller.get("/registrars/\(registrar)/accounts/usage?endpoints=5")
                .data(API.AccountUsage.self)
            #expect(
                usage
                    == API.AccountUsage(
                        total: 2, inUse: 0, free: 2, needed: 5, missing: 3,
                        advice: "for tests of up to 5 endpoints keep 20 accounts"))
        }
    }

    @Test func `deletion asks for exactly one selection, and for the number meant`() async throws {
        try await Harness().test { caller in
            let (_, registrar) = try await caller.prepare(accounts: 3)
            let path = "/registrars/\(registrar)/accounts/delete"
            #expect(try await caller.post(path, "{}").status == .badRequest)
            #expect(try await caller.post(path, #"{"all":true}"#).status == .badRequest)
            #expect(try await caller.post(path, #"{"q":"","expectedCount":3}"#).status == .badRequest)
            let changed = try await caller.post(path, #"{"all":true,"expectedCount":2}"#)
            #expect(changed.status == .conflict)
            #expect(try changed.error.code == "count_changed")
            let report = try await caller.post(path, #"{"q":"user1","expectedCount":1}"#).data(
                AccountDeletionReport.self)
            #expect(report == AccountDeletionReport(deleted: 1, refusedCount: 0, refused: []))
            let all = try await caller.post(path, #"{"all":true,"expectedCount":2}"#).data(AccountDeletionReport.self)
            #expect(all.deleted == 2)
        }
    }
}
