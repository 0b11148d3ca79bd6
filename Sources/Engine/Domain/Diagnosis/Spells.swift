// SPDX-License-Identifier: Apache-2.0

import Bedrock

/// Whether bad tries come in spells between good ones. A limiter refuses what comes too fast, whoever sends it; wrong accounts are
/// refused whenever they come.
struct Spells {
    struct Try {
        var at: Interval
        var isGood: Bool
    }

    /// All tries in the order of their times.
    let tries: [Try]
    let good: Int
    let bad: Int
    /// Changes between good and bad, and how many spells were bad.
    let changes: Int
    let badSpells: Int
    /// How many good ones there were before each bad spell.
    private let goodBefore: [Int]

    init(_ tries: [Try]) {
        self.tries = tries.sorted { $0.at < $1.at }
        good = tries.count(where: \.isGood)
        bad = tries.count - good
        var changes = 0
        var badSpells = 0
        var previous: Bool?
        var goodBefore: [Int] = []
        var goodInARow = 0
        for one in self.tries {
            if one.isGood != previous {
                if previous != nil { changes += 1 }
                if !one.isGood {
                    badSpells += 1
                    goodBefore.append(goodInARow)
                    goodInARow = 0
                }
            }
            if one.isGood { goodInARow += 1 }
            previous = one.isGood
        }
        self.goodBefore = goodBefore
        self.changes = changes
        self.badSpells = badSpells
    }

    /// How much rarer good and bad change than chance would have it, in standard deviations (Wald–Wolfowitz runs test); 0 when
    /// there is too little to tell.
    var clustering: Double {
        let (a, b) = (Double(good), Double(bad))
        guard good >= 3, bad >= 3 else { return 0 }
        let mean = 2 * a * b / (a + b) + 1
        let variance = (mean - 1) * (mean - 2) / (a + b - 1)
        guard variance > 0 else { return 0 }
        return (mean - Double(changes + 1)) / variance.squareRoot()
    }

    /// Whether a limiter is the explanation.
    ///
    /// - Parameter proofs: accounts that were refused and accepted in the same run: their passwords are right.
    func isTold(proofs: Int) -> Bool {
        guard bad >= 1, good >= 3 else { return false }
        if proofs >= 1 { return clustering >= 2 || badSpells * 3 <= bad }
        return clustering >= 3 && (badSpells >= 3 || isRegular)
    }

    /// Two spells, each after as many good ones: a count that begins anew, where wrong accounts would have no reason to.
    private var isRegular: Bool {
        guard badSpells == 2, let most = goodBefore.max(), let least = goodBefore.min() else { return false }
        return least >= 3 && most - least <= 1
    }

    /// Whether good tries broke off: at least three, fast, and then none for a spell of at least three.
    var isBreakOff: Bool {
        guard good >= 3, bad >= 3, let start = firstBad, rate(before: start) >= 3 else { return false }
        let later = tries.filter { $0.at > start && $0.isGood }.count
        return later == 0 || clustering >= 3
    }

    /// When the first bad one was tried.
    var firstBad: Interval? { tries.first { !$0.isGood }?.at }

    /// Tries per second in the second before a moment.
    func rate(before moment: Interval) -> Double {
        Double(tries.count { $0.at <= moment && $0.at > moment - .seconds(1) })
    }

    /// The most tries in any second.
    var fastest: Int { Self.most(tries) }

    /// How many good ones there were each second from the first to the last try.
    var goodPerSecond: Double {
        guard let first = tries.first?.at, let last = tries.last?.at else { return 0 }
        return Double(good) / max((last - first).seconds, 1)
    }

    /// A rate at which all should come through: four fifths of what did.
    var suggestedRate: Int { max(1, Int(goodPerSecond * 0.8)) }

    private static func most(_ tries: [Try]) -> Int {
        var most = 0
        var start = 0
        for end in tries.indices {
            while tries[end].at - tries[start].at >= .seconds(1) { start += 1 }
            most = max(most, end - start + 1)
        }
        return most
    }
}
