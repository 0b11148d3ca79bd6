// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP
import Testing

@Suite struct TransactionLayerTests {
    private static let flow = FlowID(raw: 3)
    private static let peer = TransportAddress(192, 0, 2, 1, port: 5060)
    private static let start = Instant(nanoseconds: 1_000_000)

    /// A layer with what it sent as text.
    private final class Bench {
        var layer = TransactionLayer(random: SeededRandom(seed: 1))
        var now = TransactionLayerTests.start

        func sent() -> [String] {
            defer { layer.removeTransmissions() }
            return layer.transmissions.map { String(decoding: layer.writer.bytes[$0.range], as: UTF8.self) }
        }

        func receive(_ text: String, isReliable: Bool = false, from source: TransportAddress = peer) throws -> Reception
        {
            layer.receive(
                try Message.parse(Array(text.utf8)), flow: flow, source: source, isReliable: isReliable, now: now)
        }

        func advance(_ milliseconds: Int) -> [TransactionEvent] {
            let end = now + .milliseconds(milliseconds)
            var events: [TransactionEvent] = []
            while let next = layer.nextDeadline, next <= end {
                now = max(now, next)
                while let event = layer.advance(to: now) { events.append(event) }
            }
            now = end
            return events
        }

        func cancel(_ id: ClientTransactionID) -> Bool { layer.cancel(id, now: now) }

        func nextEvent() -> TransactionEvent? { layer.advance(to: now) }

        /// Answers an INVITE with a 2xx of one's own.
        func accept(_ id: ServerTransactionID) {
            layer.assign(owner: 9, to: id)
            guard let start = layer.beginResponse(id, status: 200, toTag: Array("t".utf8)) else { return }
            layer.writer.finish()
            layer.respond(id, status: 200, from: start, repeatsUntilAcknowledged: true, now: now)
        }

        /// Sends a request of ours and gives its text.
        func request(_ method: Method, owner: UInt64 = 7, isReliable: Bool = false) -> (ClientTransactionID, String) {
            let id = layer.openRequest()
            let start = layer.writer.output.count
            layer.writer.requestLine(method, uri: Array("sip:b@x".utf8))
            layer.writer.via(.udp, sentBy: TransportAddress(198, 51, 100, 1, port: 6000), branch: layer.branch(of: id))
            layer.writer.header(.maxForwards, "70")
            layer.writer.header(.route, "<sip:r;lr>")
            layer.writer.header(.from, "<sip:a@x>;tag=1")
            layer.writer.header(.to, "<sip:b@x>")
            layer.writer.header(.callID, "c1")
            layer.writer.cSeq(4, method)
            layer.writer.finish()
            layer.send(
                id, method: method, from: start, owner: owner, flow: flow, destination: peer, isReliable: isReliable,
                now: now)
            return (id, sent().last ?? "")
        }
    }

    private func response(_ status: Int, to request: String, method: String? = nil) -> String {
        var lines = request.split(separator: "\r\n").map(String.init).filter { line in
            ["Via", "From", "To", "Call-ID", "CSeq"].contains { line.hasPrefix($0 + ":") }
        }
        if let method { lines = lines.map { $0.hasPrefix("CSeq") ? "CSeq: 4 \(method)" : $0 } }
        lines = lines.map { $0.hasPrefix("To:") ? $0 + ";tag=2" : $0 }
        return (["SIP/2.0 \(status) X"] + lines).joined(separator: "\r\n") + "\r\n\r\n"
    }

    private func invite(_ method: String = "INVITE", branch: String = "z9hG4bKa", via: String = "192.0.2.1;rport")
        -> String
    {
        "\(method) sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP \(via);branch=\(branch)\r\nMax-Forwards: 70\r\nFrom: <sip:a@x>;tag=1\r\n"
            + "To: <sip:b@x>\r\nCall-ID: c\r\nCSeq: 1 \(method)\r\n\r\n"
    }

