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
}
