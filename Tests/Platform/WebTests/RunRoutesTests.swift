// SPDX-License-Identifier: Apache-2.0

import API
import ControlPlane
import Domain
import Foundation
import HTTPTypes
import HummingbirdTesting
import Testing

@testable import Web

struct RunRoutesTests {
    @Test func `too few accounts give a run that FAILED with the numbers, 201 (D4)`() async throws {
        try await Harness().test { caller in
            let (project, registrar) = try await caller.prepare(accounts: 20)
            let test = try await caller.post("/projects/\(project)/tests", Caller.definition(endpoints: 21))
                .data(API.Test.self)
            let answer = try await caller.post("/tests/\(test.id)/runs")
            #expect(answer.status == .created)
            let run = try answer.data(API.Run.self)
            #expect(run.status == "FAILED")
            #expect(run.failureCode == "insufficient_sip_accounts")
            #expect(run.failure == "Insufficient SIP accounts: registrar pbx needs 21, has 20, missing 1")
            let detail = try await caller.get("/runs/\(run.id)").data(RunDetail<RunSummary>.self)
            #expect(detail.run == run)
            #expect(detail.summary?.verdict == .failed)
            #expect(detail.summary?.schemaVersion == RunSummary.currentSchemaVersion)
            let usage = try await caller.get("/registrars/\(registrar)/accounts/usage").data(API.AccountUsage.self)
            #expect(usage.inUse == 0)
            #expect(try await caller.get("/tests/\(test.id)/runs").data([API.Run].self).map(\.id) == [run.id])
            #expect(try await caller.get("/runs/\(run.id)/endpoints").data([API.Endpoint].self).isEmpty)
            #expect(try await caller.get("/runs/\(run.id)/endpoints/0").status == .notFound)
            #expect(try await caller.post("/runs/\(run.id)/stop").data(API.Run.self).status == "FAILED")
        }
    }

    @Test func `a finished run comes in each format, and an unknown one is named`() async throws {
        try await Harness().test { caller in
            let (project, _) = try await caller.prepare(accounts: 1)
            let test = try await caller.post("/projects/\(project)/tests", Caller.definition(endpoints: 2))
                .data(API.Test.self)
            let run = try await caller.post("/tests/\(test.id)/runs").data(API.Run.self)
            let starts = [
                "json": "{", "csv": "index,group,username", "seconds": "second,", "junit": "<?xml version=\"1.0\"",
                "html": "<!DOCTYPE html>", "sipp": "StartTime;LastResetTime;",
            ]
            #expect(Set(starts.keys) == Set(RunExport.Format.allCases.map(\.rawValue)))
            for (format, start) in starts {
                let answer = try await caller.get("/runs/\(run.id)/export?format=\(format)")
                #expect(answer.status == .ok, "\(format)")
                #expect(answer.text.hasPrefix(start), "\(format): \(answer.text.prefix(80))")
                #expect(answer.headers[.contentDisposition]?.contains(run.id) == true)
            }
            let whole = try await caller.get("/runs/\(run.id)/export")
            #expect(whole.text.hasSuffix("\"endpointResults\":[]}\n"))
            let head = try await caller.get("/runs/\(run.id)/export?endpoints=false")
            let exported = try JSONDecoder().decode(ExportedRun.self, from: Data(head.text.utf8))
            #expect(exported.detail.run.id == run.id)
            #expect(exported.detail.summary?.failure?.contains("missing 1") == true)
            #expect(try await caller.get("/runs/\(run.id)/export?format=pdf").status == .badRequest)
            let nothing = String(repeating: "0", count: 26)
            #expect(try await caller.get("/runs/\(nothing)/export").status == .notFound)
        }
    }

    @Test func `a run without a worker cannot run for now and holds no account`() async throws {
        try await Harness().test { caller in
            let (project, registrar) = try await caller.prepare(accounts: 2)
            let test = try await caller.post("/projects/\(project)/tests", Caller.definition(endpoints: 2))
                .data(API.Test.self)
            #expect(try await caller.post("/tests/\(test.id)/runs").data(API.Run.self).status == "CANNOT_RUN_FOR_NOW")
            let usage = try await caller.get("/registrars/\(registrar)/accounts/usage").data(API.AccountUsage.self)
            #expect(usage.inUse == 0)
        }
    }

