// SPDX-License-Identifier: Apache-2.0

import API
import ControlPlane
import Domain
import HTTPTypes
import Testing

@testable import Web

struct AccessTests {
    @Test func `without a key, or with a wrong one, the answer is 401`() async throws {
        try await Harness().test { caller in
            let none = try await caller.get("/projects", as: nil)
            #expect(none.status == .unauthorized)
            #expect(none.headers[.wwwAuthenticate] == "Bearer")
            #expect(try none.error.code == "unauthenticated")
            for value in ["Bearer cmk_" + String(repeating: "a", count: 40), "Bearer x", "Basic abc", "Bearer "] {
                let answer = try await caller.send(
                    .get, "/api/v1/projects", as: nil, headers: [.authorization: value])
                #expect(answer.status == .unauthorized)
            }
        }
    }

    @Test func `a revoked key is refused at once`() async throws {
        let harness = try await Harness()
        let made = try await harness.plane.access.createKey(name: "short", role: .viewer, by: .commandLine)
        let key = made.key.withBytes { String(decoding: $0, as: UTF8.self) }
        let id = made.record.id
        try await harness.test { caller in
            let headers: HTTPFields = [.authorization: "Bearer \(key)"]
            #expect(try await caller.send(.get, "/api/v1/projects", as: nil, headers: headers).status == .ok)
            try await harness.plane.access.revoke(id, by: .commandLine)
            #expect(try await caller.send(.get, "/api/v1/projects", as: nil, headers: headers).status == .unauthorized)
        }
    }

    @Test func `each role may do what it may, and is told what it would need`() async throws {
        try await Harness().test { caller in
            let (project, registrar) = try await caller.prepare(accounts: 1)
            let test = try await caller.post("/projects/\(project)/tests", Caller.definition(endpoints: 1))
                .data(API.Test.self).id
            for (path, body, needed) in [
                ("/projects", #"{"name":"x"}"#, Role.admin),
                ("/projects/\(project)/registrars", #"{"name":"second","domain":"127.0.0.1"}"#, .editor),
                ("/registrars/\(registrar)/accounts", #"{"username":"bob","password":"x"}"#, .editor),
                ("/registrars/\(registrar)/accounts/delete", #"{"ids":[]}"#, .editor),
                ("/tests/\(test)/runs", "", .tester),
            ] {
                for role in Role.allCases {
                    let answer = try await caller.post(path, body.isEmpty ? nil : body, as: role)
                    if role >= needed {
                        #expect(answer.status != .forbidden, "\(role) at \(path)")
                    } else {
                        #expect(answer.status == .forbidden, "\(role) at \(path)")
                        #expect(try answer.error.details == ["needed": .string(needed.rawValue)])
                    }
                }
            }
            #expect(try await caller.get("/projects", as: .viewer).status == .ok)
        }
    }

    @Test func `a session cookie opens reading only, and ends with its key`() async throws {
        let harness = try await Harness()
        let key = try #require(harness.keys[.admin])
        try await harness.test { caller in
            let wrong = try await caller.send(.post, "/session", "key=cmk_nothing", as: nil)
            #expect(wrong.status == .unauthorized)
            let door = try await caller.send(.post, "/session", "key=\(key)", as: nil)
            #expect(door.status == .seeOther)
            let cookie = try #require(door.headers[.setCookie])
            #expect(cookie.contains("HttpOnly"))
            #expect(cookie.contains("SameSite=Strict"))
            #expect(!cookie.contains(key))
            let headers: HTTPFields = [.cookie: String(cookie.prefix { $0 != ";" })]
            #expect(try await caller.send(.get, "/api/v1/projects", as: nil, headers: headers).status == .ok)
            let write = try await caller.send(
                .post, "/api/v1/projects", #"{"name":"x"}"#, as: nil, headers: headers)
            #expect(write.status == .unauthorized)
            let page = try await caller.send(.get, "/", as: nil, headers: headers)
            #expect(page.text.contains("No run yet"))
            for record in try await harness.plane.access.keys(by: .commandLine) where record.role == .admin {
                try await harness.plane.access.revoke(record.id, by: .commandLine)
            }
            #expect(try await caller.send(.get, "/api/v1/projects", as: nil, headers: headers).status == .unauthorized)
        }
    }

    @Test func `a form from another site opens no session`() async throws {
        let harness = try await Harness()
        let key = try #require(harness.keys[.viewer])
        try await harness.test { caller in
            let name = try #require(HTTPField.Name("Sec-Fetch-Site"))
            let answer = try await caller.send(
                .post, "/session", "key=\(key)", as: nil, headers: [name: "cross-site"])
            #expect(answer.status == .unauthorized)
            #expect(answer.headers[.setCookie] == nil)
        }
    }

    @Test func `a one-time link opens one session, once`() async throws {
        let harness = try await Harness()
        let token = harness.server.sessions.makeLink(for: .commandLine).text
        try await harness.test { caller in
            let first = try await caller.send(.get, "/enter/\(token)", as: nil)
            #expect(first.status == .seeOther)
            #expect(first.headers[.setCookie] != nil)
            #expect(try await caller.send(.get, "/enter/\(token)", as: nil).status == .gone)
        }
    }

    @Test func `a session is over after its time, and the oldest goes when there are too many`() {
        let book = SessionBook(now: { Clock.moment })
        let first = book.open(.principal(.commandLine)).text
        #expect(book.grant(of: first) != nil)
        for _ in 0..<WebLimits.mostSessions { _ = book.open(.principal(.commandLine)) }
        #expect(book.grant(of: first) == nil)
        let late = SessionBook(now: { WebLimits.sessionSeconds + Clock.moment })
        #expect(late.grant(of: first) == nil)
    }

    private enum Clock { static let moment: Int64 = 5 }

    @Test func `every answer forbids inline scripts and framing`() async throws {
        try await Harness().test { caller in
            for path in ["/", "/api/v1/projects", "/healthz", "/nothing"] {
                let answer = try await caller.send(.get, path, as: nil)
                let policy = try #require(answer.headers[.contentSecurityPolicy])
                #expect(policy.contains("script-src 'self'"))
                #expect(policy.contains("frame-ancestors 'none'"))
                #expect(!policy.contains("unsafe"))
                #expect(answer.headers[.xContentTypeOptions] == "nosniff")
            }
        }
    }
}
