// SPDX-License-Identifier: Apache-2.0

import API
import ArgumentParser
import Bedrock
import Domain
import Foundation
import Testing

@testable import callmeter

struct AccountsCommandTests {
    @Test(arguments: [
        ["generate"], ["generate", "--prefix", "a"], ["generate", "--count", "5"], ["generate", "--from", "1"],
        ["generate", "--prefix", "a", "--count", "5", "--from", "1", "--to", "2"],
        ["generate", "--from", "9", "--to", "1"],
        ["generate", "--prefix", "a b", "--count", "5"], ["generate", "--from", "1", "--to", "2", "--digits", "3"],
        ["generate", "--from", "1", "--to", "2", "--config", "yate"],
        ["generate", "--from", "1", "--to", "2", "--secrets", "plain"],
        ["generate", "--from", "1", "--to", "2", "--config", "kamailio", "--domain", "x"],
        ["generate", "--from", "1", "--to", "2", "--config", "asterisk", "--output", "-"],
        ["generate", "--from", "1", "--to", "2", "--json"], ["import", "x", "--format", "xls"],
        ["list", "--in-use", "--free"],
        ["list", "--sort", "colour"], ["list", "--page", "0"], ["list", "--per-page", "501"],
        ["count", "--endpoints", "-1"],
        ["delete"], ["delete", "a", "--all"], ["rotate"],
    ])
    func `wrong arguments are refused before anything is done`(arguments: [String]) {
        #expect(throws: (any Error).self) { try CallMeter.parseAsRoot(["accounts"] + arguments) }
    }

