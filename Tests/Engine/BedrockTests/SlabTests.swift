// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Testing

@Suite struct SlabTests {
    @Test func `a handle goes stale when its value is removed`() {
        var slab = Slab<String>()
        let first = slab.insert("a")
        #expect(slab[first] == "a")
        #expect(slab.remove(first) == "a")
        #expect(slab[first] == nil)
        let second = slab.insert("b")
        #expect(second.index == first.index)
        #expect(slab[first] == nil)
        #expect(slab[second] == "b")
        #expect(slab.remove(first) == nil)
        #expect(slab.count == 1)
    }

    @Test func `a value is changed in place`() {
        var slab = Slab<[Int]>()
        let handle = slab.insert([1])
        slab[handle]?.append(2)
        #expect(slab[handle] == [1, 2])
    }

    /// Refers to itself by name, so that a value lost or freed twice is noticed.
    private final class Counted {
        nonisolated(unsafe) static var alive = 0  // Only this suite's one test makes these, on one thread.
        init() { Self.alive += 1 }
        deinit { Self.alive -= 1 }
    }

    @Test func `a copy keeps its values when the other one changes, and both give them back`() {
        do {
            var slab = Slab<Counted>()
            let handles = (0..<20).map { _ in slab.insert(Counted()) }
            var copy = slab
            copy.remove(handles[3])
            let added = copy.insert(Counted())
            #expect(slab[handles[3]] != nil)
            #expect(slab[added] == nil)
            #expect(copy[handles[4]] === slab[handles[4]])
            #expect(slab.count == 20 && copy.count == 20)
            #expect(Counted.alive == 21)
        }
        #expect(Counted.alive == 0)
    }
}
