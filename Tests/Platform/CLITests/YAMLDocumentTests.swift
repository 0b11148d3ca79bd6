// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Testing

@testable import callmeter

struct YAMLDocumentTests {
    @Test func `every node has its line and column`() throws {
        let document = try YAMLDocument.read("name: Smoke\ngroups:\n  - name: a\n    endpoints: 5\nempty:\n")
        guard case .mapping(let entries, _) = document, case .sequence(let groups, _) = entries[1].value,
            case .mapping(let group, _) = groups[0]
        else {
            Issue.record("not the tree that was written: \(document)")
            return
        }
        #expect(entries.map(\.key) == ["name", "groups", "empty"])
        #expect(entries[0].value == .scalar("Smoke", .init(line: 1, column: 7)))
        #expect(group[1].position == .init(line: 4, column: 5))
        #expect(group[1].value == .scalar("5", .init(line: 4, column: 16)))
        if case .null = entries[2].value {} else { Issue.record("an empty value is no null") }
    }

    @Test(arguments: [
        ("a: [1, 2", 1), ("a: b: c", 1), ("a: 1\n\tb: 2", 2), ("x: \"open\n", 1),
    ])
    func `text that is no YAML is refused with its place`(text: String, atLeastLine: Int) {
        let failure = #expect(throws: YAMLDocument.Failure.self) { try YAMLDocument.read(text) }
        #expect((failure?.line ?? 0) >= atLeastLine)
        #expect((failure?.column ?? 0) >= 1)
    }

    @Test func `a saved test's JSON is a test file, and the same test`() throws {
        var definition = TestDefinition(
            name: "true", registrars: [RegistrarDefinition(name: "pbx", domain: "127.0.0.1")],
            groups: [
                GroupDefinition(
                    name: "007", registrar: "pbx", endpoints: 4, callee: .uri("sip:9{n:4}@pbx"), displayName: "null {n}"
                )
            ], duration: .milliseconds(1_500),
            pacing: Pacing(
                registrations: .over(.seconds(9)),
                calls: .stages([.hold(0.5, for: .seconds(3)), .ramp(0, to: 5, for: .seconds(60))]), talk: .seconds(2)),
            thresholds: [try Threshold("mos.avg >= 4.0")])
        definition.groups[0].headers = [try #require(ExtraHeader(name: "X-A", value: "1: 2"))]
        definition.groups[0].rtpPorts = 20_000...20_999
        let text = try JSONOutput.text(definition.document)
        #expect(try TestDefinition.read(YAMLDocument.read(text)) == definition)
    }

    @Test func `a key that stands twice is refused`() {
        let failure = #expect(throws: YAMLDocument.Failure.self) { try YAMLDocument.read("a: 1\na: 2\n") }
        #expect(failure?.message.contains("'a' stands twice") == true)
    }

    @Test func `aliases cannot unfold into a huge tree`() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...6 {
            let aliases = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            text += "a\(level): &a\(level) [\(aliases)]\n"
        }
        let failure = #expect(throws: YAMLDocument.Failure.self) { try YAMLDocument.read(text) }
        #expect(failure?.message.contains("over \(YAMLDocument.mostNodes) nodes") == true)
    }

    @Test func `nesting is bounded`() {
        let text = String(repeating: "[", count: 100) + String(repeating: "]", count: 100)
        #expect(throws: YAMLDocument.Failure.self) { try YAMLDocument.read(text) }
    }

    @Test func `mistakes in a test file name file, line, column and the nearest key`() {
        let text = """
            name: Smoke
            registrars:
              pbx: { domain: 127.0.0.1, port: 5060 }
            groups:
              - name: g
                registrar: pbx
                endpoint: 5
                callee: none
            duration: 30
            """
        let failure = #expect(throws: CommandFailure.self) { try FileTest(path: "smoke.yaml", text: text) }
        #expect(failure?.status == .usage)
        let lines = failure?.message?.split(separator: "\n").map(String.init) ?? []
        #expect(
            lines.contains(
                "smoke.yaml: line 7, column 5: groups[0]: unknown key 'endpoint'; did you mean 'endpoints'?"))
        #expect(lines.contains { $0.hasPrefix("smoke.yaml: line 9, column 11: duration: ") })
    }

    @Test func `a group whose registrar is not described is refused`() {
        let text = """
            name: Smoke
            groups:
              - { name: g, registrar: pbx, endpoints: 1, callee: none }
            duration: 1s
            """
        let failure = #expect(throws: CommandFailure.self) { try FileTest(path: "t.yaml", text: text) }
        #expect(failure?.message?.contains("names the registrar 'pbx', which the file does not describe") == true)
    }
}
