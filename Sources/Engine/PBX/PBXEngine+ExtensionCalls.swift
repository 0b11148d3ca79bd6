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
        if found.request.body.isEmpty {
            offer(found.invite, handle, into: &body, now: now)
        } else {
            guard let agreed = negotiate(found.request, handle, into: &body) else {
                respond(found.invite, 488, now: now)
                return endCall(handle)
            }
            accept(found.invite, handle, body: body.bytes, now: now)
            playMedia(handle, agreed)
        }
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

    /// Opens or changes the media of a call.
    private func playMedia(_ handle: SlabHandle, _ agreed: NegotiatedAudio) {
        guard !hasFault(.noAudio, calls[handle]!.request) else { return }
        let isOpen = calls[handle]!.isMediaOpen
        calls[handle]!.isMediaOpen = true
        outputs.append(
            isOpen
                ? .updateMedia(call: mediaID(handle), agreed)
                : .openMedia(call: mediaID(handle), calls[handle]!.kind == .tone ? .tone : .echo, agreed))
    }

    /// Answers an INVITE or re-INVITE without an offer with one of ours (RFC 3261 §13.2.1).
    private func offer(_ id: ServerTransactionID, _ handle: SlabHandle, into body: inout ByteWriter, now: Instant) {
        guard let local = localAudio(handle) else { return }
        SessionDescription.writeOffer(local, into: &body)
        calls[handle]!.offersInAnswer = true
        accept(id, handle, body: body.bytes, now: now)
    }

    private func localAudio(_ handle: SlabHandle) -> LocalAudio? {
        guard let call = calls[handle], let rtp = call.media else { return nil }
        return LocalAudio(rtp: rtp, sessionID: mediaID(handle) + 1, version: call.sessionVersion)
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
        guard kind == .noAnswer || message.body.isEmpty || message.hasSDP else { return respond(id, 415, now: now) }
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
        guard let local = localAudio(handle) else { return nil }
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
        case .update: update(message, id, handle, now: now)
        default: respond(id, 405, now: now)
        }
    }

    private func changeSession(_ message: Message, _ id: ServerTransactionID, _ handle: SlabHandle, now: Instant) {
        guard calls[handle]?.stage == .up else { return respond(id, 491, now: now) }
        guard message.body.isEmpty || message.hasSDP else { return respond(id, 415, now: now) }
        calls[handle]!.sessionVersion += 1
        var body = ByteWriter(capacity: 512)
        if message.body.isEmpty {
            takeInvite(id, handle)
            return offer(id, handle, into: &body, now: now)
        }
        guard let agreed = negotiate(message, handle, into: &body) else { return respond(id, 488, now: now) }
        takeInvite(id, handle)
        accept(id, handle, body: body.bytes, now: now)
        playMedia(handle, agreed)
    }

    private func takeInvite(_ id: ServerTransactionID, _ handle: SlabHandle) {
        calls[handle]!.invite = id
        calls[handle]!.offersInAnswer = false
        layer.assign(owner: Owner.call(handle).raw, to: id)
    }

    /// UPDATE with an offer (RFC 3311 §5.2).
    private func update(_ message: Message, _ id: ServerTransactionID, _ handle: SlabHandle, now: Instant) {
        guard message.hasSDP else { return respond(id, 415, now: now) }
        // Our own offer of a 200 is not answered yet, or the call is not.
        guard let call = calls[handle], call.stage == .up, !call.offersInAnswer else {
            return respond(id, 491, now: now)
        }
        calls[handle]!.sessionVersion += 1
        var body = ByteWriter(capacity: 512)
        guard let agreed = negotiate(message, handle, into: &body) else { return respond(id, 488, now: now) }
        guard let start = layer.beginResponse(id, status: 200, toTag: call.tag) else { return }
        writeContact(call)
        layer.writer.finish(contentType: "application/sdp", body: body.bytes)
        layer.respond(id, status: 200, from: start, now: now)
        playMedia(handle, agreed)
    }

    /// The ACK to our 200, with the answer when the 200 made the offer.
    func acknowledged(_ handle: SlabHandle, _ message: Message, now: Instant) {
        guard let call = calls[handle] else { return }
        layer.acknowledge(call.invite)
        if call.stage == .up, hasFault(.earlyBye, call.request) { return hangUp(handle, now: now) }
        guard call.offersInAnswer, call.stage == .up, let local = localAudio(handle) else { return }
        calls[handle]!.offersInAnswer = false
        let agreed = message.withBytes(of: message.body) { (bytes) -> NegotiatedAudio? in
            do throws(SDPError) {
                return try SessionDescription(parsing: bytes).negotiate(asAnswerTo: local)
            } catch { return nil }
        }
        if let agreed { playMedia(handle, agreed) } else { hangUp(handle, now: now) }
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
