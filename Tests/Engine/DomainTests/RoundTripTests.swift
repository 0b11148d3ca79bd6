// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Testing

/// Any test that can be meant, made from a seed.
enum RandomTests {
    static func definition(_ random: inout SeededRandom) -> TestDefinition {
        let registrars = (0..<Int.random(in: 1...3, using: &random)).map { registrar("reg\($0)", &random) }
        var groups: [GroupDefinition] = []
        for number in 0..<Int.random(in: 1...4, using: &random) {
            let name = registrars.randomElement(using: &random)?.name ?? "reg0"
            groups += pair(number, registrar: name, &random)
        }
        var definition = TestDefinition(
            name: text(&random), registrars: registrars, groups: groups, duration: duration(&random),
            pacing: pacing(&random), thresholds: [])
        if random.chance(0.5) { definition.timeouts.ring = .milliseconds(.random(in: 1_000...90_000, using: &random)) }
        if random.chance(0.3) { definition.timeouts.t1 = .milliseconds(.random(in: 10...10_000, using: &random)) }
        if random.chance(0.3) { definition.timeouts.registration = .seconds(.random(in: 0...3_600, using: &random)) }
        return definition
    }

    private static func registrar(_ name: String, _ random: inout SeededRandom) -> RegistrarDefinition {
        var registrar = RegistrarDefinition(
            name: name, domain: ["pbx.example", "127.0.0.1", "[::1]"].randomElement(using: &random) ?? "",
            port: random.chance(0.5) ? UInt16.random(in: 1...65_535, using: &random) : nil,
            transport: RegistrarTransport.allCases.randomElement(using: &random) ?? .udp,
            proxy: random.chance(0.3) ? "proxy.example:5070" : nil, dns: random.chance(0.2) ? "127.0.0.1:53" : nil,
            expires: .random(in: 1...86_400, using: &random))
        registrar.digest = random.chance(0.3) ? .strongest : .topmost
        registrar.outbound = random.chance(0.3)
        if random.chance(0.3) { registrar.keepAlive = .every(.seconds(.random(in: 1...3_600, using: &random))) }
        if random.chance(0.3) { registrar.tls = RegistrarTLS(ca: "a b.pem", cert: "c: d.pem", key: "#k", verify: true) }
        if random.chance(0.3) { registrar.webSocketPath = "/ws?a=1" }
        return registrar
    }

    private static func pair(
        _ number: Int, registrar: String, _ random: inout SeededRandom
    ) -> [GroupDefinition] {
        let count = Int.random(in: 1...50, using: &random) * 2
        let name = "g\(number) " + text(&random)
        var groups: [GroupDefinition]
        switch Int.random(in: 0...3, using: &random) {
        case 0:
            groups = [
                GroupDefinition(name: name, registrar: registrar, endpoints: count, callee: .group(name + "'")),
                GroupDefinition(name: name + "'", registrar: registrar, endpoints: count + 1, callee: .receive),
            ]
        case 1: groups = [GroupDefinition(name: name, registrar: registrar, endpoints: count, callee: .intra)]
        case 2: groups = [GroupDefinition(name: name, registrar: registrar, endpoints: count, callee: .none)]
        default:
            groups = [
                GroupDefinition(
                    name: name, registrar: registrar, endpoints: count, callee: .uri("sip:9{n:4}@pbx.example"))
            ]
        }
        for index in groups.indices { vary(&groups[index], &random) }
        return groups
    }

    private static func vary(_ group: inout GroupDefinition, _ random: inout SeededRandom) {
        group.codecs =
            [["PCMA"], ["PCMU"], ["PCMA", "PCMU"], ["PCMU", "PCMA"]].randomElement(using: &random) ?? ["PCMA"]
        group.answerAfter = .milliseconds(.random(in: 0...60_000, using: &random))
        group.flow = random.chance(0.5) ? .shared : .endpoint
        group.reliable = ReliableUse.allCases.randomElement(using: &random) ?? .off
        group.transfers = random.chance(0.3) ? .accept : .refuse
        if random.chance(0.3) { group.sessionTimer = SessionTimerUse(interval: .seconds(90), refresher: .peer) }
        if random.chance(0.5) { group.displayName = text(&random) + " {n}" }
        if random.chance(0.5) { group.userAgent = text(&random) }
        if random.chance(0.3) { group.bind = "127.0.0.2" }
        if random.chance(0.3) { group.advertise = random.chance(0.5) ? "2001:db8::1" : "192.0.2.1" }
        if random.chance(0.3) { group.rtpPorts = 20_000...(20_200 + .random(in: 0...100, using: &random)) }
        for number in 0..<Int.random(in: 0...3, using: &random) {
            if let header = ExtraHeader(name: "X-\(random.chance(0.5) ? 1 : number)", value: text(&random) + ": x") {
                group.headers.append(header)
            }
        }
    }

