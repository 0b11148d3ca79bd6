// SPDX-License-Identifier: Apache-2.0

import Bedrock
import FoundationEssentials
import NIOCore
import NIOPosix
import PBX
import RunMetrics
import SIP
import Testing
import UserAgent
import X509

@testable import Runtime

@Suite("SIP over TLS and WebSocket")
struct StreamTransportTests {
    /// Loopback by both families.
    static let places: [TransportAddress] = [
        TransportAddress(127, 0, 0, 1, port: 0), TransportAddress(ip: .v6(high: 0, low: 1), port: 0),
    ]

    @Test(
        "accounts register, call each other and unregister over TCP, TLS, WS and WSS, by IPv4 and IPv6",
        arguments: [Transport.tcp, .tls, .ws, .wss], places)
    func registersAndCalls(_ transport: Transport, _ place: TransportAddress) async throws {
        let maker = try CertificateMaker()
        let authority = try maker.authority("Test CA")
        let leaf = try maker.certificate("pbx", names: GeneralName.loopback, issuer: authority)
        let world = try await SignallingWorld(
            users: 4, listen: place,
            further: transport == .tcp ? [] : [PBXListener(transport, place)],
            serverSecurity: ServerSecurity(certificateFile: leaf.certificateFile, keyFile: leaf.keyFile),
            security: [
                SecurityProfile(serverName: place.ip.text, trust: .authorities(file: authority.certificateFile))
            ])
        let listening = world.server.listeners.first?.address ?? world.server.address
        let host = String("\(listening)".prefix { $0 != "]" }) + (place.ip == .v6(high: 0, low: 1) ? "]" : "")
        let domain = place.ip == .v6(high: 0, low: 1) ? host : "127.0.0.1"
        let plans = (0..<4).map { number in
            var plan = world.plan(number, transport: transport)
            plan.registrar = listening
            plan.domain = Array(domain.utf8)
            plan.localAddress = TransportAddress(ip: place.ip, port: 0)
            return plan
        }
        try await world.engine.add(plans)
        world.register(0..<4)
        #expect(try await world.log.wait { $0.count(\.isRegistered) == 4 })
        for (caller, callee) in [(0, 1), (2, 3)] {
            let target = CallTarget.uri(Array("sip:user\(callee)@\(domain):\(listening.port)".utf8))
            world.engine.submit([.call(endpoint: UInt32(caller), target: target, at: SystemClock.now())])
        }
        #expect(try await world.log.wait { $0.count(\.isEstablished) == 4 })
        world.finishAll()
        #expect(try await world.log.wait { $0.results.count == 4 })
        #expect(world.log.results.map(\.outcome) == [.success, .success, .success, .success])
        #expect(await world.server.registeredAccounts() == 0)
        await world.end()
    }

    /// How a connection to a listener with this certificate ends: what is told, and the sentence with it.
    private func verdict(
        on leaf: CertificateMaker.Made, profile: SecurityProfile, clientAuthorities: String? = nil,
        transport: Transport = .tls
    ) async throws -> (fault: TransportFault?, detail: String) {
        let server = try await PBXServer(
            configuration: PBXConfiguration(), accounts: [], secrets: SecretArena(),
            listen: TransportAddress(127, 0, 0, 1, port: 0),
            further: [PBXListener(transport, TransportAddress(127, 0, 0, 1, port: 0))],
            security: ServerSecurity(
                certificateFile: leaf.certificateFile, keyFile: leaf.keyFile, clientAuthoritiesFile: clientAuthorities))
        let result = try await connection(to: server.listeners[0].address, transport, profile)
        await server.shutdown()
        return result
    }

    /// Connects and asks; nil as fault when SIP was answered.
    private func connection(
        to address: TransportAddress, _ transport: Transport, _ profile: SecurityProfile
    ) async throws -> (fault: TransportFault?, detail: String) {
        let security = try SecurityContext(profile)
        let world = try await FlowWorld(loop: MultiThreadedEventLoopGroup.singleton.next())
        let flow = try await world.on { owner, flows in flows.reserveStream(owner: owner) }
        try await world.awaiting { _, flows in
            flows.connect(
                flow, to: address, from: TransportAddress(127, 0, 0, 1, port: 0), transport: transport,
                security: security)
        }
        try await world.send(Self.options, flow: flow, to: address)
        let notes = try await world.notes { notes in
            notes.contains {
                switch $0 {
                case .received, .failed: true
                default: false
                }
            }
        }
        let detail = try await world.on { owner, _ in (owner.details.last ?? nil) ?? "" }
        try await world.awaiting { _, flows in flows.closeAll() }
        if case .failed(_, let fault)? = notes.last { return (fault, detail) }
        return (nil, detail)
    }

