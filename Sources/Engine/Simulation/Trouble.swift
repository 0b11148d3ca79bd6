// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import RunMetrics

/// Something that befalls a simulated world. Moments count from its beginning.
public enum Trouble: Hashable, Sendable {
    /// One of the machines of a world.
    public enum Host: Hashable, Sendable {
        case server
        case shard(Int)
    }

    /// Which way a loss burst meets.
    public enum Way: Hashable, Sendable, CaseIterable {
        case toServer, toEndpoints, both
    }

    /// What somebody between the endpoints and the server answers requests with.
    public enum Challenges: Hashable, Sendable, CaseIterable {
        /// Always a new nonce, marked stale.
        case stale
        /// Always a new nonce, not marked.
        case unmarked
        /// Always another realm.
        case realms
        /// A nonce that stays the same, as a server that refuses the credentials.
        case same
    }

    /// What a peer sends that nobody expects.
    public enum Prank: Hashable, Sendable, CaseIterable {
        /// An old datagram once more.
        case replay
        /// A datagram with some bits turned over.
        case flippedBits
        /// The first part of a datagram.
        case truncation
        /// A request in a dialog: any method, any sequence number.
        case inDialogRequest
        /// A request outside every dialog.
        case strayRequest
        /// An answer with another status.
        case otherStatus
    }

    /// The server is killed, answers nothing for a while, and starts with an empty memory and another nonce key;
    /// when it moves, at another address, which the endpoints know as the next one of their domain.
    case restart(at: Interval, down: Interval, refusesMeanwhile: Bool, moves: Bool = false)
    /// A share of datagrams is lost for a while, besides what the link loses.
    case lossBurst(from: Interval, until: Interval, share: Double, Way)
    /// A share of what the server sends takes up to `delay` longer.
    case slowAnswers(from: Interval, until: Interval, share: Double, delay: Interval)
    /// The time of every machine leaps forward, as after the pause of a virtual machine.
    case leap(at: Interval, by: Interval)
    /// One machine stops; what is sent to it waits or is lost; then everything is due at once.
    case doze(Host, at: Interval, for: Interval, loses: Bool)
    /// The clock of one machine stands still while messages come.
    case stillClock(Host, at: Interval, for: Interval)
    /// The flow of an endpoint fails, and is opened again unless `reopens` is nil.
    case deadFlow(endpoint: Int, at: Interval, fault: TransportFault, reopens: Interval?)
    /// A share of REGISTERs and INVITEs is answered by somebody in front of the server.
    case challengeStorm(from: Interval, until: Interval, share: Double, Challenges)
    /// A share of requests, in dialogs above all, is answered with a challenge of a foreign realm.
    case forgedChallenges(share: Double)
    /// Old datagrams come once more, all at once.
    case echoes(at: Interval, count: Int)
    /// Unexpected messages to random receivers.
    case pranks(Prank, from: Interval, until: Interval, count: Int)
    /// A share of endpoints is told to hang up at a random moment.
    case impatience(share: Double)
    /// The operator ends it all at this moment; with a deadline what is open then is closed without answers.
    case end(at: Interval, deadline: Interval?)
    /// Random commands at random moments: hang up, call, register, finish.
    case commands(count: Int, until: Interval)
}

extension Trouble: CustomStringConvertible {
    /// One piece of a fault plan's line.
    public var description: String {
        func s(_ interval: Interval) -> String { "\((interval.seconds * 100).rounded() / 100)s" }
        func percent(_ share: Double) -> String { "\(Int((share * 100).rounded()))%" }
        return switch self {
        case .restart(let at, let down, let refuses, let moves):
            "restart@\(s(at)) down \(s(down))\(refuses ? " refusing" : "")\(moves ? " moving" : "")"
        case .lossBurst(let from, let until, let share, let way):
            "loss \(percent(share)) \(way) \(s(from))…\(s(until))"
        case .slowAnswers(let from, let until, let share, let delay):
            "slow \(percent(share)) by \(s(delay)) \(s(from))…\(s(until))"
        case .leap(let at, let by): "leap@\(s(at)) by \(s(by))"
        case .doze(let host, let at, let length, let loses):
            "sleep \(host)@\(s(at)) for \(s(length))\(loses ? " deaf" : "")"
        case .stillClock(let host, let at, let length): "still clock \(host)@\(s(at)) for \(s(length))"
        case .deadFlow(let endpoint, let at, let fault, let reopens):
            "flow of \(endpoint) \(fault.rawValue)@\(s(at))\(reopens.map { " reopens after \(s($0))" } ?? "")"
        case .challengeStorm(let from, let until, let share, let kind):
            "challenges \(kind) \(percent(share)) \(s(from))…\(s(until))"
        case .forgedChallenges(let share): "forged challenges \(percent(share))"
        case .echoes(let at, let count): "\(count) echoes@\(s(at))"
        case .pranks(let kind, let from, let until, let count): "\(count) \(kind) \(s(from))…\(s(until))"
        case .impatience(let share): "impatience \(percent(share))"
        case .end(let at, let deadline): "end@\(s(at))\(deadline.map { " deadline \(s($0))" } ?? "")"
        case .commands(let count, let until): "\(count) random commands until \(s(until))"
        }
    }

    /// How much longer than planned a world may take because of it.
    var delay: Interval {
        switch self {
        case .leap(_, let by): by
        case .doze(_, let at, let length, _), .stillClock(_, let at, let length): at + length
        case .restart(let at, let down, _, _): at + down
        default: .zero
        }
    }
}
