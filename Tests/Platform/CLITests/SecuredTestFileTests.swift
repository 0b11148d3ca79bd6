// SPDX-License-Identifier: Apache-2.0

import Domain
import Runtime
import Testing
import Worker

@testable import callmeter

/// Test files that say how TLS is secured.
struct SecuredTestFileTests {
    private static func file(_ tls: String, at path: String = "tests/smoke.yaml", proxy: String? = nil) throws
        -> FileTest
    {
        let hop = proxy.map { ", proxy: '\($0)'" } ?? ""
        return try FileTest(
            path: path,
            text: """
                name: Secured
                registrars:
                  pbx: { domain: pbx.example, transport: wss, webSocketPath: /ws\(hop), tls: \(tls) }
                groups:
                  - { name: all, registrar: pbx, endpoints: 1, callee: none }
                duration: 1s
                """)
    }

    @Test func `files are named from where the test file is, unless they are absolute`() throws {
        let registrar = try #require(
            try Self.file("{ ca: ca.pem, cert: /etc/c.pem, key: keys/c.key }").definition.registrars.first)
        #expect(registrar.tls == RegistrarTLS(ca: "tests/ca.pem", cert: "/etc/c.pem", key: "tests/keys/c.key"))
        let here = try Self.file("{ ca: ca.pem }", at: "smoke.yaml")
        #expect(here.definition.registrars.first?.tls?.ca == "ca.pem")
    }

    @Test func `the connection is secured as the file says`() throws {
        let registrar = try #require(try Self.file("{ ca: ca.pem }").definition.registrars.first)
        #expect(registrar.security.serverName == "pbx.example")
        #expect(registrar.security.trust == .authorities(file: "tests/ca.pem"))
        #expect(registrar.security.webSocketPath == "/ws")
        #expect(registrar.warning == nil)
    }

    @Test(arguments: [
        ("edge.example", "edge.example"), ("edge.example:7443", "edge.example"), ("[::1]:7443", "[::1]"),
        ("sip:edge.example:7443;lr", "edge.example"),
    ])
    func `the certificate must be for the proxy where there is one`(proxy: String, name: String) throws {
        let registrar = try #require(try Self.file("{ verify: false }", proxy: proxy).definition.registrars.first)
        #expect(registrar.security.serverName == name)
    }

    @Test func `a file that checks no certificates is warned of`() throws {
        let file = try Self.file("{ verify: false }")
        #expect(file.warnings.count == 1)
        #expect(file.warnings.first?.contains("pbx.example is NOT checked") == true)
    }

    @Test func `a file that cannot be used is named before the run`() throws {
        let file = try Self.file("{ ca: missing.pem }")
        #expect {
            try file.checkFiles()
        } throws: { error in
            "\(error)".contains("registrars.pbx.tls: tests/missing.pem cannot be read")
        }
        try Self.file("{ verify: false }").checkFiles()
    }
}
