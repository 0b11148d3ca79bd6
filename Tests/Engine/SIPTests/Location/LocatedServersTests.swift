// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP
import Testing

/// RFC 2782, "Usage rules", as many clients see it.
@Suite struct LocatedServersTests {
    /// How often each host of `_sip._udp.pbx.example` comes at each place, over `draws` clients.
    private func places(_ rows: [(UInt16, UInt16)], draws: Int) throws -> [[Int]] {
        var zone = Zone()
        zone.srv("_sip._udp.pbx.example", rows.enumerated().map { ($1.0, $1.1, 5060, "h\($0).pbx.example") })
        for host in rows.indices { zone.host("h\(host).pbx.example", "192.0.2.\(host)") }
        let servers = try #require(Located(LocationTarget(host: "pbx.example", transport: .udp), in: zone).servers)
        var random = SeededRandom(seed: 2782)
        var counts = [[Int]](repeating: [Int](repeating: 0, count: rows.count), count: rows.count)
        for _ in 0..<draws {
            for (place, server) in servers.order(random: &random).enumerated() {
                guard case .v4(let value) = server.address.ip else { continue }
                counts[Int(value & 255)][place] += 1
            }
        }
        return counts
    }

    @Test func theFirstServerIsDrawnByWeight() throws {
        let draws = 100_000
        let counts = try places([(0, 60), (0, 30), (0, 10)], draws: draws)
        // Four standard deviations of a binomial distribution, sqrt(n p (1 - p)).
        for (host, share) in [(0, 0.6), (1, 0.3), (2, 0.1)] {
            let deviation = (Double(draws) * share * (1 - share)).squareRoot()
            #expect(abs(Double(counts[host][0]) - Double(draws) * share) < 4 * deviation)
        }
        // Second place, by the same rule among those left: 0.6·(30/40) + 0.1·(30/90) for the second host.
        let second = 0.6 * 0.75 + 0.1 / 3
        let deviation = (Double(draws) * second * (1 - second)).squareRoot()
        #expect(abs(Double(counts[1][1]) - Double(draws) * second) < 4 * deviation)
    }

    @Test func smallWeightsAreExactToo() throws {
        let counts = try places([(0, 1), (0, 2)], draws: 30_000)
        #expect(abs(counts[0][0] - 10_000) < 330)
    }

    @Test func prioritiesAreNeverMixed() throws {
        let counts = try places([(20, 65_535), (10, 0), (10, 1), (30, 5)], draws: 2000)
        #expect(counts[0] == [0, 0, 2000, 0])
        #expect(counts[3] == [0, 0, 0, 2000])
        #expect(counts[1][0] + counts[2][0] == 2000)
    }

    @Test func weightZeroHasASmallChanceBesideOthers() throws {
        let counts = try places([(0, 0), (0, 99)], draws: 100_000)
        // One draw of 0…99 in a hundred.
        #expect((800...1200).contains(counts[0][0]))
    }

    @Test func hostsOfWeightZeroShareEvenlyAmongThemselves() throws {
        let counts = try places([(0, 0), (0, 0), (0, 0), (0, 0)], draws: 40_000)
        for host in counts { #expect((9600...10_400).contains(host[0])) }
    }

    @Test func theSameSeedGivesTheSameOrder() {
        var zone = Zone()
        zone.srv("_sip._udp.pbx.example", [(0, 1, 5060, "a.pbx.example"), (0, 1, 5060, "b.pbx.example")])
        zone.host("a.pbx.example", "192.0.2.1", "2001:db8::1")
        zone.host("b.pbx.example", "192.0.2.2")
        let found = Located(LocationTarget(host: "pbx.example", transport: .udp), in: zone)
        #expect(found.order(seed: 7) == found.order(seed: 7))
        #expect(Set((0..<50).map { found.order(seed: $0) }).count == 2)
    }

    @Test func noServerIsGivenTwice() {
        var zone = Zone()
        zone.srv("_sip._udp.pbx.example", [(0, 0, 5060, "a.pbx.example"), (1, 0, 5060, "b.pbx.example")])
        zone.host("a.pbx.example", "192.0.2.1")
        zone.host("b.pbx.example", "192.0.2.1", "2001:db8::1")
        let found = Located(LocationTarget(host: "pbx.example", transport: .udp), in: zone)
        #expect(found.order() == ["192.0.2.1:5060/udp", "[2001:db8::1]:5060/udp"])
    }

    @Test func serversWithoutARouteAreLeftOut() {
        var zone = Zone()
        zone.host("pbx.example", "192.0.2.1", "2001:db8::1")
        let servers = Located(LocationTarget(host: "pbx.example", port: 5060), in: zone).servers
        let isV4 = { (address: TransportAddress) in if case .v4 = address.ip { true } else { false } }
        #expect(servers?.filtered(isV4)?.all.map(\.address.description) == ["192.0.2.1:5060"])
        #expect(servers?.filtered { _ in false } == nil)
    }
}
