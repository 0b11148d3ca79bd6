// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Testing

@Suite struct TestDefinitionTests {
    static func group(_ name: String, _ endpoints: String, _ callee: DocumentNode) -> DocumentNode {
        .object([
            ("name", .text(name)), ("registrar", .text("pbx")), ("endpoints", .text(endpoints)), ("callee", callee),
        ])
    }

    static func document(
        groups: [DocumentNode], extra: [(String, DocumentNode)] = [], duration: String = "30s"
    ) -> DocumentNode {
        .object(
            [
                ("name", .text("Smoke")), ("groups", .list(groups)), ("duration", .text(duration)),
                (
                    "registrars",
                    .object([
                        (
                            "pbx",
                            .object([
                                ("domain", .text("127.0.0.1")), ("port", .text("5060")), ("transport", .text("udp")),
                            ])
                        )
                    ])
                ),
            ] + extra)
    }

    static func problems(_ document: DocumentNode) -> [String] {
        do throws(TestDefinitionError) {
            _ = try TestDefinition.read(document)
            return []
        } catch {
            return error.problems.map(\.text)
        }
    }

    @Test func `the documented test file is read`() throws {
        let document = Self.document(
            groups: [
                Self.group("callers", "50", .object([("group", .text("callees"))])),
                Self.group("callees", "50", .text("receive")),
            ],
            extra: [
                (
                    "pacing",
                    .object([("registrations", .text("50/s")), ("calls", .text("10/s")), ("repeat", .text("1"))])
                ),
                (
                    "thresholds",
                    .list([.text("registration.success_rate >= 99.9%"), .text("p95(post_dial_delay) < 800ms")])
                ),
            ])
        let definition = try TestDefinition.read(document)
        #expect(definition.duration == .seconds(30))
        #expect(definition.pacing == Pacing(registrationsPerSecond: 50, callsPerSecond: 10, repeats: 1))
        #expect(definition.registrars.first?.port == 5060 && definition.registrars.first?.digest == .topmost)
        #expect(definition.groups.map(\.callee) == [.group("callees"), .receive])
        #expect(definition.thresholds.map(\.bound) == [99.9, 800])
        #expect(try TestDefinition.read(definition.document) == definition)
    }

    @Test(arguments: ["192.0.2.53", "127.0.0.1:5353", "::1", "[2001:db8::53]:53"])
    func `a registrar's DNS server is kept`(dns: String) throws {
        let definition = try TestDefinition.read(Self.withDNS(.text(dns)))
        #expect(definition.registrars.first?.dns == dns)
        #expect(try TestDefinition.read(definition.document) == definition)
    }

