// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP

extension PBXEngine {
    /// Passes a request on (RFC 3261 §16.6), or answers it when that cannot be.
    ///
    /// - Parameters:
    ///   - uri: the new Request-URI; nil keeps the one there is.
    ///   - recordRoute: keeps the server in the path of the dialog that begins.
    ///   - ownRoutes: how many Route elements to take off.
    func forward(
        _ message: Message, _ id: ServerTransactionID, to target: Peer, uri: [UInt8]?, recordRoute: RouteToken?,
        ownRoutes: Int, from peer: Peer, now: Instant
    ) {
        guard message.maxForwards != 0 else { return respond(id, 483, now: now) }
        let method = message.method
        let place = ForwardingPlace(uri: uri, recordRoute: recordRoute, ownRoutes: ownRoutes, from: peer)
        guard let client = open(message, to: target, place) else { return respond(id, 480, now: now) }
        let handle = forwardings.insert(
            Forwarding(server: id, client: client.id, isInvite: method == .invite, sender: peer))
        let owner = Owner.forwarding(handle).raw
        send(client, message, to: target, owner: owner, now: now)
        layer.assign(owner: owner, to: id)
        if method == .invite {
            statistics.callsForwarded += 1
            setTimer(handle, at: now + configuration.ringingLimit)
        }
    }

    /// Passes an INVITE on to several contacts at once (RFC 3261 §16.6): the first 2xx wins, else the best refusal.
    func fork(
        _ message: Message, _ id: ServerTransactionID, to bindings: [Binding], ownRoutes: Int, from peer: Peer,
        now: Instant
    ) {
        func place(_ binding: Binding) -> ForwardingPlace {
            let token = RouteToken(caller: peer, callee: binding.peer, callerTag: message.fromTagHash)
            return ForwardingPlace(uri: binding.uri, recordRoute: token, ownRoutes: ownRoutes, from: peer)
        }
        guard let first = bindings.first else { return respond(id, 480, now: now) }
        forward(
            message, id, to: first.peer, uri: first.uri, recordRoute: place(first).recordRoute, ownRoutes: ownRoutes,
            from: peer, now: now)
        guard case .forwarding(let handle) = layer.owner(of: id).flatMap(Owner.init), forwardings.contains(handle)
        else {
            return
        }
        for binding in bindings.dropFirst() {
            guard let client = open(message, to: binding.peer, place(binding)) else { continue }
            forwardings[handle]!.others.append(Forwarding.Branch(client: client.id))
            send(client, message, to: binding.peer, owner: Owner.forwarding(handle).raw, now: now)
        }
    }

    /// How a request goes on.
    struct ForwardingPlace {
        var uri: [UInt8]?
        var recordRoute: RouteToken?
        var ownRoutes: Int
        var from: Peer
    }

    /// Writes a request as it goes on; nil when its target is gone.
    private func open(_ message: Message, to target: Peer, _ place: ForwardingPlace) -> (
        id: ClientTransactionID, start: Int
    )? {
        guard let outgoing = flows[target.flow], message.method != nil else { return nil }
        let client = layer.openRequest()
        let start = layer.writer.output.count
        beginForward(message, uri: place.uri)
        layer.writer.via(outgoing.transport, sentBy: outgoing.local, branch: layer.branch(of: client))
        layer.writer.copyVias(of: message, source: place.from.address)
        if let token = place.recordRoute { writeRecordRoutes(token, from: place.from, outgoing: outgoing) }
        endForward(message, ownRoutes: place.ownRoutes)
        return (client, start)
    }

    private func send(
        _ client: (id: ClientTransactionID, start: Int), _ message: Message, to target: Peer, owner: UInt64,
        now: Instant
    ) {
        guard let outgoing = flows[target.flow], let method = message.method else { return }
        layer.send(
            client.id, method: method, from: client.start, owner: owner, flow: target.flow, destination: target.address,
            isReliable: outgoing.transport.isReliable, now: now)
    }

