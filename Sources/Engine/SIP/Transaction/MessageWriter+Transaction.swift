// SPDX-License-Identifier: Apache-2.0

extension MessageWriter {
    /// Hops a request may take (RFC 3261 §8.1.1.6).
    public static var maxForwards: UInt64 { 70 }

    /// Writes the ACK to a response of 300…699: the INVITE's Request-URI, topmost Via, From, Call-ID, CSeq number and Route, the
    /// response's To (RFC 3261 §17.1.1.3).
    mutating func ack(to response: Message, of invite: Message) {
        begin(.ack, like: invite)
        copy(.to, of: response)
        end(.ack, like: invite)
    }

    /// Writes the CANCEL of an INVITE: everything as in the INVITE (RFC 3261 §9.1).
    mutating func cancel(of invite: Message) {
        begin(.cancel, like: invite)
        copy(.to, of: invite)
        end(.cancel, like: invite)
    }

    private mutating func begin(_ method: Method, like invite: Message) {
        beginRequestLine(method)
        if let uri = invite.requestURI { append(uri, of: invite) }
        endRequestLine()
        if let via = invite.topVia { header(.via, via.whole, of: invite) }
        header(.maxForwards, decimal: Self.maxForwards)
        copy(.route, of: invite)
        copy(.from, of: invite)
    }

    private mutating func end(_ method: Method, like invite: Message) {
        copy(.callID, of: invite)
        if let number = invite.cSeq?.number { cSeq(number, method) }
        finish()
    }
}
