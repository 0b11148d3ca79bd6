// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import RunMetrics
import Store
import Synchronization
import Testing

/// Says that the fight is over.
private final class Flag: Sendable {
    private let value = Mutex(false)

    var isUp: Bool {
        get { value.withLock { $0 } }
        set { value.withLock { $0 = newValue } }
    }
}

/// Runs that fight for one pool, with workers that freeze past their leases; then the audit log is replayed.
@Suite(.timeLimit(.minutes(5))) struct AllocationRaceTests {
    private static let terms = LeaseTerms.standard
    private static let workers = 50
    private static let rounds = 4

    /// What happened, so that a test which proved nothing is seen.
    private struct Tally {
        var allocations = 0
        var shortages = 0
        var frozen = 0
        var refusals = 0
        var lateWrites = 0
        var foreignMarks = 0
    }

    /// One worker after the other's runs: takes accounts, marks them, renews, freezes, gives them back.
    private struct Fighter {
        let fixture: StoreFixture
        let clock: ManualClock
        var random: SeededRandom
        var tally = Tally()

        private var store: any Store { fixture.store }

        mutating func play() async throws {
            let endpoints = 1 + Int(random.next() % 6)
            let run = try await fixture.addRun(endpoints: endpoints)
            let fence: LeaseFence
            do {
                fence = try await store.allocate(
                    run: run, [fixture.demand(endpoints)], term: terms.term, by: "test"
                ).fence
            } catch is InsufficientAccounts {
                tally.shortages += 1
                try await store.finish(run, RunEnding(status: .failed, at: clock.now), under: nil, by: "test")
                return
            }
            tally.allocations += 1
            let accounts = try await store.leases(of: run).map(\.account)
            do {
                try await work(fence, accounts)
                if random.next() % 4 == 0 { try await freeze(fence, accounts) }
                try await store.finish(run, RunEnding(status: .completed, at: clock.now), under: fence, by: "test")
            } catch StoreError.leaseLost, StoreError.wrongStatus {
                // Somebody else's freeze moved the clock past this one's term.
                tally.refusals += 1
            }
        }

        /// Marks the accounts with the number they are held under, as a binding does, and looks whether the marks stay.
        private mutating func work(_ fence: LeaseFence, _ accounts: [AccountID]) async throws {
            for _ in 0..<1 + random.next() % 3 {
                if random.next() % 2 == 0 { try await store.renew(fence, term: terms.term) }
                try await store.record(Self.marks(fence, accounts, clock.now), under: fence)
                for _ in 0..<random.next() % 5 { await Task.yield() }
                let marks = try await store.leases(of: fence.run).map { $0.leftover?.contact }
                tally.foreignMarks += marks.count { $0 != Self.mark(fence) }
            }
        }

        /// Sleeps until the accounts were taken, wakes, and goes on as if nothing had been.
        private mutating func freeze(_ fence: LeaseFence, _ accounts: [AccountID]) async throws {
            tally.frozen += 1
            clock.advance(by: terms.term + terms.grace)
            while try await !store.leases(of: fence.run).isEmpty { await Task.yield() }
            let (store, now) = (store, clock.now)
            let result = EndpointRecord(run: fence.run, result: EndpointResult(index: 0, group: "g", username: "u"))
            let writes: [() async throws -> Void] = [
                { try await store.renew(fence, term: terms.term) },
                { try await store.record(Self.marks(fence, accounts, now), under: fence) },
                { try await store.save([result], under: fence) },
                { _ = try await store.secrets(under: fence, endpoints: 0..<1) },
                { try await store.finish(fence.run, RunEnding(status: .completed, at: now), under: fence, by: "test") },
            ]
            for write in writes {
                do {
                    try await write()
                    tally.lateWrites += 1
                } catch StoreError.leaseLost, StoreError.wrongStatus {
                    tally.refusals += 1
                }
            }
        }

        private static func mark(_ fence: LeaseFence) -> String { "<sip:held-under-\(fence.number)@127.0.0.1>" }

        private static func marks(_ fence: LeaseFence, _ accounts: [AccountID], _ now: UnixTime) -> [RegistrationUpdate]
        {
            accounts.map {
                RegistrationUpdate(
                    account: $0, registration: nil,
                    leftover: LeftoverContact(contact: mark(fence), expiresAt: now + .seconds(300)))
            }
        }
    }

    @Test func `D2 50 runs at a time fight for one pool, workers freeze past their leases: no account is in two hands`()
        async throws
    {
        let seed = UInt64.random(in: 0..<1_000_000)
        print("AllocationRaceTests: seed \(seed)")
        let clock = ManualClock()
        let fixture = try await StoreFixture(.sqliteFile, clock: clock)
        _ = try await fixture.importNames((0..<80).map { "u\($0)" })
        let tally = try await Self.fight(seed: seed, fixture, clock)
        #expect(tally.lateWrites == 0 && tally.foreignMarks == 0, "seed \(seed)")
        #expect(tally.allocations >= Self.workers && tally.frozen > 0 && tally.refusals >= 5 * tally.frozen)

        let log = try await fixture.audit()
        var history = AllocationHistory()
        for entry in log { history.replay(entry) }
        #expect(history.faults(stillGoing: []).isEmpty, "seed \(seed)")
        #expect(history.taken == history.ended && history.taken >= tally.allocations)
        #expect(log.contains { $0.action == "accounts.expire" })
        #expect(try await fixture.store.usage(of: fixture.registrar.id).free == 80)
        #expect(try await fixture.store.openRuns().isEmpty)

        // Control: the same log with one return left out is found to be wrong.
        let gap = try #require(log.firstIndex { $0.action == "accounts.release" })
        var broken = AllocationHistory()
        for (place, entry) in log.enumerated() where place != gap { broken.replay(entry) }
        #expect(!broken.faults(stillGoing: []).isEmpty)
    }

    private static func fight(
        seed: UInt64, _ fixture: StoreFixture, _ clock: ManualClock
    ) async throws -> Tally {
        let isOver = Flag()
        return try await withThrowingTaskGroup(of: Tally?.self) { group in
            group.addTask {
                while !isOver.isUp {
                    _ = try await fixture.store.expireLeases(grace: terms.grace, by: "test")
                    await Task.yield()
                }
                return nil
            }
            for worker in 0..<UInt64(workers) {
                group.addTask {
                    var fighter = Fighter(
                        fixture: fixture, clock: clock, random: SeededRandom(seed: seed &* 1_000 &+ worker))
                    for _ in 0..<rounds { try await fighter.play() }
                    return fighter.tally
                }
            }
            var sum = Tally()
            var left = workers
            while left > 0, let tally = try await group.next() {
                guard let tally else { continue }
                left -= 1
                sum.allocations += tally.allocations
                sum.shortages += tally.shortages
                sum.frozen += tally.frozen
                sum.refusals += tally.refusals
                sum.lateWrites += tally.lateWrites
                sum.foreignMarks += tally.foreignMarks
            }
            isOver.isUp = true
            try await group.waitForAll()
            return sum
        }
    }
}
