// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import Media
import RunMetrics
public import SIP

extension AgentShard {
    /// Takes in one whole SIP message: a datagram, or what a `StreamFramer` cut. What cannot be read is dropped. `subject` says
    /// afterwards which endpoint it concerned.
    public func receive(_ bytes: UnsafeRawBufferPointer, flow: FlowID, source: TransportAddress, now: Instant) {
        layer.subject = .none
        if let first = bytes.first, STUNMessage.isFirstByte(first) {
            return receiveBinding(bytes, flow: flow, now: now)
        }
        let message: Message
        do throws(ParseError) {
            message = try Message.parse(datagram: bytes)
        } catch {
            if error.code == .version { refuseVersion(bytes, flow: flow, source: source) }
            return
        }
        window.messagesReceived += 1
        switch layer.receive(message, flow: flow, source: source, now: now) {
        case .response(let owner, let id):
            receiveResponse(Owner(raw: owner), id, message, now: now)
        case .request(let id):
            receiveRequest(id, message, flow: flow, now: now)
        case .cancel(let id, let invite):
            receiveCancel(id, invite: invite, now: now)
        case .acknowledgement:
            guard let handle = dialog(of: message) else { break }
            layer.subject = subject(calls[handle]!.slot)
            receiveAcknowledgement(handle, message, now: now)
        case .absorbed, .defective:
            break
        }
    }

    /// A request of another version of SIP gets 505 (RFC 3261 §21.5.6), without a transaction: nothing more is known of it. For the
    /// answer it is read as if its version were ours.
    private func refuseVersion(_ bytes: UnsafeRawBufferPointer, flow: FlowID, source: TransportAddress) {
        let ours = Array("SIP/2.0".utf8)
        guard let end = bytes.firstIndex(of: 0x0D), end > ours.count, bytes[end - ours.count - 1] == 0x20 else {
            return
        }
        var copy = Array(bytes)
        copy.replaceSubrange(end - ours.count..<end, with: ours)
        guard let request = try? copy.withUnsafeBytes({ try Message.parse(datagram: $0) }), request.isRequest,
            request.method != .ack, let via = request.topVia
        else { return }
        let start = layer.writer.output.count
        layer.writer.beginResponse(
            to: request, status: 505, toTag: strayTag(), source: via.transport.isReliable ? nil : source)
        layer.writer.finish()
        layer.subject = subject(of: flow)
        layer.transmit(from: start, flow: flow, destination: source)
    }

    private func receiveResponse(_ owner: Owner, _ id: ClientTransactionID, _ message: Message, now: Instant) {
        switch owner {
        case .registration(let slot): receiveRegisterResponse(slot, id, message, now: now)
        case .invite(let handle): receiveInviteResponse(handle, id, message, now: now)
        case .bye(let handle): receiveByeResponse(handle, message, now: now)
        case .dialogRequest(let handle): receiveDialogResponse(handle, id, message, now: now)
        case .keepAlive(let flow): optionsAnswered(flow, id, status: message.status ?? 0, now: now)
        case .nobody: break
        }
    }

    private func receiveRequest(_ id: ServerTransactionID, _ request: Message, flow: FlowID, now: Instant) {
        guard let method = request.method else { return }
        if request.toTag != nil {
            guard let handle = dialog(of: request) else {
                return layer.respond(id, status: 481, toTag: nil, now: now)
            }
            layer.assign(subject: subject(calls[handle]!.slot), to: id)
            return receiveInDialog(id, request, method, handle, now: now)
        }
        let addressed = slot(for: request, flow: flow)
        if let addressed { layer.assign(subject: subject(addressed), to: id) }
        if let uri = request.requestURI.flatMap({ request.uri($0) }), uri.scheme == .other || uri.scheme == .tel {
            return layer.respond(id, status: 416, toTag: strayTag(), now: now)
        }
        if method != .invite, method != .other, request.requiresUnknown(nil) {
            return refuse(id, status: 420, request, now: now)
        }
        switch method {
        case .invite:
            guard let slot = addressed else {
                return layer.respond(id, status: 404, toTag: strayTag(), now: now)
            }
            receiveInvite(id, request, slot: slot, now: now)
        case .options:
            // A ping need not name a user (RFC 3261 §11); one that names a stranger asks for nobody here.
            let isForUs = user(of: request) == nil || addressed != nil
            respond(id, status: isForUs ? 200 : 404, toTag: strayTag(), now: now)
        case .bye, .prack, .update, .notify, .info:
            // Only ever sent in a dialog; there is none.
            layer.respond(id, status: 481, toTag: strayTag(), now: now)
        case .refer:
            // Only the peer of a call may ask for another one.
            layer.respond(id, status: 603, toTag: strayTag(), now: now)
        case .register, .subscribe, .message, .publish, .ack, .cancel:
            respond(id, status: 405, toTag: strayTag(), now: now)
        case .other:
            respond(id, status: 501, toTag: strayTag(), now: now)
        }
    }