    /// The ACK to a 2xx: passed on without a transaction (RFC 3261 §16.11), or the end of an extension's repetitions.
    func acknowledge(_ message: Message, from peer: Peer, now: Instant) {
        if let call = extensionCall(of: message) { return acknowledged(call, message, now: now) }
        let route = ownRoute(message)
        guard message.maxForwards != 0, let via = message.topVia,
            let uri = message.requestURI.flatMap({ message.uri($0) }),
            let target = dialogTarget(message, uri: uri, token: route.token, now: now)
        else { return }
        guard let outgoing = flows[target.flow] else { return }
        let start = layer.writer.output.count
        beginForward(message, uri: nil)
        // The same ACK again must have the same branch; an RFC 3261 branch of the sender is unique, its hash is as well.
        var branch = ByteWriter(capacity: 32)
        branch.append("z9hG4bK")
        branch.append(hex: message.hash(of: via.whole), digits: 16)
        layer.writer.via(outgoing.transport, sentBy: outgoing.local, branch: branch.bytes)
        layer.writer.copyVias(of: message, source: peer.address)
        endForward(message, ownRoutes: route.count)
        layer.transmit(from: start, flow: target.flow, destination: target.address)
    }

    /// CANCEL (RFC 3261 §16.10).
    func cancel(_ id: ServerTransactionID, invite: ServerTransactionID?, now: Instant) {
        guard let invite else { return respond(id, 481, now: now) }
        respond(id, 200, now: now)
        switch layer.owner(of: invite).flatMap(Owner.init) {
        case .forwarding(let handle):
            guard forwardings[handle]?.state == .waiting else { return }
            forwardings[handle]!.state = .cancelled
            cancelBranches(handle, now: now)
        case .call(let handle): cancelCall(handle, now: now)
        case nil: break
        }
    }

    /// A response on its way back (RFC 3261 §16.7).
    func handleResponse(_ message: Message, owner: UInt64, _ id: ClientTransactionID, now: Instant) {
        guard let status = message.status else { return }
        switch Owner(owner) {
        case .forwarding(let handle):
            guard forwardings.contains(handle) else { return }
            if !forwardings[handle]!.isInvite {
                relay(message, status, to: forwardings[handle]!.server, now: now)
                if status >= 200 { remove(handle) }
            } else if status < 200 {
                provisional(message, status, handle, id, now: now)
            } else if status < 300 {
                success(message, status, handle, id, now: now)
            } else {
                refusal(message, status, handle, id, now: now)
            }
        case .call(let handle): byeAnswered(handle, status: status)
        case nil: break
        }
    }

    // MARK: Branches of an INVITE

    private func provisional(
        _ message: Message, _ status: UInt16, _ handle: SlabHandle, _ id: ClientTransactionID, now: Instant
    ) {
        switch forwardings[handle]!.state {
        case .waiting:
            guard status > 100 else { return }
            if status == 180, hasFault(.noRinging, message) { return }
            relay(message, status, to: forwardings[handle]!.server, now: now)
            setTimer(handle, at: now + configuration.ringingLimit)
        case .cancelled, .answered:
            // It waited for this (RFC 3261 §9.1).
            if layer.cancel(id, now: now), forwardings[handle]!.state == .cancelled { awaitCancelled(handle, now: now) }
        case .refused: break
        }
    }

    /// Every 2xx goes back, also one after another final response (RFC 3261 §16.7 step 5).
    private func success(
        _ message: Message, _ status: UInt16, _ handle: SlabHandle, _ id: ClientTransactionID, now: Instant
    ) {
        forwardings[handle]!.finish(id)
        if forwardings[handle]!.state == .refused || layer.owner(of: forwardings[handle]!.server) == nil {
            return relayLate(message, status, to: forwardings[handle]!.sender)
        }
        relay(message, status, to: forwardings[handle]!.server, now: now)
        guard forwardings[handle]!.state != .answered else { return }
        forwardings[handle]!.state = .answered
        forwardings[handle]!.best = nil
        cancelBranches(handle, now: now)
        setTimer(handle, at: now + configuration.timers.transactionTimeout)
    }