    @Test func `a report is the counts, each reason with its number, the first problems and the remarks (B5)`() {
        let report = API.ImportReport(
            created: 7, skipped: 1, failed: 3,
            failedByReason: ["no_colon": 2, "username_exists": 1, "username_empty": 1],
            problems: [
                LineProblem(line: 2, username: nil, reason: "the line has no colon between username and password"),
                LineProblem(line: 4, username: "bob", reason: "the username exists on this registrar already; skipped"),
            ], warnings: ["2 accounts have a password derived from their username"], dryRun: true)
        #expect(
            AccountsCommand.lines(report, verb: "7 created, 1 skipped") == [
                "dry run, nothing stored: 7 created, 1 skipped, 3 failed", "  2 × no colon", "  1 × username empty",
                "  1 × username exists", "  line 2: the line has no colon between username and password",
                "  line 4 (bob): the username exists on this registrar already; skipped", "  and 2 more",
                "  note: 2 accounts have a password derived from their username",
            ])
    }

    @Test func `A6 the list says which run and which endpoint hold an account`() {
        let account = API.Account(
            id: "x", position: 3, username: "bob", realm: nil, extension: nil, createdAt: "2026-01-01T00:00:00Z",
            inUseBy: "01RUN", inUseEndpoint: 17, lastRegistration: LastRegistration(result: "registered", at: nil))
        #expect(
            AccountsCommand.List.table([account]).lines()
                == [
                    "#  username  realm  added                 in use by               last registration",
                    "3  bob       auto   2026-01-01T00:00:00Z  run 01RUN endpoint 17  registered",
                ].map { $0.replacing("in use by               last", with: "in use by              last") })
    }

    @Test func `C4 C5 the count says what there is, who holds it, what is missing and how large a pool to keep`() {
        let usage = API.AccountUsage(
            total: 120, inUse: 30, free: 90, needed: 100, missing: 10,
            holders: [.init(run: "A", accounts: 20), .init(run: "B", accounts: 10)],
            advice: "for tests of up to 100 endpoints keep 1000 accounts")
        #expect(
            AccountsCommand.Count.lines(usage, registrar: "pbx", asked: true) == [
                "total    120  on registrar pbx", "in use    30  run A: 20", "              run B: 10", "free      90",
                "needed   100  one for each endpoint",
                "missing   10  add accounts, wait for runs, or use fewer endpoints",
                "for tests of up to 100 endpoints keep 1000 accounts",
            ])
    }

    @Test func `progress is told in megabytes, per cent and accounts`() {
        #expect(
            ListProgress.text(ListStep(bytes: 12_345_678, accounts: 400_000), size: 30_000_000)
                == "12.3 MB read (41 %), 400000 accounts stored")
        #expect(ListProgress.text(ListStep(bytes: 0, accounts: nil), size: nil) == "0.0 MB read")
    }

    @Test func `B8 a file's format is found by its first line, which is read all the same`() throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        for (name, text, format) in [
            ("a.csv", "SEQUENTIAL\n1;[authentication password=x]\n", ImportFormat.sipp),
            ("b.txt", "Username,Password\na,b\n", .csv), ("c.txt", String(repeating: "u:x\n", count: 5_000), .lines),
            ("d.txt", String(repeating: "u", count: 10_000), .lines), ("e.csv", "", .csv),
        ] {
            let path = folder.path + "/" + name
            try Data(text.utf8).write(to: URL(filePath: path))
            let source = try SecretSource(path: path)
            #expect(source.size == text.utf8.count)
            #expect(try source.format(name: name) == format)
            var bytes: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 700)
            while true {
                let count = try buffer.withUnsafeMutableBytes { try source.read(into: $0) }
                if count == 0 { break }
                bytes += buffer[..<count]
            }
            #expect(bytes == Array(text.utf8))
        }
    }

    @Test func `A3 A4 one account is added with any password, quotes and colons too`() throws {
        let arena = SecretArena()
        let password = Array("\"a:\"\",b\" c".utf8)
        let handle = password.withUnsafeBytes { arena.store($0) }
        let list = OneAccount(username: "bo\"b", realm: "r,\"x", extensionNumber: nil, password: handle, in: arena)
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 11)
        while true {
            let count = buffer.withUnsafeMutableBytes { list.read(into: $0) }
            if count == 0 { break }
            text += buffer[..<count]
        }
        var rules = ImportRules(format: .csv)
        var found: [String] = []
        text.withUnsafeBytes { bytes in
            rules.visit(bytes) { line in
                guard case .account(let username, let password, let realm, let number) = line.verdict else { return }
                for part in [username, password, realm, number] {
                    found.append(part.map { String(decoding: $0, as: UTF8.self) } ?? "nil")
                }
            }
        }
        #expect(found == ["bo\"b", "\"a:\"\",b\" c", "r,\"x", "nil"])
        // The longest of everything fits.
        let quotes = String(repeating: "\"", count: 255)
        let long = [UInt8](repeating: UInt8(ascii: "\""), count: 1_024).withUnsafeBytes { arena.store($0) }
        _ = OneAccount(username: quotes, realm: quotes, extensionNumber: quotes, password: long, in: arena)
    }

    @Test func `a generated list goes to a new file that only its owner can read, and overwrites nothing`() throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let path = folder.path + "/accounts.txt"
        var random = SystemRandomNumberGenerator()
        let accounts = GeneratedAccounts(try GeneratedNames(prefix: "cm-", count: 2_000), random: &random)
        let lines = GeneratedLines(accounts)
        try SecretOutput.write(to: path) { sink throws(CommandFailure) in try lines.write(to: sink) }
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text.split(separator: "\n").count == 2_000)
        let failure = #expect(throws: CommandFailure.self) {
            try SecretOutput.write(to: path) { sink throws(CommandFailure) in try lines.write(to: sink) }
        }
        #expect(failure?.message?.contains("is not overwritten") == true)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
        // What cannot be written whole is not left behind.
        let half = folder.path + "/half.txt"
        #expect(throws: CommandFailure.self) {
            try SecretOutput.write(to: half) { sink throws(CommandFailure) in
                try sink(UnsafeRawBufferPointer(start: nil, count: 0))
                throw .usage("enough")
            }
        }
        #expect(!FileManager.default.fileExists(atPath: half))
    }
}
