// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import SIP
import Testing

@testable import callmeter

struct CallCommandTests {
    @Test(arguments: [
        ("100", "sip:100@pbx.example:5070"), ("sip:bob@other.example", "sip:bob@other.example"),
        ("bob@other.example", "sip:bob@other.example"),
    ])
    func `a name or number is called at the caller's host, a URI as it stands`(to: String, uri: String) throws {
        #expect(CallCommand.uri(of: to, at: try RegisterTarget("sip:alice@pbx.example:5070")) == uri)
    }

    @Test func `a server that answers over other transports only is said to`() {
        #expect(TransportSearch.advice([], instead: .udp) == nil)
        #expect(
            TransportSearch.advice([.tcp, .tls], instead: .udp)
                == "This server does not answer over UDP, but it does over TCP and TLS: try --transport tcp")
    }

    @Test func `an emergency number is not called`() async throws {
        var command = try CallCommand.parse(["sip:alice@127.0.0.1:9", "112", "--password-file", "/dev/null"])
        await #expect(throws: CommandFailure.self) { try await command.run() }
    }

    @Test(arguments: [
        ["a@b", "c", "--tls-cert", "x"], ["a@b", "c", "--tls-no-verify", "--tls-ca", "x"],
        ["a@b", "c", "--duration", "-1"],
    ])
    func `options that contradict each other are refused`(arguments: [String]) {
        #expect(throws: (any Error).self) { try CallCommand.parse(arguments) }
    }
}
