// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import RunMetrics
import Store
import Testing

@Suite struct WindowStoreTests {
    static func window(_ second: UInt32, setupMs: [Int] = []) -> Window {
        var window = Window(second: second)
        window.callsUp = second
        for value in setupMs { window.tally.record(.milliseconds(value), as: \.setup) }
        return window
    }

    @Test(arguments: StoreEngine.allCases)
    func `seconds of a run come back whole and in order, and are replaced by later ones`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        let run = try await fixture.addRun()
        let other = try await fixture.addRun()
        let windows = (0..<5).map { Self.window($0, setupMs: [1, 20, 4_000]) }
        try await fixture.store.save(windows.reversed(), late: [], of: run, under: nil)
        try await fixture.store.save([Self.window(1)], late: [], of: other, under: nil)
        try await fixture.store.save([Self.window(2, setupMs: [7])], late: [], of: run, under: nil)
        var wanted = windows
        wanted[2] = Self.window(2, setupMs: [7])
        #expect(try await fixture.store.windows(of: run, in: 0...UInt32.max, limit: 100) == wanted)
        #expect(try await fixture.store.windows(of: run, in: 1...3, limit: 2) == Array(wanted[1...2]))
        #expect(try await fixture.store.windows(of: run, in: 9...10, limit: 2).isEmpty)
    }

    @Test(arguments: StoreEngine.allCases) func `a part that comes late is added to its second, or makes it`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        let run = try await fixture.addRun()
        try await fixture.store.save([Self.window(1, setupMs: [5])], late: [], of: run, under: nil)
        try await fixture.store.save(
            [], late: [Self.window(1, setupMs: [9]), Self.window(4, setupMs: [2])], of: run, under: nil)
        let kept = try await fixture.store.windows(of: run, in: 0...9, limit: 10)
        #expect(kept.map(\.second) == [1, 4])
        #expect(kept.first?.tally == Self.window(1, setupMs: [5, 9]).tally)
        #expect(kept.first?.callsUp == 2)
    }

    @Test(arguments: StoreEngine.allCases) func `seconds of an unknown run, or for leases that are over, are refused`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        await #expect(throws: StoreError.self) {
            try await fixture.store.save([Self.window(1)], late: [], of: Sample.id(), under: nil)
        }
        let run = try await fixture.addRun()
        await #expect(throws: StoreError.leaseLost(run: run.description)) {
            try await fixture.store.save([Self.window(1)], late: [], of: run, under: LeaseFence(run: run, number: 99))
        }
        #expect(try await fixture.store.windows(of: run, in: 0...9, limit: 10).isEmpty)
    }
}
