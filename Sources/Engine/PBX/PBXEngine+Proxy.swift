// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP

/// A request that was passed on: the transaction towards its sender and the one towards its receiver.
struct Forwarding {
    var server: ServerTransactionID
    var client: ClientTransactionID
    var isInvite: Bool
    /// Its sender wants it cancelled; sent once a provisional answer came (RFC 3261 §9.1).
    var isCancelled = false
    /// A 2xx came; the entry stays to pass on repeated ones.
    var isAnswered = false
    var timer: TimerHandle?
}

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
        guard let outgoing = flows[target.flow], let method = message.method else { return respond(id, 480, now: now) }
        let client = layer.openRequest()
        let start = layer.writer.output.count
        beginForward(message, uri: uri)
        layer.writer.via(outgoing.transport, sentBy: outgoing.local, branch: layer.branch(of: client))
        layer.writer.copyVias(of: message, source: peer.address)
        if let recordRoute { writeRecordRoutes(recordRoute, from: peer, outgoing: outgoing) }
        endForward(message, ownRoutes: ownRoutes)
        let handle = forwardings.insert(Forwarding(server: id, client: client, isInvite: method == .invite))
        let owner = Owner.forwarding(handle).raw
        layer.send(
            client, method: method, from: start, owner: owner, flow: target.flow, destination: target.address,
            isReliable: outgoing.transport.isReliable, now: now)
        layer.assign(owner: owner, to: id)
        if method == .invite {
            statistics.callsForwarded += 1
            setTimer(handle, at: now + configuration.ringingLimit)
        }
    }

    /// The ACK to a 2xx: passed on without a transaction (RFC 3261 §16.11), or the end of an extension's repetitions.
    func acknowledge(_ message: Message, from peer: Peer, now: Instant) {
        if let call = extensionCall(of: message) { return acknowledged(call, now: now) }
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
            guard let forwarding = forwardings[handle], !forwarding.isAnswered, !forwarding.isCancelled else { return }
            forwardings[handle]!.isCancelled = true
            if layer.cancel(forwarding.client, now: now) { awaitCancelled(handle, now: now) }
        case .call(let handle): cancelCall(handle, now: now)
        case nil: break
        }
    }

    /// A response on its way back (RFC 3261 §16.7).
    func handleResponse(_ message: Message, owner: UInt64, _ id: ClientTransactionID, now: Instant) {
        guard let status = message.status else { return }
        switch Owner(owner) {
        case .forwarding(let handle):
            guard let forwarding = forwardings[handle] else { return }
            if status > 100 { relay(message, status, to: forwarding.server, now: now) }
            if status < 200 {
                guard forwarding.isInvite else { return }
                if forwarding.isCancelled {
                    if layer.cancel(forwarding.client, now: now) { awaitCancelled(handle, now: now) }
                } else if status > 100 {
                    setTimer(handle, at: now + configuration.ringingLimit)
                }
            } else if forwarding.isInvite, status < 300 {
                guard !forwarding.isAnswered else { return }
                forwardings[handle]!.isAnswered = true
                setTimer(handle, at: now + configuration.timers.transactionTimeout)
            } else {
                remove(handle)
            }
        case .call(let handle): byeAnswered(handle, status: status)
        case nil: break
        }
    }

    private func relay(_ message: Message, _ status: UInt16, to server: ServerTransactionID, now: Instant) {
        let start = layer.writer.output.count
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
        layer.respond(server, status: status, from: start, repeatsUntilAcknowledged: false, now: now)
    }

    // MARK: Ends

    /// No answer came, or the request could not be sent.
    func forwardingFailed(_ owner: UInt64, status: UInt16, now: Instant) {
        switch Owner(owner) {
        case .forwarding(let handle):
            guard let forwarding = forwardings[handle] else { return }
            if !forwarding.isAnswered { respond(forwarding.server, status, now: now) }
            remove(handle)
        case .call(let handle): endCall(handle)
        case nil: break
        }
    }

    /// Timer C, the end of waiting for a cancelled call, or for repeated 2xx.
    func forwardingIsDue(_ handle: SlabHandle, now: Instant) {
        guard let forwarding = forwardings[handle] else { return }
        forwardings[handle]!.timer = nil
        if forwarding.isAnswered {
            forwardings.remove(handle)
        } else if !forwarding.isCancelled, layer.cancel(forwarding.client, now: now) {
            forwardings[handle]!.isCancelled = true
            awaitCancelled(handle, now: now)
        } else {
            layer.abandon(forwarding.client)
            respond(forwarding.server, 408, now: now)
            forwardings.remove(handle)
        }
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
