// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Testing

@Suite struct BytesAndAddressTests {
    @Test(arguments: [0, 7, 10, 99, 100, 65535, UInt64.max])
    func `decimals are written as Swift writes them`(value: UInt64) {
        var writer = ByteWriter()
        writer.append(decimal: value)
        #expect(String(decoding: writer.bytes, as: UTF8.self) == String(value))
    }

    @Test func `a writer grows, is cut back and used again, and lends exactly what was written`() {
        var writer = ByteWriter(capacity: 2)
        var expected: [UInt8] = []
        for number in 0..<300 {
            writer.append(UInt8(truncatingIfNeeded: number))
            writer.append([1, 2, 3][1...])
            writer.append(contentsOf: repeatElement(7, count: number % 3))
            expected += [UInt8(truncatingIfNeeded: number), 2, 3] + [UInt8](repeating: 7, count: number % 3)
        }
        #expect(writer.bytes == expected)
        #expect(writer.copy(from: 890) == Array(expected[890...]))
        writer.truncate(to: 4)
        writer.append("x")
        #expect(writer.withBytes { Array($0) } == expected[..<4] + [0x78])
        writer.removeAll()
        #expect(writer.count == 0 && writer.bytes.isEmpty)
    }

    @Test(arguments: [
        ("127.0.0.1:5060", "127.0.0.1:5060"), ("[::1]:5061", "[::1]:5061"),
        ("[2001:DB8:0:0:1:0:0:1]:1", "[2001:db8::1:0:0:1]:1"),
        ("[::ffff:1.2.3.4]:9", "[::ffff:102:304]:9"),
    ])
    func `an address is read and written`(text: String, canonical: String) {
        #expect(TransportAddress(text)?.description == canonical)
    }

    @Test(arguments: [
        "1.2.3:5", "1.2.3.256:5", "[:::1]:5", "[1::2::3]:5", "a:5", "1.2.3.4", "1.2.3.4:70000", "[12345::]:1",
        "+1.2.3.4:5",
    ])
    func `what is no address is refused`(text: String) {
        #expect(TransportAddress(text) == nil)
    }

    @Test func `an identifier survives its text and rises with time`() {
        var random = SeededRandom(seed: 1)
        enum Thing {}
        var last = ID<Thing>(high: 0, low: 0)
        for millisecond in 1...200 {
            let id = ID<Thing>(at: UnixTime(nanoseconds: Int64(millisecond) * 1_000_000_000), random: &random)
            #expect(ID<Thing>(id.description) == id)
            #expect(last < id && last.description < id.description)
            last = id
        }
        #expect(ID<Thing>(String(repeating: "z", count: 26)) == nil)
        #expect(ID<Thing>("7" + String(repeating: "z", count: 25)) == ID<Thing>(high: .max, low: .max))
    }

    @Test(
        arguments: [
            ("127.0.0.1", TransportAddress.IP.v4(0x7F00_0001)), ("255.255.255.255", .v4(0xFFFF_FFFF)),
            ("::1", .v6(high: 0, low: 1)), ("pbx", nil), ("1.2.3", nil), ("1.2.3.4.5", nil), ("1.2.3.256", nil),
            ("1..2.3", nil),
            ("1.2.3.", nil), ("1.2.3.0004", nil), ("", nil),
            ("::", .v6(high: 0, low: 0)), ("1:2:3:4:5:6:7:8", .v6(high: 0x1_0002_0003_0004, low: 0x5_0006_0007_0008)),
            ("1:2:3:4:5:6:7::", .v6(high: 0x1_0002_0003_0004, low: 0x5_0006_0007_0000)),
            ("::2:3:4:5:6:7:8", .v6(high: 0x2_0003_0004, low: 0x5_0006_0007_0008)),
            ("1:2:3:4:5:6:1.2.3.4", .v6(high: 0x1_0002_0003_0004, low: 0x5_0006_0102_0304)),
            ("2001:DB8::A", .v6(high: 0x2001_0DB8_0000_0000, low: 10)),
            ("1:::1.2.3.4", .v6(high: 0x1_0000_0000_0000, low: 0x0102_0304)),
            (":::1.2.3.4", .v6(high: 0, low: 0x0102_0304)), (":::", nil), (":", nil), ("::1::", nil), ("1:", nil),
            (":1", nil), ("1:2:3:4:5:6:7", nil), ("1:2:3:4:5:6:7:8:9", nil), ("1:2:3:4:5:6:7:8::", nil),
            ("1:2:3:4:5:6:7:1.2.3.4", nil), ("::1.2.3", nil), ("::1.2.3.4:5", nil), ("1::2:::1.2.3.4", nil),
            ("::12345", nil), ("::g", nil), ("fe80::1%eth0", nil), ("1:2::3:4:5:6:7:8", nil),
            ("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", .v6(high: .max, low: .max)),
        ] as [(String, TransportAddress.IP?)])
    func `a host of a message is a numeric address or a name`(host: String, ip: TransportAddress.IP?) {
        #expect(Array(host.utf8).withUnsafeBytes { TransportAddress.IP(host: $0) } == ip)
    }
}
