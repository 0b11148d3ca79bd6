// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics
import SIP
import Testing
import UserAgent

/// What lies between an endpoint and its server: NATs, flows that must be kept open, requests too large for a datagram.
@Suite struct FlowLifeTests {
    private static let flow = FlowID(raw: 1)

    private func stage(_ transport: Transport = .udp, _ change: (inout EndpointPlan) -> Void = { _ in }) -> Stage {
        let stage = Stage()
        stage.add(0, "alice") {
            $0.transport = transport
            if transport.isReliable { $0.localAddress.port = 0 }
            change(&$0)
        }
        stage.server = { [$0.registered(expires: 7200)] }
        return stage
    }

    private func register(_ stage: Stage) {
        stage.register(0)
        stage.shard.flowOpened(Self.flow, local: TransportAddress(198, 51, 100, 1, port: 40_000), now: stage.now)
        stage.settle()
    }

    private func finished(_ stage: Stage) throws -> EndpointResult {
        stage.perform(.finish(endpoint: 0))
        stage.pass(.seconds(100))
        #expect(stage.shard.isIdle)
        return try #require(stage.result(0))
    }

    /// A 200 whose Via says where the request came from.
    private static func seen(_ request: SIPText, at place: String, more: [String] = []) -> String {
        let answer = request.response(200, "OK", ["Contact: \(request["Contact"] ?? "");expires=7200"] + more)
        return answer.replacing(";rport;", with: ";\(place);")
    }

    /// The gaps between keep-alives, in seconds.
    private func gaps(_ stage: Stage) -> [Double] {
        ([Stage.start] + stage.keepAlives.map(\.at)).adjacentPairs.map { ($1 - $0).seconds }
    }

    // MARK: RFC 3581

    @Test func `the address that the server sees is told where it is not the endpoint's own`() throws {
        let behind = stage()
        behind.server = { [Self.seen($0, at: "received=203.0.113.5;rport=33000")] }
        behind.register(0)
        behind.pass(.seconds(1))
        #expect(behind.requests("REGISTER").count == 1)
        #expect(try finished(behind).path?.publicAddress == "203.0.113.5:33000")

        let direct = stage()
        direct.server = { [Self.seen($0, at: "received=198.51.100.1;rport=6000")] }
        direct.register(0)
        #expect(try finished(direct).path == nil)
    }

