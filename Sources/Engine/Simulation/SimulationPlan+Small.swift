// SPDX-License-Identifier: Apache-2.0

import Bedrock
import PBX
import RunMetrics
import SIP
import UserAgent

extension SimulationPlan {
    /// A world of a few endpoints in which everything, its size, its links and its troubles, follows from the seed. One in ten is calm.
    public static func small(seed: UInt64) -> SimulationPlan {
        // Not the sequence that the world itself draws from.
        var chance = Chance(random: SeededRandom(seed: seed ^ 0x5EED_0F_5EED))
        var plan = SimulationPlan(seed: seed, endpoints: 2 * chance.number(1...6), link: LinkConditions())
        plan.drawWorld(&chance)
        if chance.happens(0.1) {
            if chance.happens(0.5) { plan.link = .rough }
            // Long enough for a lost ACK to come again before the BYE.
            plan.talkTime = plan.talkTime + .seconds(31)
        } else {
            plan.variesTargets = true
            plan.drawLink(&chance)
            plan.drawServerFaults(&chance)
            plan.drawTroubles(&chance)
        }
        return plan
    }

    private mutating func drawWorld(_ chance: inout Chance) {
        registrationsPerSecond = chance.number(1...40)
        callsPerSecond = chance.number(1...20)
        callsPerPair = chance.number(0...3)
        hold = chance.seconds(1...100)
        answerAfter = chance.happens(0.3) ? .zero : chance.seconds(0...3)
        talkTime = chance.happens(0.2) ? chance.seconds(0...0.2) : chance.seconds(0...20)
        if chance.happens(0.15) { talkTime = chance.seconds(60...400) }
        changesPerCall = chance.happens(0.6) ? chance.number(1...6) : 0
        sessionTimer = chance.happens(0.4) ? UInt32(chance.number(90...200)) : nil
        // A caller that does not offer them cannot call one that requires them.
        let reliable = chance.one(of: ReliableProvisionals.allCases)
        reliableProvisionals = [reliable, reliable == .off ? .off : chance.one(of: ReliableProvisionals.allCases)]
        if reliable == .required, reliableProvisionals[1] == .off { reliableProvisionals[1] = .supported }
        earlyMedia = chance.happens(0.4)
        acceptsTransfers = chance.happens(0.5)
        expires = UInt32(chance.number(5...70))
        nonceLifetime = chance.seconds(2...100)
        let all = DigestAlgorithm.all
        algorithms = (0..<chance.number(1...2)).map { _ in all[chance.number(0...(all.count - 1))] }
        if algorithms.count == 2, algorithms[0] == algorithms[1] { algorithms.removeLast() }
        offersQop = chance.happens(0.85)
        hasFallback = chance.happens(0.5)
        fixesRealm = chance.happens(0.5)
        shards = chance.number(1...2)
        sharesSockets = chance.happens(0.4)
        streamEvery = chance.happens(0.4) ? chance.number(1...3) : 0
        limit = .seconds(3000)
    }

    private mutating func drawLink(_ chance: inout Chance) {
        link.delay = chance.seconds(0...0.2)
        link.jitter = chance.seconds(0...0.1)
        if chance.happens(0.6) { link.loss = chance.share(0...0.4) }
        if chance.happens(0.5) { link.duplication = chance.share(0...0.6) }
        link.copies = chance.number(1...5)
        if chance.happens(0.5) { link.reordering = chance.share(0...0.5) }
        link.holdback = chance.happens(0.2) ? chance.seconds(0...40) : chance.seconds(0...2)
    }

    private mutating func drawServerFaults(_ chance: inout Chance) {
        guard chance.happens(0.3) else { return }
        let kinds = PBXFault.Kind.allCases
        for _ in 0..<chance.number(1...2) {
            let kind = kinds[chance.number(0...(kinds.count - 1))]
            faults.append(PBXFault(kind, chance.happens(0.4) ? .all : .share(UInt32(chance.number(1000...9000)))))
        }
    }

    private mutating func drawTroubles(_ chance: inout Chance) {
        for kind in 0..<14 where chance.happens(0.2) {
            for _ in 0..<chance.number(1...2) { troubles.append(trouble(kind, &chance)) }
        }
        // A world without trouble would have to succeed whatever its link does.
        if troubles.isEmpty, faults.isEmpty { troubles.append(trouble(chance.number(0...13), &chance)) }
    }

    private func trouble(_ kind: Int, _ chance: inout Chance) -> Trouble {
        let at = chance.seconds(0...60)
        let until = at + chance.seconds(0.5...60)
        return switch kind {
        case 0:
            .restart(
                at: at, down: chance.seconds(0...20), refusesMeanwhile: chance.happens(0.5), moves: chance.happens(0.4))
        case 1: .lossBurst(from: at, until: until, share: chance.share(0.3...1), chance.one(of: Trouble.Way.allCases))
        case 2:
            .slowAnswers(from: at, until: until, share: chance.share(0.05...1), delay: chance.seconds(0.2...60))
        case 3: .leap(at: at, by: chance.happens(0.5) ? chance.seconds(1...60) : chance.seconds(60...14_000))
        case 4: .doze(host(&chance), at: at, for: chance.seconds(1...600), loses: chance.happens(0.5))
        case 5: .stillClock(host(&chance), at: at, for: chance.seconds(1...100))
        case 6:
            .deadFlow(
                endpoint: chance.number(0...(endpoints - 1)), at: at,
                fault: chance.one(of: [.reset, .refused, .unreachable, .system]),
                reopens: chance.happens(0.6) ? chance.seconds(0...30) : nil)
        case 7:
            .challengeStorm(
                from: at * 0.3, until: until, share: chance.share(0.1...1), chance.one(of: Trouble.Challenges.allCases))
        case 8: .forgedChallenges(share: chance.share(0.05...1))
        case 9: .echoes(at: at, count: chance.number(1...200))
        case 10, 11:
            .pranks(
                chance.one(of: Trouble.Prank.allCases), from: at * 0.3, until: until, count: chance.number(1...150))
        case 12:
            chance.happens(0.5)
                ? .impatience(share: chance.share(0.2...1))
                : .commands(count: chance.number(1...20), until: until)
        default: .end(at: at, deadline: chance.happens(0.5) ? chance.seconds(0...60) : nil)
        }
    }

    private func host(_ chance: inout Chance) -> Trouble.Host {
        chance.happens(0.3) ? .server : .shard(chance.number(0...(shards - 1)))
    }
}

/// Draws for plans.
private struct Chance {
    var random: SeededRandom

    mutating func happens(_ share: Double) -> Bool { random.chance(share) }

    mutating func number(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + Int(random.next() % UInt64(range.count))
    }

    mutating func share(_ range: ClosedRange<Double>) -> Double {
        range.lowerBound + (range.upperBound - range.lowerBound) * random.unit()
    }

    mutating func seconds(_ range: ClosedRange<Double>) -> Interval { .seconds(share(range)) }

    mutating func one<Choice>(of choices: [Choice]) -> Choice { choices[number(0...(choices.count - 1))] }
}
