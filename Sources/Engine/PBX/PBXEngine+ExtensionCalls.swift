// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import Media
import SIP

extension PBXEngine {
    // MARK: Driver's answers

    /// The port of a call is bound; `rtp` is where peers send to.
    public func mediaReady(call: UInt64, rtp: TransportAddress, now: Instant) {
        guard let handle = handle(ofMedia: call), let found = calls[handle], found.stage == .waitingForPort else {
            return
        }
        calls[handle]!.media = rtp
        calls[handle]!.stage = .up
        var body = ByteWriter(capacity: 512)
        guard let agreed = negotiate(found.request, handle, into: &body) else {
            respond(found.invite, 488, now: now)
            return endCall(handle)
        }
        accept(found.invite, handle, body: body.bytes, now: now)
        outputs.append(.openMedia(call: mediaID(handle), found.kind == .tone ? .tone : .echo, agreed))
        setTimer(handle, at: now + configuration.extensionCallLimit)
    }

    /// No port could be bound for a call.
    public func mediaUnavailable(call: UInt64, now: Instant) {
        guard let handle = handle(ofMedia: call), let found = calls[handle], found.stage == .waitingForPort else {
            return
        }
        respond(found.invite, 503, now: now)
        endCall(handle)
    }

    private func mediaID(_ handle: SlabHandle) -> UInt64 { UInt64(handle.generation) << 32 | UInt64(handle.index) }

    private func handle(ofMedia call: UInt64) -> SlabHandle? {
        let handle = SlabHandle(
            index: UInt32(truncatingIfNeeded: call), generation: UInt32(truncatingIfNeeded: call >> 32))
        return calls.contains(handle) ? handle : nil
    }

    // MARK: Beginning

    /// An INVITE to an extension, its caller admitted.
    func answer(
        _ message: Message, _ id: ServerTransactionID, _ kind: ExtensionCall.Kind, from peer: Peer, now: Instant
    ) {
        if kind == .busy { return respond(id, 486, now: now) }
        // An INVITE without an offer would need the answer out of its ACK.
        guard kind == .noAnswer || message.hasSDP else { return respond(id, 488, now: now) }
        let handle = calls.insert(
            ExtensionCall(
                kind: kind, stage: kind == .noAnswer ? .ringing : .waitingForPort, invite: id, request: message,
                peer: peer,
                tag: []))
        var tag = ByteWriter(capacity: 24)
        tag.append(hex: UInt64(handle.index), digits: 8)
        tag.append(hex: UInt64(handle.generation), digits: 8)
        tag.append(hex: random.next(), digits: 8)
        calls[handle]!.tag = tag.bytes
        layer.assign(owner: Owner.call(handle).raw, to: id)
        if kind == .noAnswer {
            layer.respond(id, status: 180, toTag: tag.bytes, now: now)
            setTimer(handle, at: now + configuration.ringingLimit)
        } else {
            outputs.append(.needMediaPort(call: mediaID(handle)))
            setTimer(handle, at: now + configuration.timers.transactionTimeout)
        }
    }

    /// The extension call whose tag a request's To carries.
    func extensionCall(of message: Message) -> SlabHandle? {
        guard !calls.isEmpty, let slice = message.toTag, slice.length == 24 else { return nil }
        let tag = message.string(of: slice)
        guard let index = UInt32(tag.prefix(8), radix: 16),
            let generation = UInt32(tag.dropFirst(8).prefix(8), radix: 16)
        else { return nil }
        let handle = SlabHandle(index: index, generation: generation)
        return calls[handle]?.tag.elementsEqual(tag.utf8) == true ? handle : nil
    }

    private func negotiate(_ message: Message, _ handle: SlabHandle, into body: inout ByteWriter) -> NegotiatedAudio? {
        guard let call = calls[handle], let rtp = call.media else { return nil }
        let local = LocalAudio(rtp: rtp, sessionID: mediaID(handle) + 1, version: call.sessionVersion)
        return message.withBytes(of: message.body) { bytes in
            do throws(SDPError) {
                return try SessionDescription(parsing: bytes).writeAnswer(local, into: &body)
            } catch { return nil }
        }
    }

    private func accept(_ id: ServerTransactionID, _ handle: SlabHandle, body: [UInt8], now: Instant) {
        guard let call = calls[handle], let start = layer.beginResponse(id, status: 200, toTag: call.tag) else {
            return
        }
        writeContact(call)
        layer.writer.header(.allow, Self.allowedMethods)
        layer.writer.finish(contentType: "application/sdp", body: body)
        layer.respond(id, status: 200, from: start, repeatsUntilAcknowledged: true, now: now)
    }

    private func writeContact(_ call: ExtensionCall) {
        guard let flow = flows[call.peer.flow] else { return }
        layer.writer.beginHeader(.contact)
        layer.writer.output.append(call.kind == .tone ? "<sip:tone@" : "<sip:echo@")
        layer.writer.output.append(address: flow.local)
        if flow.transport != .udp {
            layer.writer.output.append(";transport=")
            layer.writer.output.append(flow.transport.parameterName)
        }
        layer.writer.output.append(">\r\n")
    }

