// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Testing

@testable import Runtime

@Suite struct DeadlineWheelTests {
    private func instant(_ microseconds: Int64) -> Instant { Instant(nanoseconds: microseconds * 1000) }

    @Test func `indices come out at their tick, in the order they went in`() {
        var wheel = DeadlineWheel(now: instant(1_000_000))
        wheel.insert(3, due: instant(1_005_000))
        wheel.insert(1, due: instant(1_005_000))
        wheel.insert(2, due: instant(1_002_500))
        #expect(wheel.nextWake == instant(1_003_000))
        #expect(wheel.takeDue(at: instant(1_002_999)) == nil)
        #expect(wheel.takeDue(at: instant(1_003_000)) == 2)
        #expect(wheel.takeDue(at: instant(1_003_000)) == nil)
        #expect(wheel.nextWake == instant(1_005_000))
        #expect(wheel.takeDue(at: instant(1_006_000)) == 3)
        #expect(wheel.takeDue(at: instant(1_006_000)) == 1)
        #expect(wheel.takeDue(at: instant(1_006_000)) == nil)
        #expect(wheel.nextWake == nil)
    }

    @Test func `a removed index does not come out, whatever its place`() {
        for removed in 0..<3 {
            var wheel = DeadlineWheel(now: .zero)
            for index in 0..<3 { wheel.insert(index, due: instant(2000)) }
            wheel.remove(removed)
            wheel.remove(removed)
            var taken: [Int] = []
            while let index = wheel.takeDue(at: instant(3000)) { taken.append(index) }
            #expect(taken == (0..<3).filter { $0 != removed })
            #expect(wheel.nextWake == nil)
        }
    }

    @Test func `random work loses nothing and wakes for everything, also across stalls`() {
        var random = SeededRandom(seed: 7)
        var now = instant(5_000)
        var wheel = DeadlineWheel(now: now)
        var due: [Int: Instant] = [:]
        for index in 0..<50 {
            due[index] = now + .microseconds(Int(random.next() % 60_000))
            wheel.insert(index, due: due[index]!)
        }
        for _ in 0..<5000 {
            let stall = random.chance(0.01) ? 300_000 : 700
            now = now + .microseconds(Int(random.next() % UInt64(stall)))
            var inWheel = Set(due.keys)
            while let index = wheel.takeDue(at: now) {
                #expect(inWheel.contains(index))
                if due[index]! <= now { due[index] = now + .microseconds(Int(random.next() % 150_000)) }
                wheel.insert(index, due: due[index]!)
            }
            inWheel = Set(due.filter { $0.value <= now - .milliseconds(1) }.keys)
            #expect(inWheel.isEmpty)
            let earliest = due.values.min()!
            #expect(wheel.nextWake! < earliest + .milliseconds(1))
            #expect(wheel.nextWake! > now - .milliseconds(1))
        }
    }

    @Test func `the far future does not overflow`() {
        var wheel = DeadlineWheel(now: .zero)
        wheel.insert(0, due: .distantFuture)
        #expect(wheel.nextWake == Instant(nanoseconds: 63_000_000))
        #expect(wheel.takeDue(at: Instant(nanoseconds: 63_000_000)) == 0)
    }
}
