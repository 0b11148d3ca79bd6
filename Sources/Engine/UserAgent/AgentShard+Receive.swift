// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import Media
import RunMetrics
public import SIP

extension AgentShard {
    /// Takes in one whole SIP message: a datagram, or what a `StreamFramer` cut. What cannot be read is dropped.
    public func receive(_ bytes: UnsafeRawBufferPointer, flow: FlowID, source: TransportAddress, now: Instant) {
        guard let message = try? Message.parse(datagram: bytes) else { return }
        window.messagesReceived += 1
        switch layer.receive(message, flow: flow, source: source, now: now) {
        case .response(let owner, let id):
            receiveResponse(Owner(raw: owner), id, message, now: now)
        case .request(let id):
            receiveRequest(id, message, flow: flow, now: now)
        case .cancel(let id, let invite):
            receiveCancel(id, invite: invite, now: now)
        case .acknowledgement:
            if let handle = dialog(of: message) { receiveAcknowledgement(handle, message, now: now) }
        case .absorbed, .defective:
            break
        }
    }

    private func receiveResponse(_ owner: Owner, _ id: ClientTransactionID, _ message: Message, now: Instant) {
        switch owner {
        case .registration(let slot): receiveRegisterResponse(slot, id, message, now: now)
        case .invite(let handle): receiveInviteResponse(handle, id, message, now: now)
        case .bye(let handle): receiveByeResponse(handle, message, now: now)
        case .nobody: break
        }
    }

    private func receiveRequest(_ id: ServerTransactionID, _ request: Message, flow: FlowID, now: Instant) {
        guard let method = request.method else { return }
        if request.toTag != nil {
            guard let handle = dialog(of: request) else {
                return layer.respond(id, status: 481, toTag: nil, now: now)
            }
            return receiveInDialog(id, request, method, handle, now: now)
        }
        switch method {
        case .invite:
            guard let slot = slot(for: request, flow: flow) else {
                return layer.respond(id, status: 404, toTag: strayTag(), now: now)
            }
            receiveInvite(id, request, slot: slot, now: now)
        case .options:
            // A ping need not name a user (RFC 3261 §11); one that names a stranger asks for nobody here.
            let isForUs = user(of: request) == nil || slot(for: request, flow: flow) != nil
            respond(id, status: isForUs ? 200 : 404, toTag: strayTag(), now: now)
        case .bye, .prack, .update, .notify, .info:
            // Only ever sent in a dialog; there is none.
            layer.respond(id, status: 481, toTag: strayTag(), now: now)
        case .register, .refer, .subscribe, .message, .publish, .ack, .cancel:
            respond(id, status: 405, toTag: strayTag(), now: now)
        case .other:
            respond(id, status: 501, toTag: strayTag(), now: now)
        }
    }

    private func receiveInDialog(
        _ id: ServerTransactionID, _ request: Message, _ method: Method, _ handle: SlabHandle, now: Instant
    ) {
        guard let number = request.cSeq?.number, calls[handle]!.dialog?.accept(sequence: number) ?? false else {
            return layer.respond(id, status: 500, toTag: nil, now: now)
        }
        switch method {
        case .bye:
            receiveBye(id, request, handle, now: now)
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

    private func receiveBye(_ id: ServerTransactionID, _ request: Message, _ handle: SlabHandle, now: Instant) {
        layer.respond(id, status: 200, toTag: nil, now: now)
        let before = calls[handle]!.state
        guard calls[handle]!.state.receiveBye() == .end else { return }
        let slot = calls[handle]!.slot
        advancePhase(slot, to: .disconnecting)
        if let reason = texts.header(.reason, of: request) { calls[handle]!.evidence.reason = reason }
        if before == .established, calls[handle]!.evidence.role == .caller, endpoints[slot].stage == .active {
            // The side that placed the call ends it; a callee that does so first cuts it short.
            calls[handle]!.evidence.endedByPeer = true
            if endpoints[slot].plan.talkTime != nil { endpoints[slot].outcome.worsen(to: .completedWithWarnings) }
        }
        if case .answered = before { calls[handle]!.fail(.callFailed) }
        endCall(handle, now: now)
    }

    /// The peer changes the session: hold, resume, another address (RFC 3261 §14.2).
    private func receiveReinvite(_ id: ServerTransactionID, _ request: Message, _ handle: SlabHandle, now: Instant) {
        guard calls[handle]!.state == .established, calls[handle]!.server == nil else {
            return layer.respond(id, status: 491, toTag: nil, now: now)
        }
        calls[handle]!.sessionVersion += 1
        var body = ByteWriter(capacity: 256)
        do throws(SDPError) {
            if request.body.isEmpty {
                SessionDescription.writeOffer(localAudio(handle), into: &body)
            } else {
                guard request.hasSDP else { throw .notASessionDescription }
                openMedia(handle, try request.sessionDescription().writeAnswer(localAudio(handle), into: &body))
            }
        } catch {
            calls[handle]!.sessionVersion -= 1
            return layer.respond(id, status: 488, toTag: nil, now: now)
        }
        calls[handle]!.dialog?.refreshTarget(from: request)
        calls[handle]!.server = id
        layer.assign(owner: Owner.invite(handle).raw, to: id)
        respondWithSession(id, calls[handle]!.slot, tag: tag(of: handle), body: body.bytes, now: now)
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
            let call = calls[tag.handle], call.salt == tag.salt, call.state != .ended, let dialog = call.dialog,
            dialog.matches(request)
        else { return nil }
        return tag.handle
    }

    /// The endpoint that a request outside a dialog is for.
    private func slot(for request: Message, flow: FlowID) -> Int? {
        flows.slot(for: user(of: request).map { request.withBytes(of: $0) { FlowTable.hash($0) } }, on: flow)
    }

    private func user(of request: Message) -> Slice? { request.requestURI.flatMap { request.uri($0) }?.user }
}
