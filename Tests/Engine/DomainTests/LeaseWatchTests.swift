// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Testing

@Suite struct LeaseWatchTests {
    private static let terms = LeaseTerms(term: .seconds(30), grace: .seconds(15), orphanDrain: .seconds(5))

    private static func at(_ seconds: Double) -> Instant { .zero + .seconds(seconds) }

    /// Moves to each moment at which the watch has something to do, answers each question after `delay`, and gives the steps
    /// with their times.
    private static func play(
        _ watch: inout LeaseWatch, until end: Instant, answering delay: Interval?
    ) -> [(Double, LeaseStep)] {
        var answers: [(at: Instant, number: UInt64)] = []
        var steps: [(Double, LeaseStep)] = []
        while let next = [watch.nextDeadline, answers.first?.at].compactMap({ $0 }).min(), next <= end {
            for step in watch.advance(to: next) {
                steps.append((next.nanoseconds.seconds, step))
                if case .ask(let number) = step, let delay { answers.append((next + delay, number)) }
            }
            while let answer = answers.first, answer.at <= next {
                watch.renewed(answer.number)
                answers.removeFirst()
            }
        }
        return steps
    }

    @Test func `a worker asks at once and then every third of the term, and is never over while it is answered`() {
        var watch = LeaseWatch(Self.terms, at: .zero)
        let steps = Self.play(&watch, until: Self.at(100), answering: .milliseconds(200))
        #expect(steps.map(\.0) == (0...10).map { Double($0) * 10 })
        #expect(steps.map(\.1) == (1...11).map { LeaseStep.ask($0) })
        #expect(!watch.isOver)
    }

    @Test func `D2 without an answer a worker winds down when its term has passed, well before its grace time ends`() {
        var watch = LeaseWatch(Self.terms, at: .zero)
        let steps = Self.play(&watch, until: Self.at(1_000), answering: nil)
        #expect(steps.map(\.0) == [0, 10, 20, 30])
        #expect(steps.last?.1 == .windDown(drain: .seconds(10)))
        #expect(watch.isOver && watch.nextDeadline == nil)
    }

    @Test func `D2 a renewal counts from the question, however late the answer comes`() {
        var watch = LeaseWatch(Self.terms, at: .zero)
        #expect(watch.advance(to: Self.at(0)) == [.ask(1)])
        #expect(watch.advance(to: Self.at(10)) == [.ask(2)])
        #expect(watch.advance(to: Self.at(20)) == [.ask(3)])
        watch.renewed(2)
        #expect(watch.advance(to: Self.at(30)) == [.ask(4)])
        #expect(watch.advance(to: Self.at(39.9)) == [])
        #expect(watch.advance(to: Self.at(40)) == [.windDown(drain: .seconds(10))], "10 s + the term")
    }

    @Test func `an older answer that comes late shortens nothing, and a strange one gives nothing`() {
        var watch = LeaseWatch(Self.terms, at: .zero)
        _ = watch.advance(to: Self.at(0))
        _ = watch.advance(to: Self.at(10))
        watch.renewed(2)
        watch.renewed(1)
        watch.renewed(99)
        #expect(watch.advance(to: Self.at(39)) == [.ask(3)])
        #expect(watch.advance(to: Self.at(40)) == [.windDown(drain: .seconds(10))])
    }

    @Test(arguments: [(31.0, LeaseStep.windDown(drain: .nanoseconds(9_333_333_332))), (45, .leave), (3_600, .leave)])
    func `D2 a worker that was frozen past its term finds out with the first thing it does, and answers change nothing`(
        wakes: Double, step: LeaseStep
    ) {
        var watch = LeaseWatch(Self.terms, at: .zero)
        _ = watch.advance(to: .zero)
        #expect(watch.advance(to: Self.at(wakes)) == [step])
        watch.renewed(1)
        #expect(watch.isOver)
        #expect(watch.advance(to: Self.at(wakes + 1)) == [])
        #expect(watch.revoked() == [])
    }

    @Test func `a worker whose leases are revoked leaves at once`() {
        var watch = LeaseWatch(Self.terms, at: .zero)
        _ = watch.advance(to: .zero)
        #expect(watch.revoked() == [.leave])
        #expect(watch.isOver && watch.nextDeadline == nil)
    }

    @Test(arguments: 0..<50) func `D2 whatever is lost or late, a worker's term ends before the database's`(
        seed: UInt64
    ) {
        var random = SeededRandom(seed: seed)
        var watch = LeaseWatch(Self.terms, at: .zero)
        var databaseEnd = Instant.zero + Self.terms.term
        var frames: [(due: Instant, number: UInt64, isAnswer: Bool)] = []
        var now = Instant.zero
        while let deadline = watch.nextDeadline {
            // Frozen now and then, for up to a minute.
            let isFrozen = random.next() % 8 == 0
            let wake = isFrozen ? deadline + .milliseconds(Int(random.next() % 60_000)) : deadline
            now = min(wake, frames.map(\.due).min() ?? wake)
            for frame in frames.filter({ $0.due <= now }) {
                if frame.isAnswer {
                    watch.renewed(frame.number)
                } else if frame.due < databaseEnd, random.next() % 4 > 0 {
                    databaseEnd = frame.due + Self.terms.term
                    frames.append((now + .milliseconds(Int(random.next() % 25_000)), frame.number, true))
                }
            }
            frames.removeAll { $0.due <= now }
            let wasOver = watch.isOver
            for step in watch.advance(to: now) {
                if case .ask(let number) = step {
                    #expect(now < databaseEnd, "seed \(seed)")
                    frames.append((now + .milliseconds(Int(random.next() % 25_000)), number, false))
                }
            }
            if !wasOver, !watch.isOver { #expect(now < databaseEnd, "seed \(seed): held when it was not") }
            if now > .zero + .seconds(3_600) { break }
        }
    }
}

extension Int64 {
    fileprivate var seconds: Double { Double(self) / 1_000_000_000 }
}

extension Interval {
    fileprivate static func nanoseconds(_ value: Int64) -> Interval { Interval(nanoseconds: value) }
}