    private static let options = """
        OPTIONS sip:127.0.0.1 SIP/2.0\r
        Via: SIP/2.0/TLS 127.0.0.1:5061;branch=z9hG4bKstream;rport\r
        Max-Forwards: 70\r
        From: <sip:probe@127.0.0.1>;tag=1\r
        To: <sip:127.0.0.1>\r
        Call-ID: stream-probe\r
        CSeq: 1 OPTIONS\r
        Content-Length: 0\r
        \r

        """

    @Test("an expired certificate is named with its date")
    func expired() async throws {
        let maker = try CertificateMaker()
        let authority = try maker.authority("Test CA")
        let leaf = try maker.certificate("pbx", names: GeneralName.loopback, issuer: authority, days: -20..<(-10))
        let profile = SecurityProfile(serverName: "127.0.0.1", trust: .authorities(file: authority.certificateFile))
        let verdict = try await verdict(on: leaf, profile: profile)
        #expect(verdict.fault == .certificateExpired)
        let day = leaf.certificate.notValidAfter.formatted(.iso8601.year().month().day())
        #expect(verdict.detail == "the server's certificate expired on \(day)")
    }

    @Test("a certificate that is not valid yet is named with its date and ours")
    func notYetValid() async throws {
        let maker = try CertificateMaker()
        let authority = try maker.authority("Test CA")
        let leaf = try maker.certificate("pbx", names: GeneralName.loopback, issuer: authority, days: 5..<10)
        let profile = SecurityProfile(serverName: "127.0.0.1", trust: .authorities(file: authority.certificateFile))
        let verdict = try await verdict(on: leaf, profile: profile)
        #expect(verdict.fault == .certificateExpired)
        #expect(verdict.detail.contains("is not valid before"))
        #expect(verdict.detail.contains("this machine's clock says"))
    }

