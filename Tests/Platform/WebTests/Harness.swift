// SPDX-License-Identifier: Apache-2.0

import API
import ControlPlane
import Domain
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import Store
import Synchronization
import Testing
import Vault

@testable import Web

/// A web server over a real control plane, store and vault in memory, with a key for each role.
struct Harness {
    let plane: ControlPlane
    let server: WebServer
    /// A key per role.
    let keys: [Role: String]

    init() async throws {
        let plane = ControlPlane(
            store: try SQLiteStore.inMemory(hash: Fingerprint.sha256), vault: Vault(master: .ephemeral()))
        try await plane.start()
        try await self.init(over: plane)
    }

    /// The web side of a control plane that has been started.
    init(over plane: ControlPlane) async throws {
        self.plane = plane
        server = WebServer(plane: plane, secureCookies: false, logger: Logger(label: "test"), now: { 1_000 })
        server.counters.markReady()
        var keys: [Role: String] = [:]
        for role in Role.allCases {
            let made = try await plane.access.createKey(name: role.rawValue, role: role, by: .commandLine)
            keys[role] = made.key.withBytes { String(decoding: $0, as: UTF8.self) }
        }
        self.keys = keys
    }

    /// Runs `body` against the router, without sockets.
    func test(_ body: @Sendable (Caller) async throws -> Void) async throws {
        let keys = keys
        try await server.application(host: "127.0.0.1", port: 0).test(.router) { client in
            try await body(Caller(client: client, keys: keys))
        }
    }
}

/// Sends requests as somebody and reads the envelope.
struct Caller: Sendable {
    let client: any TestClientProtocol
    let keys: [Role: String]

    struct Answer {
        var status: HTTPResponse.Status
        var headers: HTTPFields
        var text: String

        /// The answer's JSON.
        var json: JSONValue {
            get throws { try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)) }
        }

        /// The `data` of the envelope as a value.
        func data<Value: Codable & Sendable>(_: Value.Type = Value.self) throws -> Value {
            try JSONDecoder().decode(Envelope<Value>.self, from: Data(text.utf8)).data
        }

        /// The `error` of the envelope.
        var error: ErrorBody {
            get throws { try JSONDecoder().decode(ErrorEnvelope.self, from: Data(text.utf8)).error }
        }
    }

    func send(
        _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, as role: Role? = .admin,
        headers: HTTPFields = [:]
    ) async throws -> Answer {
        var fields = headers
        if let role { fields[.authorization] = "Bearer \(keys[role] ?? "")" }
        if body != nil, fields[.contentType] == nil { fields[.contentType] = "application/json" }
        return try await client.execute(
            uri: path, method: method, headers: fields, body: body.map { ByteBuffer(string: $0) }
        ) { response in
            Answer(status: response.status, headers: response.headers, text: String(buffer: response.body))
        }
    }

    func get(_ path: String, as role: Role? = .admin) async throws -> Answer {
        try await send(.get, "/api/v1" + path, as: role)
    }

    func post(_ path: String, _ body: String? = nil, as role: Role? = .admin) async throws -> Answer {
        try await send(.post, "/api/v1" + path, body, as: role)
    }

    /// A project with a registrar and so many accounts `user1`… with the password given.
    func prepare(accounts: Int, password: String = "secret") async throws -> (project: String, registrar: String) {
        let project = try await post("/projects", #"{"name":"lab"}"#).data(API.Project.self).id
        let registrar = try await post(
            "/projects/\(project)/registrars", #"{"name":"pbx","domain":"127.0.0.1","port":5060}"#
        ).data(API.Registrar.self).id
        let lines = (0..<accounts).map { "user\($0 + 1):\(password)" }.joined(separator: "\n")
        if accounts > 0 {
            let report = try await importLines(lines, into: registrar).data(API.ImportReport.self)
            #expect(report.created == accounts)
        }
        return (project, registrar)
    }

    func importLines(_ lines: String, into registrar: String, dryRun: Bool = false) async throws -> Answer {
        try await send(
            .post, "/api/v1/registrars/\(registrar)/accounts/import?dryRun=\(dryRun)", lines,
            headers: [.contentType: "text/plain"])
    }

    /// A test of so many endpoints that only register.
    static func definition(endpoints: Int, name: String = "Idle") -> String {
        #"{"name":"\#(name)","groups":[{"name":"g","registrar":"pbx","endpoints":\#(endpoints),"callee":"none"}],"duration":"1s"}"#
    }
}
