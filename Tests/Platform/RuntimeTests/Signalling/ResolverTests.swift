// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Testing

@testable import Runtime

struct ResolverTests {
    @Test(arguments: [
        ("127.0.0.1", "127.0.0.1:5060"), ("::1", "[::1]:5060"), ("[2001:db8::7]", "[2001:db8::7]:5060"),
        ("localhost", "127.0.0.1:5060"),
    ])
    func `a host becomes an address`(host: String, expected: String) async throws {
        #expect(try await Resolver.resolve(host: host, port: 5060).description == expected)
    }

    @Test func `an unknown name is refused in words that hold it`() async {
        let error = await #expect(throws: ResolutionError.self) {
            try await Resolver.resolve(host: "no-such-host.invalid", port: 5060)
        }
        #expect(error?.description.contains("no-such-host.invalid") == true)
    }

    @Test func `the source toward loopback is loopback`() throws {
        let local = try Resolver.localAddress(toward: TransportAddress(127, 0, 0, 1, port: 5060))
        #expect(local == TransportAddress(127, 0, 0, 1, port: 0))
    }
}

struct DescriptorBudgetTests {
    @Test func `a plan beyond the limit is refused with the numbers`() {
        let error = #expect(throws: DescriptorShortage.self) { try DescriptorBudget.require(10_000_000) }
        #expect(error?.needed == 10_000_000)
        #expect(error?.description.contains("flow: shared") == true)
    }

    @Test func `a small plan fits`() throws { try DescriptorBudget.require(3) }
}
