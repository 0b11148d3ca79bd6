// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP

/// A request that was passed on: the transaction towards its sender and one for each receiver (RFC 3261 §16.7).
///
/// | state    | 2xx                    | other final, branches left | the last one         | CANCEL, timer C | time is up       |
/// |----------|------------------------|----------------------------|----------------------|-----------------|------------------|
/// | waiting  | answered, cancel rest  | kept when better           | over, best is sent   | cancelled       |                  |
/// | cancelled| answered               | kept when better           | over, best is sent   |                 | refused, 408     |
/// | answered | passed on              | dropped                    | dropped              |                 | over             |
/// | refused  | passed on, too late    | dropped                    | dropped              |                 | over             |
struct Forwarding {
    /// How far it is.
    enum State: Hashable {
        /// No final response was sent back yet.
        case waiting
        /// Its sender, or time, wants it cancelled; each branch is once a provisional answer came (RFC 3261 §9.1).
        case cancelled
        /// A 2xx was sent back; the entry stays to pass on further ones.
        case answered
        /// It was refused for want of an answer; the entry stays to pass on a 2xx that comes late.
        case refused
    }

    /// One receiver.
    struct Branch {
        let client: ClientTransactionID
        var isOver = false
    }

    let server: ServerTransactionID
    let isInvite: Bool
    /// Whom to send a 2xx to that comes when the sender's transaction is over.
    let sender: Peer
    var state = State.waiting
    var first: Branch
    /// The other receivers of a call to several contacts.
    var others: [Branch] = []
    /// The best final response so far, kept while other branches may give a better one.
    var best: Message?
    var timer: TimerHandle?

    init(server: ServerTransactionID, client: ClientTransactionID, isInvite: Bool, sender: Peer) {
        self.server = server
        first = Branch(client: client)
        self.isInvite = isInvite
        self.sender = sender
    }

    /// The transactions of the branches that have no final response.
    var open: [ClientTransactionID] { (CollectionOfOne(first) + others).filter { !$0.isOver }.map(\.client) }

    /// Notes the final response of a branch.
    mutating func finish(_ client: ClientTransactionID) {
        if first.client == client { first.isOver = true }
        for place in others.indices where others[place].client == client { others[place].isOver = true }
    }

    /// Keeps a final response if it is better than the one before (RFC 3261 §16.7 step 6): a refusal everywhere first, then the
    /// lowest class, within 4xx one that says how the request could succeed.
    mutating func keep(_ response: Message) {
        guard let status = response.status else { return }
        if let best, let kept = best.status, Self.rank(kept) <= Self.rank(status) { return }
        best = response
    }

    private static func rank(_ status: UInt16) -> Int {
        switch status {
        case 600...: 0
        case 401, 407, 415, 420, 484: 40
        case 400..<500: 41
        default: Int(status / 100) * 10
        }
    }
}

extension CollectionOfOne {
    fileprivate static func + (left: CollectionOfOne<Element>, right: [Element]) -> [Element] { [left[0]] + right }
}
