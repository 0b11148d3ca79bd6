// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Testing

@testable import Domain

@Suite struct ImportRulesTests {
    @Test func `B2 a line is valid with one colon, a username and a password`() {
        let batch = Batch("test-user-001:P@ssw0rd123\ntest-user-002:P@ssw0rd124\n")
        #expect(
            batch.lines == ["1 account test-user-001 P@ssw0rd123", "2 account test-user-002 P@ssw0rd124"])
        #expect(batch.tally.valid == 2 && batch.tally.failed == 0)
    }

    @Test(arguments: [
        ("bob", "no_colon -"), ("   ", "no_colon -"), ("\t", "no_colon -"), ("a:b:c", "several_colons -"),
        ("::", "several_colons -"), (":secret", "username_empty -"), (" bob:secret", "username_whitespace -"),
        ("bob :secret", "username_whitespace -"), ("b\u{A0}b:secret", "username_whitespace -"),
        ("b\u{3000}b:secret", "username_whitespace -"), ("b\tb:secret", "username_whitespace -"),
        ("b\u{1}b:secret", "username_control_character -"), ("b\u{7F}:secret", "username_control_character -"),
        ("b\u{85}b:secret", "username_whitespace -"), ("b\u{9F}b:secret", "username_control_character -"),
        ("bob:", "password_empty bob"),
    ])
    func `B2 and B3 a bad line has a reason, and a name only with one colon and a valid username`(
        line: String, expected: String
    ) {
        let batch = Batch("good:1\n\(line)\nbetter:2")
        #expect(batch.lines == ["1 account good 1", "2 \(expected)", "3 account better 2"])
    }

    @Test func `B2 what is not UTF-8 is refused, overlong forms and surrogates too`() {
        for bad: [UInt8] in [
            [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82], [0x80],
        ] {
            #expect(Batch(bytes: bad + Array(":x".utf8)).lines == ["1 username_not_utf8 -"])
            #expect(Batch(bytes: Array("u:".utf8) + bad).lines == ["1 password_not_utf8 u"])
        }
        #expect(Batch("müller:пароль€😀").lines == ["1 account müller пароль€😀"])
    }

    @Test func `B2 empty lines are ignored but counted, and CRLF, LF and a byte-order mark are handled`() {
        let batch = Batch("\u{FEFF}a:1\r\n\r\n\n  \nb:2\n\nc:3\r")
        #expect(batch.lines == ["1 account a 1", "4 no_colon -", "5 account b 2", "7 account c 3"])
        #expect(Batch("\u{FEFF}").lines == [])
        #expect(Batch("a:1\n\u{FEFF}b:2").lines == ["1 account a 1", "2 account \u{FEFF}b 2"])
    }

    @Test func `A3 a password is kept exactly, spaces and control characters too`() {
        #expect(Batch("a: x \t\nb:\u{0}\u{1}").lines == ["1 account a  x \t", "2 account b \u{0}\u{1}"])
        #expect(Batch("a:x\ry\r\r\n").lines == ["1 account a x\ry\r"])
    }

    @Test func `A2 the limits are 255 and 1,024 bytes, each with its own reason`() {
        let longest = String(repeating: "u", count: 255) + ":" + String(repeating: "p", count: 1_024)
        #expect(Batch(longest).tally.valid == 1)
        #expect(Batch("\u{FEFF}" + longest + "\r\n", chunk: 7).tally.valid == 1)
        #expect(Batch("u" + longest).lines == ["1 username_too_long -"])
        #expect(Batch(longest + "p").lines == ["1 password_too_long \(longest.prefix(255))"])
        // Far over the limit, through the carry, the reason stays the same.
        let far = "u:" + String(repeating: "p", count: 100_000)
        for chunk in [1, 13, 4_096, 200_000] {
            #expect(Batch(far, chunk: chunk).lines == ["1 password_too_long u"])
            #expect(Batch(far + ":", chunk: chunk).lines == ["1 several_colons -"])
            #expect(Batch(far.replacing(":", with: "u") + ":x", chunk: chunk).lines == ["1 username_too_long -"])
        }
    }

    @Test func `B4 a username counts as seen only from a valid line, and case matters`() {
        let batch = Batch("bob:\nbob:1\nBob:2\nbob:3\nbob:\n")
        #expect(
            batch.lines == [
                "1 password_empty bob", "2 account bob 1", "3 account Bob 2", "4 duplicate_in_batch bob",
                "5 password_empty bob",
            ])
    }

    @Test func `A2 usernames are compared as bytes: two spellings of one letter are two accounts`() {
        let batch = Batch("caf\u{E9}:1\ncafe\u{301}:2\n")
        #expect(batch.tally.valid == 2)
    }

    @Test func `B4 duplicates are found among many usernames`() {
        let names = (0..<20_000).map { "user-\($0)" }
        let text = (names + names).map { $0 + ":x" }.joined(separator: "\n")
        let tally = Batch(text, chunk: 65_536).tally
        #expect(tally.valid == 20_000 && tally.failed == 20_000)
    }

    @Test func `B3 reused and derived passwords are counted, not refused`() {
        let batch = Batch(
            """
            alice:correct-horse
            bob:correct-horse
            carol:xxCAROLxx
            testuser001:password001
            testuser002:P4ss-002
            x:box
            y:y
            """)
        #expect(batch.tally.valid == 7)
        #expect(batch.tally.warnings.reusedPasswords == 1)
        #expect(batch.tally.warnings.derivedPasswords == 3)
        #expect(!batch.tally.warnings.reuseIsLowerBound)
    }

    @Test func `B3 the report names at most 1,000 lines and counts all of them`() {
        let batch = Batch(String(repeating: "bad\n", count: 1_500) + "a:1\n")
        let skipped = SkippedLine(line: 1_501, username: "a")
        let report = batch.tally.report(PublishedImport(created: 0, skipped: 1, firstSkipped: [skipped]))
        #expect(report.failed == 1_500 && report.skipped == 1 && report.created == 0)
        #expect(report.problems.count == 1_000)
        #expect(report.counts.map(\.count) == [1_500, 1])
        #expect(report.counts.map(\.reason.code) == ["no_colon", "username_exists"])
    }

    @Test func `B3 the report is in order of lines and holds no password`() {
        let batch = Batch("canary-secret\na:canary:b\nu:canary-1\nu:canary-2\n v:canary-3\nw:4\n")
        let report = batch.tally.report(
            PublishedImport(created: 1, skipped: 1, firstSkipped: [SkippedLine(line: 3, username: "u")]))
        #expect(report.problems.map(\.line) == [1, 2, 3, 4, 5])
        #expect(report.problems.map(\.username) == [nil, nil, "u", "u", nil])
        var text = ""
        dump(report, to: &text)
        #expect(!text.contains("canary"))
    }

    @Test func `an import that the visitor breaks off throws what it threw`() {
        struct Enough: Error {}
        var rules = ImportRules()
        let chunk = [UInt8]("a:1\nb:2\nc".utf8)
        #expect(throws: Enough.self) {
            try chunk.withUnsafeBytes {
                try rules.visit($0) { line throws(Enough) in if line.number == 2 { throw Enough() } }
            }
        }
        #expect(rules.tally.valid == 2)
    }

    @Test(arguments: 0..<40 as Range<UInt64>)
    func `any text cut anywhere gives what a plain reading of the rules gives`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let pieces: [[UInt8]] = [
            [0x61], [0x62], [0x3A], [0x3A], [0x0A], [0x0A], [0x0D], [0x20], [0x01], [0xC3, 0xA9], [0xC3], [0xA9],
            [0xEF, 0xBB, 0xBF], [0xE2, 0x80, 0x83],
        ]
        var bytes: [UInt8] = []
        for _ in 0..<400 { bytes += pieces[Int(random.next() % UInt64(pieces.count))] }
        let expected = PlainReading.lines(of: bytes)
        for chunk in [1, 2, 3, 7, 64, 1_000] {
            let batch = Batch(bytes: bytes, chunk: chunk)
            #expect(batch.lines == expected)
            #expect(batch.tally.valid + batch.tally.failed == expected.count)
        }
    }
}

