// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Crypto
import Domain
import Foundation
import Testing

@testable import Vault

@Suite struct DataKeyTests {
    private let vault = Vault(master: .ephemeral())
    private let registrar = RegistrarID(high: 1, low: 1)
    private let account = AccountID(high: 2, low: 2)

    private func dataKey(_ registrar: RegistrarID? = nil) throws -> DataKey {
        let id = KeyID(high: .random(in: 0...UInt64.max), low: 3)
        return try vault.unwrap(
            vault.makeDataKey(id, for: registrar ?? self.registrar, at: UnixTime(nanoseconds: 0)))
    }

    private func seal(_ text: String, with key: DataKey, for account: AccountID? = nil) throws -> SealedSecret {
        try Array(text.utf8).withUnsafeBytes { try key.seal($0, for: account ?? self.account) }
    }

    private func open(_ sealed: SealedSecret, with key: DataKey, of account: AccountID? = nil) throws -> String {
        try key.open(sealed, of: account ?? self.account) { String(decoding: $0, as: UTF8.self) }
    }

    @Test(arguments: [1, 2, 14, 15, 29, 30, 31, 61, 62, 63, 200, 1_023, 1_024])
    func `E1 a password of any length comes back exactly`(count: Int) throws {
        let key = try dataKey()
        let text = String((0..<count).map { Character(Unicode.Scalar(UInt8(0x21 + $0 % 90))) })
        let sealed = try seal(text, with: key)
        #expect(sealed.key == key.id)
        #expect(try open(sealed, with: key) == text)
        #expect(try open(SealedSecret(encoded: sealed.encoded), with: key) == text)
    }

    @Test func `A6 the sealed form does not show the password's length within a block`() throws {
        let key = try dataKey()
        let lengths = try (1...30).map { try seal(String(repeating: "x", count: $0), with: key).encoded.count }
        #expect(Set(lengths) == [1 + 16 + 12 + 32 + 16])
        #expect(try seal(String(repeating: "x", count: 31), with: key).encoded.count == 1 + 16 + 12 + 64 + 16)
    }

    @Test func `nothing at all and more than 1,024 bytes are refused`() throws {
        let key = try dataKey()
        #expect(throws: VaultError.wrongLength(0)) { try seal("", with: key) }
        #expect(throws: VaultError.wrongLength(1_025)) { try seal(String(repeating: "x", count: 1_025), with: key) }
    }

    @Test func `the same password never seals to the same bytes`() throws {
        let key = try dataKey()
        let sealed = try (0..<100).map { _ in try seal("same", with: key) }
        #expect(Set(sealed.map { Array($0.nonce) }).count == 100)
        #expect(Set(sealed.map { Array($0.ciphertext) }).count == 100)
    }

    @Test func `E1 a change of any single bit is noticed`() throws {
        let key = try dataKey()
        let sealed = try seal("secret", with: key)
        for index in sealed.encoded.indices {
            for bit in 0..<8 {
                var bytes = sealed.encoded
                bytes[index] ^= 1 << UInt8(bit)
                #expect(throws: (any Error).self) { try open(SealedSecret(encoded: bytes), with: key) }
            }
        }
    }

    @Test func `E1 a value moved to another account, registrar or key does not open`() throws {
        let key = try dataKey()
        let sealed = try seal("secret", with: key)
        #expect(throws: VaultError.notAuthentic) { try open(sealed, with: key, of: AccountID(high: 2, low: 3)) }
        #expect(throws: VaultError.wrongKey) { try open(sealed, with: dataKey()) }
        // The same key bytes and identifier under another registrar's name: the label alone must stop it.
        let wrapped = try vault.makeDataKey(key.id, for: registrar, at: UnixTime(nanoseconds: 0))
        let renamed = WrappedKey(
            id: wrapped.id, registrar: RegistrarID(high: 9, low: 9), sealed: wrapped.sealed,
            createdAt: wrapped.createdAt)
        #expect(throws: VaultError.notAuthentic) { try vault.unwrap(renamed) }
        let other = WrappedKey(
            id: KeyID(high: 9, low: 9), registrar: registrar, sealed: wrapped.sealed, createdAt: wrapped.createdAt)
        #expect(throws: VaultError.notAuthentic) { try vault.unwrap(other) }
        let twin = Self.fixedKey(id: key.id, registrar: RegistrarID(high: 9, low: 9))
        let original = Self.fixedKey(id: key.id, registrar: registrar)
        let place = try seal("secret", with: original)
        #expect(throws: VaultError.notAuthentic) { try open(place, with: twin) }
    }

    @Test func `E1 a data key opens only under its master key`() throws {
        let wrapped = try vault.makeDataKey(KeyID(high: 1, low: 1), for: registrar, at: UnixTime(nanoseconds: 0))
        #expect(throws: VaultError.wrongKey) { try Vault(master: .ephemeral()).unwrap(wrapped) }
    }

    @Test func `E1 the sealed form is AES-256-GCM as anybody computes it`() throws {
        let key = Self.fixedKey(id: KeyID(high: 5, low: 6), registrar: registrar)
        let sealed = try seal("tr0ub4dor", with: key)
        let label =
            Array("callmeter password 1".utf8) + Self.sixteen(1, 1) + Self.sixteen(2, 2) + Self.sixteen(5, 6)
        let box = try AES.GCM.SealedBox(
            nonce: AES.GCM.Nonce(data: Array(sealed.nonce)), ciphertext: Array(sealed.ciphertext),
            tag: Array(sealed.tag))
        let plain = try AES.GCM.open(box, using: SymmetricKey(data: Self.fixed), authenticating: label)
        #expect(Array(plain) == [0, 9] + Array("tr0ub4dor".utf8) + [UInt8](repeating: 0, count: 21))
    }

    @Test func `opening from many tasks at once gives each its own password`() async throws {
        let key = try dataKey()
        let registrar = key.registrar
        #expect(registrar == self.registrar)
        let correct = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<64 {
                group.addTask {
                    let account = AccountID(high: 7, low: UInt64(number))
                    let text = "password-\(number)"
                    let sealed = try Array(text.utf8).withUnsafeBytes { try key.seal($0, for: account) }
                    return try key.open(sealed, of: account) { outer in
                        // A loan within a loan has a page of its own.
                        try key.open(sealed, of: account) { $0.elementsEqual(outer) && $0.elementsEqual(text.utf8) }
                    }
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(correct == 64)
    }

    /// A key of known bytes.
    private static func fixedKey(id: KeyID, registrar: RegistrarID) -> DataKey {
        fixed.withUnsafeBytes { DataKey(id: id, registrar: registrar, copying: $0) }
    }

    private static let fixed = Data((0..<32).map { UInt8($0) })

    /// Sixteen bytes, big-endian, spelt out apart from the code under test.
    private static func sixteen(_ high: UInt8, _ low: UInt8) -> [UInt8] {
        [0, 0, 0, 0, 0, 0, 0, high, 0, 0, 0, 0, 0, 0, 0, low]
    }
}