    @Test func `a response finds its request by the branch, anybody else's is dropped`() throws {
        let bench = Bench()
        let (id, request) = bench.request(.register)
        #expect(try bench.receive(response(100, to: request)) == .response(owner: 7, id))
        for wrong in [
            response(200, to: request).replacing("z9hG4bK0", with: "z9hG4bK1"),
            response(200, to: request, method: "OPTIONS"), response(200, to: request).replacing("z9hG4bK", with: ""),
        ] { #expect(try bench.receive(wrong) == .absorbed) }
        let branch = String(try #require(request.split(separator: "branch=").last?.prefix(31)))
        let guess = String(branch.dropLast()) + (branch.hasSuffix("0") ? "1" : "0")
        #expect(
            try bench.receive(response(200, to: request).replacing(branch, with: guess)) == .absorbed, "another salt")
        #expect(try bench.receive(response(200, to: request)) == .response(owner: 7, id))
        #expect(try bench.receive(response(200, to: request)) == .absorbed, "a copy")
        #expect(bench.layer.isEmpty && bench.layer.nextDeadline == nil)
    }

    @Test func `branches differ for every request, also in the same place`() throws {
        let bench = Bench()
        var branches: Set<String> = []
        for _ in 0..<100 {
            let (_, request) = bench.request(.options)
            branches.insert(String(try #require(request.split(separator: "branch=").last?.prefix(31))))
            _ = try bench.receive(response(200, to: request))
        }
        #expect(branches.count == 100)
    }

    @Test func `an unanswered request is sent again and times out; a connection sends once`() {
        let bench = Bench()
        let (id, request) = bench.request(.options)
        let events = bench.advance(32_000)
        #expect(events.last == .timeout(owner: 7, id) && events.count == 11)
        #expect(bench.sent() == Array(repeating: request, count: 10))
        #expect(bench.layer.isEmpty)
        let (other, _) = bench.request(.options, isReliable: true)
        #expect(bench.advance(40_000) == [.timeout(owner: 7, other)] && bench.sent() == [])
    }

    @Test func `a refusal to INVITE is acknowledged with the INVITE's branch and routes, each copy again`() throws {
        let bench = Bench()
        let (id, request) = bench.request(.invite)
        let refusal = response(486, to: request)
        #expect(try bench.receive(refusal) == .response(owner: 7, id))
        let ack = try #require(bench.sent().first)
        #expect(
            ack
                == "ACK sip:b@x SIP/2.0\r\n" + request.split(separator: "\r\n")[1] + "\r\nMax-Forwards: 70\r\n"
                + "Route: <sip:r;lr>\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:b@x>;tag=2\r\nCall-ID: c1\r\nCSeq: 4 ACK\r\n"
                + "Content-Length: 0\r\n\r\n")
        #expect(try bench.receive(refusal) == .absorbed)
        #expect(bench.sent() == [ack])
        #expect(bench.advance(32_000) == [] && bench.layer.isEmpty)
    }

    @Test func `2xx copies reach the user until timer M, for their ACK`() throws {
        let bench = Bench()
        let (id, request) = bench.request(.invite)
        for _ in 0..<3 { #expect(try bench.receive(response(200, to: request)) == .response(owner: 7, id)) }
        #expect(bench.sent() == [])
        #expect(bench.advance(32_000) == [] && bench.layer.isEmpty)
    }

    @Test func `CANCEL waits for a provisional response, has the INVITE's branch, and is not the user's business`()
        throws
    {
        let bench = Bench()
        let (id, request) = bench.request(.invite)
        #expect(!bench.cancel(id))
        _ = try bench.receive(response(180, to: request))
        #expect(bench.cancel(id) && !bench.cancel(id))
        let cancel = try #require(bench.sent().first)
        #expect(cancel.hasPrefix("CANCEL sip:b@x SIP/2.0\r\n" + request.split(separator: "\r\n")[1] + "\r\n"))
        #expect(cancel.contains("CSeq: 4 CANCEL\r\n") && cancel.contains("To: <sip:b@x>\r\n"))
        #expect(bench.advance(500) == [.retransmitted(owner: 7)] && bench.sent() == [cancel])
        #expect(try bench.receive(response(200, to: request, method: "CANCEL")) == .absorbed)
        #expect(try bench.receive(response(487, to: request)) == .response(owner: 7, id))
        #expect(bench.advance(40_000) == [] && bench.layer.isEmpty)
    }

    @Test func `a broken flow or destination fails its requests only`() {
        let bench = Bench()
        let (id, _) = bench.request(.register)
        bench.layer.transportFailed(flow: FlowID(raw: 9))
        bench.layer.transportFailed(flow: Self.flow, destination: TransportAddress(1, 2, 3, 4, port: 5))
        #expect(bench.nextEvent() == nil)
        bench.layer.transportFailed(flow: Self.flow, destination: Self.peer)
        #expect(bench.layer.nextDeadline != nil)
        #expect(bench.nextEvent() == .failed(owner: 7, id) && bench.layer.isEmpty)
    }

    @Test func `a copy of a request gets the same answer; with another branch or sent-by it is another request`() throws
    {
        let bench = Bench()
        guard case .request(let id) = try bench.receive(invite("OPTIONS")) else { return #expect(Bool(false)) }
        #expect(try bench.receive(invite("OPTIONS")) == .absorbed)
        #expect(bench.sent() == [])
        bench.layer.respond(id, status: 200, toTag: Array("t".utf8), now: bench.now)
        let answer = bench.sent()
        #expect(answer.count == 1 && answer[0].contains("To: <sip:b@x>;tag=t\r\n"))
        #expect(try bench.receive(invite("OPTIONS")) == .absorbed)
        #expect(bench.sent() == answer)
        for other in [invite("OPTIONS", branch: "z9hG4bKb"), invite("OPTIONS", via: "192.0.2.2"), invite("INFO")] {
            guard case .request = try bench.receive(other) else { return #expect(Bool(false), "\(other)") }
        }
        _ = bench.advance(32_000)
        #expect(bench.layer.counts.servers == 3)
    }

    @Test func `requests without the magic cookie are told apart by RFC 2543's rules (RFC 3261 §17.2.3)`() throws {
        let bench = Bench()
        let old = invite(branch: "1")
        guard case .request(let id) = try bench.receive(old) else { return #expect(Bool(false)) }
        #expect(try bench.receive(old) == .absorbed)
        bench.layer.respond(id, status: 486, toTag: Array("t".utf8), now: bench.now)
        let ack = old.replacing("INVITE", with: "ACK").replacing("To: <sip:b@x>", with: "To: <sip:b@x>;tag=t")
        #expect(try bench.receive(ack) == .absorbed)
        _ = bench.advance(5_000)
        #expect(bench.layer.isEmpty, "timer I after the ACK")
        guard case .request = try bench.receive(old.replacing("Call-ID: c", with: "Call-ID: d")) else {
            return #expect(Bool(false))
        }
    }

    @Test func `100 goes out by itself after 200 ms; a refusal is repeated until its ACK`() throws {
        let bench = Bench()
        guard case .request(let id) = try bench.receive(invite()) else { return #expect(Bool(false)) }
        #expect(bench.advance(200) == [])
        #expect(bench.sent().map { $0.hasPrefix("SIP/2.0 100 Trying\r\n") } == [true])
        bench.layer.respond(id, status: 486, toTag: Array("t".utf8), now: bench.now)
        _ = bench.advance(1_500)
        #expect(bench.sent().count == 3)
        #expect(try bench.receive(invite("ACK")) == .absorbed)
        #expect(bench.advance(40_000) == [] && bench.sent() == [] && bench.layer.isEmpty)

        guard case .request(let second) = try bench.receive(invite(branch: "z9hG4bKz")) else {
            return #expect(Bool(false))
        }
        bench.layer.assign(owner: 9, to: second)
        bench.layer.respond(second, status: 486, toTag: Array("t".utf8), now: bench.now)
        #expect(bench.advance(32_000) == [.unacknowledged(owner: 9, second)])
    }

    @Test(arguments: [false, true])
    func `one's own 2xx is repeated on every transport until acknowledged (RFC 3261 §13.3.1.4)`(isReliable: Bool) throws
    {
        let bench = Bench()
        guard case .request(let id) = try bench.receive(invite(), isReliable: isReliable) else {
            return #expect(Bool(false))
        }
        bench.accept(id)
        #expect(bench.advance(3_500) == [])
        #expect(bench.sent().count == 4)
        #expect(try bench.receive(invite("ACK", branch: "z9hG4bKnew")) == .acknowledgement)
        bench.layer.acknowledge(id)
        #expect(bench.advance(40_000) == [] && bench.sent() == [] && bench.layer.isEmpty)
    }

    @Test func `a 2xx that is never acknowledged is reported after 64 T1`() throws {
        let bench = Bench()
        guard case .request(let id) = try bench.receive(invite()) else { return #expect(Bool(false)) }
        bench.accept(id)
        #expect(bench.advance(31_999) == [] && bench.sent().count == 11)
        #expect(bench.advance(1) == [.unacknowledged(owner: 9, id)] && bench.layer.isEmpty)
    }

    @Test func `a CANCEL names the INVITE it means`() throws {
        let bench = Bench()
        guard case .request(let id) = try bench.receive(invite()) else { return #expect(Bool(false)) }
        guard case .cancel(let cancel, let meant) = try bench.receive(invite("CANCEL")) else {
            return #expect(Bool(false))
        }
        #expect(meant == id && cancel != id)
        guard case .cancel(_, nil) = try bench.receive(invite("CANCEL", branch: "z9hG4bKq")) else {
            return #expect(Bool(false))
        }
    }

    @Test func `answers go to the port asked for (RFC 3581), or to that of sent-by (RFC 3261 §18.2.2)`() throws {
        let bench = Bench()
        let source = TransportAddress(203, 0, 113, 7, port: 999)
        for (via, port) in [("192.0.2.1:5070;rport", UInt16(999)), ("192.0.2.1:5070", 5070), ("192.0.2.1", 5060)] {
            guard
                case .request(let id) = try bench.receive(
                    invite("OPTIONS", branch: "z9hG4bK\(via.count)", via: via), from: source)
            else {
                return #expect(Bool(false))
            }
            bench.layer.respond(id, status: 200, toTag: nil, now: bench.now)
            let transmission = try #require(bench.layer.transmissions.last)
            #expect(
                transmission.destination == TransportAddress(ip: source.ip, port: port)
                    && transmission.flow == Self.flow)
            #expect(bench.sent()[0].contains(";received=203.0.113.7"))
        }
    }

    @Test func `a request without a header that it needs gets 400, a response none`() throws {
        let bench = Bench()
        #expect(try bench.receive(invite("OPTIONS").replacing("Call-ID: c\r\n", with: "")) == .defective(.callID))
        #expect(bench.sent()[0].hasPrefix("SIP/2.0 400 Bad or missing Call-ID\r\nVia: "))
        #expect(
            try bench.receive("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP x;branch=z9hG4bKq\r\n\r\n") == .absorbed, "not ours")
        #expect(try bench.receive(invite("ACK").replacing("Call-ID: c\r\n", with: "")) == .defective(.callID))
        #expect(bench.sent() == [] && bench.layer.isEmpty)
    }
}