/// The rules once more, with strings and sets, slow and short.
private enum PlainReading {
    static func lines(of text: [UInt8]) -> [String] {
        let bytes = text.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(text.dropFirst(3)) : text
        var seen: Set<[UInt8]> = []
        var found: [String] = []
        for (index, part) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            let line = part.last == 0x0D ? part.dropLast() : part
            if line.isEmpty { continue }
            let verdict = verdict(
                line.split(separator: 0x3A, omittingEmptySubsequences: false).map { Array($0) }, &seen)
            found.append("\(index + 1) \(verdict)")
        }
        return found
    }

    private static func verdict(_ parts: [[UInt8]], _ seen: inout Set<[UInt8]>) -> String {
        guard parts.count > 1 else { return "no_colon -" }
        guard parts.count == 2 else { return "several_colons -" }
        if parts[0].isEmpty { return "username_empty -" }
        guard let username = String(validating: parts[0], as: UTF8.self) else { return "username_not_utf8 -" }
        for scalar in username.unicodeScalars {
            if scalar.properties.isWhitespace { return "username_whitespace -" }
            if scalar.properties.generalCategory == .control { return "username_control_character -" }
        }
        if parts[1].isEmpty { return "password_empty \(username)" }
        guard let password = String(validating: parts[1], as: UTF8.self) else { return "password_not_utf8 \(username)" }
        return seen.insert(parts[0]).inserted ? "account \(username) \(password)" : "duplicate_in_batch \(username)"
    }
}
