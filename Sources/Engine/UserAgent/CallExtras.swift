// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Media
import SIP

/// What only some calls have: changes of the session, early dialogs, reliable responses, timers, transfers. A class, so that the
/// plain call carries one empty reference; it belongs to exactly one call of one shard.
final class CallExtras {
    /// Early dialogs and forks kept for one INVITE at most: a proxy that forks wider is served up to here.
    static let forkLimit = 16
    /// 422s followed for one INVITE: each proxy on the way may want more than the one before.
    static let lengtheningLimit = 4

    /// A change of the session that this side wants.
    enum Change: Hashable {
        case hold, resume
        /// No change: to keep the session alive.
        case refresh
    }

    /// One branch of a forked INVITE before its final response (RFC 3261 §12.1).
    struct EarlyDialog {
        let tag: [UInt8]
        var dialog: Dialog
        var reliable = ReliableReceiver()
        /// The answer to our offer in a provisional response.
        var answer: NegotiatedAudio?
        /// Whether it came reliably, so that UPDATE may follow.
        var isAnsweredReliably = false
    }

    /// A branch that was answered after another one: acknowledged and released.
    struct ReleasedFork {
        let tag: [UInt8]
        let dialog: Dialog
        let branch: Branch
    }

    /// A request of ours within the dialog that waits for its final response.
    struct Request {
        /// What it is for.
        enum Purpose: Hashable {
            case change(Change)
            case acknowledgement
            case transfer
            case notification(isLast: Bool)
            case digit
        }

        var id: ClientTransactionID
        let method: Method
        let purpose: Purpose
        /// Header lines and body, to be sent again with credentials.
        let lines: [UInt8]
        let body: [UInt8]
        /// The tag of the early dialog it belongs to; nil for the confirmed one.
        let earlyTag: [UInt8]?
        var sequence: UInt32
        var credentialLines: [UInt8] = []
    }

    /// The 2xx to our re-INVITE, whose copies want the same ACK.
    struct Acknowledged {
        let id: ClientTransactionID
        let sequence: UInt32
        let branch: Branch
        let credentialLines: [UInt8]
    }

    /// This call's place in a transfer (RFC 3515).
    enum Transfer: Hashable {
        case idle
        /// We sent REFER; its end is awaited.
        case requested
        /// The peer sent REFER: the call made for it.
        case following(SlabHandle)
        /// This call was made for the REFER that came in this one.
        case referred(by: SlabHandle)
        /// It was made known how it ended.
        case reported
    }

    var change = SessionChange.stable
    /// What this side wants next, as soon as nothing else is under way.
    var wanted: Change?
    /// When a change that met one of the peer is tried again (RFC 3261 §14.1).
    var retryAt: Instant?
    /// When the final response to our change is not waited for any longer.
    var changeEnd: Instant?
    /// Whether this side holds the call, or offers to.
    var isHolding = false
    /// Since when the peer has known that.
    var heldSince: Instant?
    var isHeldByPeer = false
    var acknowledged: Acknowledged?
    var requests: [Request] = []

    var earlyDialogs: [EarlyDialog] = []
    var releasedForks: [ReleasedFork] = []

    var reliable: ReliableSender?
    /// The status of the provisional response to repeat, and its session description.
    var provisional: (status: UInt16, body: [UInt8]) = (180, [])
    /// The offer of the INVITE was answered in a provisional response.
    var hasAnsweredEarly = false
    /// The call is to be answered as soon as the PRACK came.
    var answersWhenAcknowledged = false

    var timer = SessionTimer.off
    /// The interval asked for or agreed, in seconds; zero when there is none.
    var interval: UInt32 = 0
    /// The interval that the peer or a proxy demanded at least (422), in seconds.
    var minimum: UInt32 = 0
    var refreshes = false
    /// Header lines of the first 2xx that say what was agreed.
    var timerLines: [UInt8] = []
    /// How often the INVITE was sent again after a 422.
    var lengthenings = 0
    var peerAllowsUpdate = false

    var transfer = Transfer.idle
    /// The CSeq number of the REFER received, which names its subscription.
    var referSequence: UInt32 = 0

    /// What of all this is due next.
    var timerHandle: TimerHandle?

    /// When something is due next.
    var deadline: Instant? {
        [retryAt, changeEnd, reliable?.deadline, timer.deadline].compactMap(\.self).min()
    }

    func earlyDialog(_ tag: [UInt8]?) -> Int? { tag.flatMap { tag in earlyDialogs.firstIndex { $0.tag == tag } } }

    /// Takes a request out whose final response came.
    func remove(_ id: ClientTransactionID) -> Request? {
        requests.firstIndex { $0.id == id }.map { requests.remove(at: $0) }
    }
}
