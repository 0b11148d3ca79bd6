// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Testing

@testable import Domain

@Suite struct KeepAliveChoiceTests {
    private func definition(_ entries: [(String, DocumentNode)]) -> DocumentNode {
        .object([
            ("name", .text("Smoke")), ("duration", .text("30s")),
            ("groups", .list([TestDefinitionTests.group("a", "2", .text("none"))])),
            ("registrars", .object([("pbx", .object([("domain", .text("pbx.example"))] + entries))])),
        ])
    }

    @Test(arguments: [
        ("30s", KeepAliveChoice.every(.seconds(30))), ("off", .off), ("options", .options), ("automatic", .automatic),
    ])
    func `a registrar's keep-alive and outbound are read and written`(text: String, choice: KeepAliveChoice) throws {
        let read = try TestDefinition.read(definition([("keepAlive", .text(text)), ("outbound", .text("true"))]))
        let registrar = try #require(read.registrars.first)
        #expect(registrar.keepAlive == choice && registrar.outbound)
        #expect(try TestDefinition.read(read.document) == read)
    }

    @Test(arguments: [("keepAlive", "never"), ("keepAlive", "0s"), ("keepAlive", "2h"), ("outbound", "yes")])
    func `what they cannot mean is refused`(key: String, text: String) {
        #expect(TestDefinitionTests.problems(definition([(key, .text(text))])).count == 1)
    }

    @Test func `nothing said means no outbound and what the transport wants`() throws {
        let registrar = try TestDefinition.read(definition([])).registrars.first
        #expect(registrar?.outbound == false && registrar?.keepAlive == .automatic)
    }
}
