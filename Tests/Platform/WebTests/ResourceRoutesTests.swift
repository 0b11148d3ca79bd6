// SPDX-License-Identifier: Apache-2.0

import API
import Domain
import HTTPTypes
import Testing

@testable import Web

struct ResourceRoutesTests {
    @Test func `a project is made, read, renamed and deleted, each answer in the envelope`() async throws {
        try await Harness().test { caller in
            let made = try await caller.post("/projects", #"{"name":"lab"}"#)
            #expect(made.status == .created)
            let project = try made.data(API.Project.self)
            guard case .object(let whole) = try made.json, case .object(let meta) = whole["meta"] else {
                Issue.record("no envelope: \(made.text)")
                return
            }
            #expect(Set(whole.keys) == ["data", "meta"])
            #expect(meta["requestId"] != nil)
            #expect(try await caller.get("/projects/\(project.id)").data(API.Project.self) == project)
            let renamed = try await caller.send(.patch, "/api/v1/projects/\(project.id)", #"{"name":"field"}"#)
            #expect(try renamed.data(API.Project.self).name == "field")
            #expect(try await caller.send(.delete, "/api/v1/projects/\(project.id)").status == .ok)
            let gone = try await caller.get("/projects/\(project.id)")
            #expect(gone.status == .notFound)
            #expect(try gone.error.code == "not_found")
        }
    }

    @Test func `a registrar keeps what a PATCH does not name`() async throws {
        try await Harness().test { caller in
            let (_, registrar) = try await caller.prepare(accounts: 0)
            let changed = try await caller.send(.patch, "/api/v1/registrars/\(registrar)", #"{"transport":"tcp"}"#)
                .data(API.Registrar.self)
            #expect(changed.transport == "tcp")
            #expect(changed.port == 5060)
            #expect(changed.domain == "127.0.0.1")
            let refused = try await caller.send(.patch, "/api/v1/registrars/\(registrar)", #"{"transport":"pigeon"}"#)
            #expect(refused.status == .badRequest)
            #expect(try refused.error.message == "the transport is one of udp, tcp, tls, ws, wss, auto")
        }
    }

    @Test func `a second project of the same name is refused with 409`() async throws {
        try await Harness().test { caller in
            _ = try await caller.post("/projects", #"{"name":"lab"}"#)
            let second = try await caller.post("/projects", #"{"name":"lab"}"#)
            #expect(second.status == .conflict)
            #expect(try second.error.code == "name_taken")
        }
    }

    @Test(arguments: [
        (#"{"nam":"x"}"#, "the key 'name' is missing"), (#"{"name":3}"#, "'name' has the wrong type"),
        (#"{"name""#, "the body is not valid JSON for this route"), ("", "the body is not valid JSON for this route"),
    ])
    func `a body that is wrong is named by its place`(body: String, message: String) async throws {
        try await Harness().test { caller in
            let answer = try await caller.post("/projects", body)
            #expect(answer.status == .badRequest)
            #expect(try answer.error.message == message)
        }
    }

    @Test func `a body over the limit is refused with 413`() async throws {
        try await Harness().test { caller in
            let long = String(repeating: "x", count: WebLimits.largestBody)
            let answer = try await caller.post("/projects", #"{"name":"\#(long)"}"#)
            #expect(answer.status == .contentTooLarge)
            #expect(try answer.error.code == "too_large")
        }
    }

    @Test func `a test is saved with a warning about missing accounts, checked, changed and deleted (C4)`() async throws
    {
        try await Harness().test { caller in
            let (project, _) = try await caller.prepare(accounts: 2)
            let made = try await caller.post("/projects/\(project)/tests", Caller.definition(endpoints: 3))
            #expect(made.status == .created)
            let test = try made.data(API.Test.self)
            #expect(test.warnings == ["too few SIP accounts: registrar pbx needs 3, has 2, missing 1"])
            let check = try await caller.post("/tests/\(test.id)/check").data(CheckReport.self)
            #expect(!check.ready)
            #expect(
                check.registrars == [
                    RegistrarCheck(registrar: "pbx", needed: 3, total: 2, inUse: 0, free: 2, missing: 1)
                ])
            let changed = try await caller.send(.patch, "/api/v1/tests/\(test.id)", Caller.definition(endpoints: 2))
            #expect(try changed.data(API.Test.self).warnings == [])
            guard case .object(let definition) = try changed.data(API.Test.self).definition else {
                Issue.record("no definition")
                return
            }
            #expect(definition["name"] == "Idle")
            #expect(try await caller.get("/projects/\(project)/tests").data([API.Test].self).map(\.name) == ["Idle"])
            #expect(try await caller.send(.delete, "/api/v1/tests/\(test.id)").status == .ok)
            #expect(try await caller.get("/tests/\(test.id)").status == .notFound)
        }
    }

    @Test func `a test with an unknown key is refused with the nearest one`() async throws {
        try await Harness().test { caller in
            let (project, _) = try await caller.prepare(accounts: 0)
            let answer = try await caller.post(
                "/projects/\(project)/tests",
                #"{"name":"x","groups":[{"name":"g","registrar":"pbx","endpoint":1,"callee":"none"}],"duration":"1s"}"#)
            #expect(answer.status == .unprocessableContent)
            #expect(try answer.error.code == "invalid_test")
            #expect(try answer.error.message.contains("unknown key 'endpoint'; did you mean 'endpoints'?"))
        }
    }

    @Test(arguments: [("/projects/nonsense", "projects"), ("/runs/01h", "runs")])
    func `a path that holds no identifier is 404, not 500`(path: String, kind: String) async throws {
        try await Harness().test { caller in
            let answer = try await caller.get(path)
            #expect(answer.status == .notFound)
            #expect(try answer.error.code == "not_found")
        }
    }

    @Test func `an unknown route is 404 in the envelope`() async throws {
        try await Harness().test { caller in
            let answer = try await caller.get("/nothing")
            #expect(answer.status == .notFound)
            #expect(try answer.error.message == "there is no such route; openapi.yaml lists them")
        }
    }
}
