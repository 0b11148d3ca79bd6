// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Testing

/// What the keys of a test mean, and what is said of those that cannot be meant.
@Suite struct TestKeysTests {
    private typealias Base = TestDefinitionTests

    private static func group(_ more: [(String, DocumentNode)], callee: DocumentNode = .text("none")) -> DocumentNode {
        guard case .mapping(let entries, let place) = Base.group("a", "10", callee),
            case .mapping(let added, _) = DocumentNode.object(more)
        else { return .text("") }
        return .mapping(entries + added, place)
    }

    private static func read(
        group: [(String, DocumentNode)] = [], callee: DocumentNode = .text("none"), test: [(String, DocumentNode)] = []
    ) throws -> TestDefinition {
        try TestDefinition.read(Base.document(groups: [Self.group(group, callee: callee)], extra: test))
    }

    private static func problems(
        group: [(String, DocumentNode)] = [], callee: DocumentNode = .text("none"), test: [(String, DocumentNode)] = []
    ) -> [String] {
        Base.problems(Base.document(groups: [Self.group(group, callee: callee)], extra: test))
    }

    @Test func `calls are paced by stages, registrations over a time, and each call has its talk and pause`() throws {
        let stages = DocumentNode.list([
            .object([("rate", .text("5/s")), ("for", .text("30s"))]),
            .object([("ramp", .text("5/s to 50/s")), ("for", .text("1m"))]),
            .object([("rate", .text("0/s")), ("for", .text("5s"))]),
        ])
        let pacing = try Self.read(test: [
            (
                "pacing",
                .object([
                    ("registrations", .object([("over", .text("60s"))])), ("calls", .object([("stages", stages)])),
                    ("repeat", .text("3")), ("talk", .text("10s")), ("idle", .text("5s")),
                ])
            )
        ]).pacing
        #expect(pacing.registrations == .over(.seconds(60)))
        #expect(
            pacing.calls
                == .stages([
                    .hold(5, for: .seconds(30)), .ramp(5, to: 50, for: .seconds(60)), .hold(0, for: .seconds(5)),
                ]))
        #expect(pacing.repeats == 3 && pacing.talk == .seconds(10) && pacing.idle == .seconds(5))
    }

    @Test func `without a pacing calls are capped (H5) and made once`() throws {
        let pacing = try Self.read().pacing
        #expect(pacing == Pacing())
        #expect(pacing.calls == .rate(50) && pacing.registrations == .rate(100) && pacing.repeats == nil)
    }

    @Test(arguments: [
        ("calls", "5", "a rate like 50/s"), ("calls", "0/s", "a rate like"), ("registrations", "fast", "a rate like"),
        ("repeat", "0", "a whole number from 1"), ("talk", "10", "a duration"),
    ])
    func `a pacing that cannot be meant is explained`(key: String, value: String, message: String) {
        let problems = Self.problems(test: [("pacing", .object([(key, .text(value))]))])
        #expect(problems.count == 1 && problems[0].contains("pacing.\(key)") && problems[0].contains(message))
    }

    @Test func `stages that cannot be meant are all explained at once`() {
        let stages = DocumentNode.list([
            .object([("rate", .text("5/s"))]),
            .object([("rate", .text("5/s")), ("ramp", .text("1/s to 2/s")), ("for", .text("1s"))]),
            .object([("ramp", .text("5/s")), ("for", .text("0s"))]),
            .object([("rat", .text("5/s")), ("for", .text("1s"))]),
        ])
        let problems = Self.problems(test: [("pacing", .object([("calls", .object([("stages", stages)]))]))])
        #expect(problems.count == 6, "\(problems)")
        #expect(problems.contains { $0.contains("did you mean 'rate'") })
        #expect(problems.contains { $0.contains("'5/s to 50/s'") })
        let idle = DocumentNode.list([.object([("rate", .text("0/s")), ("for", .text("1s"))])])
        #expect(
            Self.problems(test: [("pacing", .object([("calls", .object([("stages", idle)]))]))]).first?
                .contains("nobody would call") == true)
    }

    @Test func `a group says its codecs, ports, addresses, headers and names, a test what is usual for its groups`()
        throws
    {
        let definition = try Self.read(
            group: [
                ("audio", .object([("codecs", .list([.text("PCMU")]))])), ("rtpPorts", .text("20000-20019")),
                ("headers", .object([("X-Test", .text("a: b")), ("P-Preferred-Identity", .text("<sip:x@y>"))])),
                ("userAgent", .text("Phone/1")), ("displayName", .text("Phone {n:3}")), ("bind", .text("127.0.0.2")),
            ],
            test: [
                ("flow", .text("shared")), ("advertise", .text("192.0.2.7")), ("bind", .text("127.0.0.3")),
                ("timeouts", .object([("ring", .text("5s")), ("t1", .text("100ms"))])),
            ])
        let group = definition.groups[0]
        #expect(group.codecs == ["PCMU"] && group.rtpPorts == 20_000...20_019)
        #expect(group.headers.map(\.text) == ["X-Test: a: b", "P-Preferred-Identity: <sip:x@y>"])
        #expect(group.userAgent == "Phone/1" && group.displayName == "Phone {n:3}")
        #expect(group.flow == .shared && group.advertise == "192.0.2.7" && group.bind == "127.0.0.2")
        #expect(definition.timeouts.ring == .seconds(5) && definition.timeouts.transaction == .milliseconds(6_400))
    }

    @Test func `one preferred codec leaves the other on offer`() throws {
        let definition = try Self.read(group: [("audio", .object([("codec", .text("PCMU"))]))])
        #expect(definition.groups[0].codecs == ["PCMU", "PCMA"])
        #expect(try Self.read().groups[0].codecs == ["PCMA", "PCMU"])
    }

    @Test func `every mistake of a group is told at once`() {
        let problems = Self.problems(
            group: [
                ("audio", .object([("codecs", .list([.text("PCMA"), .text("PCMA"), .text("opus")]))])),
                ("rtpPorts", .text("20000-20009")), ("headers", .list([.text("Via: x"), .text("no colon")])),
                ("bind", .text("pbx.example")), ("displayName", .text("{m}")), ("flow", .text("shard")),
                ("answer", .object([("after", .text("2h"))])),
            ], callee: .object([("uri", .text("sip:{n:0}@pbx"))]))
        for part in [
            "PCMA stands twice", "one of PCMU, PCMA", "room for 5 endpoints", "Via is written by the endpoint itself",
            "a header line like", "an IPv4 or IPv6 address", "'{m}' is no number template",
            "'{n:0}' is no number template",
            "did you mean 'shared'", "a duration from 0s to 1h",
        ] {
            #expect(problems.contains { $0.contains(part) }, "\(part) is missing in \(problems)")
        }
        #expect(problems.count == 10, "\(problems)")
    }

    @Test(arguments: ["contact", "i", "Content-Length", "User-Agent", "X Y", ""])
    func `headers that the endpoint writes itself, or that are none, are refused`(name: String) {
        #expect(ExtraHeader(name: name, value: "x") == nil)
    }

    @Test func `F7: number templates give each endpoint of a group its number`() throws {
        let plan = RunPlan(try Self.read(callee: .object([("uri", .text("sip:9{n:4}@pbx"))]))).endpoints
        #expect(plan.first?.target == "sip:90001@pbx" && plan.last?.target == "sip:90010@pbx")
        #expect(NumberTemplate.expand("{n}/{n:2}/x", number: 12) == "12/12/x")
        #expect(NumberTemplate.expand("{n:2}", number: 123) == "123")
    }

    @Test(arguments: [
        ("sip:11{n}@pbx", 1), ("sip:91{n:1}@pbx", 1), ("sip:99{n}@pbx", 5), ("sip:{n:3}@pbx", 0), ("sip:1{n:2}@pbx", 0),
        ("sip:9-1{n}@pbx", 1), ("sip:+9{n}@pbx", 0),
    ])
    func `H5: no template may make an emergency number for any endpoint`(uri: String, endpoint: Int) {
        let problems = Self.problems(callee: .object([("uri", .text(uri))]))
        if endpoint > 0 {
            #expect(problems.count == 1 && problems[0].contains("endpoint \(endpoint) of the group"), "\(problems)")
        } else {
            #expect(problems.isEmpty == !["sip:1{n:2}@pbx"].contains(uri), "\(problems)")
        }
    }
}