    private func receiveInDialog(
        _ id: ServerTransactionID, _ request: Message, _ method: Method, _ handle: SlabHandle, now: Instant
    ) {
        guard acceptSequence(handle, request) else { return refuseRequest(id, status: 500, now: now) }
        let plan = endpoints[calls[handle]!.slot].plan
        if request.requiresUnknown(plan) {
            return refuse(
                id, status: 420, request, knowsReliability: plan.reliableProvisionals != .off, now: now)
        }
        switch method {
        case .bye:
            receiveBye(id, request, handle, now: now)
        case .prack:
            receivePrack(id, request, handle, now: now)
        case .update:
            receiveUpdate(id, request, handle, now: now)
        case .info:
            receiveInfo(id, request, handle, now: now)
        case .refer:
            receiveRefer(id, request, handle, now: now)
        case .notify:
            receiveNotify(id, request, handle, now: now)
        case .invite:
            receiveReinvite(id, request, handle, now: now)
        case .options:
            respond(id, status: 200, toTag: nil, now: now)
        case .other:
            respond(id, status: 501, toTag: nil, now: now)
        default:
            respond(id, status: 405, toTag: nil, now: now)
        }
    }

    /// Takes the number of a peer's request in its dialog, early or confirmed; false when it is not higher than the last.
    private func acceptSequence(_ handle: SlabHandle, _ request: Message) -> Bool {
        guard let number = request.cSeq?.number else { return false }
        if calls[handle]!.dialog != nil { return calls[handle]!.dialog!.accept(sequence: number) }
        guard let extras = calls[handle]!.extras,
            let place = extras.earlyDialog(request.fromTag.map { Array(request.bytes(of: $0)) })
        else { return false }
        return extras.earlyDialogs[place].dialog.accept(sequence: number)
    }

    /// INFO: digits, or nothing; what is not understood is refused (RFC 6086 §4.2.2).
    private func receiveInfo(_ id: ServerTransactionID, _ request: Message, _ handle: SlabHandle, now: Instant) {
        let isKnown =
            request.contentType.map {
                request.matchesIgnoringCase($0, "application/dtmf-relay")
                    || request.matchesIgnoringCase($0, "application/dtmf")
            } ?? true
        guard request.body.isEmpty || isKnown else {
            guard let start = layer.beginResponse(id, status: 415, toTag: nil) else { return }
            layer.writer.header(.accept, "application/dtmf-relay, application/dtmf")
            layer.writer.finish()
            return layer.respond(id, status: 415, from: start, now: now)
        }
        note(handle) { $0.infosReceived &+= 1 }
        layer.respond(id, status: 200, toTag: nil, now: now)
    }

    private func receiveBye(_ id: ServerTransactionID, _ request: Message, _ handle: SlabHandle, now: Instant) {
        layer.respond(id, status: 200, toTag: nil, now: now)
        let before = calls[handle]!.state
        let action = calls[handle]!.state.receiveBye()
        // An INVITE that still waits is answered with 487 (RFC 3261 §15.1.2).
        if action == .refuse { return refuse(handle, status: 487, now: now) }
        guard action == .end else { return }
        calls[handle]!.evidence.byeReceivedAt = elapsed(now)
        let slot = calls[handle]!.slot
        advancePhase(slot, to: .disconnecting)
        if let reason = texts.header(.reason, of: request) { calls[handle]!.evidence.reason = reason }
        let isTransferred = calls[handle]!.extras.map { $0.transfer == .reported } ?? false
        if before == .established, calls[handle]!.evidence.role == .caller, endpoints[slot].stage == .active,
            !isTransferred
        {
            // The side that placed the call ends it; a callee that does so first cuts it short.
            calls[handle]!.evidence.endedByPeer = true
            if endpoints[slot].plan.talkTime != nil { endpoints[slot].outcome.worsen(to: .completedWithWarnings) }
        }
        if case .answered = before { calls[handle]!.fail(.callFailed) }
        endCall(handle, now: now)
    }

    /// Answers with what this side can do.
    private func respond(_ id: ServerTransactionID, status: UInt16, toTag: [UInt8]?, now: Instant) {
        guard let start = layer.beginResponse(id, status: status, toTag: toTag) else { return }
        layer.writer.header(.allow, Self.allowed)
        if status == 200 { layer.writer.header(.accept, "application/sdp") }
        layer.writer.finish()
        layer.respond(id, status: status, from: start, now: now)
    }

    /// The call whose dialog a request belongs to.
    private func dialog(of request: Message) -> SlabHandle? {
        guard let slice = request.toTag, let tag = request.withBytes(of: slice, { DialogTag($0) }),
            calls.contains(tag.handle), calls[tag.handle]!.salt == tag.salt, calls[tag.handle]!.state != .ended
        else { return nil }
        if let matches = calls[tag.handle]!.dialog?.matches(request) { return matches ? tag.handle : nil }
        let isEarly = calls[tag.handle]!.extras?.earlyDialogs.contains { $0.dialog.matches(request) } ?? false
        return isEarly ? tag.handle : nil
    }

    /// The endpoint that a request outside a dialog is for.
    private func slot(for request: Message, flow: FlowID) -> Int? {
        flows.slot(for: user(of: request).map { request.withBytes(of: $0) { FlowTable.hash($0) } }, on: flow)
    }

    private func user(of request: Message) -> Slice? { request.requestURI.flatMap { request.uri($0) }?.user }
}
