// SPDX-License-Identifier: Apache-2.0

import API
import Bedrock
import ControlPlane
import Domain
import Foundation
import HTTPTypes
import RunMetrics
import Store
import Testing
import Vault

@testable import Web

struct TraceRoutesTests {
    private static let message = "REGISTER sip:pbx SIP/2.0\r\nCSeq: 1 REGISTER\r\nX: \u{1B}é\r\n\r\n"

    private static let trace = EndpointTrace(
        endpoint: 5, startedAt: UnixTime(nanoseconds: 1_700_000_000_000_000_000),
        messages: [
            TracedMessage(
                at: .milliseconds(1_250), isSent: true, transport: .tls,
                local: TransportAddress(127, 0, 0, 1, port: 4_000),
                remote: TransportAddress(127, 0, 0, 2, port: 5_061), bytes: Array(message.utf8))
        ])

    /// Somebody who asks a server for a run that has this trace.
    private func withRun(_ body: @escaping @Sendable (Caller, _ run: String) async throws -> Void) async throws {
        let store = try SQLiteStore.inMemory(hash: Fingerprint.sha256)
        let plane = ControlPlane(store: store, vault: Vault(master: .ephemeral()))
        try await plane.start()
        try await Harness(over: plane).test { caller in
            let (project, _) = try await caller.prepare(accounts: 1)
            let test = try await caller.post("/projects/\(project)/tests", Caller.definition(endpoints: 2))
                .data(API.Test.self)
            let run = try await caller.post("/tests/\(test.id)/runs").data(API.Run.self)
            let id = try #require(RunID(run.id))
            try await store.save([Self.trace], of: id, under: nil)
            try await body(caller, run.id)
        }
    }

    @Test func `G3 a trace is given as JSON, as a ladder and as a capture file`() async throws {
        try await withRun { caller, run in
            let json = try await caller.get("/runs/\(run)/endpoints/5/trace").data(API.Trace.self)
            #expect(json.endpoint == 5 && json.startedAt == "2023-11-14T22:13:20.000Z" && !json.truncated)
            let message = try #require(json.messages.first)
            #expect(message.text == Self.message && message.ms == 1_250 && message.sent && message.transport == "TLS")
            #expect(message.at == "2023-11-14T22:13:21.250Z")
            #expect(message.local == "127.0.0.1:4000" && message.remote == "127.0.0.2:5061")
            let ladder = try await caller.get("/runs/\(run)/endpoints/5/trace?format=text")
            #expect(ladder.headers[.contentType] == "text/plain; charset=utf-8")
            #expect(ladder.text.contains("REGISTER") && ladder.text.contains("127.0.0.2:5061"))
            for path in ["/runs/\(run)/endpoints/5/trace?format=pcap", "/runs/\(run)/export?format=pcap"] {
                let file = try await caller.get(path)
                #expect(file.status == .ok)
                #expect(file.headers[.contentType] == "application/vnd.tcpdump.pcap")
                #expect(file.headers[.contentDisposition]?.hasSuffix(".pcap\"") == true)
                #expect(file.text.contains("REGISTER sip:pbx SIP/2.0"))
            }
        }
    }

    @Test func `an endpoint without a trace, another format and a stranger are refused`() async throws {
        try await withRun { caller, run in
            let none = try await caller.get("/runs/\(run)/endpoints/4/trace")
            #expect(none.status == .notFound)
            #expect(try none.error.message.contains("no messages of endpoint 4"))
            #expect(try await caller.get("/runs/\(run)/endpoints/x/trace").status == .notFound)
            let odd = try await caller.get("/runs/\(run)/endpoints/5/trace?format=doc")
            #expect(odd.status == .badRequest || odd.status == .unprocessableContent)
            #expect(
                try await caller.send(.get, "/api/v1/runs/\(run)/endpoints/5/trace", as: nil).status == .unauthorized)
            let nobody = String(repeating: "0", count: 26)
            #expect(try await caller.get("/runs/\(nobody)/endpoints/5/trace").status == .notFound)
            #expect(try await caller.get("/runs/\(nobody)/export?format=pcap").status == .notFound)
        }
    }
}
