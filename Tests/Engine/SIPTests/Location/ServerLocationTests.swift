// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP
import Testing

/// RFC 3263 §4.1 and §4.2, case by case.
@Suite struct ServerLocationTests {
    /// The example of RFC 3263 §4.1, with addresses.
    private let example: Zone = {
        var zone = Zone()
        zone.naptr(
            "example.com",
            [
                (50, 50, "s", "SIPS+D2T", "_sips._tcp.example.com."),
                (90, 50, "s", "SIP+D2T", "_sip._tcp.example.com."),
                (100, 50, "s", "SIP+D2U", "_sip._udp.example.com."),
            ])
        zone.srv("_sip._tcp.example.com", [(0, 1, 5060, "server1.example.com."), (0, 2, 5060, "server2.example.com.")])
        zone.srv("_sip._udp.example.com", [(0, 1, 5060, "server1.example.com.")])
        zone.srv("_sips._tcp.example.com", [(0, 1, 5061, "server1.example.com.")])
        zone.host("server1.example.com", "192.0.2.1")
        zone.host("server2.example.com", "192.0.2.2")
        zone.host("example.com", "192.0.2.99")
        return zone
    }()

    @Test func theRFCsExampleWithAClientOfTCPAndUDPGivesTCPToTheTwoServers() {
        let found = Located(LocationTarget(host: "example.com", supported: [.udp, .tcp]), in: example)
        #expect(Set(found.order()) == ["192.0.2.1:5060/tcp", "192.0.2.2:5060/tcp"])
        #expect(
            found.asked == [
                "NAPTR example.com", "SRV _sip._tcp.example.com", "A server1.example.com", "AAAA server1.example.com",
                "A server2.example.com", "AAAA server2.example.com",
            ])
    }

    @Test func aClientOfTLSTakesTheLowestOrderAlsoForASIPURI() {
        #expect(Located(LocationTarget(host: "example.com"), in: example).order() == ["192.0.2.1:5061/tls"])
    }

    @Test func aSIPSURIDiscardsServicesWithoutTLS() {
        let target = LocationTarget(host: "example.com", isSecure: true)
        #expect(Located(target, in: example).order() == ["192.0.2.1:5061/tls"])
        let bare = LocationTarget(host: "example.com", isSecure: true, supported: [.udp, .tcp])
        // No service of the domain is left: the default of SIPS is TLS, at the domain's own address.
        #expect(Located(bare, in: example).order() == ["192.0.2.99:5061/tls"])
    }

    private static let numericHosts: [(String, UInt16?, Transport?, Bool, String)] = [
        ("192.0.2.7", nil, nil, false, "192.0.2.7:5060/udp"),
        ("192.0.2.7", 5070, nil, false, "192.0.2.7:5070/udp"),
        ("192.0.2.7", nil, Transport.tcp, false, "192.0.2.7:5060/tcp"),
        ("192.0.2.7", nil, Transport.tls, false, "192.0.2.7:5061/tls"),
        ("192.0.2.7", nil, nil, true, "192.0.2.7:5061/tls"),
        ("192.0.2.7", nil, Transport.tcp, true, "192.0.2.7:5061/tls"),
        ("192.0.2.7", nil, Transport.ws, false, "192.0.2.7:80/ws"),
        ("192.0.2.7", nil, Transport.wss, false, "192.0.2.7:443/wss"),
        ("[2001:db8::7]", nil, nil, false, "[2001:db8::7]:5060/udp"),
        ("2001:db8::7", 5062, Transport.tcp, false, "[2001:db8::7]:5062/tcp"),
    ]

    @Test(arguments: numericHosts.indices) func aNumericHostNeedsNoDNS(_ index: Int) {
        let (host, port, transport, isSecure, expected) = Self.numericHosts[index]
        let found = Located(
            LocationTarget(host: host, port: port, transport: transport, isSecure: isSecure), in: example)
        #expect(found.order() == [expected])
        #expect(found.asked.isEmpty)
    }

    @Test func aPortSkipsNAPTRAndSRV() {
        for (transport, word) in [(nil, "udp"), (Transport.tcp, "tcp")] {
            let found = Located(LocationTarget(host: "example.com", port: 5080, transport: transport), in: example)
            #expect(found.order() == ["192.0.2.99:5080/\(word)"])
            #expect(found.asked == ["A example.com", "AAAA example.com"])
        }
    }

    @Test(arguments: [
        (Transport.udp, "SRV _sip._udp.example.com"), (.tcp, "SRV _sip._tcp.example.com"),
        (.tls, "SRV _sips._tcp.example.com"), (.ws, "SRV _sip._ws.example.com"), (.wss, "SRV _sips._ws.example.com"),
    ])
    func aTransportSkipsNAPTRAndAsksForItsSRVRecords(_ transport: Transport, _ question: String) {
        let found = Located(LocationTarget(host: "example.com", transport: transport), in: example)
        #expect(found.asked.first == question)
        #expect(!found.asked.contains("NAPTR example.com"))
    }

    @Test(arguments: [
        (Transport.udp, "192.0.2.5:5060/udp"), (.tcp, "192.0.2.5:5060/tcp"), (.tls, "192.0.2.5:5061/tls"),
        (.ws, "192.0.2.5:80/ws"), (.wss, "192.0.2.5:443/wss"),
    ])
    func withoutSRVRecordsTheNameItselfIsUsedWithTheTransportsPort(_ transport: Transport, _ expected: String) {
        var zone = Zone()
        zone.host("pbx.example", "192.0.2.5")
        #expect(Located(LocationTarget(host: "pbx.example", transport: transport), in: zone).order() == [expected])
    }

    @Test func withoutAnyServiceRecordsANameIsReachedOverUDP() {
        var zone = Zone()
        zone.host("pbx.example", "192.0.2.5", "2001:db8::5")
        let found = Located(LocationTarget(host: "pbx.example"), in: zone)
        #expect(found.order() == ["192.0.2.5:5060/udp", "[2001:db8::5]:5060/udp"])
        #expect(
            found.asked == [
                "NAPTR pbx.example", "SRV _sip._udp.pbx.example", "SRV _sip._tcp.pbx.example",
                "SRV _sips._tcp.pbx.example", "SRV _sip._ws.pbx.example", "SRV _sips._ws.pbx.example", "A pbx.example",
                "AAAA pbx.example",
            ])
    }

    @Test func withoutNAPTREveryTransportWithSRVRecordsIsOfferedInOurOrder() {
        var zone = Zone()
        zone.srv("_sip._tcp.pbx.example", [(0, 0, 5070, "t.pbx.example")])
        zone.srv("_sips._tcp.pbx.example", [(0, 0, 5071, "s.pbx.example")])
        zone.host("t.pbx.example", "192.0.2.1")
        zone.host("s.pbx.example", "192.0.2.2")
        let found = Located(LocationTarget(host: "pbx.example"), in: zone)
        #expect(found.order() == ["192.0.2.1:5070/tcp", "192.0.2.2:5071/tls"])
    }

    @Test func preferenceOrdersTheRecordsOfOneOrderAndAHigherOrderIsNotLookedAt() {
        var zone = Zone()
        zone.naptr(
            "pbx.example",
            [
                (20, 1, "s", "SIPS+D2T", "_sips._tcp.pbx.example"), (10, 50, "s", "SIP+D2U", "_sip._udp.pbx.example"),
                (10, 20, "S", "sip+d2t", "_sip._tcp.pbx.example"),
            ])
        zone.srv("_sip._udp.pbx.example", [(0, 0, 5060, "a.pbx.example")])
        zone.srv("_sip._tcp.pbx.example", [(0, 0, 5060, "a.pbx.example")])
        zone.srv("_sips._tcp.pbx.example", [(0, 0, 5061, "a.pbx.example")])
        zone.host("a.pbx.example", "192.0.2.1")
        let found = Located(LocationTarget(host: "pbx.example"), in: zone)
        #expect(found.order() == ["192.0.2.1:5060/tcp", "192.0.2.1:5060/udp"])
    }

    @Test func recordsOfOtherServicesAndShapesArePassedOver() {
        var zone = Zone()
        zone.records[DNSQuestion("pbx.example", .naptr)] = DNSAnswer(
            .naptr([
                NAPTRRecord(order: 1, preference: 1, flags: "u", service: "E2U+sip", regexp: "!.*!x!", replacement: ""),
                NAPTRRecord(order: 2, preference: 1, flags: "s", service: "SIP+D2S", replacement: "_sip._sctp.x"),
                NAPTRRecord(order: 3, preference: 1, flags: "s", service: "SIP+D2U", regexp: "!a!b!", replacement: "x"),
                NAPTRRecord(order: 4, preference: 1, flags: "", service: "SIP+D2U", replacement: "more.pbx.example"),
                NAPTRRecord(order: 5, preference: 1, flags: "a", service: "SIP+D2T", replacement: "host.pbx.example"),
            ]), ttl: 60)
        zone.host("host.pbx.example", "192.0.2.3")
        let found = Located(LocationTarget(host: "pbx.example"), in: zone)
        #expect(found.order() == ["192.0.2.3:5060/tcp"])
        #expect(found.asked == ["NAPTR pbx.example", "A host.pbx.example", "AAAA host.pbx.example"])
    }

    @Test func webSocketServersAreFoundByNAPTR() {
        var zone = Zone()
        zone.naptr(
            "pbx.example", [(1, 1, "s", "SIPS+D2W", "_wss.pbx.example"), (1, 2, "s", "SIP+D2W", "_ws.pbx.example")])
        zone.srv("_wss.pbx.example", [(0, 0, 8443, "w.pbx.example")])
        zone.srv("_ws.pbx.example", [(0, 0, 8080, "w.pbx.example")])
        zone.host("w.pbx.example", "192.0.2.4")
        let found = Located(LocationTarget(host: "pbx.example"), in: zone)
        #expect(found.order() == ["192.0.2.4:8443/wss", "192.0.2.4:8080/ws"])
    }

    @Test func aPointerWithoutSRVRecordsLeadsToTheDomainOverItsTransport() {
        var zone = Zone()
        zone.naptr("pbx.example", [(1, 1, "s", "SIP+D2T", "_sip._tcp.pbx.example")])
        zone.host("pbx.example", "192.0.2.5")
        #expect(Located(LocationTarget(host: "pbx.example"), in: zone).order() == ["192.0.2.5:5060/tcp"])
    }

    @Test func theFamilyAskedForIsTheOnlyOneAskedFor() {
        var zone = Zone()
        zone.host("pbx.example", "192.0.2.5", "2001:db8::5")
        let found = Located(LocationTarget(host: "pbx.example", port: 5060, families: .v6), in: zone)
        #expect(found.order() == ["[2001:db8::5]:5060/udp"])
        #expect(found.asked == ["AAAA pbx.example"])
    }

    @Test func theShortestLifeOfTheRecordsUsedIsTheResults() {
        var zone = Zone()
        zone.naptr("pbx.example", ttl: 100, [(1, 1, "s", "SIP+D2U", "_sip._udp.pbx.example")])
        zone.srv("_sip._udp.pbx.example", ttl: 40, [(0, 0, 5060, "a.pbx.example")])
        zone.host("a.pbx.example", ttl: 60, "192.0.2.1")
        #expect(Located(LocationTarget(host: "pbx.example"), in: zone).servers?.ttl == 40)
    }

    // MARK: - What goes wrong

    @Test func nothingAtAllIsSaidInWords() {
        let nothing = Located(LocationTarget(host: "pbx.example"), in: Zone())
        #expect(nothing.error == .noRecords("pbx.example"))
        #expect(nothing.error?.text(server: nil) == "the name pbx.example has no SRV, NAPTR or address record")
        let unknown = Located(LocationTarget(host: "pbx.example"), in: Zone(otherwise: DNSAnswer(.noSuchName)))
        #expect(unknown.error == .noSuchName("pbx.example"))
    }

    @Test func aSilentServerEndsTheProcedureAtItsFirstRound() {
        let found = Located(LocationTarget(host: "pbx.example"), in: Zone(otherwise: DNSAnswer(.failed(.silent))))
        #expect(found.error == .dns(.silent, DNSQuestion("pbx.example", .naptr)))
        #expect(found.error?.text(server: "127.0.0.1:5353") == "the DNS server 127.0.0.1:5353 does not answer")
        #expect(found.asked == ["NAPTR pbx.example"])
    }

    @Test func aServerThatRefusesNAPTRIsAskedForTheRest() {
        var zone = Zone()
        zone.fail("pbx.example", .naptr, .serverError(4))
        zone.srv("_sip._udp.pbx.example", [(0, 0, 5060, "a.pbx.example")])
        zone.host("a.pbx.example", "192.0.2.1")
        zone.fail("a.pbx.example", .aaaa, .silent)
        #expect(Located(LocationTarget(host: "pbx.example"), in: zone).order() == ["192.0.2.1:5060/udp"])
    }

    @Test func aServerErrorIsNamedWhereNothingElseIsFound() {
        let found = Located(
            LocationTarget(host: "pbx.example"), in: Zone(otherwise: DNSAnswer(.failed(.serverError(2)))))
        #expect(
            found.error?.text(server: "192.0.2.53:53")
                == "the DNS server 192.0.2.53:53 could not answer for pbx.example (SERVFAIL)")
    }

    @Test func theRootAsTargetSaysThatTheServiceIsNotOffered() {
        var zone = Zone()
        zone.srv("_sip._udp.pbx.example", [(0, 0, 0, ".")])
        zone.host("pbx.example", "192.0.2.5")
        #expect(Located(LocationTarget(host: "pbx.example"), in: zone).error == .serviceNotOffered("pbx.example"))
        zone.srv("_sip._tcp.pbx.example", [(0, 0, 5060, "pbx.example")])
        #expect(Located(LocationTarget(host: "pbx.example"), in: zone).order() == ["192.0.2.5:5060/tcp"])
    }

    @Test func hostsWithoutAddressAreNamed() {
        var zone = Zone()
        zone.srv("_sip._udp.pbx.example", [(0, 0, 5060, "gone.pbx.example"), (1, 0, 5060, "away.pbx.example")])
        #expect(
            Located(LocationTarget(host: "pbx.example"), in: zone).error?.text(server: nil)
                == "the SRV records of pbx.example name away.pbx.example, gone.pbx.example, which have no address")
    }

    @Test(arguments: ["", "a..b", "pbx example", String(repeating: "a", count: 64) + ".example", "pbx\u{1}.example"])
    func whatIsNoNameIsNotAskedAbout(_ host: String) {
        let found = Located(LocationTarget(host: host), in: example)
        #expect(found.error == .notAName(host))
        #expect(found.asked.isEmpty)
    }

    @Test func aLongNameThatLeavesNoRoomForTheServiceIsUsedByItself() {
        let label = String(repeating: "a", count: 63)
        let name = [label, label, label, String(repeating: "b", count: 59)].joined(separator: ".")
        var zone = Zone()
        zone.host(name, "192.0.2.1")
        #expect(Located(LocationTarget(host: name, transport: .tls), in: zone).order() == ["192.0.2.1:5061/tls"])
    }

    @Test func anAnswerNobodyAskedForChangesNothing() {
        var procedure = ServerLocation(LocationTarget(host: "pbx.example"))
        #expect(procedure.begin() == .ask([DNSQuestion("pbx.example", .naptr)]))
        let stray = DNSAnswer(.addresses([.v4(1)]))
        #expect(procedure.receive(stray, to: DNSQuestion("pbx.example", .a)) == .wait)
    }

    @Test func floodsOfRecordsAreCutToTheBestOnes() {
        var zone = Zone()
        zone.srv(
            "_sip._udp.pbx.example",
            (0..<64).map { (UInt16(64 - $0), 0, 5060, "h\($0).pbx.example") })
        for host in 0..<64 { zone.host("h\(host).pbx.example", "192.0.2.\(host)") }
        let found = Located(LocationTarget(host: "pbx.example", transport: .udp), in: zone)
        #expect(found.order().count == 16)
        #expect(found.order().first == "192.0.2.63:5060/udp")
        #expect(found.asked.count == 1 + 2 * 16)
    }
}
