// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Testing

@Suite struct TimerQueueTests {
    @Test func `timers fire in order of deadline, then of scheduling`() {
        var queue = TimerQueue<Int>()
        for (payload, deadline) in [(1, 30), (2, 10), (3, 20), (4, 10), (5, 40)] {
            _ = queue.schedule(payload, at: Instant(nanoseconds: Int64(deadline)))
        }
        var fired: [Int] = []
        while let payload = queue.popDue(at: Instant(nanoseconds: 35)) { fired.append(payload) }
        #expect(fired == [2, 4, 3, 1])
        #expect(queue.nextDeadline == Instant(nanoseconds: 40))
    }

    @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
    func `random scheduling and cancelling agrees with sorting`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var queue = TimerQueue<Int>()
        var model: [(Int64, Int, TimerHandle)] = []
        for payload in 0..<500 {
            let deadline = Int64.random(in: 0..<100, using: &random)
            model.append((deadline, payload, queue.schedule(payload, at: Instant(nanoseconds: deadline))))
            if random.chance(0.4) {
                let victim = model.remove(at: Int.random(in: 0..<model.count, using: &random))
                queue.cancel(victim.2)
                queue.cancel(victim.2)
            }
        }
        let expected = model.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map(\.1)
        var fired: [Int] = []
        while let payload = queue.popDue(at: .distantFuture) { fired.append(payload) }
        #expect(fired == expected)
        #expect(queue.count == 0)
    }
}
