// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Testing

@Suite struct SecretArenaTests {
    @Test func `a secret is lent until the arena is wiped`() {
        let arena = SecretArena()
        let handles = (0..<3000).map { number in
            Array("secret-\(number)-with-some-length-to-need-more-than-one-chunk".utf8).withUnsafeBytes {
                arena.store($0)
            }
        }
        #expect(arena.held == 3000)
        #expect(arena.withBytes(of: handles[2999]) { String(decoding: $0, as: UTF8.self) }.hasPrefix("secret-2999-"))
        #expect(arena.withBytes(of: handles[0]) { String(decoding: $0, as: UTF8.self) }.hasPrefix("secret-0-"))
        arena.wipeAll()
        #expect(arena.held == 0)
        #expect(arena.withBytes(of: handles[0]) { $0.count } == 0)
    }

    @Test func `locked memory is zeroed where it is wiped`() {
        let memory = LockedMemory(minimumCount: 10)
        memory.withMutableBytes { $0.copyBytes(from: [1, 2, 3, 4]) }
        memory.wipe(1..<3)
        #expect(memory.withBytes { Array($0.prefix(4)) } == [1, 0, 0, 4])
    }
}
