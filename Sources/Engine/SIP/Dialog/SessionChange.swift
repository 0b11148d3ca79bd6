// SPDX-License-Identifier: Apache-2.0

/// Who is changing an established session (RFC 3261 §14, RFC 3311 §5, RFC 3264 §4: one offer at a time).
///
/// | state    | own change    | own one answered | peer's re-INVITE     | peer's UPDATE with offer | ACK    |
/// |----------|---------------|------------------|----------------------|--------------------------|--------|
/// | stable   | offering      |                  | answered, accept     | accept                   |        |
/// | offering | wait          | stable           | refuse 491           | refuse 491               |        |
/// | answered | wait          |                  | refuse 500           | accept; refuse 500       | stable |
///
/// In answered, an UPDATE is accepted when the offer in the 200 is not waiting for its answer in the ACK.
public enum SessionChange: Hashable, Sendable {
    /// Nobody.
    case stable
    /// This side: its re-INVITE or UPDATE has no final response yet.
    case offering
    /// The peer: its re-INVITE was accepted, the ACK is awaited, and the answer with it when the 200 made the offer.
    case answered(offersInAnswer: Bool)

    /// What to do with a peer's request.
    public enum Verdict: Hashable, Sendable {
        case accept
        /// 491: both sides began at once.
        case glare
        /// 500 with Retry-After: the peer did not wait for its own earlier request.
        case tooEarly
    }

    /// This side wants to change the session; false when it must wait until `stable`.
    public mutating func begin() -> Bool {
        guard self == .stable else { return false }
        self = .offering
        return true
    }

    /// The own request had its final response, or never will.
    public mutating func finished() { if self == .offering { self = .stable } }

    /// A re-INVITE came. When accepted it is answered with 200 at once.
    public mutating func receiveInvite(hasOffer: Bool) -> Verdict {
        switch self {
        case .stable:
            self = .answered(offersInAnswer: !hasOffer)
            return .accept
        case .offering: return .glare
        case .answered: return .tooEarly
        }
    }

    /// The re-INVITE that was just accepted could not be answered after all.
    public mutating func refused() { self = .stable }

    /// An UPDATE with an offer came. When accepted it is answered at once.
    public func receiveUpdate() -> Verdict {
        switch self {
        case .stable, .answered(offersInAnswer: false): .accept
        case .offering: .glare
        case .answered(offersInAnswer: true): .tooEarly
        }
    }

    /// The ACK to the re-INVITE's 200 came; true when it must hold the answer.
    public mutating func acknowledged() -> Bool {
        guard case .answered(let offersInAnswer) = self else { return false }
        self = .stable
        return offersInAnswer
    }
}
