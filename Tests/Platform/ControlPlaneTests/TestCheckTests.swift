// SPDX-License-Identifier: Apache-2.0

import Bedrock
import ControlPlane
import Domain
import Store
import Testing
import Vault
import Worker

/// The look at a test before its run: all that stands against it, in words.
struct TestCheckTests {
    private static func problems(
        domain: String = "127.0.0.1", group: [(String, DocumentNode)] = [], accounts: Int = 2
    ) async throws -> [String] {
        let store = try SQLiteStore.inMemory()
        let control = ControlPlane(
            store: store, vault: Vault(master: .ephemeral()), inspection: { await Preflight.problems(of: $0) })
        try await control.start()
        let project = try await control.projects.create(name: "Lab", by: .commandLine).id
        let registrar = try await control.registrars.create(
            RegistrarDraft(name: "pbx", domain: domain, port: 5060, transport: .udp), in: project, by: .commandLine)
        var rest = Array(Office.lines(accounts).utf8)[...]
        _ = try await control.accounts.importLines(into: registrar.id, dryRun: false, by: .commandLine) { page in
            let count = min(rest.count, page.count)
            page.copyBytes(from: rest.prefix(count))
            rest = rest.dropFirst(count)
            return count
        }
        await ScriptedWorker().attach(to: control)
        let phones: [(String, DocumentNode)] = [
            ("name", .text("phones")), ("registrar", .text("pbx")), ("endpoints", .text("2")),
            ("callee", .text("intra")),
        ]
        let test = try await control.tests.create(
            .object([
                ("name", .text("Check")), ("duration", .text("1s")), ("groups", .list([.object(phones + group)])),
            ]), in: project, by: .commandLine)
        return try await control.tests.check(test.record.id, by: .commandLine).problems
    }

    @Test func `a test that can run has no problems`() async throws {
        #expect(
            try await Self.problems(group: [("rtpPorts", .text("21000-29999")), ("bind", .text("127.0.0.1"))]) == [])
    }

    @Test func `each thing that stands against a run is told`() async throws {
        let few = try await Self.problems(accounts: 1)
        #expect(few.count == 1 && few[0].contains("too few SIP accounts"))
        let away = try await Self.problems(group: [("bind", .text("192.0.2.200"))])
        #expect(away.count == 1 && away[0].contains("group phones") && away[0].contains("192.0.2.200"), "\(away)")
        let unknown = try await Self.problems(domain: "no-such-host.invalid")
        #expect(unknown.count == 1 && unknown[0].contains("no-such-host.invalid"), "\(unknown)")
        let open = try await Self.problems(domain: "8.8.8.8")
        #expect(open.count == 1 && open[0].contains("outside private address ranges"), "\(open)")
    }
}