    @Test(arguments: ["resolver.example", "127.0.0.1:0", "127.0.0.1:x", "1.2.3", "[::1"])
    func `what is no address of a DNS server is refused at its place`(dns: String) {
        let problems = Self.problems(Self.withDNS(.scalar(dns, .init(line: 4, column: 21))))
        #expect(
            problems == [
                "line 4, column 21: registrars.pbx.dns: the address of a DNS server is expected, like 192.0.2.53 or "
                    + "127.0.0.1:5353"
            ])
    }

    @Test func `a registrar's choice among digest algorithms is kept, another word refused`() throws {
        let definition = try TestDefinition.read(Self.withDNS(.text("strongest"), key: "digest"))
        #expect(definition.registrars.first?.digest == .strongest)
        #expect(try TestDefinition.read(definition.document) == definition)
        #expect(Self.problems(Self.withDNS(.text("weakest"), key: "digest")).first?.contains("strongest") == true)
    }

    private static func withDNS(_ node: DocumentNode, key: String = "dns") -> DocumentNode {
        .object([
            ("name", .text("Smoke")), ("groups", .list([group("a", "1", .text("none"))])), ("duration", .text("1s")),
            ("registrars", .object([("pbx", .object([("domain", .text("pbx.example")), (key, node)]))])),
        ])
    }

    static func secured(_ tls: [(String, DocumentNode)], path: String? = nil) -> DocumentNode {
        var registrar: [(String, DocumentNode)] = [
            ("domain", .text("pbx.example")), ("transport", .text("wss")), ("tls", .object(tls)),
        ]
        if let path { registrar.append(("webSocketPath", .text(path))) }
        return .object([
            ("name", .text("Smoke")), ("groups", .list([group("a", "1", .text("none"))])), ("duration", .text("1s")),
            ("registrars", .object([("pbx", .object(registrar))])),
        ])
    }

    @Test func `a registrar says how TLS is secured, and keeps it through the document`() throws {
        let definition = try TestDefinition.read(
            Self.secured(
                [("ca", .text("ca.pem")), ("cert", .text("c.pem")), ("key", .text("c.key"))], path: "/sip?x=1"))
        let registrar = try #require(definition.registrars.first)
        #expect(registrar.tls == RegistrarTLS(ca: "ca.pem", cert: "c.pem", key: "c.key", verify: true))
        #expect(registrar.webSocketPath == "/sip?x=1")
        #expect(try TestDefinition.read(definition.document) == definition)
        let loose = try TestDefinition.read(Self.secured([("verify", .text("false"))]))
        #expect(loose.registrars.first?.tls == RegistrarTLS(verify: false))
        #expect(try TestDefinition.read(loose.document) == loose)
    }

    @Test func `settings of TLS that cannot be meant are explained`() {
        #expect(Self.problems(Self.secured([("certs", .text("x"))])).first?.contains("did you mean 'cert'") == true)
        #expect(Self.problems(Self.secured([("cert", .text("x"))])).first?.contains("belong together") == true)
        #expect(Self.problems(Self.secured([("verify", .text("no"))])).first?.contains("true or false") == true)
        let both = Self.secured([("verify", .text("false")), ("ca", .text("ca.pem"))])
        #expect(Self.problems(both).first?.contains("trusts anybody") == true)
        #expect(Self.problems(Self.secured([], path: "ws")).first?.contains("a path like /ws") == true)
    }

    @Test func `an unknown key names the nearest one and its place`() {
        let bad = DocumentNode.mapping(
            [
                .init(key: "name", value: .text("x")),
                .init(key: "duraton", position: .init(line: 7, column: 3), value: .text("1s")),
                .init(key: "duration", value: .text("1s")),
                .init(key: "groups", value: .list([Self.group("a", "1", .text("none"))])),
            ], .init(line: 1, column: 1))
        #expect(Self.problems(bad) == ["line 7, column 3: unknown key 'duraton'; did you mean 'duration'?"])
    }

    @Test(arguments: [
        ("0", "none", "a whole number from 1"), ("ten", "none", "a whole number"), ("3", "intra", "even number"),
        ("3", "recieve", "did you mean 'receive'"),
    ])
    func `a value that cannot be meant is explained`(endpoints: String, callee: String, message: String) {
        let problems = Self.problems(Self.document(groups: [Self.group("a", endpoints, .text(callee))]))
        #expect(problems.count == 1 && problems[0].contains(message), "\(problems)")
    }

    @Test func `callers need a group that waits and is large enough`() {
        let callers = Self.group("callers", "5", .object([("group", .text("callee"))]))
        let few = Self.document(groups: [callers, Self.group("callee", "4", .text("receive"))])
        #expect(Self.problems(few).first?.contains("5 callers need as many callees, but 'callee' has 4") == true)
        let wrong = Self.document(groups: [callers, Self.group("callee", "5", .text("none"))])
        #expect(Self.problems(wrong).first?.contains("does not wait for calls") == true)
        let missing = Self.document(groups: [callers, Self.group("callees", "5", .text("receive"))])
        #expect(Self.problems(missing).first?.contains("did you mean 'callees'") == true)
    }

    @Test(arguments: ["sip:112@pbx", "sip:9-1-1@pbx", "sips:911;phone-context=x@pbx", "sip:(110)@pbx"])
    func `H5: emergency numbers are refused`(uri: String) {
        let problems = Self.problems(Self.document(groups: [Self.group("a", "1", .object([("uri", .text(uri))]))]))
        #expect(problems.contains { $0.contains("emergency") })
    }

    @Test(arguments: ["30", "30 s", "-5s", "1e3s", "s", "nans", "1.2.3s", "9999999h"])
    func `a duration without a clear unit is refused`(text: String) {
        #expect(Units.duration(text) == nil)
    }

    @Test(arguments: [("250ms", 250), ("1.5s", 1_500), ("2m", 120_000), ("1h", 3_600_000), ("0s", 0)])
    func `durations are read and written back`(text: String, milliseconds: Int) {
        #expect(Units.duration(text) == .milliseconds(milliseconds))
        #expect(Units.duration(Units.text(.milliseconds(milliseconds))) == .milliseconds(milliseconds))
    }

    @Test func `C1: a plan pairs groups one by one and halves a group that calls itself`() throws {
        let definition = try TestDefinition.read(
            Self.document(groups: [
                Self.group("a", "2", .object([("group", .text("b"))])), Self.group("b", "3", .text("receive")),
                Self.group("c", "4", .text("intra")), Self.group("d", "1", .object([("uri", .text("sip:echo@pbx"))])),
            ]))
        let plan = RunPlan(definition).endpoints
        #expect(
            plan.map(\.role) == [
                .caller, .caller, .callee, .callee, .callee, .caller, .caller, .callee, .callee, .caller,
            ])
        #expect(plan.map(\.partner) == [2, 3, 0, 1, nil, 7, 8, 5, 6, nil])
        #expect(plan[9].target == "sip:echo@pbx")
        #expect(plan.map(\.index) == Array(0..<10))
    }

    @Test func `reliable, sessionTimer and transfers are read and written back, nonsense is named`() throws {
        func document(_ more: [(String, DocumentNode)]) -> DocumentNode {
            guard case .mapping(let entries, let place) = Self.group("a", "1", .text("receive")) else {
                return .text("")
            }
            guard case .mapping(let added, _) = DocumentNode.object(more) else { return .text("") }
            return Self.document(groups: [.mapping(entries + added, place)])
        }
        let timer = DocumentNode.object([("interval", .text("2m")), ("refresher", .text("local"))])
        let definition = try TestDefinition.read(
            document([("reliable", .text("required")), ("sessionTimer", timer), ("transfers", .text("accept"))]))
        let group = definition.groups[0]
        #expect(group.reliable == .required && group.transfers == .accept)
        #expect(group.sessionTimer == SessionTimerUse(interval: .seconds(120), refresher: .local))
        #expect(try TestDefinition.read(definition.document) == definition)
        let short = DocumentNode.object([("interval", .text("30s"))])
        let problems = Self.problems(
            document([("reliable", .text("maybe")), ("sessionTimer", short), ("transfers", .text("yes"))]))
        #expect(problems.count == 3 && problems.contains { $0.contains("90 s to a day") })
    }
}
