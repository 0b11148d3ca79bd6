// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import SIP

/// A SIP message on its way, for whoever shows the steps of an endpoint: what it is, never its credentials.
public struct MessageNote: Hashable, Sendable {
    /// When it was handed to the system or came from it.
    public let at: Instant
    /// Whether we sent it.
    public let isSent: Bool
    /// Where it went, or where it came from.
    public let peer: TransportAddress
    /// `REGISTER`, or `401 Unauthorized`.
    public let title: String
    /// The realm and algorithm of each challenge, in order.
    public let challenges: [String]
    /// Whether a request carries credentials.
    public let carriesCredentials: Bool
    /// Whether it is a REGISTER that asks for no time at all (RFC 3261 §10.2.2).
    public let endsRegistration: Bool

    /// Reads a message that was sent or received. Nil for what is none.
    init?(_ bytes: UnsafeRawBufferPointer, at: Instant, isSent: Bool, peer: TransportAddress) {
        guard let message = try? Message.parse(datagram: bytes) else { return nil }
        self.at = at
        self.isSent = isSent
        self.peer = peer
        switch message.startLine {
        case .request: title = message.string(of: message.methodToken)
        case .response(let status, let reason): title = "\(status) \(message.string(of: reason))"
        }
        challenges = [HeaderName.wwwAuthenticate, .proxyAuthenticate].flatMap { name in
            message.challenges(name).map { challenge in
                "realm \"\(challenge.realmText)\"" + (challenge.isStale ? ", stale" : "")
            }
        }
        endsRegistration = message.method == .register && message.expires == 0
        carriesCredentials = message.first(.authorization) != nil || message.first(.proxyAuthorization) != nil
    }
}
