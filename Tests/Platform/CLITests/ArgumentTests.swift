// SPDX-License-Identifier: Apache-2.0

import API
import ArgumentParser
import Domain
import Testing

@testable import callmeter

struct ArgumentTests {
    @Test(arguments: [
        ("pbx", "pbx", UInt16?.none), ("pbx:5070", "pbx", 5070), ("127.0.0.1:0", "127.0.0.1", 0),
        ("[::1]:5060", "::1", 5060),
        ("[::1]", "::1", nil), ("::1", "::1", nil),
    ])
    func `a host and port are taken apart`(text: String, host: String, port: UInt16?) throws {
        let place = try #require(HostPort(text))
        #expect(place.host == host)
        #expect(place.port == port)
    }

    @Test(arguments: ["", "pbx:", "pbx:70000", "pbx:x", ":5060", "[::1", "a@b", "http://x"])
    func `what is no host and port is refused`(text: String) {
        #expect(HostPort(text) == nil)
    }

    @Test func `loopback is known by its addresses and its name`() {
        #expect(HostPort("127.8.9.1:80")?.isLoopback == true)
        #expect(HostPort("[::1]:80")?.isLoopback == true)
        #expect(HostPort("localhost:80")?.isLoopback == true)
        #expect(HostPort("0.0.0.0:80")?.isLoopback == false)
        #expect(HostPort("192.168.1.5:80")?.isLoopback == false)
    }

    @Test func `a SIP URI gives user, domain, port and transport`() throws {
        let target = try RegisterTarget("sip:alice@pbx.example:5070;transport=TCP")
        #expect(target.user == "alice")
        #expect(target.domain == "pbx.example")
        #expect(target.place.port == 5070)
        #expect(target.transport == "tcp")
        #expect(try RegisterTarget("bob@10.0.0.1").place.host == "10.0.0.1")
    }

    @Test(arguments: ["192.0.2.53", "127.0.0.1:5353", "[::1]:53", "2001:db8::53"])
    func `a DNS server is an address, with or without a port`(text: String) throws {
        #expect(try LookUpOptions.parse(["--dns", text]).dns == text)
    }

    @Test(arguments: ["", "resolver.example", "127.0.0.1:0", "127.0.0.1:70000", "::1]:53"])
    func `what is no address of a DNS server is refused`(text: String) {
        #expect(throws: (any Error).self) { try LookUpOptions.parse(["--dns", text]) }
    }

    @Test func `--dns of a run is every registrar's, and the test stays the same otherwise`() throws {
        let text = """
            name: t
            registrars: { a: { domain: a.example }, b: { domain: b.example, dns: 192.0.2.1, transport: auto } }
            groups: [{ name: g, registrar: a, endpoints: 1, callee: none }]
            duration: 1s
            """
        var file = try FileTest(path: "t.yaml", text: text)
        var expected = file.definition
        file.ask(dns: "127.0.0.1:5353")
        for index in expected.registrars.indices { expected.registrars[index].dns = "127.0.0.1:5353" }
        #expect(file.definition == expected)
        #expect(try TestDefinition.read(file.document) == expected)
    }

    @Test(arguments: ["", "sip:pbx", "tel:123", "sip:@", "sips:alice@pbx"])
    func `what is no SIP URI with a user is refused`(text: String) {
        #expect(throws: CommandFailure.self) { try RegisterTarget(text) }
    }

    @Test func `an import report is printed with its lines and never more than it has`() {
        let report = API.ImportReport(
            created: 2, skipped: 1, failed: 2, failedByReason: [:],
            problems: [
                LineProblem(line: 3, username: nil, reason: "the line has no colon"),
                LineProblem(line: 5, username: "bob", reason: "the username exists"),
            ], warnings: ["1 accounts have a password derived from their username"], dryRun: true)
        #expect(
            AccountsCommand.lines(report, verb: "2 created, 1 skipped") == [
                "dry run, nothing stored: 2 created, 1 skipped, 2 failed", "  line 3: the line has no colon",
                "  line 5 (bob): the username exists", "  and 1 more",
                "  note: 1 accounts have a password derived from their username",
            ])
    }

    @Test func `a data folder has one holder at a time, and keys may be made beside it`() throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let first = try DataFolder(folder.path + "/data", .alone)
        let failure = #expect(throws: CommandFailure.self) { try DataFolder(folder.path + "/data", .alone) }
        #expect(failure?.status == .usage)
        #expect(failure?.message?.contains("held by another callmeter") == true)
        _ = try DataFolder(folder.path + "/data", .shared)
        #expect(first.path == folder.path + "/data")
    }
}
