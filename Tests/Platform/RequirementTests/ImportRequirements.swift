// SPDX-License-Identifier: Apache-2.0

import API
import Bedrock
import ControlPlane
import Domain
import Foundation
import GRDB
import HTTPTypes
import RunMetrics
import Store
import Testing
import Vault

/// Requirements B1 to B7: lists of `username:password` lines.
@Suite(.timeLimit(.minutes(3))) struct ImportRequirements {
    /// The five lines that the document shows.
    static let sample = (1...5).map { "test-user-00\($0):P@ssw0rd12\($0 + 2)" }

    @Test(arguments: ["\n", "\r\n"], [false, true])
    func `B1 the sample of five accounts is imported, and each registers with its password`(
        lineEnd: String, endsWithOne: Bool
    ) async throws {
        let pairs = Self.sample.map { $0.split(separator: ":").map(String.init) }
        try await withWire(pairs.map { PBXSubscriber($0[0], $0[1]) }) { lab, _ in
            let report = try await lab.bulk(
                Self.sample.joined(separator: lineEnd) + (endsWithOne ? lineEnd : ""))
            #expect(report.created == 5 && report.skipped == 0 && report.failed == 0)
            #expect(report.problems.isEmpty && report.failedByReason.isEmpty)
            #expect(try await lab.accounts().map(\.username) == pairs.map { $0[0] })
            let outcomes = try await lab.register(5, named: "Sample")
            #expect(outcomes == Dictionary(uniqueKeysWithValues: pairs.map { ($0[0], .success) }))
        }
    }

    /// A file, and what the import of it says: created, then each problem as line and reason.
    static let files: [(name: String, text: String, created: Int, problems: [String])] = [
        ("nothing", "", 0, []),
        ("a byte-order mark alone", "\u{FEFF}", 0, []),
        ("line ends alone", "\n\r\n\n", 0, []),
        ("a byte-order mark and CRLF", "\u{FEFF}a:1\r\nb:2\r\n", 2, []),
        ("no line end at the end", "a:1\nb:2", 2, []),
        ("blank lines count as lines", "\n\na:1\n\nbad\n", 1, ["5 no_colon"]),
        ("blanks and tabs alone are malformed", "  \n\t\na:1\n", 1, ["1 no_colon", "2 no_colon"]),
        ("a tab in the username", "a\tb:1\nc\t:2\n", 0, ["1 username_whitespace", "2 username_whitespace"]),
        ("a tab in the password", "a:\t1\t\n", 1, []),
        ("two colons", "a:b:c\n::\na::\n", 0, ["1 several_colons", "2 several_colons", "3 several_colons"]),
        ("no username, no password", ":x\na:\n:\n", 0, ["1 username_empty", "2 password_empty", "3 username_empty"]),
        ("quotes are letters", "\"a\":\"1\"\n'b':'2'\n", 2, []),
        ("Unicode, composed and not, are two", "caf\u{E9}:1\ncafe\u{301}:2\nпользователь:п\n", 3, []),
        ("a NUL", "a\u{0}:1\nb:\u{0}\n", 1, ["1 username_control_character"]),
        ("a lone CR is no line end", "a:1\rb\nc:2\n", 2, []),
        ("a mark that is not at the start is a letter", "a:1\n\u{FEFF}a:2\n", 2, []),
        ("a username twice", "a:1\na:2\nA:3\n", 2, ["2 duplicate_in_batch"]),
        ("a username counts from a valid line only", "a:\na:x:y\na:1\n", 1, ["1 password_empty", "2 several_colons"]),
        ("a line of a megabyte", "a:1\nb:\(String(repeating: "x", count: 1 << 20))\nc:3\n", 2, ["2 password_too_long"]),
        (
            "a megabyte without a colon", "\(String(repeating: "x", count: 1 << 20))\nc:3\n", 1, ["1 no_colon"]
        ),
        ("comment signs mean nothing", "# a:1\n;b:2\n", 1, ["1 username_whitespace"]),
    ]

    @Test(arguments: 0..<files.count)
    func `B2 B3 a file's good lines are imported, its bad ones named by line and reason`(number: Int) async throws {
        let (name, text, created, problems) = Self.files[number]
        let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }.count
        try await Lab.open { lab in
            // A dry run first: it says the same, and stores nothing.
            for dryRun in [true, false] {
                let report = try await lab.bulk(text, dryRun: dryRun)
                #expect(report.created == created, "\(name)")
                #expect(report.skipped == 0, "\(name)")
                #expect(report.failed == problems.count, "\(name)")
                #expect(report.problems.map(\.line) == problems.compactMap { Int($0.prefix { $0 != " " }) }, "\(name)")
                let codes = problems.map { String($0.drop { $0 != " " }.dropFirst()) }
                #expect(
                    report.failedByReason == Dictionary(grouping: codes) { $0 }.mapValues(\.count), "\(name)")
                #expect(report.problems.allSatisfy { $0.line <= lines }, "\(name)")
                #expect(try await lab.accounts().count == (dryRun ? 0 : created), "\(name)")
            }
        }
    }

    @Test func `B3 a report names a user only from one colon and a valid name, and never quotes a line`() async throws {
        try await Lab.open { lab in
            let answer = try await lab.caller.importLines(
                "canary-1\nbob:canary-2:x\n:canary-3\ncanary 4:x\nbob:ok\nbob:canary-5\namy:\ncanary\u{1}6:x\n",
                into: lab.registrar)
            let report = try answer.data(API.ImportReport.self)
            #expect(!answer.text.contains("canary"))
            #expect(report.problems.map(\.line) == [1, 2, 3, 4, 6, 7, 8])
            #expect(report.problems.map(\.username) == [nil, nil, nil, nil, "bob", "amy", nil])
            #expect(report.problems.allSatisfy { !$0.reason.isEmpty })
            #expect(!lab.office.log.text.contains("canary"))
        }
    }

    @Test func `B3 the list of problems ends at 1,000, the counts per reason do not`() async throws {
        try await Lab.open { lab in
            _ = try await lab.bulk("known:1\n")
            let report = try await lab.bulk(
                String(repeating: "bad\n", count: 900) + String(repeating: "a:b:c\n", count: 900) + "known:2\ngood:3\n")
            #expect(report.created == 1 && report.skipped == 1 && report.failed == 1_800)
            #expect(report.problems.count == 1_000)
            #expect(report.problems.map(\.line) == Array(1...1_000))
            #expect(report.failedByReason["no_colon"] == 900)
            #expect(report.failedByReason["several_colons"] == 900)
        }
    }

    @Test func `B3 a password used twice, or made from its username, is a warning that is counted and not quoted`()
        async throws
    {
        try await Lab.open { lab in
            let answer = try await lab.caller.importLines(
                "amy:same-canary\nbob:same-canary\ncid:same-canary\ndora:canary-DORA-x\ntestuser001:password001\nfay:Kx9\n",
                into: lab.registrar)
            let report = try answer.data(API.ImportReport.self)
            #expect(report.created == 6 && report.failed == 0)
            #expect(report.warnings.count == 2)
            #expect(report.warnings.contains { $0.hasPrefix("2 accounts") && $0.contains("earlier line") })
            #expect(report.warnings.contains { $0.hasPrefix("2 accounts") && $0.contains("derived") })
            #expect(!answer.text.contains("canary") && !answer.text.contains("password001"))
        }
    }

    @Test func `B4 a username that is there is skipped with a warning, and its old password stays`() async throws {
        try await withWire([PBXSubscriber("amy", "old"), PBXSubscriber("bob", "new"), PBXSubscriber("Amy", "big")]) {
            lab, _ in
            _ = try await lab.bulk("amy:old\n")
            let report = try await lab.bulk("amy:new\nbob:new\nbob:newer\nAmy:big\namy:newest\n")
            #expect(report.created == 2 && report.skipped == 1 && report.failed == 2)
            #expect(report.problems.map(\.line) == [1, 3, 5])
            #expect(report.problems[0].username == "amy" && report.problems[0].reason.contains("exists"))
            #expect(report.problems[1].reason.contains("earlier line") && report.problems[2].reason.contains("earlier"))
            #expect(
                try await lab.register(3, named: "Old") == ["amy": .success, "bob": .success, "Amy": .success])
        }
    }

    @Test func `B4 the order of addition is a number, also for accounts of one moment`() async throws {
        try await Lab.open { lab in
            let names = (0..<300).map { "n\(($0 * 7_919) % 300)" }
            _ = try await lab.bulk(names.map { "\($0):x\n" }.joined())
            _ = try await lab.add("first-after", "x")
            let listed = try await lab.accounts("sort=position&perPage=500")
            #expect(listed.map(\.username) == names + ["first-after"])
            #expect(zip(listed, listed.dropFirst()).allSatisfy { $0.position < $1.position })
            // A place is never given again: what is deleted and added anew stands at the end.
            let path = "/registrars/\(lab.registrar)/accounts/delete"
            _ = try await lab.caller.post(path, #"{"ids":["\#(listed[300].id)","\#(listed[0].id)"]}"#)
            _ = try await lab.bulk("\(names[0]):x\n")
            #expect(try await lab.accounts("sort=-position&perPage=1").map(\.username) == [names[0]])
            #expect(try await lab.accounts("sort=-position&perPage=1")[0].position > listed[300].position)
        }
    }

    @Test func `B5 created, skipped, failed and the reasons are one object for whoever asks`() async throws {
        try await Lab.open { lab in
            _ = try await lab.bulk("amy:1\n")
            let text = "amy:2\nbob:3\nbob:4\nbad\nx:\n"
            let bytes = Array(text.utf8)
            let inside = try await lab.office.control.accounts.importLines(
                into: lab.office.registrar, dryRun: true, by: .commandLine, reading: pieces(of: bytes, atOnce: 3))
            let outside = try await lab.bulk(text)
            #expect(outside.created == 1 && outside.skipped == 1 && outside.failed == 3)
            #expect(inside.created == 1 && inside.skipped == 1 && inside.failed == 3)
            #expect(outside.problems.map(\.line) == inside.problems.map(\.line))
            #expect(outside.problems.map(\.username) == inside.problems.map(\.username))
            #expect(outside.problems.map(\.reason) == inside.problems.map(\.reason.text))
            #expect(outside.created + outside.skipped + outside.failed == 5)
        }
    }

    @Test func `B6 an import whose source breaks off leaves nothing, and the next one is whole`() async throws {
        struct Broken: Error {}
        try await Lab.open { lab in
            _ = try await lab.bulk("old:1\n")
            let whole = (0..<5_000).map { "u\($0):p\($0)\n" }.joined()
            let bytes = Array(whole.utf8)
            let first = pieces(of: bytes, atOnce: 4_096)
            var rounds = 0
            await #expect(throws: ControlPlaneError.self) {
                try await lab.office.control.accounts.importLines(
                    into: lab.office.registrar, dryRun: false, by: .commandLine
                ) { page in
                    rounds += 1
                    if rounds == 12 { throw Broken() }
                    return try await first(page)
                }
            }
            #expect(try await lab.accounts().map(\.username) == ["old"])
            #expect(try await lab.usage().total == 1)
            #expect(try await lab.bulk(whole).created == 5_000)
            #expect(try await lab.usage().total == 5_001)
        }
    }

    @Test func `B6 while an import stands half-way, nothing of it is seen and others write and read`() async throws {
        try await Lab.open { lab in
            let bytes = Array((0..<5_000).map { "u\($0):p\($0)\n" }.joined().utf8)
            let source = pieces(of: bytes, atOnce: 4_096)
            var rounds = 0
            let report = try await lab.office.control.accounts.importLines(
                into: lab.office.registrar, dryRun: false, by: .commandLine
            ) { page in
                rounds += 1
                // More than a chunk of rows is stored by now.
                if rounds == 12 {
                    #expect(try await lab.accounts().map(\.username) == [])
                    #expect(try await lab.usage(endpoints: 2).missing == 2)
                    let other = try await lab.secondRegistrar()
                    #expect(try await lab.add("else", "x", to: other).status == .created)
                    #expect(try await lab.add("single", "x").status == .created)
                    _ = try await lab.save("Saved meanwhile", [Lab.group("g", 1)])
                }
                return try await source(page)
            }
            #expect(rounds > 12)
            #expect(report.created == 5_000)
            let listed = try await lab.accounts("sort=position&perPage=3")
            #expect(Set(listed.map(\.username)).isDisjoint(with: ["else"]))
            #expect(try await lab.usage().total == 5_001)
        }
    }

    @Test func `B6 what an import left half done is swept when the data is taken up again`() async throws {
        try await Lab.open { lab in
            let bytes = Array((0..<5_000).map { "u\($0):p\($0)\n" }.joined().utf8)
            let source = pieces(of: bytes, atOnce: 4_096)
            let path = lab.folder.appending(path: "copy.sqlite").path
            var rounds = 0
            _ = try await lab.office.control.accounts.importLines(
                into: lab.office.registrar, dryRun: false, by: .commandLine
            ) { page in
                rounds += 1
                // What a process killed here leaves: the database as it is now, with an account that another added.
                if rounds == 12 {
                    #expect(try await lab.add("added-meanwhile", "x").status == .created)
                    try lab.tamper("VACUUM INTO '\(path)'", inTransaction: false)
                }
                return try await source(page)
            }
            let swept = try await Office(
                store: SQLiteStore(path: path, hash: Fingerprint.sha256),
                master: MasterKey.readOrCreate(path: lab.masterKey.path))
            let left = try await swept.control.accounts.list(of: swept.registrar, by: .commandLine)
            #expect(left.items.map(\.username) == ["added-meanwhile"] && left.total == 1)
            #expect(try await swept.control.accounts.usage(of: swept.registrar, by: .commandLine).usage.total == 1)
            await swept.control.shutdown()
            #expect(try lab.rows("SELECT 1 FROM account", in: path).count == 1)
            #expect(try lab.rows("SELECT 1 FROM account_import", in: path).isEmpty)
            #expect(try lab.rows("SELECT 1 FROM staged_account", in: path).isEmpty)
        }
    }

    @Test func `B7 a dry run reports what the import then does, and stores nothing`() async throws {
        try await Lab.open { lab in
            _ = try await lab.bulk("amy:1\n")
            let text = "amy:2\nbob:3\nbob:4\nbad\ncid:bob\n"
            let before = try await lab.accounts()
            var dry = try await lab.bulk(text, dryRun: true)
            #expect(dry.dryRun)
            #expect(try await lab.accounts() == before)
            #expect(try lab.rows("SELECT 1 FROM account").count == 1)
            #expect(try await lab.audit().filter { $0.action == "accounts.import" }.count == 1)
            dry.dryRun = false
            #expect(try await lab.bulk(text) == dry)
        }
    }
}
