// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP
import Testing

/// Replies as dnsmasq 2.90 sends them, captured; and what an attacker would make of them.
@Suite struct DNSReplyTests {
    private static let naptr =
        "123485800001000200000000076578616d706c6503636f6d0000230001c00c002300010000004d0026006400320173075349502b443255"
        + "00045f736970045f756470076578616d706c6503636f6d00c00c002300010000004d0026005a00320173075349502b44325400045f73"
        + "6970045f746370076578616d706c6503636f6d00"
    private static let srv =
        "123485800001000200000003045f736970045f746370076578616d706c6503636f6d0000210001c00c002100010000004d001b000a0002"
        + "13ce0773657276657232076578616d706c6503636f6d00c00c002100010000004d001b0000000113c40773657276657231076578616d"
        + "706c6503636f6d00c060000100010000012c0004c0000201c060001c00010000012c001020010db8000000000000000000000001c039"
        + "000100010000004d0004c0000202"
    private static let a =
        "1234858000010001000000000773657276657231076578616d706c6503636f6d0000010001c00c000100010000012c0004c0000201"
    private static let aaaa =
        "1234858000010001000000000773657276657231076578616d706c6503636f6d00001c0001c00c001c00010000012c001020010db80000"
        + "00000000000000000001"
    private static let alias =
        "12348580000100020000000005616c696173076578616d706c6503636f6d0000010001c00c000500010000003700150773657276657231"
        + "076578616d706c6503636f6d00c02f000100010000012c0004c0000201"
    private static let unknownName = "123481830001000000000000046e6f7065076578616d706c6503636f6d0000010001"
    private static let noData = "1234818000010000000000000773657276657232076578616d706c6503636f6d00001c0001"

    private static func bytes(_ hex: String) -> [UInt8] {
        stride(from: 0, to: hex.utf8.count, by: 2).map { place in
            let start = hex.index(hex.startIndex, offsetBy: place)
            return UInt8(hex[start..<hex.index(start, offsetBy: 2)], radix: 16) ?? 0
        }
    }

    private static let captured: [(String, DNSQuestion, DNSAnswer)] = [
        (
            naptr, DNSQuestion("example.com", .naptr),
            DNSAnswer(
                .naptr([
                    NAPTRRecord(
                        order: 100, preference: 50, flags: "s", service: "SIP+D2U", replacement: "_sip._udp.example.com"
                    ),
                    NAPTRRecord(
                        order: 90, preference: 50, flags: "s", service: "SIP+D2T", replacement: "_sip._tcp.example.com"),
                ]), ttl: 77)
        ),
        (
            srv, DNSQuestion("_sip._tcp.example.com", .srv),
            DNSAnswer(
                .srv([
                    SRVRecord(priority: 10, weight: 2, port: 5070, target: "server2.example.com"),
                    SRVRecord(priority: 0, weight: 1, port: 5060, target: "server1.example.com"),
                ]), ttl: 77)
        ),
        (a, DNSQuestion("SERVER1.example.com.", .a), DNSAnswer(.addresses([.v4(0xC000_0201)]), ttl: 300)),
        (
            aaaa, DNSQuestion("server1.example.com", .aaaa),
            DNSAnswer(.addresses([.v6(high: 0x2001_0DB8_0000_0000, low: 1)]), ttl: 300)
        ),
        // The alias lives 55 s, what it points to 300 s.
        (alias, DNSQuestion("alias.example.com", .a), DNSAnswer(.addresses([.v4(0xC000_0201)]), ttl: 55)),
        (unknownName, DNSQuestion("nope.example.com", .a), DNSAnswer(.noSuchName)),
        (noData, DNSQuestion("server2.example.com", .aaaa), DNSAnswer(.none)),
    ]

    @Test(arguments: captured.indices) func capturedRepliesAreRead(_ index: Int) {
        let (hex, question, expected) = Self.captured[index]
        #expect(DNSAnswer(reply: Self.bytes(hex), to: question) == expected)
    }

    @Test(arguments: captured.indices) func anyPartOfAReplyIsReadWithoutATrap(_ index: Int) {
        let (hex, question, expected) = Self.captured[index]
        let whole = Self.bytes(hex)
        for length in 0..<whole.count where whole[7] > 0 && length < 40 {
            #expect(DNSAnswer(reply: Array(whole[..<length]), to: question).content != expected.content)
        }
        for length in 0..<whole.count { _ = DNSAnswer(reply: Array(whole[..<length]), to: question) }
    }

    @Test func anyByteMayBeWrong() {
        var random = SeededRandom(seed: 1035)
        for (hex, question, _) in Self.captured {
            let whole = Self.bytes(hex)
            for _ in 0..<2000 {
                var broken = whole
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    broken[Int.random(in: 0..<broken.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                if case .addresses(let found) = DNSAnswer(reply: broken, to: question).content {
                    #expect(found.count <= 64)
                }
            }
        }
    }

    @Test func aNameThatPointsAtItselfIsBroken() {
        var reply = Self.bytes(Self.a)
        // The owner of the answer points at its own place.
        let owner = 37
        #expect(reply[owner] == 0xC0)
        reply[owner + 1] = UInt8(owner)
        #expect(DNSAnswer(reply: reply, to: DNSQuestion("server1.example.com", .a)).content == .failed(.malformed))
    }

    @Test func aliasesThatGoInACircleEnd() {
        // a. CNAME b., b. CNAME a., and no address.
        let header: [UInt8] = [0, 1, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0]
        let question: [UInt8] = [1, 0x61, 0, 0, 1, 0, 1]
        func cname(_ owner: UInt8, _ target: UInt8) -> [UInt8] {
            [1, owner, 0, 0, 5, 0, 1, 0, 0, 0, 9, 0, 3, 1, target, 0]
        }
        let reply = header + question + cname(0x61, 0x62) + cname(0x62, 0x61)
        #expect(DNSAnswer(reply: reply, to: DNSQuestion("a", .a)) == DNSAnswer(.none))
    }

    @Test func recordsOfAnotherNameAreNotTaken() {
        #expect(DNSAnswer(reply: Self.bytes(Self.a), to: DNSQuestion("server9.example.com", .a)) == DNSAnswer(.none))
    }

    @Test func aNegativeAnswerLivesAsLongAsItsSOARecordSays() {
        // `x.` NXDOMAIN; the SOA of the root: owner, type 6, class 1, life 900, names `m.` and `r.`, five numbers, the minimum 600.
        let header: [UInt8] = [0, 1, 0x81, 0x83, 0, 1, 0, 0, 0, 1, 0, 0]
        let question: [UInt8] = [1, 0x78, 0, 0, 1, 0, 1]
        let numbers: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 2, 0x58]
        let soa: [UInt8] = [0, 0, 6, 0, 1, 0, 0, 3, 0x84, 0, 26, 1, 0x6D, 0, 1, 0x72, 0] + numbers
        #expect(
            DNSAnswer(reply: header + question + soa, to: DNSQuestion("x", .a)) == DNSAnswer(.noSuchName, ttl: 600))
    }

    @Test(arguments: [UInt8(2), 5]) func aServersErrorIsKept(_ code: UInt8) {
        var reply = Self.bytes(Self.a)
        reply[3] = reply[3] & 0xF0 | code
        let answer = DNSAnswer(reply: reply, to: DNSQuestion("server1.example.com", .a))
        #expect(answer.content == .failed(.serverError(code)))
    }
}
