// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// What a link does to datagrams. Bytes of a stream only feel its delays.
public struct LinkConditions: Hashable, Sendable {
    /// The least time a datagram takes.
    public var delay: Interval = .milliseconds(20)
    /// What chance adds to it at most.
    public var jitter: Interval = .milliseconds(10)
    /// The share of datagrams lost, 0…1.
    public var loss: Double = 0
    /// The share that arrives more than once, 0…1.
    public var duplication: Double = 0
    /// How many copies of such a datagram come besides the first, at least 1.
    public var copies = 1
    /// The share held back by up to `holdback`, so that later ones overtake it, 0…1.
    public var reordering: Double = 0
    /// How long a datagram is held back at most.
    public var holdback: Interval = .milliseconds(200)

    /// A link that only takes its time.
    public init() {}

    /// 5 % loss, 2 % duplication, 5 % reordering.
    public static var rough: LinkConditions {
        var link = LinkConditions()
        link.loss = 0.05
        link.duplication = 0.02
        link.reordering = 0.05
        return link
    }

    /// Calls `body` with the moment at which each copy of a datagram sent at `now` arrives; with none for a lost one.
    func forEachArrival(_ now: Instant, _ random: inout SeededRandom, _ body: (Instant) -> Void) {
        // Every draw is made each time, so that one decision does not shift the draws of the next datagram.
        let isLost = random.chance(loss)
        let isDuplicated = random.chance(duplication)
        for copy in 0...max(copies, 1) {
            let moment = arrival(now, &random)
            if !isLost, copy == 0 || isDuplicated { body(moment) }
        }
    }

    /// When something sent at `now` arrives.
    func arrival(_ now: Instant, _ random: inout SeededRandom) -> Instant {
        let isHeldBack = random.chance(reordering)
        let chance = random.unit()
        let extra = isHeldBack ? holdback : jitter
        return now + delay + Interval(nanoseconds: Int64(Double(extra.nanoseconds) * chance))
    }
}
