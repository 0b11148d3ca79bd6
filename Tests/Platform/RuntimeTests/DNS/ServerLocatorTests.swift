// SPDX-License-Identifier: Apache-2.0

import Bedrock
import NIOCore
import NIOPosix
import SIP
import Testing
import UserAgent

@testable import Runtime

/// A socket that takes questions and never answers.
private func silentServer() async throws -> (address: TransportAddress, channel: any Channel) {
    let channel = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .bind(host: "127.0.0.1", port: 0).get()
    return (TransportAddress(127, 0, 0, 1, port: UInt16(channel.localAddress?.port ?? 0)), channel)
}

/// RFC 3263 through c-ares against a real DNS server.
@Suite(.enabled(if: Dnsmasq.isHere, "dnsmasq is not installed"), .timeLimit(.minutes(1)))
struct ServerLocatorTests {
    private static let domain = [
        "naptr-record=pbx.example,10,10,s,SIP+D2T,,_sip._tcp.pbx.example",
        "naptr-record=pbx.example,10,20,s,SIP+D2U,,_sip._udp.pbx.example",
        "srv-host=_sip._tcp.pbx.example,a.pbx.example,5071,10,0",
        "srv-host=_sip._tcp.pbx.example,b.pbx.example,5072,20,0",
        "srv-host=_sip._udp.pbx.example,a.pbx.example,5070,10,0",
        "host-record=a.pbx.example,127.0.0.1,300", "host-record=b.pbx.example,127.0.0.2,300",
        "host-record=plain.example,127.0.0.3,300",
    ]

    private func order(_ found: FoundServers) -> [String] {
        var random = SeededRandom(seed: 3263)
        return found.order(random: &random).map { "\($0.address)/\($0.transport)" }
    }

    @Test func `NAPTR, SRV and addresses lead to the servers in their order`() async throws {
        let dns = try await Dnsmasq(Self.domain)
        let found = try await ServerLocator().locate(ServerRequest(host: "pbx.example", dns: dns.address))
        #expect(order(found) == ["127.0.0.1:5071/tcp", "127.0.0.2:5072/tcp", "127.0.0.1:5070/udp"])
        #expect(dns.asked.first == "NAPTR pbx.example")
    }

