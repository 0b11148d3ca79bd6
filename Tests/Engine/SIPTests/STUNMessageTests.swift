// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP
import Testing

@Suite struct STUNMessageTests {
    private static let transaction: [UInt8] = [
        0xB7, 0xE7, 0xA7, 0x01, 0xBC, 0x34, 0xD6, 0x86, 0xFA, 0x87, 0xDF, 0xAE,
    ]
    private static let cookie: [UInt8] = [0x21, 0x12, 0xA4, 0x42]

    private func read(_ bytes: [UInt8]) -> STUNMessage? { bytes.withUnsafeBytes { STUNMessage($0) } }

    @Test func `the addresses of RFC 5769 are read, whatever stands before them`() {
        let software: [UInt8] = [0x80, 0x22, 0, 0x0B] + Array("test vector ".utf8)
        let v4: [UInt8] = [0, 0x20, 0, 8, 0, 1, 0xA1, 0x47, 0xE1, 0x12, 0xA6, 0x43]
        let answer = read([1, 1, 0, 28] + Self.cookie + Self.transaction + software + v4)
        #expect(answer?.kind == .success)
        #expect(answer?.mappedAddress == TransportAddress(192, 0, 2, 1, port: 32_853))

        let v6: [UInt8] = [
            0, 0x20, 0, 20, 0, 2, 0xA1, 0x47, 0x01, 0x13, 0xA9, 0xFA, 0xA5, 0xD3, 0xF1, 0x79, 0xBC, 0x25, 0xF4, 0xB5,
            0xBE, 0xD2, 0xB9, 0xD9,
        ]
        let address = TransportAddress(ip: .v6(high: 0x2001_0DB8_1234_5678, low: 0x0011_2233_4455_6677), port: 32_853)
        #expect(read([1, 1, 0, 24] + Self.cookie + Self.transaction + v6)?.mappedAddress == address)
    }

    @Test(arguments: [
        nil, TransportAddress(203, 0, 113, 9, port: 40_001),
        TransportAddress(ip: .v6(high: 0x2001_0DB8_0000_0001, low: 7), port: 5060),
    ])
    func `what is written is read again`(address: TransportAddress?) {
        var random = SeededRandom(seed: 3)
        let message = STUNMessage(.success, STUNTransaction(random: &random), mappedAddress: address)
        var writer = ByteWriter()
        writer.append(message)
        #expect(read(writer.bytes) == message)
        for length in 0..<writer.count { #expect(read(Array(writer.bytes[..<length])) == nil) }
    }

    @Test func `what is no Binding message is refused, a lying attribute too`() {
        let good = [0, 1, 0, 0] + Self.cookie + Self.transaction
        #expect(read(good)?.kind == .request)
        #expect(read([0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x43] + Self.transaction) == nil)
        #expect(read([0, 3, 0, 0] + Self.cookie + Self.transaction) == nil)
        #expect(read([0, 1, 0, 4] + Self.cookie + Self.transaction) == nil)
        #expect(read([1, 1, 0, 4] + Self.cookie + Self.transaction + [0, 0x20, 0xFF, 0xFF]) == nil)
        #expect(
            read([1, 1, 0, 8] + Self.cookie + Self.transaction + [0, 0x20, 0, 4, 0, 1, 0, 0])?.mappedAddress == nil)
        #expect(read([]) == nil)
    }
}
