// SPDX-License-Identifier: Apache-2.0

import ControlPlane
import Domain
import Store
import Testing

@Suite struct ImportTests {
    @Test(arguments: [1, 7, 1_000])
    func `B1 B2 B3 B5 good lines are imported, bad ones reported with line and reason, however the text is cut`(
        atOnce: Int
    ) async throws {
        let office = try await Office(store: .inMemory())
        let text = "\u{FEFF}alice:secret one\r\n\nno colon here\nbob:a:b\n bob:x\nalice:again\ncarol:\nBob:pass"
        let report = try await office.importLines(text, atOnce: atOnce)
        #expect(report.created == 2)
        #expect(report.failed == 5)
        #expect(report.problems.map(\.line) == [3, 4, 5, 6, 7])
        #expect(
            report.problems.map(\.reason) == [
                .noColon, .severalColons, .account(.usernameWhitespace), .duplicateInBatch, .account(.passwordEmpty),
            ])
        let accounts = try await office.control.accounts.list(of: office.registrar, by: .commandLine)
        #expect(accounts.items.map(\.username) == ["alice", "Bob"])
    }

    @Test func `B4 a username that exists is skipped and counted; B7 a dry run reports the same and stores nothing`()
        async throws
    {
        let office = try await Office(store: .inMemory())
        try await office.importLines("alice:one\n")
        let dry = try await office.importLines("alice:two\ndave:three\n", dryRun: true)
        #expect(dry.created == 1 && dry.skipped == 1)
        #expect(try await office.control.accounts.list(of: office.registrar, by: .commandLine).total == 1)
        let real = try await office.importLines("alice:two\ndave:three\n")
        #expect(real == dry)
        #expect(real.problems.map(\.username) == ["alice"])
    }

    @Test func `B6 an import whose source fails in the middle leaves nothing`() async throws {
        struct Broken: Error {}
        let office = try await Office(store: .inMemory())
        var turns = 0
        await #expect(throws: ControlPlaneError.self) {
            _ = try await office.control.accounts.importLines(
                into: office.registrar, dryRun: false, by: .commandLine
            ) { page in
                turns += 1
                if turns == 4 { throw Broken() }
                let text = (0..<2_500).map { "user-\(turns)-\($0):password-\($0)\n" }.joined().utf8
                page.copyBytes(from: text.prefix(page.count))
                return min(text.count, page.count)
            }
        }
        #expect(turns == 4)
        #expect(try await office.control.accounts.list(of: office.registrar, by: .commandLine).total == 0)
    }

    @Test func `E6 an import leaves one line with counts in the audit log, and no password`() async throws {
        let office = try await Office(store: .inMemory())
        try await office.importLines(Office.lines(20))
        let entries = try await office.control.audit.entries(by: .commandLine)
        let line = try #require(entries.last { $0.action == "accounts.import" })
        #expect(line.details == "20 created, 0 skipped, 0 failed")
        #expect(!"\(entries)".contains("canary-"))
    }

    @Test
    func `A3 a single account may have a colon in its password; C4 C5 usage names what is missing and a pool size`()
        async throws
    {
        let office = try await Office(store: .inMemory())
        let password = SecretBytes(count: 12) { $0.copyBytes(from: "pass:word ü!".utf8.prefix(12)) }
        let account = try await office.control.accounts.add(
            username: "1001", password: password, to: office.registrar, by: .commandLine)
        #expect(account.username == "1001")
        let report = try await office.control.accounts.usage(of: office.registrar, endpoints: 11, by: .commandLine)
        #expect(report.usage.total == 1 && report.missing == 10 && report.advisedPool == 100)
    }

    @Test func `A2 a single account with a bad username is refused with the reason`() async throws {
        let office = try await Office(store: .inMemory())
        let password = SecretBytes(count: 1) { $0[0] = 0x78 }
        do throws(ControlPlaneError) {
            _ = try await office.control.accounts.add(
                username: "a b", password: password, to: office.registrar, by: .commandLine)
            Issue.record("it was accepted")
        } catch {
            #expect(error.code == .invalid)
            #expect(error.details.map(\.value) == ["username_whitespace"])
        }
    }
}
