// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP

extension PBXEngine {
    /// What the server understands, for Allow.
    static var allowedMethods: StaticString {
        "INVITE, ACK, BYE, CANCEL, OPTIONS, REGISTER, PRACK, UPDATE, INFO, MESSAGE"
    }

    /// A new request other than ACK and CANCEL.
    func handle(_ message: Message, _ id: ServerTransactionID, from peer: Peer, now: Instant) {
        guard let method = message.method, let requestURI = message.requestURI, let uri = message.uri(requestURI) else {
            return respond(id, 400, now: now)
        }
        guard uri.scheme == .sip || uri.scheme == .sips else { return respond(id, 416, now: now) }
        if message.first(.proxyRequire) != nil { return refuseExtensions(message, id, now: now) }
        if method == .register { return register(message, id, uri: uri, from: peer, now: now) }
        let route = ownRoute(message)
        if message.toTag != nil {
            handleInDialog(message, id, method, uri: uri, route: route, from: peer, now: now)
        } else {
            handleInitial(message, id, method, uri: uri, ownRoutes: route.count, from: peer, now: now)
        }
    }

    /// A request within a dialog: for a call of ours, or on its way between two peers (RFC 3261 §16.4).
    private func handleInDialog(
        _ message: Message, _ id: ServerTransactionID, _ method: Method, uri: SIPURI,
        route: (token: RouteToken?, count: Int), from peer: Peer, now: Instant
    ) {
        if let call = extensionCall(of: message) {
            if method == .bye, stealDigest(message, id, now: now) { return endCall(call) }
            return handle(message, id, method, inCall: call, from: peer, now: now)
        }
        guard let target = dialogTarget(message, uri: uri, token: route.token, now: now) else {
            return respond(id, 481, now: now)
        }
        forward(message, id, to: target, uri: nil, recordRoute: nil, ownRoutes: route.count, from: peer, now: now)
    }

    /// Where a request within a dialog goes: what its route token says; for a peer that does not keep routes, the contact of the
    /// account that the Request-URI names.
    func dialogTarget(_ message: Message, uri: SIPURI, token: RouteToken?, now: Instant) -> Peer? {
        if let token { return token.peer(opposite: message.fromTagHash) }
        guard let user = message.unescapedUser(uri), let place = accounts.place(ofAddressUser: user) else { return nil }
        return accounts.states[place].target(now)?.peer
    }

    private func handleInitial(
        _ message: Message, _ id: ServerTransactionID, _ method: Method, uri: SIPURI, ownRoutes: Int, from peer: Peer,
        now: Instant
    ) {
        if method == .options, uri.user == nil { return answerOptions(id, now: now) }
        guard serves(uri, of: message) else { return respond(id, 404, now: now) }
        // Nothing that starts a dialog or carries content passes without credentials; BYE and the like without a dialog neither.
        if configuration.challengesCalls, method != .options {
            guard admit(message, id, now: now) else { return }
        }
        guard let user = message.unescapedUser(uri) else { return respond(id, 404, now: now) }
        if method == .invite, playsCall(message, id, from: peer, now: now) { return }
        if let kind = ExtensionCall.Kind(user) {
            guard method == .invite else {
                return method == .options ? answerOptions(id, now: now) : respond(id, 405, now: now)
            }
            return answer(message, id, kind, from: peer, now: now)
        }
        guard let place = accounts.place(ofAddressUser: user) else { return respond(id, 404, now: now) }
        if method == .invite {
            if accounts.states[place].faults.contains(.natLost) {
                respond(id, 100, now: now)
                _ = timers.schedule(.unreached(id), at: now + configuration.timers.transactionTimeout)
                return
            }
            let bindings = accounts.states[place].targets(now)
            return fork(message, id, to: bindings, ownRoutes: ownRoutes, from: peer, now: now)
        }
        guard let binding = accounts.states[place].target(now) else { return respond(id, 480, now: now) }
        forward(
            message, id, to: binding.peer, uri: binding.uri, recordRoute: nil, ownRoutes: ownRoutes, from: peer,
            now: now)
    }

    /// Whether the caller may go on: right credentials of the account that From names. It was answered otherwise.
    private func admit(_ message: Message, _ id: ServerTransactionID, now: Instant) -> Bool {
        let expected = message.fromUser.flatMap { accounts.place(ofAddressUser: $0) }
        if let expected, accounts.states[expected].faults.contains(.notFound) {
            respond(id, 404, now: now)
            return false
        }
        if let expected, accounts.states[expected].faults.contains(.addressForbidden) {
            respond(id, 403, now: now)
            return false
        }
        guard let account = authenticate(message, id, asProxy: true, expected: expected, now: now) else { return false }
        let state = accounts.states[account]
        guard message.fromUser == state.account.addressUser, !state.faults.contains(.forbidden) else {
            respond(id, 403, now: now)
            return false
        }
        return true
    }

    private func answerOptions(_ id: ServerTransactionID, now: Instant) {
        guard let start = layer.beginResponse(id, status: 200, toTag: makeTag()) else { return }
        layer.writer.header(.allow, Self.allowedMethods)
        layer.writer.header(.accept, "application/sdp")
        layer.writer.finish()
        layer.respond(id, status: 200, from: start, now: now)
    }

    /// No proxy extension is supported (RFC 3261 §16.3 step 5).
    private func refuseExtensions(_ message: Message, _ id: ServerTransactionID, now: Instant) {
        guard let start = layer.beginResponse(id, status: 420, toTag: makeTag()) else { return }
        message.forEachElement(.proxyRequire) { element in
            layer.writer.header(.unsupported, element, of: message)
            return true
        }
        layer.writer.finish()
        layer.respond(id, status: 420, from: start, now: now)
    }

    /// Whether the host of a URI is one of ours.
    func serves(_ uri: SIPURI, of message: Message) -> Bool {
        guard !configuration.domains.isEmpty else { return true }
        let host = message.bytes(of: uri.host)
        if configuration.domains.contains(where: { $0.elementsEqual(host) }) { return true }
        guard let ip = message.ip(of: uri.host) else { return false }
        return localAddresses.contains(TransportAddress(ip: ip, port: uri.port ?? 5060))
    }

    /// How many Route elements at the top are the server's own, and what the first token among them says.
    func ownRoute(_ message: Message) -> (token: RouteToken?, count: Int) {
        var token: RouteToken?
        var count = 0
        message.forEachAddress(.route) { address in
            guard let address, let uri = message.uri(address.uri) else { return false }
            if let user = uri.user, let found = RouteToken(message.bytes(of: user), nonces) {
                token = token ?? found
            } else {
                guard uri.user == nil, let ip = message.ip(of: uri.host) else { return false }
                guard localAddresses.contains(TransportAddress(ip: ip, port: uri.port ?? 5060)) else { return false }
            }
            count += 1
            return true
        }
        return (token, count)
    }
}
