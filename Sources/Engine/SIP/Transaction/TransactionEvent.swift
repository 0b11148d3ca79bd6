// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// A message to be sent: where, and which bytes of the layer's writer.
public struct Transmission: Hashable, Sendable {
    /// The socket or connection to send on.
    public let flow: FlowID
    /// Where to; on a connection its peer.
    public let destination: TransportAddress
    /// The message's place in the writer.
    public let range: Range<Int>
    /// Whom of the layer's user it concerns.
    public let subject: Subject
}

/// Whom a message concerns, as a number of the layer's user: an endpoint, for example. A transaction keeps it, so that what is sent
/// again and what comes later concerns the same.
public struct Subject: Hashable, Sendable {
    /// The user's number.
    public let raw: UInt32

    /// The subject with the user's number `raw`.
    @inlinable public init(raw: UInt32) { self.raw = raw }

    /// Nobody in particular, or not known.
    @inlinable public static var none: Subject { Subject(raw: .max) }
}

/// What a received message is to the transaction user.
public enum Reception: Hashable, Sendable {
    /// A response to a request of `owner`; a final one ends a non-INVITE transaction, a 2xx to INVITE may come several times.
    case response(owner: UInt64, ClientTransactionID)
    /// A new request, to be answered with `respond`.
    case request(ServerTransactionID)
    /// A CANCEL, to be answered with `respond`; `invite` is the transaction it means, nil when there is none (481).
    case cancel(ServerTransactionID, invite: ServerTransactionID?)
    /// An ACK to a 2xx; the user finds its dialog and calls `acknowledge`.
    case acknowledgement
    /// Nothing to do: a copy, a stray, the ACK to a refusal.
    case absorbed
    /// Unusable: a header that every message needs is missing or bad. A request was answered with 400 if it could be.
    case defective(Defect)
}

/// What happened to a transaction without a message for the user.
public enum TransactionEvent: Hashable, Sendable {
    /// A request was sent again (timers A and E).
    case retransmitted(owner: UInt64)
    /// No final response came (timers B and F).
    case timeout(owner: UInt64, ClientTransactionID)
    /// The request could not be sent, or its connection was lost.
    case failed(owner: UInt64, ClientTransactionID)
    /// No ACK came to the final response of an INVITE (timer H, or 64 times T1 after a 2xx).
    case unacknowledged(owner: UInt64, ServerTransactionID)
    /// The response could not be sent.
    case unsent(owner: UInt64, ServerTransactionID)
}
