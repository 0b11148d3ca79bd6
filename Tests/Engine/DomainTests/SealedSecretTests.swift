// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Testing

@Suite struct SealedSecretTests {
    private let key = KeyID(high: 0x0102_0304_0506_0708, low: 0x090A_0B0C_0D0E_0F10)

    private func sample(ciphertext: Int = 32) throws -> SealedSecret {
        try SealedSecret(
            key: key, nonce: Array(repeating: 2, count: 12), ciphertext: Array(repeating: 3, count: ciphertext),
            tag: Array(repeating: 4, count: 16))
    }

    @Test func `the stored form is version, key, nonce, ciphertext and tag, and reads back`() throws {
        let sealed = try sample()
        let expected: [UInt8] =
            [1] + Array(1...16) + Array(repeating: 2, count: 12) + Array(repeating: 3, count: 32)
            + Array(repeating: 4, count: 16)
        #expect(sealed.encoded == expected)
        let read = try SealedSecret(encoded: expected)
        #expect(read == sealed && read.key == key)
        #expect(Array(read.nonce) == Array(repeating: 2, count: 12))
        #expect(Array(read.ciphertext) == Array(repeating: 3, count: 32))
        #expect(Array(read.tag) == Array(repeating: 4, count: 16))
    }

    @Test func `every other length is refused`() throws {
        let longest = try sample(ciphertext: SealedSecret.longestCiphertext).encoded
        for count in 0...longest.count + 40 {
            let bytes = [1] + [UInt8](repeating: 0, count: max(0, count - 1))
            let isWhole = count >= 77 && count <= longest.count && (count - 45) % 32 == 0
            let read = try? SealedSecret(encoded: Array(bytes.prefix(count)))
            #expect((read != nil) == isWhole)
        }
    }

    @Test(arguments: [0, 2, 255] as [UInt8]) func `an unknown version is refused`(version: UInt8) throws {
        var bytes = try sample().encoded
        bytes[0] = version
        #expect(throws: SealedSecretError.unknownVersion(version)) { try SealedSecret(encoded: bytes) }
    }

    @Test func `parts of a wrong length are refused`() {
        #expect(throws: SealedSecretError.self) {
            try SealedSecret(key: key, nonce: [1], ciphertext: Array(repeating: 3, count: 32), tag: [])
        }
    }

    @Test func `an identifier survives its binary form, whose order is the order of age`() throws {
        let young = AccountID(high: 2, low: 0)
        let old = AccountID(high: 1, low: .max)
        #expect(AccountID(bytes: young.bytes) == young)
        #expect(AccountID(bytes: old.bytes) == old)
        #expect(old.bytes.lexicographicallyPrecedes(young.bytes) && old < young)
        #expect(AccountID(bytes: [UInt8](repeating: 0, count: 15)) == nil)
    }
}