    @Test func `the events of a run come over a live port and end with its final status`() async throws {
        let harness = try await Harness()
        let keys = harness.keys
        try await harness.server.application(host: "127.0.0.1", port: 0).test(.live) { client in
            let caller = Caller(client: client, keys: keys)
            let (project, _) = try await caller.prepare(accounts: 1)
            let test = try await caller.post("/projects/\(project)/tests", Caller.definition(endpoints: 2))
                .data(API.Test.self)
            let run = try await caller.post("/tests/\(test.id)/runs").data(API.Run.self)
            let events = try await caller.get("/runs/\(run.id)/events")
            #expect(events.headers[.contentType] == "text/event-stream")
            let frames = events.text.components(separatedBy: "\n\n").filter { $0.hasPrefix("id: ") }
            #expect(frames.count == 2)
            #expect(frames.first?.contains(#""status":"PENDING""#) == true)
            #expect(frames.last?.contains(#""status":"FAILED""#) == true)
            let name = try #require(HTTPField.Name("Last-Event-ID"))
            let rest = try await caller.send(.get, "/api/v1/runs/\(run.id)/events", headers: [name: "1"])
            #expect(rest.text.contains("id: 2\n"))
            #expect(!rest.text.contains("id: 1\n"))
        }
    }

    @Test func `no answer of any reading route holds a planted password or key (E4)`() async throws {
        let harness = try await Harness()
        let keys = harness.keys
        try await harness.test { caller in
            let canary = "canary-0fd2b1c4"
            let (project, registrar) = try await caller.prepare(accounts: 3, password: canary)
            let test = try await caller.post("/projects/\(project)/tests", Caller.definition(endpoints: 4))
                .data(API.Test.self)
            let run = try await caller.post("/tests/\(test.id)/runs").data(API.Run.self)
            let account = try #require(
                try await caller.get("/registrars/\(registrar)/accounts").data([API.Account].self).first)
            let session = try await caller.send(.post, "/session", "key=\(keys[.admin] ?? "")", as: nil)
            let cookie: HTTPFields = [.cookie: String((session.headers[.setCookie] ?? "").prefix { $0 != ";" })]
            var paths = [
                "/healthz", "/readyz", "/metrics", "/", "/runs/\(run.id)", "/assets/page.css", "/assets/live.js",
            ]
            paths += [
                "/projects", "/projects/\(project)", "/projects/\(project)/registrars", "/projects/\(project)/tests",
                "/projects/\(project)/runs", "/registrars/\(registrar)", "/registrars/\(registrar)/accounts",
                "/registrars/\(registrar)/accounts/usage", "/accounts/\(account.id)", "/tests/\(test.id)",
                "/tests/\(test.id)/runs", "/runs/\(run.id)", "/runs/\(run.id)/endpoints", "/runs/\(run.id)/events",
            ].map { "/api/v1" + $0 }
            for path in paths {
                let answer = try await caller.send(
                    .get, path, as: path.hasPrefix("/api") ? .admin : nil, headers: cookie)
                #expect(answer.status == .ok, "\(path)")
                #expect(!answer.text.contains(canary), "\(path)")
                #expect(!answer.text.contains("cmk_") || path == "/", "\(path)")
                for key in keys.values { #expect(!answer.text.contains(key), "\(path)") }
            }
        }
    }

    @Test func `the page of a run names the shortage`() async throws {
        let harness = try await Harness()
        let token = harness.server.sessions.makeLink(for: .commandLine).text
        try await harness.test { caller in
            let (project, _) = try await caller.prepare(accounts: 1)
            let test = try await caller.post(
                "/projects/\(project)/tests", Caller.definition(endpoints: 2, name: "<b>Bold</b>")
            ).data(API.Test.self)
            let run = try await caller.post("/tests/\(test.id)/runs").data(API.Run.self)
            let door = try await caller.send(.get, "/enter/\(token)", as: nil)
            let cookie: HTTPFields = [.cookie: String((door.headers[.setCookie] ?? "").prefix { $0 != ";" })]
            let list = try await caller.send(.get, "/", as: nil, headers: cookie).text
            #expect(list.contains("/runs/\(run.id)"))
            let page = try await caller.send(.get, "/runs/\(run.id)", as: nil, headers: cookie).text
            #expect(page.contains("registrar pbx needs 2, has 1, missing 1"))
            #expect(page.contains("&lt;b&gt;Bold"))
            #expect(!page.contains("<b>Bold"))
            #expect(!page.contains("{{"))
            let missing = try await caller.send(.get, "/runs/00000000000000000000000000", as: nil, headers: cookie)
            #expect(missing.status == .notFound)
        }
    }

    @Test func `health and metrics need no key`() async throws {
        try await Harness().test { caller in
            #expect(try await caller.send(.get, "/healthz", as: nil).text == "ok\n")
            #expect(try await caller.send(.get, "/readyz", as: nil).status == .ok)
            let metrics = try await caller.send(.get, "/metrics", as: nil).text
            #expect(metrics.contains("callmeter_http_responses_total{class=\"2xx\"} 2\n"))
            #expect(metrics.contains("callmeter_ready 1\n"))
        }
    }
}