    private func refusal(
        _ message: Message, _ status: UInt16, _ handle: SlabHandle, _ id: ClientTransactionID, now: Instant
    ) {
        forwardings[handle]!.finish(id)
        let state = forwardings[handle]!.state
        guard state == .waiting || state == .cancelled else { return }
        forwardings[handle]!.keep(message)
        guard forwardings[handle]!.open.isEmpty else {
            // A refusal everywhere ends the other branches (RFC 3261 §16.7 step 5).
            if status >= 600, state == .waiting {
                forwardings[handle]!.state = .cancelled
                cancelBranches(handle, now: now)
            }
            return
        }
        sendBest(handle, now: now)
    }

    /// All branches are over: the best response goes back.
    private func sendBest(_ handle: SlabHandle, otherwise status: UInt16 = 408, now: Instant) {
        let server = forwardings[handle]!.server
        if let best = forwardings[handle]!.best, let status = best.status {
            relay(best, status, to: server, now: now)
        } else {
            respond(server, status, now: now)
        }
        remove(handle)
    }

    /// Cancels what can be cancelled; the rest is when its provisional answer comes.
    private func cancelBranches(_ handle: SlabHandle, now: Instant) {
        var isAwaited = false
        for client in forwardings[handle]!.open where layer.cancel(client, now: now) { isAwaited = true }
        if isAwaited { awaitCancelled(handle, now: now) }
    }

    /// Sends a 2xx back without a transaction, by the Via that it names and the way its INVITE came.
    private func relayLate(_ message: Message, _ status: UInt16, to sender: Peer) {
        let start = layer.writer.output.count
        writeRelayed(message, status)
        layer.transmit(from: start, flow: sender.flow, destination: sender.address)
    }

    private func relay(_ message: Message, _ status: UInt16, to server: ServerTransactionID, now: Instant) {
        let start = layer.writer.output.count
        writeRelayed(message, status)
        layer.respond(server, status: status, from: start, repeatsUntilAcknowledged: false, now: now)
    }

    /// Writes a response without its topmost Via.
    private func writeRelayed(_ message: Message, _ status: UInt16) {
        layer.writer.output.append("SIP/2.0 ")
        layer.writer.output.append(decimal: UInt64(status))
        layer.writer.output.append(0x20)
        if case .response(_, let reason) = message.startLine { layer.writer.append(reason, of: message) }
        layer.writer.endLine()
        var isTop = true
        message.forEachElement(.via) { element in
            if !isTop { layer.writer.header(.via, element, of: message) }
            isTop = false
            return true
        }
        for place in 0..<message.headerLines {
            let line = message.header(at: place)
            if line.name != .via, line.name != .contentLength { layer.writer.copy(line, of: message) }
        }
        finish(with: message.body, of: message)
    }

    // MARK: Ends

    /// No answer came on a branch, or the request could not be sent.
    func forwardingFailed(_ owner: UInt64, _ id: ClientTransactionID, status: UInt16, now: Instant) {
        switch Owner(owner) {
        case .forwarding(let handle):
            guard forwardings.contains(handle) else { return }
            forwardings[handle]!.finish(id)
            let state = forwardings[handle]!.state
            guard state == .waiting || state == .cancelled, forwardings[handle]!.open.isEmpty else { return }
            sendBest(handle, otherwise: status, now: now)
        case .call(let handle): endCall(handle)
        case nil: break
        }
    }

    /// Timer C, the end of waiting for a cancelled call, or for 2xx that come later.
    func forwardingIsDue(_ handle: SlabHandle, now: Instant) {
        guard forwardings.contains(handle) else { return }
        forwardings[handle]!.timer = nil
        switch forwardings[handle]!.state {
        case .answered, .refused:
            for client in forwardings[handle]!.open { layer.abandon(client) }
            forwardings.remove(handle)
        case .waiting:
            forwardings[handle]!.state = .cancelled
            cancelBranches(handle, now: now)
            if forwardings[handle]!.timer == nil { refuseLate(handle, now: now) }
        case .cancelled: refuseLate(handle, now: now)
        }
    }

