// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Testing

@testable import Domain

@Suite struct CSVReaderTests {
    @Test func `B8 a CSV list has its columns in any order and any case`() {
        let batch = Batch(
            "Extension, PASSWORD ,\"Realm\",username\r\n100,s3cret,sip.example.com,alice\r\n,x,,bob\r\n", as: .csv)
        #expect(
            batch.lines == [
                "2 account alice s3cret realm sip.example.com extension 100", "3 account bob x",
            ])
        #expect(batch.columns == ImportColumns(realm: true, extensionNumber: true))
        #expect(Batch("username,password\na,1", as: .csv).columns == ImportColumns())
    }

    @Test func `B8 a quoted field may hold commas, quotes, line ends and colons`() {
        let text =
            "username,password\r\n\"a\",\"1,2\"\r\nb,\"say \"\"hi\"\"\"\nc,\"one\r\ntwo\n\"\nd,p:q:r\n\"e\",\"\"\"\"\n"
        #expect(
            Batch(text, as: .csv).lines == [
                "2 account a 1,2", "3 account b say \"hi\"", "4 account c one\r\ntwo\n", "7 account d p:q:r",
                "8 account e \"",
            ])
    }

    @Test(arguments: [
        ("a", "wrong_number_of_fields -"), ("a,b,c", "wrong_number_of_fields -"), ("a,", "password_empty a"),
        (",b", "username_empty -"), ("  ", "wrong_number_of_fields -"), ("a,b\"c", "quote_in_field -"),
        ("a,\"b\"c", "text_after_quote -"), ("a,\"b\" ", "text_after_quote -"), ("a b,c", "username_whitespace -"),
        ("a:b,c", "username_colon -"), ("a\tb,c", "username_whitespace -"), ("a,\"\"", "password_empty a"),
        ("good,again", "duplicate_in_batch good"), ("\"\",\"\"", "username_empty -"), (",", "username_empty -"),
        ("a\u{0},x", "username_control_character -"), ("\"a\"\r,x", "text_after_quote -"),
    ])
    func `B8 and B3 a bad record has a reason and its line, and the next one is read`(record: String, fault: String) {
        let batch = Batch("username,password\ngood,1\n\n\(record)\nbetter,2", as: .csv)
        #expect(batch.lines == ["2 account good 1", "4 \(fault)", "5 account better 2"])
        #expect(batch.tally.valid == 2 && batch.tally.failed == 1)
    }

    @Test func `B8 quotes that are never closed take one record, which is reported where it begins`() {
        #expect(
            Batch("username,password\na,1\nb,\"oops\nc,3\n", as: .csv).lines == [
                "2 account a 1", "3 quote_not_closed -",
            ])
    }

    @Test func `A3 a password in CSV is kept exactly: blanks, tabs, a NUL, Unicode, a bare CR`() {
        let batch = Batch("username,password\na, x\t \nb,\u{0}\nc,пароль€😀\nd,x\ry\r\r\n", as: .csv)
        #expect(
            batch.lines == ["2 account a  x\t ", "3 account b \u{0}", "4 account c пароль€😀", "5 account d x\ry\r"])
    }

    @Test func `A2 the limits hold in CSV, for realm and extension too`() {
        let long = String(repeating: "x", count: 1_000_000)
        let header = "username,password,realm,extension\n"
        let fits =
            String(repeating: "u", count: 255) + "," + String(repeating: "p", count: 1_024) + ","
            + String(repeating: "r", count: 255) + "," + String(repeating: "e", count: 255)
        for chunk in [1, 4_096, 2_000_000] {
            #expect(Batch(header + fits, as: .csv, chunk: chunk).tally.valid == 1)
            for (record, fault) in [
                ("\(long),p,,", "username_too_long -"), ("u,\(long),,", "password_too_long u"),
                ("u,p,\(long),", "realm_too_long u"), ("u,p,,\(long)", "extension_too_long u"),
                ("u,\"\(long)\",,", "password_too_long u"), ("u,p,a\u{1}b,", "realm_not_allowed u"),
                ("u,p,,1 2", "extension_not_allowed u"), (long, "wrong_number_of_fields -"),
            ] {
                #expect(
                    Batch(header + record + "\nb,2,,", as: .csv, chunk: chunk).lines == ["2 \(fault)", "3 account b 2"])
            }
        }
        #expect(
            Batch(bytes: Array(header.utf8) + [0x75, 0x2C, 0x70, 0x2C, 0xFF, 0x2C], as: .csv).lines == [
                "2 realm_not_allowed u"
            ])
    }

    @Test func `B8 a list without accounts has an empty report, whatever its format`() {
        for format in ImportFormat.allCases {
            for text in ["", "\u{FEFF}", "\n\r\n", "\u{FEFF}\r\n"] {
                let batch = Batch(text, as: format)
                #expect(batch.lines == [] && batch.refusal == nil)
                #expect(batch.tally.report(PublishedImport(created: 0, skipped: 0, firstSkipped: [])).counts == [])
            }
        }
        #expect(Batch("username,password\n", as: .csv).refusal == nil)
    }

    @Test(arguments: [
        ("username,password,colour\na,b,c", ImportRefusal.unknownColumn("'colour'")),
        ("username,password,\na,b,c", .unknownColumn("number 3")),
        ("username,password,\u{1}\na,b,c", .unknownColumn("number 3")),
        ("username,password,Username\n", .repeatedColumn("username")), ("username\n", .headerLacks(column: "password")),
        ("password,realm\n", .headerLacks(column: "username")), ("\"username\"x,password\n", .headerNotValid),
        ("alice,canary", .headerLacks(column: "username")), ("username,canary", .headerLacks(column: "password")),
    ])
    func `B8 a list without a proper header is refused whole, in words that quote no password`(
        text: String, refusal: ImportRefusal
    ) {
        for chunk in [1, 3, 100] {
            let batch = Batch(text, as: .csv, chunk: chunk)
            #expect(batch.refusal == refusal)
            #expect(batch.lines == [])
        }
        #expect(!refusal.text.contains("canary"))
    }

    @Test(arguments: 0..<60 as Range<UInt64>)
    func `B8 any CSV text cut anywhere gives what a plain reading of RFC 4180 gives`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let pieces: [[UInt8]] = [
            [0x61], [0x62], [0x2C], [0x2C], [0x2C], [0x0A], [0x0A], [0x0D], [0x0D, 0x0A], [0x22], [0x22, 0x22], [0x20],
            [0x3A], [0xC3, 0xA9], [0xC3], [0xEF, 0xBB, 0xBF],
        ]
        var bytes: [UInt8] = seed % 2 == 0 ? [0xEF, 0xBB, 0xBF] : []
        bytes += Array("username,password\r\n".utf8)
        for _ in 0..<300 { bytes += pieces[Int(random.next() % UInt64(pieces.count))] }
        let expected = PlainCSV.lines(of: bytes)
        for chunk in [1, 2, 3, 7, 64, 1_000] {
            let batch = Batch(bytes: bytes, as: .csv, chunk: chunk)
            #expect(batch.lines == expected, "seed \(seed), chunks of \(chunk)")
            #expect(batch.tally.valid + batch.tally.failed == expected.count)
        }
    }

    @Test func `B6 a CSV list may be cut at every place`() {
        let bytes = Array("\u{FEFF}username,password,realm\r\n\"é\",\"a\"\"b\r\n\",r\r\nb,\"x,y\",\"\"\r\n".utf8)
        let whole = Batch(pieces: [bytes[...]], as: .csv)
        #expect(whole.tally.valid == 2)
        for first in 0...bytes.count {
            for second in first...bytes.count {
                let cut = Batch(pieces: [bytes[..<first], bytes[first..<second], bytes[second...]], as: .csv)
                #expect(cut.lines == whole.lines, "cut at \(first) and \(second)")
            }
        }
    }
}

