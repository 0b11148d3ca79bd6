// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import SIP

/// A SIP message on its way, for whoever shows the steps of an endpoint: what it is, in characters that are safe to show, never its
/// credentials.
public struct MessageNote: Hashable, Sendable {
    /// What two copies of the same message have in common.
    public struct Identity: Hashable, Sendable {
        let isSent: Bool
        let title: String
        let branch: String
    }

    /// When it was handed to the system or came from it.
    public let at: Instant
    /// Whether we sent it.
    public let isSent: Bool
    /// Where it went, or where it came from.
    public let peer: TransportAddress
    /// `REGISTER`, or `401 Unauthorized`.
    public let title: String
    /// The same for every copy of a message.
    public let identity: Identity
    /// What a reader of the steps should know of it, in a few words each.
    public let remarks: [String]

    /// Reads a message that was sent or received. Nil for what is none.
    init?(_ bytes: UnsafeRawBufferPointer, at: Instant, isSent: Bool, peer: TransportAddress) {
        guard let message = try? Message.parse(datagram: bytes) else { return nil }
        self.at = at
        self.isSent = isSent
        self.peer = peer
        switch message.startLine {
        case .request: title = message.printable(of: message.methodToken)
        case .response(let status, let reason): title = "\(status) \(message.printable(of: reason))"
        }
        identity = Identity(
            isSent: isSent, title: title + (message.cSeq.map { " \($0.number)" } ?? ""),
            branch: message.topVia?.branch.map { message.string(of: $0) } ?? "")
        remarks = Self.remarks(message)
    }

    private static func remarks(_ message: Message) -> [String] {
        var remarks: [String] = []
        if let status = message.status {
            // What it answers is plain after a REGISTER and not after a BYE that crosses something else.
            if status >= 200, let method = message.cSeq?.method, method != .register {
                remarks.append("to \(message.cSeq.map { message.printable(of: $0.methodToken) } ?? "")")
            }
            remarks += challenges(message)
            if let retry = message.first(.retryAfter) {
                remarks.append("try again after \(message.printable(of: retry)) s")
            }
            if status == 423, let least = message.first(.minExpires) {
                remarks.append("at least \(message.printable(of: least)) s")
            }
        } else {
            if message.first(.authorization) != nil || message.first(.proxyAuthorization) != nil {
                remarks.append("with credentials")
            }
            if message.method == .register, message.expires == 0 { remarks.append("ends the registration") }
        }
        if message.hasSDP { remarks.append("session description") }
        return remarks
    }

    private static func challenges(_ message: Message) -> [String] {
        [HeaderName.wwwAuthenticate, .proxyAuthenticate].flatMap { name in
            message.challenges(name).map { challenge in
                let algorithm = challenge.algorithm.map { ", \($0.name)" } ?? ", an algorithm not known here"
                return "realm \"\(challenge.realmText)\"\(algorithm)" + (challenge.isStale ? ", stale" : "")
            }
        }
    }
}