    // MARK: Within the dialog

    /// A request of the peer within the call's dialog.
    func handle(
        _ message: Message, _ id: ServerTransactionID, _ method: Method, inCall handle: SlabHandle, from peer: Peer,
        now: Instant
    ) {
        switch method {
        case .bye:
            respond(id, 200, now: now)
            // An INVITE that is still open is over as well (RFC 3261 §15.1.2).
            if let call = calls[handle], call.stage == .waitingForPort || call.stage == .ringing {
                respond(call.invite, 487, now: now)
            }
            endCall(handle)
        case .invite: changeSession(message, id, handle, now: now)
        case .options, .info,
            .update where message.body.isEmpty:
            respond(id, 200, now: now)
        case .update: respond(id, 488, now: now)
        default: respond(id, 405, now: now)
        }
    }

    private func changeSession(_ message: Message, _ id: ServerTransactionID, _ handle: SlabHandle, now: Instant) {
        guard calls[handle]?.stage == .up else { return respond(id, 491, now: now) }
        calls[handle]!.sessionVersion += 1
        var body = ByteWriter(capacity: 512)
        guard message.hasSDP, let agreed = negotiate(message, handle, into: &body) else {
            return respond(id, 488, now: now)
        }
        calls[handle]!.invite = id
        layer.assign(owner: Owner.call(handle).raw, to: id)
        accept(id, handle, body: body.bytes, now: now)
        outputs.append(.updateMedia(call: mediaID(handle), agreed))
    }

    /// The ACK to our 200.
    func acknowledged(_ handle: SlabHandle, now: Instant) {
        if let call = calls[handle] { layer.acknowledge(call.invite) }
    }

    func cancelCall(_ handle: SlabHandle, now: Instant) {
        guard let call = calls[handle], call.stage == .waitingForPort || call.stage == .ringing else { return }
        respond(call.invite, 487, now: now)
        endCall(handle)
    }

    // MARK: Ends

    /// Our answer was never acknowledged or could not be sent: the session is ended (RFC 3261 §13.3.1.4).
    func unanswered(_ owner: UInt64, now: Instant) {
        guard case .call(let handle) = Owner(owner) else { return }
        hangUp(handle, now: now)
    }

    /// The call, its port or its ringing took too long.
    func callIsDue(_ handle: SlabHandle, now: Instant) {
        guard let call = calls[handle] else { return }
        calls[handle]!.timer = nil
        switch call.stage {
        case .up: hangUp(handle, now: now)
        case .waitingForPort, .ringing:
            respond(call.invite, call.stage == .ringing ? 480 : 503, now: now)
            endCall(handle)
        case .ending: endCall(handle)
        }
    }

    /// Sends BYE (RFC 3261 §15.1.1).
    private func hangUp(_ handle: SlabHandle, now: Instant) {
        guard let call = calls[handle], call.stage == .up, let flow = flows[call.peer.flow],
            let target = call.request.firstContact
        else { return endCall(handle) }
        calls[handle]!.stage = .ending
        let client = layer.openRequest()
        let start = layer.writer.output.count
        layer.writer.requestLine(.bye, uri: call.request.bytes(of: target.uri))
        layer.writer.via(flow.transport, sentBy: flow.local, branch: layer.branch(of: client))
        layer.writer.header(.maxForwards, decimal: MessageWriter.maxForwards)
        call.request.forEachElement(.recordRoute) { element in
            layer.writer.header(.route, element, of: call.request)
            return true
        }
        // In our direction To is From and From is To with our tag.
        layer.writer.beginHeader(.from)
        if let to = call.request.first(.to) { layer.writer.append(to, of: call.request) }
        layer.writer.output.append(";tag=")
        layer.writer.output.append(call.tag)
        layer.writer.endLine()
        layer.writer.beginHeader(.to)
        if let from = call.request.first(.from) { layer.writer.append(from, of: call.request) }
        layer.writer.endLine()
        layer.writer.copy(.callID, of: call.request)
        layer.writer.cSeq(1, .bye)
        layer.writer.finish()
        layer.send(
            client, method: .bye, from: start, owner: Owner.call(handle).raw, flow: call.peer.flow,
            destination: call.peer.address, isReliable: flow.transport.isReliable, now: now)
    }

    func byeAnswered(_ handle: SlabHandle, status: UInt16) {
        if status >= 200 { endCall(handle) }
    }

    func endCall(_ handle: SlabHandle) {
        guard let call = calls.remove(handle) else { return }
        if let timer = call.timer { timers.cancel(timer) }
        if call.kind == .echo || call.kind == .tone { outputs.append(.closeMedia(call: mediaID(handle))) }
    }

    private func setTimer(_ handle: SlabHandle, at deadline: Instant) {
        if let timer = calls[handle]?.timer { timers.cancel(timer) }
        calls[handle]!.timer = timers.schedule(.call(handle), at: deadline)
    }
}