    private static func pacing(_ random: inout SeededRandom) -> Pacing {
        var pacing = Pacing(
            registrations: random.chance(0.5)
                ? .rate(rate(&random)) : .over(.milliseconds(.random(in: 1...90_000, using: &random))),
            calls: .rate(rate(&random)))
        if random.chance(0.5) {
            var stages = [
                CallStage.hold(rate(&random), for: .nanoseconds(.random(in: 1_000_000...9_999_999_999, using: &random)))
            ]
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                let from = random.chance(0.3) ? 0 : rate(&random)
                stages.append(.ramp(from, to: random.chance(0.3) ? from : rate(&random), for: .seconds(7)))
            }
            pacing.calls = .stages(stages)
        }
        if random.chance(0.5) { pacing.repeats = .random(in: 1...1_000_000, using: &random) }
        if random.chance(0.5) { pacing.talk = duration(&random) }
        if random.chance(0.5) { pacing.idle = duration(&random) }
        return pacing
    }

    private static func rate(_ random: inout SeededRandom) -> Double {
        switch Int.random(in: 0...3, using: &random) {
        case 0: Double(Int.random(in: 1...1_000, using: &random))
        case 1: Double.random(in: 0.001...1_000, using: &random)
        case 2: Double(Int.random(in: 1...100, using: &random)) / 60
        default: Double(Int.random(in: 1...100, using: &random)) / 3_600_000_000
        }
    }

    private static func duration(_ random: inout SeededRandom) -> Interval {
        switch Int.random(in: 0...3, using: &random) {
        case 0: .seconds(Int.random(in: 0...31_536_000, using: &random))
        case 1: .milliseconds(Int.random(in: 0...100_000, using: &random))
        case 2: .nanoseconds(.random(in: 0...31_536_000_000_000_000, using: &random))
        default: .seconds(Int.random(in: 0...500, using: &random) * 3_600)
        }
    }

    /// Words that formats like to take for something else.
    private static func text(_ random: inout SeededRandom) -> String {
        let words = [
            "Smoke", "true", "null", "007", "5", "-1", "1.50", "a: b", "#x", "ü", "\"q\"", "it's", "~", "[x", "1e3",
            "0x1F",
            "yes", "- a", "a\\b",
        ]
        return words.randomElement(using: &random) ?? "x"
    }
}

extension Interval {
    fileprivate static func nanoseconds(_ value: Int64) -> Interval { Interval(nanoseconds: value) }
}

@Suite struct RoundTripTests {
    @Test(arguments: 1...300 as ClosedRange<UInt64>)
    func `a test written as a document and read again is the same test`(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let definition = RandomTests.definition(&random)
        do throws(TestDefinitionError) {
            let read = try TestDefinition.read(definition.document)
            #expect(read == definition, "seed \(seed)")
            #expect(read.document == definition.document)
        } catch {
            Issue.record("seed \(seed): \(error.problems.map(\.text))")
        }
    }

    @Test(arguments: [
        (1_500_000, "1.5ms"), (1, "0.000001ms"), (60_000_000_000, "1m"), (90_000_000_000, "90s"),
        (5_400_000_000_001, "5400000.000001ms"),
    ])
    func `a duration is written without loss`(nanoseconds: Int64, text: String) {
        #expect(Units.text(Interval(nanoseconds: nanoseconds)) == text)
        #expect(Units.duration(text) == Interval(nanoseconds: nanoseconds))
    }

    @Test(arguments: [
        ("1.5m", 90_000_000_000), ("0.1h", 360_000_000_000), (".5s", 500_000_000), ("3.s", 3_000_000_000),
        ("0.0000000019s", 1), ("8760h", 31_536_000_000_000_000),
    ])
    func `a duration is read to the nanosecond`(text: String, nanoseconds: Int64) {
        #expect(Units.duration(text) == Interval(nanoseconds: nanoseconds))
    }

    @Test(arguments: ["8761h", "99999999999999999999s", ".s", "1.2.3m", "0.5"])
    func `what is no duration, or longer than a year, is refused`(text: String) {
        #expect(Units.duration(text) == nil)
    }

    @Test(arguments: [(0.00002777, "0.00002777/s"), (50, "50/s"), (0.5, "0.5/s"), (1e-9, "0.000000001/s")])
    func `a rate is written without an exponent`(rate: Double, text: String) {
        #expect(Units.text(rate: rate) == text)
        #expect(Units.rate(text) == rate)
    }
}
