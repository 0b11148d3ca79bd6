// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Media
import RunMetrics
import SIP

/// One call of one endpoint: its state, its dialog, what it saw.
struct Call {
    /// Whether the call has a media stream.
    enum Stream: Hashable, Sendable {
        case none, open
        /// Closed; its report is awaited.
        case closing
    }

    /// The endpoint's place in the shard.
    let slot: Int
    /// Chance in the tag, so that nobody can guess it.
    let salt: UInt32
    var state: CallState
    var evidence: CallEvidence
    /// How the call failed, nil as long as it did not.
    var failure: EndpointOutcome?
    var stream: Stream = .none
    /// What the stream was opened or changed with last.
    var agreed: NegotiatedAudio?
    /// What is due next in this state: start, ring time-out, answer, end of talking, giving up on CANCEL or report.
    var timer: TimerHandle?
    var dialog: Dialog?
    /// What only some calls have; nil for the plain call.
    var extras: CallExtras?
    /// Session version of the description sent last.
    var sessionVersion: UInt64 = 1

    // Caller.

    /// The Request-URI.
    var target: [UInt8] = []
    var callID: (UInt64, UInt64) = (0, 0)
    /// The CSeq number of the last INVITE.
    var sequence: UInt32 = 0
    var authentication = Authentication()
    var invite: ClientTransactionID?
    /// Servers that the INVITE was sent to in vain.
    var serversTried = 0
    /// Branch of the ACK to the 2xx; the same in each copy.
    var acknowledgement: Branch?
    /// Credential lines of the INVITE: the ACK repeats them (RFC 3261 §22.1).
    var credentialLines: [UInt8] = []

    // Callee.

    /// The INVITE, or the last re-INVITE, whose 200 waits for its ACK.
    var server: ServerTransactionID?
    /// The INVITE's offer until it is answered.
    var offer: SessionDescription?
    /// The INVITE had no offer, so the 200 makes it and the ACK answers.
    var offersInAnswer = false

    init(slot: Int, role: CallRole, target: String, state: CallState, salt: UInt32) {
        self.slot = slot
        self.salt = salt
        self.state = state
        evidence = CallEvidence(role: role, target: target)
    }

    /// Whether a message carries the Call-ID of this caller's INVITE.
    func hasCallID(of message: Message) -> Bool {
        guard let slice = message.callID else { return false }
        var own = ByteWriter(capacity: 32)
        own.append(hex: callID.0, digits: 16)
        own.append(hex: callID.1, digits: 16)
        return own.bytes.withUnsafeBytes { message.matches(slice, $0) }
    }

    /// Notes the first failure; later ones are its consequence.
    mutating func fail(_ outcome: EndpointOutcome) {
        if failure == nil { failure = outcome }
    }
}

/// Our tag in a call's dialog: the call's place in the shard, and chance. A request of the peer finds its call by it.
struct DialogTag: Hashable, Sendable {
    static let length = 24

    let handle: SlabHandle
    let salt: UInt32

    init(handle: SlabHandle, salt: UInt32) {
        self.handle = handle
        self.salt = salt
    }

    /// Reads a tag that `bytes` wrote; nil for anybody else's.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count == Self.length else { return nil }
        var numbers: InlineArray<3, UInt32> = [0, 0, 0]
        for place in 0..<Self.length {
            let byte = bytes[place]
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte - 0x30
            case 0x61...0x66: digit = byte - 0x57
            default: return nil
            }
            numbers[place / 8] = numbers[place / 8] << 4 | UInt32(digit)
        }
        handle = SlabHandle(index: numbers[0], generation: numbers[1])
        salt = numbers[2]
    }

    /// The tag as text.
    var bytes: [UInt8] {
        var writer = ByteWriter(capacity: Self.length)
        writer.append(hex: UInt64(handle.index), digits: 8)
        writer.append(hex: UInt64(handle.generation), digits: 8)
        writer.append(hex: UInt64(salt), digits: 8)
        return writer.bytes
    }
}
