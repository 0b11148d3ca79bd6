// SPDX-License-Identifier: Apache-2.0

import Bedrock
import ControlPlane
import Domain
import PBX
import RunMetrics
import Runtime
import SIP
import Testing

@testable import callmeter

/// Whole runs as `callmeter run` does them: real packets on loopback, the built-in server, no fake between.
struct FileRunTests {
    private static func test(port: UInt16, endpoints: Int) -> String {
        """
        name: Loopback
        registrars:
          pbx: { domain: 127.0.0.1, port: \(port) }
        groups:
          - { name: callers, registrar: pbx, endpoints: \(endpoints), callee: { group: callees } }
          - { name: callees, registrar: pbx, endpoints: \(endpoints), callee: receive }
        duration: 1s
        """
    }

    /// Plays a test against the built-in server with made-up accounts and gives how it ended.
    private static func play(
        endpoints: Int, accounts count: Int, faults: [PBXFault] = []
    ) async throws -> RunWatcher.Ended {
        let secrets = SecretArena()
        let accounts = DemoAccounts(count: count, arena: secrets)
        var configuration = PBXConfiguration()
        configuration.faults = faults
        let server = try await PBXServer(
            configuration: configuration, accounts: accounts.pbx, secrets: secrets,
            listen: TransportAddress(127, 0, 0, 1, port: 0))
        let plant = try await Plant.inMemory()
        let file = try FileTest(path: "t.yaml", text: test(port: server.address.port, endpoints: endpoints))
        let test = try await file.prepare(in: plant.plane, accounts: [], confirmedPublic: false)
        let project = try #require(try await plant.plane.projects.list(by: .commandLine).first)
        let registrar = try #require(try await plant.plane.registrars.list(of: project.id, by: .commandLine).first)
        #expect(try await accounts.importInto(registrar.id, of: plant.plane).created == count)
        let ended = try await RunWatcher(plane: plant.plane, progress: ProgressLine(.plain), interrupts: Interrupts())
            .run(test)
        let usage = try await plant.plane.accounts.usage(of: registrar.id, by: .commandLine)
        #expect(usage.usage.inUse == 0)
        await plant.shutdown()
        await server.shutdown()
        return ended
    }

    @Test func `two calls with audio succeed and are measured`() async throws {
        let ended = try await Self.play(endpoints: 2, accounts: 4)
        let summary = try #require(ended.view.summary)
        #expect(ended.status == .allWell, "\(summary)")
        #expect(summary.endpoints.byOutcome == ["SUCCESS": 4])
        #expect(summary.registration.succeeded == 4)
        #expect(summary.calls.established == 2)
        #expect(summary.registration.delayMs.p50 != nil)
        #expect(summary.calls.postDialDelayMs.p50 != nil)
        #expect(summary.media.streams == 4)
        #expect(summary.media.packetsReceived > 100)
        #expect((summary.media.mos.avg ?? 0) > 4)
    }

    @Test func `one wrong password is one failure with one diagnosis, and its partner is not attempted (G2, H2)`()
        async throws
    {
        let ended = try await Self.play(
            endpoints: 1, accounts: 2, faults: [PBXFault(.wrongPassword, .users([Array("demo0002".utf8)]))])
        let summary = try #require(ended.view.summary)
        #expect(ended.status == .endpointsFailed)
        #expect(summary.endpoints.byOutcome == ["REGISTRATION_FAILED": 1, "NOT_ATTEMPTED": 1])
        #expect(summary.registration.byStatus["401"] == 1)
        #expect(summary.diagnoses.map(\.cause) == [.wrongCredentials])
        #expect(summary.diagnoses.first?.endpoints == [1])
    }

    @Test func `too few accounts end with 3 and the numbers, and nothing is sent (D4)`() async throws {
        let ended = try await Self.play(endpoints: 2, accounts: 3)
        #expect(ended.status == .insufficientAccounts)
        #expect(
            ended.view.record.failure?.text == "Insufficient SIP accounts: registrar pbx needs 4, has 3, missing 1")
        #expect(ended.view.summary?.endpoints.total == 0)
    }

    @Test func `a port that is taken is an error, and the server that has it goes on`() async throws {
        let first = try await PBXServer(
            configuration: PBXConfiguration(), accounts: [], secrets: SecretArena(),
            listen: TransportAddress(127, 0, 0, 1, port: 0))
        await #expect(throws: (any Error).self) {
            _ = try await PBXServer(
                configuration: PBXConfiguration(), accounts: [], secrets: SecretArena(), listen: first.address)
        }
        #expect(await first.statistics() != nil)
        await first.shutdown()
    }
}
