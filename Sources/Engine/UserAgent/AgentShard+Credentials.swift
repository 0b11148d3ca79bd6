// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics
import SIP

/// Credentials: which challenges get them, and how they are written.
extension AgentShard {
    /// What an endpoint's plan says to a challenge in `response`.
    func asked(_ slot: Int, _ response: Message, isProxy: Bool) -> Authentication.Asked {
        let identity = endpoints[slot].identity
        return Authentication.Asked(
            isProxy: isProxy, realm: identity.plan.realm, credential: identity.plan.credential,
            preference: identity.plan.digest,
            server: response.first(.server).map { response.hash(of: $0) } ?? 0)
    }

    /// Writes the credentials for a challenge of the endpoint's book: Authorization or Proxy-Authorization.
    func writeCredentials(
        _ use: (Challenge, UInt32), at place: Int, _ slot: Int, _ method: Method, uri: [UInt8], body: [UInt8]
    ) {
        guard let credential = endpoints[slot].plan.credential, let entry = endpoints[slot].registration.book[place]
        else { return }
        // The key of a -sess form is made with one cnonce for as long as the nonce is used (RFC 7616 §3.4.2).
        let isSession = use.0.algorithm?.isSession == true
        let cnonce =
            isSession ? FlowTable.hash(use.0.nonce) ^ endpoints[slot].registration.callID.0 : random.next()
        let request = DigestResponder.Request(
            method: method, uri: uri, body: body, nonceCount: use.1, cnonce: cnonce)
        // Only challenges that this credential fits were kept, so there is nothing to throw; if there were, the request would
        // go without credentials and be refused.
        try? responder.write(
            entry.isProxy ? .proxyAuthorization : .authorization, for: use.0,
            username: endpoints[slot].plan.username, credential: credential, request: request, to: &layer.writer)
    }

    // MARK: Calls

    /// Lets a new call carry credentials before it is asked, where that is permitted (RFC 3261 §22.3).
    func prepareCredentials(of handle: SlabHandle) {
        guard let slot = calls[handle]?.slot else { return }
        let realm = endpoints[slot].plan.realm
        calls[handle]!.authentication.prepare(endpoints[slot].registration.book, realm: realm)
    }

    /// Judges a 401 or 407 to a request of a call; after `answer` the request is sent again and `writeCredentials(of:)` writes them.
    ///
    /// In a dialog only one that this side opened is answered, only what this account's registrar or first INVITE was asked for
    /// before, and only along the path to that registrar: a challenge to a BYE is how digests are stolen.
    ///
    /// - Parameter destination: where the request in the dialog went; nil for the INVITE that opens it.
    func judgeChallenge(
        _ response: Message, isProxy: Bool, of handle: SlabHandle, inDialogTo destination: TransportAddress? = nil
    ) -> Authentication.Verdict {
        guard let slot = calls[handle]?.slot else { return .unsupported }
        var asked = asked(slot, response, isProxy: isProxy)
        if let destination {
            guard calls[handle]!.evidence.role == .caller, destination == endpoints[slot].server else {
                return .foreign
            }
            asked.onlyKnownRealms = true
        }
        let challenges = response.challenges(isProxy ? .proxyAuthenticate : .wwwAuthenticate)
        return calls[handle]!.authentication.judge(
            challenges, asked, book: &endpoints[slot].registration.book)
    }

    /// Writes the credentials that a call's next request carries: for the INVITE, and for requests in its dialog, which go on with
    /// the same Call-ID (RFC 3261 §22.3). Nothing is written for a request that does not go to the endpoint's own server, or in a
    /// dialog that the peer opened.
    ///
    /// - Returns: whether there were any.
    @discardableResult func writeCredentials(
        of handle: SlabHandle, _ method: Method, uri: [UInt8], body: [UInt8], destination: TransportAddress
    ) -> Bool {
        guard let slot = calls[handle]?.slot, calls[handle]!.evidence.role == .caller,
            destination == endpoints[slot].server
        else { return false }
        var places = calls[handle]!.authentication.places
        var isWritten = false
        while let place = places.first {
            places.remove(place)
            guard
                let use = calls[handle]!.authentication.use(
                    place, book: &endpoints[slot].registration.book)
            else { continue }
            writeCredentials(use, at: place, slot, method, uri: uri, body: body)
            isWritten = true
        }
        return isWritten
    }
}