    @Test("a certificate for another host is named with both names")
    func wrongHost() async throws {
        let maker = try CertificateMaker()
        let authority = try maker.authority("Test CA")
        let leaf = try maker.certificate(
            "pbx", names: [.dnsName("other.example"), .uniformResourceIdentifier("sip:third.example")],
            issuer: authority)
        let profile = SecurityProfile(serverName: "pbx.example", trust: .authorities(file: authority.certificateFile))
        let verdict = try await verdict(on: leaf, profile: profile)
        #expect(verdict.fault == .certificateWrongHost)
        #expect(
            verdict.detail == "the server's certificate is for sip:third.example, other.example, not for pbx.example")
    }

    @Test("an issuer that nobody here trusts is named")
    func unknownAuthority() async throws {
        let maker = try CertificateMaker()
        let authority = try maker.authority("Somebody Else's CA")
        let leaf = try maker.certificate("pbx", names: GeneralName.loopback, issuer: authority)
        let mine = try maker.authority("My CA")
        let profile = SecurityProfile(serverName: "127.0.0.1", trust: .authorities(file: mine.certificateFile))
        let verdict = try await verdict(on: leaf, profile: profile)
        #expect(verdict.fault == .certificateUntrusted)
        #expect(verdict.detail.contains("issued by CN=Somebody Else's CA"))
    }

    @Test(
        "a self-signed certificate is named, with the wrong host beside it; the system's authorities are asked by default"
    )
    func selfSigned() async throws {
        let maker = try CertificateMaker()
        let leaf = try maker.certificate("homemade", names: [.dnsName("homemade.example")])
        let verdict = try await verdict(on: leaf, profile: SecurityProfile(serverName: "127.0.0.1"))
        #expect(verdict.fault == .certificateUntrusted)
        #expect(verdict.detail.contains("self-signed (CN=homemade)"))
        #expect(verdict.detail.contains("not for 127.0.0.1"))
    }

    @Test("a self-signed certificate is accepted where it is the one trusted, or where nothing is checked")
    func acceptedSelfSigned() async throws {
        let maker = try CertificateMaker()
        let leaf = try maker.certificate("homemade", names: GeneralName.loopback)
        let trusting = SecurityProfile(serverName: "127.0.0.1", trust: .authorities(file: leaf.certificateFile))
        #expect(try await verdict(on: leaf, profile: trusting).fault == nil)
        let stale = try maker.certificate("stale", names: [], days: -20..<(-10))
        let blind = SecurityProfile(serverName: "127.0.0.1", trust: .anybody)
        #expect(blind.warning?.contains("NOT checked") == true)
        #expect(trusting.warning == nil)
        for transport in [Transport.tls, .wss] {
            #expect(try await verdict(on: stale, profile: blind, transport: transport).fault == nil)
        }
    }

    @Test(
        "a server that wants a client certificate says so; one of the right authority is let in, another one is refused"
    )
    func clientCertificates() async throws {
        let maker = try CertificateMaker()
        let authority = try maker.authority("Test CA")
        let leaf = try maker.certificate("pbx", names: GeneralName.loopback, issuer: authority)
        var profile = SecurityProfile(serverName: "127.0.0.1", trust: .authorities(file: authority.certificateFile))
        let none = try await verdict(on: leaf, profile: profile, clientAuthorities: authority.certificateFile)
        #expect(none.fault == .certificateRefused)
        #expect(none.detail == "the server wants a client certificate, and none was shown")

        let good = try maker.certificate("client", names: [], issuer: authority)
        (profile.certificateFile, profile.keyFile) = (good.certificateFile, good.keyFile)
        let accepted = try await verdict(on: leaf, profile: profile, clientAuthorities: authority.certificateFile)
        #expect(accepted.fault == nil)

        let bad = try maker.certificate("stranger", names: [], issuer: try maker.authority("Other CA"))
        (profile.certificateFile, profile.keyFile) = (bad.certificateFile, bad.keyFile)
        let refused = try await verdict(on: leaf, profile: profile, clientAuthorities: authority.certificateFile)
        #expect(refused.fault == .certificateRefused)
        #expect(refused.detail.hasPrefix("the server refused our client certificate"))
    }

    @Test("a transport that the port is not for is told from other faults, and the right one is hinted at")
    func wrongTransports() async throws {
        let maker = try CertificateMaker()
        let leaf = try maker.certificate("pbx", names: GeneralName.loopback)
        let loopback = TransportAddress(127, 0, 0, 1, port: 0)
        let server = try await PBXServer(
            configuration: PBXConfiguration(), accounts: [], secrets: SecretArena(), listen: loopback,
            further: [.init(.tls, loopback), .init(.ws, loopback), .init(.wss, loopback)],
            security: ServerSecurity(certificateFile: leaf.certificateFile, keyFile: leaf.keyFile))
        let profile = SecurityProfile(serverName: "127.0.0.1", trust: .authorities(file: leaf.certificateFile))
        let plain = server.address
        let (tls, ws, wss) = (server.listeners[0].address, server.listeners[1].address, server.listeners[2].address)
        let cases: [(Transport, TransportAddress, TransportFault, String)] = [
            (.tls, plain, .tls, "without TLS"), (.tls, ws, .tls, "without TLS"),
            (.tcp, tls, .tls, "wants transport tls"), (.tcp, ws, .webSocketRefused, "wants transport ws"),
            (.ws, plain, .webSocketRefused, "WebSocket"), (.ws, wss, .webSocketRefused, "WebSocket"),
            (.wss, tls, .webSocketRefused, "WebSocket"), (.wss, ws, .tls, "without TLS"),
        ]
        for (transport, address, fault, hint) in cases {
            let seen = try await connection(to: address, transport, profile)
            #expect(seen.fault == fault, "\(transport) to \(address): \(seen)")
            #expect(seen.detail.contains(hint), "\(transport) to \(address): \(seen)")
        }
        await server.shutdown()
    }

    @Test("files that cannot be used are refused before anything is connected, by name")
    func badFiles() throws {
        let maker = try CertificateMaker()
        let one = try maker.certificate("one", names: [])
        let other = try maker.certificate("other", names: [])
        func problem(_ profile: SecurityProfile) -> String {
            do throws(SecurityProblem) {
                try profile.check()
                return "none"
            } catch {
                return error.description
            }
        }
        var profile = SecurityProfile(serverName: "pbx", trust: .authorities(file: "/nowhere/ca.pem"))
        #expect(problem(profile) == "/nowhere/ca.pem cannot be read as certificates in PEM")
        profile.trust = .authorities(file: one.keyFile)
        #expect(problem(profile).hasPrefix(one.keyFile))
        profile.trust = .system
        (profile.certificateFile, profile.keyFile) = (one.certificateFile, other.keyFile)
        #expect(problem(profile).contains("do not belong together"))
        profile.keyFile = nil
        #expect(problem(profile).contains("needs both"))
        profile.keyFile = one.keyFile
        #expect(problem(profile) == "none")
    }
}
