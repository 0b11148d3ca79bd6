// SPDX-License-Identifier: Apache-2.0

import ControlPlane
import Domain
import Store
import Testing

@Suite struct RotationTests {
    @Test func `A5 a list is rotated whole, in every format, and the audit log says so once (E6)`() async throws {
        let office = try await Office(store: .inMemory())
        try await office.importLines(Office.lines(3) + "last:canary-last\n")
        let before = try await Self.accounts(office)
        let names = before.map(\.username)
        let lists: [(ImportFormat, String)] = [
            (.lines, "\(names[2]):canary-x\n\(names[0]):canary-y\n"),
            (.csv, "password,username,realm\n\"canary:,z\",\(names[0]),sip.example.com\n"),
            (.sipp, "SEQUENTIAL\n\(names[3]);[authentication password=0x63616e617279]\n"),
        ]
        var rotated: [Int] = []
        for (format, text) in lists {
            let dry = try await Self.rotate(text, as: format, dryRun: true, in: office)
            #expect(dry.failed == 0 && dry.rotated == 0)
            rotated.append(try await Self.rotate(text, as: format, in: office).rotated)
        }
        #expect(rotated == [2, 1, 1])
        let after = try await Self.accounts(office)
        #expect(after.map(\.username) == names && after.map(\.position) == before.map(\.position))
        #expect(after[1] == before[1])
        #expect(after.map(\.realm) == ["sip.example.com", nil, nil, nil])
        let entries = try await office.control.audit.entries(by: .commandLine).filter { $0.action == "accounts.rotate" }
        #expect(entries.map(\.details) == ["2 rotated", "1 rotated", "1 rotated"])
        #expect(!"\(entries)".contains("canary"))
    }

    @Test(arguments: [
        ("no colon", "no_colon"), ("nobody:x", "username_unknown"), (":x", "username_empty"),
        ("last:", "password_empty"),
        ("last:y\nlast:z", "duplicate_in_batch"),
    ])
    func `A5 one bad line or unknown username and nothing changes`(line: String, reason: String) async throws {
        let office = try await Office(store: .inMemory())
        try await office.importLines(Office.lines(2) + "last:canary\n")
        let before = try await Self.accounts(office)
        let report = try await Self.rotate("\(before[0].username):canary-new\n\(line)\n", in: office)
        #expect(report.rotated == 0 && report.failed == 1)
        #expect(report.problems.map(\.reason.code) == [reason])
        #expect(try await Self.accounts(office) == before)
        #expect(try await !office.control.audit.entries(by: .commandLine).contains { $0.action == "accounts.rotate" })
    }

    @Test func `A5 a source that fails in the middle changes nothing, and the next list is taken`() async throws {
        struct Broken: Error {}
        let office = try await Office(store: .inMemory())
        try await office.importLines("a:1\nb:2\n")
        let before = try await Self.accounts(office)
        var turns = 0
        await #expect(throws: ControlPlaneError.self) {
            try await office.control.accounts.rotate(of: office.registrar, dryRun: false, by: .commandLine) { page in
                turns += 1
                if turns == 2 { throw Broken() }
                page.copyBytes(from: "a:new\nb:".utf8)
                return 8
            }
        }
        #expect(try await Self.accounts(office) == before)
        #expect(try await Self.rotate("a:new\nb:new", in: office).rotated == 2)
    }

    @Test func `B8 a list that is none of its format is refused in words and stores nothing`() async throws {
        let office = try await Office(store: .inMemory())
        for (format, text) in [(ImportFormat.csv, "alice,canary\n"), (.sipp, "alice:canary\n")] {
            let error = await #expect(throws: ControlPlaneError.self) {
                try await office.importList(text, as: format)
            }
            #expect(error?.code == .invalid && error?.message.contains("first line") == true)
            #expect(error?.message.contains("canary") == false)
        }
        #expect(try await Self.accounts(office).isEmpty)
    }

    @Test func `B8 CSV gives accounts a realm and an extension, and passwords with colons`() async throws {
        let office = try await Office(store: .inMemory())
        let report = try await office.importList(
            "username,password,realm,extension\nauth1,\"p:1\",sip.example.com,100\nauth2,x,,\n", as: .csv)
        #expect(report.created == 2 && report.failed == 0)
        let accounts = try await Self.accounts(office)
        #expect(accounts.map(\.realm) == ["sip.example.com", nil])
        #expect(accounts.map(\.extensionNumber) == ["100", nil])
    }

    private static func accounts(_ office: Office) async throws -> [AccountSummary] {
        try await office.control.accounts.list(of: office.registrar, by: .commandLine).items
    }

    private static func rotate(
        _ text: String, as format: ImportFormat = .lines, dryRun: Bool = false, in office: Office
    ) async throws -> ImportReport {
        var rest = Array(text.utf8)[...]
        return try await office.control.accounts.rotate(
            of: office.registrar, as: format, dryRun: dryRun, by: .commandLine
        ) { page in
            let count = min(rest.count, 7)
            page.copyBytes(from: rest.prefix(count))
            rest = rest.dropFirst(count)
            return count
        }
    }
}

extension Office {
    /// Imports a list in any format.
    func importList(_ text: String, as format: ImportFormat) async throws -> ImportReport {
        var rest = Array(text.utf8)[...]
        return try await control.accounts.importLines(into: registrar, as: format, dryRun: false, by: .commandLine) {
            page in
            let count = min(rest.count, page.count)
            page.copyBytes(from: rest.prefix(count))
            rest = rest.dropFirst(count)
            return count
        }
    }
}
