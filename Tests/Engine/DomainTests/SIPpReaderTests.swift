// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Testing

@testable import Domain

@Suite struct SIPpReaderTests {
    @Test func `B8 an injection file gives the accounts of its authentication keywords`() {
        let batch = Batch(
            """
            SEQUENTIAL
            # user;host;credentials
            1001;127.0.0.1;[authentication username=1001 password=s3cret]
            1002;[authentication password=other]

            1003;[authentication username=auth-3 password=x];more
            [authentication username=four password=4]
            """, as: .sipp)
        #expect(
            batch.lines == [
                "3 account 1001 s3cret", "4 account 1002 other", "6 account auth-3 x", "7 account four 4",
            ])
        #expect(batch.columns == ImportColumns())
    }

    @Test(arguments: ["SEQUENTIAL", "RANDOM", "USER", "\u{FEFF}SEQUENTIAL", "USER\r", "RANDOM,OTHER=1", " USER , X"])
    func `B8 the first line says the order, with or without options`(header: String) {
        #expect(Batch("\(header)\n1;[authentication password=p]\r\n", as: .sipp).lines == ["2 account 1 p"])
    }

    @Test func `B8 a file that is none, or whose lines are patterns, is refused whole`() {
        #expect(Batch("canary;[authentication password=canary]", as: .sipp).refusal == .notSIPp)
        #expect(Batch("sequential\n", as: .sipp).refusal == .notSIPp)
        #expect(Batch("USER:canary", as: .sipp).refusal == .notSIPp)
        #expect(Batch("SEQUENTIAL,PRINTF=100\n%d;[authentication password=x]", as: .sipp).refusal == .patterns)
        #expect(Batch("SEQUENTIAL,PRINTFOFFSET=100\n1;[authentication password=x]", as: .sipp).tally.valid == 1)
        #expect(!ImportRefusal.notSIPp.text.contains("canary"))
    }

    // SIPp reads pairs of digits, a last single one for a byte, and backslashes in quotes (its getKeywordParam).
    @Test(arguments: [
        ("password=0x70617373", "account u pass"), ("password=0x7061737", "account u pas\u{7}"),
        ("password=0x7A7a", "account u zz"), ("password=0x", "password_empty u"),
        ("password=0xyz", "not_hexadecimal -"),
        ("password=0xFF", "password_not_utf8 u"), (#"password="0x7A""#, "account u 0x7A"),
        ("password=0X7A", "account u 0X7A"),
        (#"password="a b""#, "account u a b"), (#"password="a\"b\\c""#, #"account u a"b\c"#),
        (#"password="a]b" realm=x"#, "account u a]b"), ("password=a:b", "account u a:b"),
        ("password=", "password_empty u"),
        ("", "password_empty u"), ("username=v password=p", "account v p"), ("password=p username=v", "account v p"),
        ("username=0x76 password=p", "account v p"), ("aka_K=x password=p", "account u p"),
        ("password=p password=q", "account u p"), ("username= password=p", "account u p"),
        ("userpassword=q password=p", "account u p"), (#"x="password=q" password=p"#, "account u p"),
        ("password=[field1]", "keyword_in_authentication -"), (#"password="[x""#, "keyword_in_authentication -"),
        (#"password="p"#, "authentication_not_closed -"), ("password=p\tusername=w", "account w p"),
        (#"username="a b" password=p"#, "username_whitespace -"), ("password=é", "account u é"),
        ("x password=p", "account u p"),
        ("=x password=p", "account u p"),
    ])
    func `B8 values are read as SIPp reads them`(pairs: String, expected: String) {
        let batch = Batch("SEQUENTIAL\nu;[authentication \(pairs)];z\n", as: .sipp)
        #expect(batch.lines == ["2 \(expected)"])
    }

    @Test(arguments: [
        ("1001;x", "authentication_missing -"), ("1001;[authentication password=x", "authentication_not_closed -"),
        ("1001;[authentication password=a;b]", "authentication_not_closed -"),
        ("1001;[authenticationpassword=x]", "authentication_missing -"),
        ("1001;[authentication password=x][authentication password=y]", "authentication_repeated -"),
        ("1;[authentication password=x];[authentication password=y]", "authentication_repeated -"),
        ("[authentication password=x]", "username_empty -"), ("[authentication]", "username_empty -"),
        (";[authentication password=x]", "username_empty -"),
        ("a b;[authentication password=x]", "username_whitespace -"),
        ("good;[authentication password=x]", "duplicate_in_batch good"), ("  ", "authentication_missing -"),
        ("1;[authentication", "authentication_missing -"), ("1;[authentication ", "authentication_not_closed -"),
    ])
    func `B8 and B3 a bad line has a reason, and names a username only beside a whole keyword`(
        line: String, fault: String
    ) {
        let batch = Batch(
            "USER\ngood;[authentication password=1]\n\(line)\nbetter;[authentication password=2]", as: .sipp)
        #expect(batch.lines == ["2 account good 1", "3 \(fault)", "4 account better 2"])
    }

    @Test
    func `A2 a line of a megabyte is refused wherever it is cut, and a password of 1,024 bytes in hexadecimal is not`()
    {
        let hex = String(repeating: "61", count: 1_024)
        let long = String(repeating: "x", count: 1_000_000)
        for chunk in [1, 4_096, 2_000_000] {
            let batch = Batch(
                "USER\na;[authentication password=0x\(hex)]\nb;\(long);[authentication password=x]\n"
                    + "c;[authentication password=0x\(hex)61]\n\(long)\nd;[authentication password=x]",
                as: .sipp, chunk: chunk)
            #expect(
                batch.lines == [
                    "2 account a \(String(repeating: "a", count: 1_024))", "3 line_too_long -", "4 password_too_long c",
                    "5 line_too_long -", "6 account d x",
                ])
        }
        let rest = "1;[authentication password=x];"
        let fits = rest + String(repeating: "y", count: SIPpReader.longestLine - rest.utf8.count)
        #expect(Batch("\u{FEFF}USER\r\n\(fits)\r\n", as: .sipp).tally.valid == 1)
        #expect(Batch("USER\n\(fits)y\r\n", as: .sipp, chunk: 100_000).lines == ["2 line_too_long -"])
    }

    @Test func `B6 an injection file may be cut at every place`() {
        let bytes = Array(
            "\u{FEFF}USER,X\r\n#c\n1;[authentication username=\"é\" password=0x6162]\r\n\r\n2;[authentication password=q]"
                .utf8)
        let whole = Batch(pieces: [bytes[...]], as: .sipp)
        #expect(whole.lines == ["3 account é ab", "5 account 2 q"])
        for first in 0...bytes.count {
            for second in first...bytes.count {
                let cut = Batch(pieces: [bytes[..<first], bytes[first..<second], bytes[second...]], as: .sipp)
                #expect(cut.lines == whole.lines, "cut at \(first) and \(second)")
            }
        }
    }

    @Test(arguments: 0..<40 as Range<UInt64>)
    func `B5 valid and failed add up to the lines that are neither empty nor comments`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let pieces = [
            "[authentication ", "]", "username=", "password=", "0x61", "\"", "\\", ";", "a", "b", " ", "#", "\n", "\n",
            "\r\n", "é",
            "a;[authentication password=x]\n",
        ]
        var text = "USER\n"
        for _ in 0..<300 { text += pieces[Int(random.next() % UInt64(pieces.count))] }
        let records = text.utf8.split(separator: 0x0A).dropFirst().map { $0.last == 0x0D ? $0.dropLast() : $0 }
            .filter { !$0.isEmpty && $0.first != 0x23 }
        let whole = Batch(text, as: .sipp, chunk: 1_000_000)
        #expect(whole.lines.count == records.count, "seed \(seed)")
        #expect(whole.tally.valid + whole.tally.failed == records.count, "seed \(seed)")
        for chunk in [1, 2, 7, 64] {
            #expect(Batch(text, as: .sipp, chunk: chunk).lines == whole.lines, "seed \(seed), chunks of \(chunk)")
        }
    }

    @Test(arguments: [
        ("accounts.txt", "alice:secret\n", ImportFormat.lines), ("accounts.csv", "username,password\n", .csv),
        ("accounts.csv", "SEQUENTIAL\n1;[authentication password=x]", .sipp), ("-", "Password,USERNAME\r\n", .csv),
        ("-", "\u{FEFF}\"username\",\"password\",realm\n", .csv), ("-", "\u{FEFF}RANDOM,PRINTF=3\r\n", .sipp),
        ("LIST.CSV", "alice,secret", .csv), ("-", "username,secret\n", .lines), ("-", "USER:secret\n", .lines),
        ("-", "", .lines),
        ("x.csv", "", .csv), ("-", "username:password\n", .lines),
    ])
    func `B8 the format is guessed from the first line, then from the name`(
        name: String, text: String, format: ImportFormat
    ) {
        #expect(Array(text.utf8).withUnsafeBytes { ImportFormat.guess(name: name, beginning: $0) } == format)
    }
}
