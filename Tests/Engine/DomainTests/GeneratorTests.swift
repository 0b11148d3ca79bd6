// SPDX-License-Identifier: Apache-2.0

import Bedrock
import CCrypto
import Testing

@testable import Domain

@Suite struct GeneratorTests {
    @Test func `generated usernames are a prefix and numbers, or a range that keeps its zeros`() throws {
        let prefixed = try GeneratedNames(prefix: "cm-test-", count: 500)
        #expect(prefixed.count == 500)
        #expect([0, 499].map(prefixed.name(at:)) == ["cm-test-001", "cm-test-500"])
        #expect(try GeneratedNames(prefix: "a", count: 12_000).name(at: 0) == "a00001")
        #expect(try GeneratedNames(prefix: "a", count: 12, digits: 1).name(at: 11) == "a12")
        let range = try GeneratedNames(from: "8000", to: "8999")
        #expect([0, 999].map(range.name(at:)) == ["8000", "8999"] && range.count == 1_000)
        #expect(try GeneratedNames(prefix: "x", from: "0098", to: "0101").name(at: 3) == "x0101")
    }

    @Test func `what cannot be generated is refused with what is allowed`() {
        for (prefix, fault) in [
            ("a b", GeneratorFault.prefix), ("a:", .prefix), ("a'", .prefix), ("<a", .prefix), ("é", .prefix),
            ("", .prefix),
        ] {
            #expect(throws: fault) { try GeneratedNames(prefix: prefix, count: 1) }
        }
        #expect(throws: GeneratorFault.prefixTooLong) {
            try GeneratedNames(prefix: String(repeating: "a", count: 65), count: 1)
        }
        for count in [0, -1, 100_001] {
            #expect(throws: GeneratorFault.count) { try GeneratedNames(prefix: "a", count: count) }
        }
        #expect(throws: GeneratorFault.digits) { try GeneratedNames(prefix: "a", count: 1, digits: 16) }
        for (from, to) in [("9", "8"), ("", "8"), ("1", "x"), ("-1", "5"), ("1", "9999999999999999")] {
            #expect(throws: GeneratorFault.range) { try GeneratedNames(from: from, to: to) }
        }
        #expect(throws: GeneratorFault.count) { try GeneratedNames(from: "1", to: "100001") }
        for domain in ["", "a b", "a'b", "a;b", "<a>", String(repeating: "a", count: 254)] {
            #expect(throws: GeneratorFault.domain) { try ServerConfiguration(.kamailio, domain: domain) }
        }
    }

    @Test func `generated passwords have 131 bits, differ, and their list imports without a warning (B3)`() throws {
        // Three digits occur in many random passwords: those are drawn again.
        var random = SeededRandom(seed: 7)
        let accounts = GeneratedAccounts(try GeneratedNames(from: "0", to: "9999"), random: &random)
        let text = Self.list(accounts)
        let batch = Batch(text, chunk: 65_536)
        #expect(batch.tally.valid == 10_000 && batch.tally.failed == 0)
        #expect(batch.tally.warnings == ImportWarnings())
        let passwords = text.split(separator: "\n").map { $0.split(separator: ":")[1] }
        #expect(Set(passwords).count == 10_000)
        #expect(passwords.allSatisfy { $0.utf8.count == 22 && $0.utf8.allSatisfy(Self.isAlphanumeric) })
        // Each of the 62 letters is about as frequent as the others: 220,000 draws, 3,548 of each expected.
        var counts = [Int](repeating: 0, count: 128)
        for byte in passwords.joined().utf8 { counts[Int(byte)] += 1 }
        let seen = counts.filter { $0 > 0 }
        #expect(seen.count == 62)
        #expect(seen.allSatisfy { (3_200...3_900).contains($0) })
    }

    @Test func `the list is written in whole lines, however little memory is lent`() throws {
        var random = SeededRandom(seed: 1)
        let accounts = GeneratedAccounts(try GeneratedNames(prefix: "u", count: 40), random: &random)
        let whole = Self.list(accounts)
        #expect(whole.split(separator: "\n").count == 40)
        for size in [28, 60, 100] { #expect(Self.list(accounts, size: size) == whole) }
        var again = SeededRandom(seed: 1)
        #expect(Self.list(GeneratedAccounts(accounts.names, random: &again)) == whole)
    }

    @Test func `Kamailio gets ha1 and ha1b, and the password only when it is asked for`() throws {
        let accounts = try Self.two()
        let hashed = try Self.text(accounts, ServerConfiguration(.kamailio, domain: "sip.example.com"))
        let plain = try Self.text(accounts, ServerConfiguration(.kamailio, domain: "sip.example.com", secrets: .plain))
        let passwords = Self.passwords(accounts)
        for (name, password) in zip(["cm-1", "cm-2"], passwords) {
            let ha1 = Self.md5("\(name):sip.example.com:\(password)")
            let ha1b = Self.md5("\(name)@sip.example.com:sip.example.com:\(password)")
            let row =
                "INSERT INTO subscriber (username, domain, password, ha1, ha1b) VALUES ('\(name)', 'sip.example.com', "
            #expect(hashed.contains(row + "'', '\(ha1)', '\(ha1b)');\n"))
            #expect(plain.contains(row + "'\(password)', '\(ha1)', '\(ha1b)');\n"))
            #expect(!hashed.contains(password))
        }
        #expect(hashed.hasPrefix("BEGIN;\n") && hashed.hasSuffix("COMMIT;\n"))
    }

    @Test func `Asterisk gets an endpoint, an auth and an aor of each name`() throws {
        let accounts = try Self.two()
        let passwords = Self.passwords(accounts)
        let plain = try Self.text(accounts, ServerConfiguration(.asterisk, domain: "pbx"))
        for (name, password) in zip(["cm-1", "cm-2"], passwords) {
            #expect(plain.contains("[\(name)](callmeter-endpoint)\nauth=\(name)\naors=\(name)\n"))
            #expect(plain.contains("[\(name)](callmeter-auth)\nusername=\(name)\npassword=\(password)\n"))
            #expect(plain.contains("[\(name)](callmeter-aor)\n"))
        }
        #expect(plain.contains("auth_type=userpass\n"))
        let hashed = try Self.text(accounts, ServerConfiguration(.asterisk, domain: "pbx", secrets: .hashed))
        #expect(hashed.contains("auth_type=md5\nrealm=pbx\n"))
        #expect(hashed.contains("md5_cred=\(Self.md5("cm-1:pbx:\(passwords[0])"))\n"))
        #expect(!hashed.contains(passwords[0]))
    }

    @Test func `FreeSWITCH gets users with a password or its a1-hash`() throws {
        let accounts = try Self.two()
        let passwords = Self.passwords(accounts)
        let plain = try Self.text(accounts, ServerConfiguration(.freeswitch, domain: "pbx"))
        #expect(plain.contains("<user id=\"cm-2\">"))
        #expect(plain.contains("<param name=\"password\" value=\"\(passwords[1])\"/>"))
        let hashed = try Self.text(accounts, ServerConfiguration(.freeswitch, domain: "pbx", secrets: .hashed))
        #expect(hashed.contains("<param name=\"a1-hash\" value=\"\(Self.md5("cm-2:pbx:\(passwords[1])"))\"/>"))
        #expect(!hashed.contains(passwords[1]))
    }

    @Test func `the longest names and domain fit`() throws {
        var random = SeededRandom(seed: 3)
        let names = try GeneratedNames(prefix: String(repeating: "p", count: 64), count: 2, digits: 15)
        let accounts = GeneratedAccounts(names, random: &random)
        for server in ConfiguredServer.allCases {
            for secrets in ConfiguredSecrets.allCases {
                let domain = String(repeating: "d", count: 253)
                let text = try Self.text(accounts, ServerConfiguration(server, domain: domain, secrets: secrets))
                #expect(text.contains(names.name(at: 1)))
            }
        }
    }

    private static func two() throws -> GeneratedAccounts {
        var random = SeededRandom(seed: 5)
        return GeneratedAccounts(try GeneratedNames(prefix: "cm-", count: 2, digits: 1), random: &random)
    }

    private static func passwords(_ accounts: GeneratedAccounts) -> [String] {
        (0..<accounts.count).map { place in accounts.withPassword(at: place) { String(decoding: $0, as: UTF8.self) } }
    }

    private static func list(_ accounts: GeneratedAccounts, size: Int = 65_536) -> String {
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: size)
        var place = 0
        while place < accounts.count {
            let (bytes, next) = buffer.withUnsafeMutableBytes { accounts.writeLines(from: place, into: $0) }
            text += buffer[..<bytes]
            place = next
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func text(_ accounts: GeneratedAccounts, _ configuration: ServerConfiguration) -> String {
        var text: [UInt8] = []
        configuration.write(accounts, md5: libcryptoMD5) { text += $0 }
        return String(decoding: text, as: UTF8.self)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }

    private static func libcryptoMD5(_ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer) {
        precondition(callmeter_digest(0, input.baseAddress, input.count, output.baseAddress) == 1)
    }

    private static func md5(_ text: String) -> String {
        var digest = [UInt8](repeating: 0, count: 16)
        Array(text.utf8).withUnsafeBytes { input in digest.withUnsafeMutableBytes { libcryptoMD5(input, $0) } }
        return digest.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }
}
