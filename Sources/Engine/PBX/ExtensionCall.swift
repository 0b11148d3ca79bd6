// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Media
import SIP

/// A call that the server itself answers.
struct ExtensionCall {
    /// Which extension.
    enum Kind: Hashable {
        case echo, tone
        /// Refuses with 486.
        case busy
        /// Rings until the caller gives up.
        case noAnswer

        /// The extension that a user part names.
        init?(_ user: [UInt8]) {
            if user.elementsEqual("echo".utf8) {
                self = .echo
            } else if user.elementsEqual("tone".utf8) {
                self = .tone
            } else if user.elementsEqual("busy".utf8) {
                self = .busy
            } else if user.elementsEqual("noanswer".utf8) {
                self = .noAnswer
            } else {
                return nil
            }
        }
    }

    enum Stage: Hashable {
        /// The driver is asked for a port; left by `mediaReady`, `mediaUnavailable` or CANCEL.
        case waitingForPort
        /// 180 was sent; left by CANCEL or the time limit.
        case ringing
        /// 200 was sent; left by BYE from either side.
        case up
        /// Our BYE was sent; left by its answer or its time-out.
        case ending
    }

    var kind: Kind
    var stage: Stage
    var invite: ServerTransactionID
    /// The INVITE, for what a BYE of ours needs of it.
    var request: Message
    var peer: Peer
    var tag: [UInt8]
    /// Where the driver receives RTP.
    var media: TransportAddress?
    var sessionVersion: UInt64 = 1
    /// The last 200 made the offer, so its ACK answers; media begins or changes then.
    var offersInAnswer = false
    var isMediaOpen = false
    var timer: TimerHandle?
}
