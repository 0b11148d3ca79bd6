// SPDX-License-Identifier: Apache-2.0

import Bedrock
import PBX
import SIP
import Testing

@Suite struct KeepAliveTests {
    private static let flow = FlowID(raw: 0)
    private static let source = TransportAddress(203, 0, 113, 5, port: 33_000)

    private func server(_ transport: Transport = .udp, faults: [PBXFault] = []) -> PBXEngine {
        var configuration = PBXConfiguration()
        configuration.faults = faults
        let server = PBXEngine(
            configuration: configuration, accounts: [], secrets: SecretArena(), hashes: .libcrypto,
            random: SeededRandom(seed: 1))
        server.flowOpened(Self.flow, transport: transport, local: TransportAddress(192, 0, 2, 1, port: 5060))
        return server
    }

    private func send(_ message: STUNMessage, to server: PBXEngine) -> [STUNMessage] {
        var writer = ByteWriter()
        writer.append(message)
        writer.bytes.withUnsafeBytes { server.receive($0, flow: Self.flow, source: Self.source, now: .zero) }
        return server.transmissions.compactMap { server.withMessage($0) { STUNMessage($0) } }
    }

    @Test func `a Binding request is answered with where it came from (RFC 5626 §8)`() {
        var random = SeededRandom(seed: 2)
        let transaction = STUNTransaction(random: &random)
        let answers = send(STUNMessage(.request, transaction), to: server())
        #expect(answers == [STUNMessage(.success, transaction, mappedAddress: Self.source)])
    }

    @Test func `an answer, a stream's bytes and a silent server get none`() throws {
        var random = SeededRandom(seed: 2)
        let transaction = STUNTransaction(random: &random)
        #expect(send(STUNMessage(.success, transaction), to: server()).isEmpty)
        #expect(send(STUNMessage(.request, transaction), to: server(.tcp)).isEmpty)
        #expect(send(STUNMessage(.request, transaction), to: server(faults: [PBXFault(.silence)])).isEmpty)
    }
}
