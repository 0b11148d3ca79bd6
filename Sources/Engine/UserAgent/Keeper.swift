// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import SIP

/// How the way to the server is kept open while nothing else is sent.
public enum KeepAlive: Hashable, Sendable {
    /// As the transport wants it: CRLF on TCP and TLS (RFC 5626 §4.4.1), STUN on UDP where the server agreed to outbound (§4.4.2),
    /// else nothing.
    case automatic
    /// CRLF, 80 to 100 % of so long after the last one; on UDP STUN in its place where the server agreed to outbound.
    case crlf(Interval)
    /// OPTIONS to the registrar, as often.
    case options(Interval)
    /// Nothing.
    case off
}

/// What keeps one flow open, for all its endpoints.
struct Keeper: Sendable {
    enum Kind: Hashable, Sendable { case crlf, stun, options }

    /// What is waited for.
    enum Awaited: Hashable, Sendable {
        /// Only the time to send again.
        case time
        /// The answer to CRLF.
        case pong
        /// The answer to a Binding request that was sent so many times.
        case binding(STUNTransaction, sendings: Int)
        /// The answer to OPTIONS.
        case options(ClientTransactionID)
    }

    /// The pong comes within this time, or the flow is dead (RFC 5626 §4.4.1).
    static let pongLimit: Interval = .seconds(10)
    /// The first wait for a STUN answer; it doubles with each of the seven sendings, the last one lasts sixteen times as long
    /// (RFC 5389 §7.2.1).
    static let bindingTimeout: Interval = .milliseconds(500)
    static let bindingSendings = 7

    let kind: Kind
    /// The shortest and the longest time between two.
    let pause: ClosedRange<Interval>
    /// Whether silence means that the flow is dead; else there may be nobody who answers.
    let isAnswered: Bool
    /// The endpoint in whose name it is sent.
    var slot: Int
    let destination: TransportAddress
    /// How many endpoints it is for.
    var users = 0
    var awaited = Awaited.time
    var timer: TimerHandle?
    /// The last address that STUN showed.
    var mapped: TransportAddress?

    /// How long after the n-th sending of a Binding request the next one follows, or it is given up.
    static func bindingWait(after sendings: Int) -> Interval {
        bindingTimeout * (sendings >= bindingSendings ? 16 : 1 << (sendings - 1))
    }
}
