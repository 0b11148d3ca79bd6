// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Testing
import WorkerLink

@Suite struct SessionSealingTests {
    private let key = SessionKey()
    private let context: [UInt8] = Array("run 1, fence 7".utf8)

    private func seal(_ values: [[UInt8]]) throws -> (encapsulated: [UInt8], sealed: [[UInt8]]) {
        var sealer = try SessionSealer(to: key.publicKey, context: context)
        var sealed: [[UInt8]] = []
        for (index, value) in values.enumerated() {
            sealed.append(
                try value.withUnsafeBytes { try sealer.seal($0, kind: .password, endpoint: UInt32(index)) })
        }
        return (sealer.encapsulatedKey, sealed)
    }

    @Test(arguments: [1, 13, 14, 15, 61, 62, 63, 64, 1_024, 4_096])
    func `E2 what is sealed to a worker's session key comes out in its arena, whatever its length`(length: Int) throws {
        let value = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31 + 7) }
        let (encapsulated, sealed) = try seal([value])
        let arena = SecretArena()
        var opener = try key.opener(encapsulatedKey: encapsulated, context: context)
        let handle = try opener.open(sealed[0], kind: .password, endpoint: 0, into: arena)
        #expect(arena.withBytes(of: handle) { Array($0) } == value)
        #expect(arena.held == 1)
    }

    @Test func `E2 sealed values of different passwords have the same length and show nothing of them`() throws {
        let short = Array("a".utf8)
        let canary = Array("canary-4f1c-password".utf8)
        let (_, sealed) = try seal([short, canary])
        #expect(sealed[0].count == sealed[1].count)
        for start in 0...(sealed[1].count - canary.count) {
            #expect(Array(sealed[1][start..<start + canary.count]) != canary)
        }
    }

    @Test func `E2 a value opens only for its endpoint, kind, run, key and turn`() throws {
        let (encapsulated, sealed) = try seal([Array("first".utf8), Array("second".utf8)])
        let arena = SecretArena()

        func fails(
            _ key: SessionKey, context: [UInt8], value: Int, kind: CredentialKind = .password, endpoint: UInt32
        ) throws {
            var opener = try key.opener(encapsulatedKey: encapsulated, context: context)
            #expect(throws: SealingError(code: .notAuthentic)) {
                _ = try opener.open(sealed[value], kind: kind, endpoint: endpoint, into: arena)
            }
        }
        try fails(key, context: context, value: 0, endpoint: 1)
        try fails(key, context: context, value: 0, kind: .digestKeys, endpoint: 0)
        try fails(key, context: Array("run 1, fence 8".utf8), value: 0, endpoint: 0)
        try fails(key, context: context, value: 1, endpoint: 1)
        try fails(SessionKey(), context: context, value: 0, endpoint: 0)
        #expect(arena.held == 0)
    }

    @Test func `a changed value does not open`() throws {
        let (encapsulated, sealed) = try seal([Array("first".utf8)])
        for place in [0, sealed[0].count / 2, sealed[0].count - 1] {
            var changed = sealed[0]
            changed[place] ^= 1
            var opener = try key.opener(encapsulatedKey: encapsulated, context: context)
            #expect(throws: SealingError(code: .notAuthentic)) {
                _ = try opener.open(changed, kind: .password, endpoint: 0, into: SecretArena())
            }
        }
    }

    @Test func `a value over the limit and a key that is none are refused`() throws {
        #expect(throws: SealingError(code: .tooLong)) { _ = try seal([[UInt8](repeating: 1, count: 4_097)]) }
        #expect(throws: SealingError(code: .badKey)) {
            _ = try SessionSealer(to: SessionPublicKey(bytes: [1, 2, 3]), context: context)
        }
    }
}
