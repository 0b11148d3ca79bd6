// SPDX-License-Identifier: Apache-2.0

import Bedrock

/// What is out of order at present: clocks, machines, links.
struct Weather {
    /// A machine that does not work, or whose clock does not go, until a moment.
    struct Pause {
        var host: Trouble.Host
        var clock: Instant
        var until: Instant
        /// Whether it does not even take messages.
        var isAsleep: Bool
        /// Whether messages to a machine that sleeps are lost instead of waiting.
        var isDeaf: Bool
    }

    var pauses: [Pause] = []
    var losses: [(until: Instant, share: Double, way: Trouble.Way)] = []
    var slowness: [(until: Instant, share: Double, delay: Interval)] = []
    var storms: [(until: Instant, share: Double, kind: Trouble.Challenges)] = []
    var forgedShare = 0.0
    var serverIsDown = false
    var serverRefuses = false

    /// What a machine's clock says at `now`.
    func clock(of host: Trouble.Host, _ now: Instant) -> Instant {
        guard !pauses.isEmpty else { return now }
        return pauses.reduce(now) { $1.host == host && $1.until > now ? min($0, $1.clock) : $0 }
    }

    /// When a machine gets to what is due at `deadline` by its own clock.
    func due(_ deadline: Instant?, on host: Trouble.Host) -> Instant? {
        guard let deadline, !pauses.isEmpty else { return deadline }
        // What is due by the clock that stands still can still be done, unless the machine sleeps.
        return pauses.reduce(deadline) { due, pause in
            pause.host == host && (pause.isAsleep || due > pause.clock) ? max(due, pause.until) : due
        }
    }

    /// When a machine that sleeps at `now` takes messages again; nil when it is awake.
    func pause(of host: Trouble.Host, _ now: Instant) -> Pause? {
        pauses.first { $0.host == host && $0.isAsleep && $0.until > now }
    }

    /// The share of datagrams lost besides what the link loses.
    func loss(toServer: Bool, _ now: Instant) -> Double {
        losses.reduce(0) { share, loss in
            guard loss.until > now else { return share }
            let meets = loss.way == .both || (loss.way == .toServer) == toServer
            return meets ? max(share, loss.share) : share
        }
    }

    mutating func clear(_ now: Instant) {
        pauses.removeAll { $0.until <= now }
        losses.removeAll { $0.until <= now }
        slowness.removeAll { $0.until <= now }
        storms.removeAll { $0.until <= now }
    }
}