    @Test func `where it is wanted, Contact takes that address, the old one is removed, and both ends agree`() throws {
        let stage = stage { $0.natContact = true }
        stage.server = { [Self.seen($0, at: "received=203.0.113.5;rport=33000")] }
        stage.register(0)
        stage.pass(.seconds(1))
        let registers = stage.requests("REGISTER")
        #expect(registers.count == 2)
        #expect(
            registers.last?.all("Contact") == [
                "<sip:alice@203.0.113.5:33000>", "<sip:alice@198.51.100.1:6000>;expires=0",
            ])
        let result = try finished(stage)
        #expect(result.registration.otherBindings == 0 && result.outcome == .success)
        #expect(stage.requests("REGISTER").last?.all("Contact") == ["<sip:alice@203.0.113.5:33000>"])
    }

    @Test func `a server that sees another address each time does not make it register for ever`() {
        let stage = stage { $0.natContact = true }
        var port = 33_000
        stage.server = { request in
            port += 1
            return [Self.seen(request, at: "received=203.0.113.5;rport=\(port)")]
        }
        stage.register(0)
        stage.pass(.seconds(60))
        #expect(stage.requests("REGISTER").count == 5)
    }

    // MARK: RFC 5626

    @Test func `outbound is offered with an instance that stays and a flow number, and used once agreed`() throws {
        let stage = stage { $0.outbound = true }
        stage.server = { request in
            switch request.method {
            case "REGISTER": [Self.seen(request, at: "rport=6000", more: ["Require: outbound"])]
            case "INVITE": [request.accepted()]
            default: [request.response(200)]
            }
        }
        stage.register(0)
        stage.call(0, "sip:bob@example.org")
        stage.perform(.hangUp(endpoint: 0))
        let result = try finished(stage)
        let registers = stage.requests("REGISTER")
        let contact = try #require(registers.first?["Contact"])
        let prefix = "<sip:alice@198.51.100.1:6000>;+sip.instance=\"<urn:uuid:"
        #expect(contact.hasPrefix(prefix) && contact.hasSuffix(">\";reg-id=1"))
        let uuid = contact.dropFirst(prefix.count).prefix(36).split(separator: "-")
        #expect(uuid.map(\.count) == [8, 4, 4, 4, 12])
        #expect(registers.allSatisfy { $0["Contact"] == contact && $0["Supported"] == "path, outbound" })
        #expect(stage.requests("INVITE").first?["Contact"] == "<sip:alice@198.51.100.1:6000;ob>")
        #expect(result.path?.outbound == true && result.outcome == .success)

        let other = Stage()
        other.add(1, "alice") { $0.outbound = true }
        other.register(1)
        #expect(other.requests.first?["Contact"]?.contains(uuid.joined(separator: "-")) == false)
    }

    @Test func `a first hop without outbound is asked again without it`() throws {
        let stage = stage { $0.outbound = true }
        stage.server = { request in
            [request["Supported"] == nil ? request.registered() : request.response(439, "No Outbound")]
        }
        stage.register(0)
        let last = try #require(stage.requests.last)
        #expect(last["Contact"] == "<sip:alice@198.51.100.1:6000>" && last.cSeqNumber == 2)
        #expect(try finished(stage).outcome == .success)
    }

    @Test func `on a stream CRLF goes every 95 to 120 s; without outbound nobody has to answer`() throws {
        let stage = stage(.tcp)
        register(stage)
        stage.pass(.seconds(1000))
        #expect(stage.keepAlives.count >= 8 && stage.keepAlives.allSatisfy { $0.bytes == Array("\r\n\r\n".utf8) })
        #expect(gaps(stage).allSatisfy { $0 >= 95 && $0 <= 120 })
        #expect(Set(gaps(stage)).count > 1)
        #expect(stage.shard.takeWindow(second: 0).messagesSent == 1)
        #expect(try finished(stage).outcome == .success)
    }

    @Test func `with outbound a missing pong means a dead connection, which is replaced (RFC 5626 §4.4.1)`() throws {
        let stage = stage(.tcp) { $0.outbound = true }
        stage.server = { [Self.seen($0, at: "rport=6000", more: ["Require: outbound", "Flow-Timer: 100"])] }
        stage.hasPongs = true
        register(stage)
        stage.pass(.seconds(500))
        #expect(gaps(stage).allSatisfy { $0 >= 80 && $0 <= 100 } && stage.opened.isEmpty)
        stage.hasPongs = false
        stage.pass(.seconds(111))
        #expect(stage.closed == [Self.flow] && stage.opened.count == 1)
        #expect(stage.requests("REGISTER").count == 2)
        stage.hasPongs = true
        let result = try finished(stage)
        #expect(result.outcome == .success && result.path?.reconnects == 1)
    }

    @Test func `on UDP STUN keeps the flow where outbound was agreed; another address registers again (§4.4.2)`() throws
    {
        let stage = stage { $0.outbound = true }
        stage.server = { [Self.seen($0, at: "rport=6000", more: ["Require: outbound"])] }
        var port: UInt16 = 33_000
        stage.answer = { bytes in
            guard let request = bytes.withUnsafeBytes({ STUNMessage($0) }) else { return nil }
            var writer = ByteWriter()
            let address = TransportAddress(203, 0, 113, 5, port: port)
            writer.append(STUNMessage(.success, request.transaction, mappedAddress: address))
            return writer.bytes
        }
        stage.register(0)
        stage.pass(.seconds(300))
        #expect(stage.keepAlives.count >= 10 && gaps(stage).allSatisfy { $0 >= 24 && $0 <= 29 })
        #expect(stage.requests("REGISTER").count == 1)
        port += 1
        stage.pass(.seconds(35))
        #expect(stage.requests("REGISTER").count == 2)
        #expect(try finished(stage).outcome == .success)
    }

    @Test func `a Binding request is sent seven times, then the endpoint registers again (RFC 5389 §7.2.1)`() throws {
        let stage = stage { $0.outbound = true }
        stage.server = { [Self.seen($0, at: "rport=6000", more: ["Require: outbound"])] }
        stage.register(0)
        stage.pass(.seconds(24 + 39))
        #expect(stage.requests("REGISTER").count == 1)
        stage.pass(.seconds(12))
        #expect(stage.keepAlives.count == 7 && Set(stage.keepAlives.map(\.bytes)).count == 1)
        let sendings = stage.keepAlives.map(\.at)
        #expect(sendings.adjacentPairs.map { ($1 - $0).seconds } == [0.5, 1, 2, 4, 8, 16])
        #expect(stage.requests("REGISTER").count == 2)
        #expect(try finished(stage).outcome == .success)
    }

    @Test func `UDP without outbound sends what the plan says, or nothing`() throws {
        let silent = stage()
        silent.register(0)
        silent.pass(.seconds(600))
        #expect(silent.keepAlives.isEmpty && silent.requests.count == 1)

        let crlf = stage { $0.keepAlive = .crlf(.seconds(30)) }
        crlf.register(0)
        crlf.pass(.seconds(300))
        #expect(crlf.keepAlives.count >= 10 && gaps(crlf).allSatisfy { $0 >= 24 && $0 <= 30 })
        #expect(try finished(crlf).outcome == .success)

        let options = stage { $0.keepAlive = .options(.seconds(30)) }
        options.register(0)
        options.pass(.seconds(100))
        let pings = options.requests("OPTIONS")
        #expect(
            pings.count >= 3 && pings[0].requestURI == "sip:example.org" && pings[0]["Call-ID"] != pings[1]["Call-ID"])
        options.server = { $0.method == "OPTIONS" ? [] : [$0.registered()] }
        options.pass(.seconds(65))
        #expect(options.requests("REGISTER").count == 2)
        #expect(try finished(options).outcome == .success)

        let off = stage(.tcp) { $0.keepAlive = .off }
        register(off)
        off.pass(.seconds(600))
        #expect(off.keepAlives.isEmpty)
    }

    @Test func `endpoints that share a socket have one keep-alive`() throws {
        let stage = Stage()
        for index in 0..<3 {
            stage.add(UInt32(index), "user\(index)") {
                $0.flow = FlowID(raw: 9)
                $0.keepAlive = .crlf(.seconds(30))
            }
        }
        stage.server = { [$0.registered()] }
        for index in 0..<3 { stage.register(UInt32(index)) }
        stage.pass(.seconds(29.9))
        #expect(stage.keepAlives.count == 1)
        stage.perform(.finish(endpoint: 0))
        stage.pass(.seconds(60))
        #expect(stage.keepAlives.count == 3)
        for index in 1..<3 { stage.perform(.finish(endpoint: UInt32(index))) }
        #expect(stage.shard.isIdle)
    }

    // MARK: RFC 3261 §18.1.1

    /// A caller whose INVITE does not fit a datagram.
    private func large() -> Stage {
        let stage = stage {
            $0.registers = false
            $0.displayName = Array(repeating: UInt8(ascii: "x"), count: 1000)
        }
        stage.server = { request in
            switch request.method {
            case "INVITE": [request.accepted()]
            case "BYE": [request.response(200)]
            default: []
            }
        }
        return stage
    }

    @Test func `a request over 1,300 bytes goes by TCP and its Via says so`() throws {
        let stage = large()
        stage.call(0, "sip:bob@example.org")
        #expect(stage.opened.map(\.target) == [ServerTarget(address: Stage.server, transport: .tcp)])
        let invite = try #require(stage.requests("INVITE").first)
        #expect(stage.requests("INVITE").count == 1 && invite.description.utf8.count > 1300)
        #expect(invite["Via"]?.hasPrefix("SIP/2.0/TCP 198.51.100.1:6000;rport;branch=") == true)
        #expect(invite["Contact"] == "<sip:alice@198.51.100.1:6000>")
        stage.pass(.seconds(5))
        #expect(stage.requests("INVITE").count == 1)
        stage.perform(.hangUp(endpoint: 0))
        let result = try finished(stage)
        #expect(result.outcome == .success && result.path?.largeRequests == .sentByTCP)
        #expect(stage.closed == stage.opened.map(\.flow))
    }

    @Test func `where TCP is refused it goes by UDP all the same, and the next one at once`() throws {
        let stage = large()
        stage.opening = { _ in .refused }
        for _ in 0..<2 {
            stage.call(0, "sip:bob@example.org")
            stage.perform(.hangUp(endpoint: 0))
        }
        #expect(stage.opened.count == 1)
        #expect(stage.requests("INVITE").count == 2)
        #expect(stage.requests("INVITE").allSatisfy { $0["Via"]?.hasPrefix("SIP/2.0/UDP") == true })
        let result = try finished(stage)
        #expect(result.outcome == .success && result.path?.largeRequests == .fellBackToUDP)
    }
}

extension Array {
    fileprivate var adjacentPairs: [(Element, Element)] { Array<(Element, Element)>(zip(self, dropFirst())) }
}