    /// Nobody answered: 408, and the branches are kept for a while, since a 2xx that comes now must still go back.
    private func refuseLate(_ handle: SlabHandle, now: Instant) {
        respond(forwardings[handle]!.server, 408, now: now)
        forwardings[handle]!.state = .refused
        setTimer(handle, at: now + configuration.timers.transactionTimeout)
    }

    private func awaitCancelled(_ handle: SlabHandle, now: Instant) {
        setTimer(handle, at: now + configuration.timers.transactionTimeout)
    }

    private func setTimer(_ handle: SlabHandle, at deadline: Instant) {
        if let timer = forwardings[handle]?.timer { timers.cancel(timer) }
        forwardings[handle]!.timer = timers.schedule(.forwarding(handle), at: deadline)
    }

    private func remove(_ handle: SlabHandle) {
        if let timer = forwardings.remove(handle)?.timer { timers.cancel(timer) }
    }

    // MARK: Writing

    private func beginForward(_ message: Message, uri: [UInt8]?) {
        layer.writer.append(message.methodToken, of: message)
        layer.writer.output.append(0x20)
        if let uri {
            layer.writer.output.append(uri)
        } else if let uri = message.requestURI {
            layer.writer.append(uri, of: message)
        }
        layer.writer.endRequestLine()
    }

    /// One Record-Route, or one for each side when their transports differ (RFC 5658 §4).
    private func writeRecordRoutes(_ token: RouteToken, from peer: Peer, outgoing: FlowState) {
        writeRecordRoute(token, outgoing)
        if let incoming = flows[peer.flow], incoming.transport != outgoing.transport {
            writeRecordRoute(token, incoming)
        }
    }

    private func writeRecordRoute(_ token: RouteToken, _ side: FlowState) {
        layer.writer.beginHeader(.recordRoute)
        layer.writer.output.append("<sip:")
        token.write(nonces, to: &layer.writer.output)
        layer.writer.output.append("@")
        layer.writer.output.append(address: side.local)
        if side.transport != .udp {
            layer.writer.output.append(";transport=")
            layer.writer.output.append(side.transport.parameterName)
        }
        layer.writer.output.append(";lr>\r\n")
    }

    /// Everything behind the Via lines: hops counted, our Routes and the credentials meant for us taken out.
    private func endForward(_ message: Message, ownRoutes: Int) {
        let hops = message.maxForwards.map { UInt64($0) - 1 } ?? MessageWriter.maxForwards
        layer.writer.header(.maxForwards, decimal: hops)
        var routesLeft = ownRoutes
        message.forEachElement(.route) { element in
            if routesLeft > 0 {
                routesLeft -= 1
            } else {
                layer.writer.header(.route, element, of: message)
            }
            return true
        }
        for place in 0..<message.headerLines {
            let line = message.header(at: place)
            switch line.name {
            case .via, .route, .maxForwards, .contentLength: continue
            case .proxyAuthorization where isForUs(line.value, of: message): continue
            default: layer.writer.copy(line, of: message)
            }
        }
        finish(with: message.body, of: message)
    }

    private func isForUs(_ value: Slice, of message: Message) -> Bool {
        var result = false
        message.forEachAuthorization(.proxyAuthorization) { fields in
            let isThisLine = fields.realm.start >= value.start && fields.realm.end <= value.end
            result = result || (isThisLine && message.unquoted(fields.realm) == configuration.realm)
            return true
        }
        return result
    }

    private func finish(with body: Slice, of message: Message) {
        layer.writer.header(.contentLength, decimal: UInt64(body.length))
        layer.writer.endLine()
        layer.writer.append(body, of: message)
    }
}
