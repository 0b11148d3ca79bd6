// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import SIP
import Testing

@testable import callmeter

struct BenchCommandTests {
    private static let register = ["register", "--accounts", "/dev/null", "--target", "127.0.0.1:9", "--count", "1"]
    private static let call = ["call", "--target", "127.0.0.1:9", "--count", "1"]
    private static let media = ["media", "--target", "sip:echo@127.0.0.1:9", "--streams", "1", "--seconds", "1"]

    @Test(arguments: [register, call, media], ["tls", "ws", "wss", "sctp"])
    func `a transport that benchmarks do not drive is wrong usage, in plain words`(
        words: [String], transport: String
    ) throws {
        #expect(throws: Never.self) { try BenchCommand.parseAsRoot(words + ["--transport", "tcp"]) }
        let failure = try #require(
            #expect(throws: (any Error).self) { try BenchCommand.parseAsRoot(words + ["--transport", transport]) })
        #expect(BenchCommand.exitCode(for: failure) == .validationFailure)
        #expect(BenchCommand.message(for: failure) == "bench drives udp or tcp, not '\(transport)'")
    }

    @Test func `auto is taken for register, and a DNS that leads to TLS is said`() throws {
        let words = Self.register.dropFirst() + ["--transport", "auto"]
        #expect(try BenchCommand.Register.parse(Array(words)).transport == "auto")
        #expect(throws: Never.self) { try BenchCommand.check([.udp, .tcp], of: "pbx.example") }
        let failure = #expect(throws: CommandFailure.self) {
            try BenchCommand.check([.udp, .tls], of: "pbx.example")
        }
        #expect(failure?.status == .usage && failure?.message?.contains("pbx.example is reached over TLS") == true)
    }
}
