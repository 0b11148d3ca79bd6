// SPDX-License-Identifier: Apache-2.0

import Bedrock
import FoundationEssentials
import PBX
import SIP
import Testing

@testable import Runtime

struct BenchTests {
    private func accounts(_ text: String, into arena: SecretArena) throws -> BenchAccounts {
        let file = FileManager.default.temporaryDirectory.appending(path: "bench-\(UUID().uuidString).txt")
        try Data(text.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        return try BenchAccounts(path: file.path, into: arena)
    }

    private func server(_ known: BenchAccounts, _ arena: SecretArena) async throws -> PBXServer {
        try await PBXServer(
            configuration: PBXConfiguration(),
            accounts: known.accounts.map { PBXAccount(username: $0.username, credential: .password($0.password)) },
            secrets: arena, listen: TransportAddress(127, 0, 0, 1, port: 0))
    }

    @Test(arguments: [Transport.udp, .tcp])
    func `as many registrations as asked for succeed, accounts used in turn`(transport: Transport) async throws {
        let arena = SecretArena()
        let known = try accounts((0..<10).map { "user\($0):secret:with colon \($0)\n" }.joined(), into: arena)
        let server = try await server(known, arena)
        var bench = RegisterBench(target: server.address, count: 60)
        bench.window = 8
        bench.transport = transport
        let result = try await bench.run(accounts: known, secrets: arena)
        #expect(result.operations == 60)
        #expect(result.failures == 0)
        #expect(result.cpuMicrosecondsPerOperation > 0)
        #expect((result.latencyP99Ms ?? 0) >= (result.latencyP50Ms ?? .infinity))
        #expect(await server.statistics()?.registrations == 60)
        await server.shutdown()
    }

    @Test func `wrong passwords count as failures`() async throws {
        let arena = SecretArena()
        let right = try accounts("a:right\nb:right\n", into: arena)
        let wrong = try accounts("a:right\nb:wrong\n", into: arena)
        let server = try await server(right, arena)
        let result = try await RegisterBench(target: server.address, count: 4).run(accounts: wrong, secrets: arena)
        #expect(result.operations == 4)
        #expect(result.failures == 2)
        await server.shutdown()
    }

    @Test func `calls with credentials end well and keep to the rate`() async throws {
        let arena = SecretArena()
        let known = try accounts("a:one\r\n\r\nb:two\r\n", into: arena)
        let server = try await server(known, arena)
        var bench = CallBench(target: server.address, count: 10)
        bench.uri = Array("sip:echo@127.0.0.1:\(server.address.port)".utf8)
        bench.rate = 50
        let result = try await bench.run(accounts: known, secrets: arena)
        #expect(result.operations == 10)
        #expect(result.failures == 0)
        #expect(result.wallSeconds >= 9.0 / 50)
        await server.shutdown()
    }

    @Test func `streams to an echo come back whole, and a refused call is a stream that failed`() async throws {
        let arena = SecretArena()
        let known = try accounts("a:one\nb:two\n", into: arena)
        let server = try await server(known, arena)
        func bench(_ user: String) -> MediaCallBench {
            MediaCallBench(
                target: server.address, uri: Array("sip:\(user)@127.0.0.1:\(server.address.port)".utf8), streams: 4,
                duration: .milliseconds(400))
        }
        let result = try await bench("echo").run(accounts: known, secrets: arena)
        #expect(result.streams == 4)
        #expect(result.streamsFailed == 0)
        #expect(result.packetsSent > 4)
        #expect(result.packetsReceived > 4)
        #expect(result.packetsReceived <= result.packetsSent)
        #expect(try #require(result.latenessP50Microseconds) <= (try #require(result.latenessMaximumMicroseconds)))
        let refused = try await bench("nobody").run(accounts: known, secrets: arena)
        #expect(refused.streams == 0)
        #expect(refused.streamsFailed == 4)
        #expect(refused.packetsSent == 0)
        await server.shutdown()
    }

    @Test(arguments: ["", "\n\r\n", "user\n", ":secret\n", "user:\n"])
    func `a file that is not one of accounts is refused without a word of it`(text: String) {
        let error = #expect(throws: BenchAccounts.Unreadable.self) { try accounts(text, into: SecretArena()) }
        #expect(error?.description.contains("secret") == false)
    }
}
