// SPDX-License-Identifier: Apache-2.0

import Bedrock
import PBX
import SIP
import Testing

@Suite struct RobustnessTests {
    /// Messages of every kind that the server handles, as they were on the wire.
    private func corpus() throws -> [[UInt8]] {
        let pbx = PBXHarness()
        try pbx.enroll("alice", at: PBXHarness.alice)
        try pbx.enroll("bob", at: PBXHarness.bob)
        let invite = try #require(pbx.call("bob").first { $0.message.method == .invite }).message
        let ok = try #require(pbx.answer(invite, 200, extra: "Contact: <sip:bob@192.0.2.20:5080>").first).message
        for (method, cSeq) in [("ACK", 2), ("OPTIONS", 3), ("BYE", 4)] {
            pbx.feed(
                pbx.inDialog(method, cSeq: cSeq, byCaller: true, route: ok, uri: "sip:bob@192.0.2.20:5080"),
                from: PBXHarness.alice)
        }
        pbx.feed(
            pbx.invite("bob", cSeq: 2).replacing("INVITE sip:", with: "CANCEL sip:").replacing(
                "2 INVITE", with: "2 CANCEL"),
            from: PBXHarness.alice)
        for name in ["echo", "busy", "noanswer"] { pbx.feed(pbx.invite(name, cSeq: 7), from: PBXHarness.alice) }
        return pbx.fed + pbx.sent.map { sent in sent.message.withBytes { [UInt8]($0) } }
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `whatever arrives in whatever order, the server goes on and ends with empty tables`(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        func pick(_ count: Int) -> Int { Int(random.next() % UInt64(count)) }
        let messages = try corpus()
        let interesting: [UInt8] = Array("\r\n;\",<>@:=0".utf8) + [0, 0xFF]
        let pbx = PBXHarness { $0.challengesCalls = seed % 2 == 0 }
        let tcp = FlowID(raw: 9)
        pbx.engine.flowOpened(tcp, transport: .tcp, local: PBXHarness.server)
        try pbx.enroll("alice", at: PBXHarness.alice)
        try pbx.enroll("bob", at: PBXHarness.bob)
        for round in 0..<1500 {
            var bytes = messages[pick(messages.count)]
            for _ in 0..<pick(4) where !bytes.isEmpty {
                switch pick(3) {
                case 0: bytes[pick(bytes.count)] = interesting[pick(interesting.count)]
                case 1: bytes.remove(at: pick(bytes.count))
                default: bytes.insert(interesting[pick(interesting.count)], at: pick(bytes.count))
                }
            }
            let source = [PBXHarness.alice, PBXHarness.bob][pick(2)]
            let flow = [PBXHarness.udp, PBXHarness.udp, tcp, FlowID(raw: 77)][pick(4)]
            bytes.withUnsafeBytes { pbx.engine.receive($0, flow: flow, source: source, now: pbx.now) }
            pbx.drain()
            for case .needMediaPort(let call) in pbx.outputs {
                if pick(3) == 0 {
                    pbx.engine.mediaUnavailable(call: call, now: pbx.now)
                } else {
                    pbx.engine.mediaReady(call: call, rtp: PBXHarness.server, now: pbx.now)
                }
            }
            pbx.outputs = []
            pbx.drain()
            if round % 50 == 49 { pbx.advance(.milliseconds(pick(20_000))) }
            if round == 700 { pbx.engine.flowClosed(tcp, now: pbx.now) }
            if round == 900 { pbx.engine.flowOpened(tcp, transport: .tcp, local: PBXHarness.server) }
        }
        #expect(pbx.engine.statistics.received > 500)
        pbx.advance(.seconds(7200 + 300))
        #expect(pbx.engine.isIdle, "left: \(pbx.engine.pendingWork)")
    }
}