/// RFC 4180 once more, with arrays and no chunks. For lists under the header `username,password`.
private enum PlainCSV {
    static func lines(of text: [UInt8]) -> [String] {
        var rest = (text.starts(with: [0xEF, 0xBB, 0xBF]) ? text.dropFirst(3) : text[...])[...]
        var line = 1
        var seen: Set<[UInt8]> = []
        var found: [String] = []
        while !rest.isEmpty {
            let start = line
            var fields: [[UInt8]] = [[]]
            var fault: String?
            var atFieldStart = true
            // One turn for each field or byte, to the end of the record.
            record: while true {
                if atLineEnd(rest) { break record }
                let byte = rest.removeFirst()
                if byte == 0x2C, fault == nil {
                    fields.append([])
                    atFieldStart = true
                    continue
                }
                if byte == 0x22, atFieldStart, fault == nil {
                    guard let value = quoted(&rest, &line) else {
                        fault = "quote_not_closed"
                        rest = []
                        break record
                    }
                    fields[fields.count - 1] = value
                    if !atLineEnd(rest), rest.first != 0x2C { fault = "text_after_quote" }
                } else if byte == 0x22, fault == nil {
                    fault = "quote_in_field"
                } else {
                    fields[fields.count - 1].append(byte)
                }
                atFieldStart = false
            }
            let isBlank = fields == [[]] && fault == nil && atFieldStart
            if rest.first == 0x0D { rest.removeFirst() }
            if rest.first == 0x0A { rest.removeFirst() }
            line += 1
            if isBlank || start == 1 { continue }
            found.append("\(start) \(fault.map { $0 + " -" } ?? verdict(fields, &seen))")
        }
        return found
    }

    private static func atLineEnd(_ rest: ArraySlice<UInt8>) -> Bool {
        guard let first = rest.first else { return true }
        if first == 0x0A { return true }
        return first == 0x0D && (rest.count == 1 || rest[rest.startIndex + 1] == 0x0A)
    }

    private static func quoted(_ rest: inout ArraySlice<UInt8>, _ line: inout Int) -> [UInt8]? {
        var value: [UInt8] = []
        while let byte = rest.popFirst() {
            if byte == 0x22 {
                guard rest.first == 0x22 else { return value }
                rest.removeFirst()
            }
            if byte == 0x0A { line += 1 }
            value.append(byte)
        }
        return nil
    }

    private static func verdict(_ fields: [[UInt8]], _ seen: inout Set<[UInt8]>) -> String {
        guard fields.count == 2 else { return "wrong_number_of_fields -" }
        let fault = fields[0].withUnsafeBytes { AccountRules.fault(username: $0) }
        if let fault { return "\(fault.rawValue) -" }
        let name = String(decoding: fields[0], as: UTF8.self)
        if let fault = fields[1].withUnsafeBytes({ AccountRules.fault(password: $0) }) {
            return "\(fault.rawValue) \(name)"
        }
        guard seen.insert(fields[0]).inserted else { return "duplicate_in_batch \(name)" }
        return "account \(name) \(String(decoding: fields[1], as: UTF8.self))"
    }
}