    @Test func `a name with nothing but an address is reached over UDP, the port of its transport`() async throws {
        let dns = try await Dnsmasq(Self.domain)
        let locator = ServerLocator()
        #expect(
            order(try await locator.locate(ServerRequest(host: "plain.example", dns: dns.address)))
                == ["127.0.0.3:5060/udp"])
        let secured = ServerRequest(host: "plain.example", transport: .tls, dns: dns.address)
        #expect(order(try await locator.locate(secured)) == ["127.0.0.3:5061/tls"])
    }

    @Test func `what is kept is not asked again, and everybody at once asks once`() async throws {
        let dns = try await Dnsmasq(Self.domain)
        let locator = ServerLocator()
        let request = ServerRequest(host: "pbx.example", dns: dns.address)
        try await withThrowingTaskGroup { tasks in
            for _ in 0..<20 { tasks.addTask { _ = try await locator.locate(request) } }
            try await tasks.waitForAll()
        }
        let asked = dns.asked
        // NAPTR, two SRV, and A and AAAA of two hosts. A record that is not there has no life to be kept for.
        #expect(asked.count { $0.hasPrefix("NAPTR") } == 1)
        #expect(asked.count { $0.hasPrefix("SRV") } == 2)
        #expect(asked.count { $0.hasPrefix("A ") } == 2)
        _ = try await locator.locate(request)
        #expect(dns.asked.filter { !$0.hasPrefix("AAAA") } == asked.filter { !$0.hasPrefix("AAAA") })
    }

    @Test func `a record is asked for again when its life is over`() async throws {
        let dns = try await Dnsmasq(["host-record=short.example,127.0.0.1,1"])
        let locator = ServerLocator()
        let request = ServerRequest(host: "short.example", port: 5060, dns: dns.address)
        func questions() -> Int { dns.asked.count { $0.hasPrefix("A ") } }
        _ = try await locator.locate(request)
        #expect(questions() == 1)
        let end = SystemClock.now() + .seconds(10)
        while questions() == 1, SystemClock.now() < end {
            try await Task.sleep(for: .milliseconds(50))
            _ = try await locator.locate(request)
        }
        #expect(questions() == 2)
    }

    @Test func `an answer too long for a datagram comes over TCP`() async throws {
        let hosts = (0..<30).flatMap { host in
            [
                "srv-host=_sip._udp.many.example,a-host-with-a-long-name-\(host).many.example,\(6000 + host),\(host),0",
                "host-record=a-host-with-a-long-name-\(host).many.example,127.0.0.1,300",
            ]
        }
        let dns = try await Dnsmasq(hosts)
        let found = try await ServerLocator().locate(
            ServerRequest(host: "many.example", transport: .udp, dns: dns.address))
        #expect(order(found) == (0..<16).map { "127.0.0.1:\(6000 + $0)/udp" })
    }

    @Test func `a name with nothing is refused in words`() async throws {
        let dns = try await Dnsmasq(["txt-record=empty.example,nothing"])
        let error = await #expect(throws: ResolutionError.self) {
            try await ServerLocator().locate(ServerRequest(host: "empty.example", dns: dns.address))
        }
        #expect(
            error?.description
                == "cannot reach \"empty.example\": the name empty.example has no SRV, NAPTR or address record")
    }

    @Test func `a proxy's URI says host, port and transport`() async throws {
        let dns = try await Dnsmasq(Self.domain)
        let request = try ServerRequest(
            place: "sip:plain.example:5099;transport=tcp;lr", port: 5070, transport: "udp", dns: "\(dns.address)")
        #expect(order(try await ServerLocator().locate(request)) == ["127.0.0.3:5099/tcp"])
    }
}

@Suite(.timeLimit(.minutes(1))) struct SilentDNSTests {
    @Test func `a DNS server that does not answer is named`() async throws {
        let (address, channel) = try await silentServer()
        let error = await #expect(throws: ResolutionError.self) {
            try await ServerLocator().locate(ServerRequest(host: "pbx.example", dns: address))
        }
        #expect(error?.reason == "the DNS server \(address) does not answer")
        try await channel.close()
    }

    @Test func `a DNS server that is not there is known by its refusal`() async throws {
        let refusing = try RefusingPort()
        let address = refusing.address
        let error = await #expect(throws: ResolutionError.self) {
            try await ServerLocator().locate(ServerRequest(host: "pbx.example", dns: address))
        }
        #expect(error?.reason == "the DNS server \(address) does not answer: nothing listens there")
        withExtendedLifetime(refusing) {}
    }

    @Test func `a look-up ends when its task is cancelled, unless another waits for it too`() async throws {
        let (address, channel) = try await silentServer()
        let locator = ServerLocator()
        let request = ServerRequest(host: "pbx.example", dns: address)
        func lookUp() -> Task<String, Never> {
            Task {
                do throws(ResolutionError) {
                    _ = try await locator.locate(request)
                    return "found"
                } catch {
                    return error.reason
                }
            }
        }
        let start = SystemClock.now()
        let (first, second) = (lookUp(), lookUp())
        while await locator.rounds == 0 { await Task.yield() }
        first.cancel()
        #expect(await second.value == "the DNS server \(address) does not answer")
        #expect(SystemClock.now() - start > DNSRound.firstTry)
        let third = lookUp()
        while await locator.rounds == 1 { await Task.yield() }
        third.cancel()
        #expect(await third.value == "the look-up of pbx.example was given up")
        try await channel.close()
    }

    @Test(arguments: ["127.0.0.1", "[::1]", "localhost"]) func `this machine needs no DNS server`(host: String)
        async throws
    {
        let found = try await ServerLocator().locate(ServerRequest(host: host))
        #expect(found.all.first?.address.isLoopback == true)
        #expect(found.all.first?.address.port == 5060)
    }
}
