// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Media
import RunMetrics
import SIP

extension AgentShard {
    /// An INVITE outside a dialog came.
    func receiveInvite(_ id: ServerTransactionID, _ request: Message, slot: Int, now: Instant) {
        if let status = reasonToRefuse(request, slot: slot) {
            let knowsReliability = endpoints[slot].plan.reliableProvisionals != .off
            return refuse(id, status: status, request, knowsReliability: knowsReliability, now: now)
        }
        if let asked = request.sessionExpires,
            refusesInterval(
                asked, request, id, toTag: strayTag(), plan: endpoints[slot].plan, now: now)
        {
            return
        }
        let salt = UInt32(truncatingIfNeeded: random.next())
        let from = request.from.map { request.printable(of: $0.uri) } ?? ""
        var call = Call(slot: slot, role: .callee, target: from, state: .ringing, salt: salt)
        call.evidence.invitedAt = elapsed(now)
        call.server = id
        call.offersInAnswer = request.body.isEmpty
        let handle = calls.insert(call)
        let tag = DialogTag(handle: handle, salt: salt).bytes
        guard let dialog = Dialog(callee: request, localTag: tag) else {
            calls.remove(handle)
            return refuse(id, status: 400, request, now: now)
        }
        calls[handle]!.dialog = dialog
        endpoints[slot].call = handle
        layer.assign(owner: Owner.invite(handle).raw, to: id)
        if let problem = offerProblem(handle, request) {
            calls[handle]!.evidence.negotiationProblem = problem.description
            calls[handle]!.fail(.negotiationFailed)
            _ = calls[handle]!.state.hangUp()
            return refuse(handle, status: 488, now: now)
        }
        ring(handle, id, request, now: now)
    }

    /// Why a call cannot be taken, as a status; nil when it can.
    private func reasonToRefuse(_ request: Message, slot: Int) -> UInt16? {
        let plan = endpoints[slot].plan
        if request.requiresUnknown(plan) { return 420 }
        if plan.reliableProvisionals == .required, !request.knowsReliability { return 421 }
        if request.first(.contentEncoding) != nil, !request.body.isEmpty { return 415 }
        if !request.body.isEmpty, !request.hasSDP { return 415 }
        if let handle = endpoints[slot].call {
            // The same request by another way of a forking proxy (RFC 3261 §8.2.2.2).
            return calls[handle]?.dialog?.isSameInvite(as: request) ?? false ? 482 : 486
        }
        return endpoints[slot].stage == .active ? nil : 480
    }

    /// Reads the offer of an INVITE and tries to answer it; keeps it when that works.
    private func offerProblem(_ handle: SlabHandle, _ request: Message) -> SDPError? {
        guard !calls[handle]!.offersInAnswer else { return nil }
        var scratch = ByteWriter(capacity: 256)
        do throws(SDPError) {
            let offer = try request.sessionDescription()
            _ = try offer.writeAnswer(localAudio(handle), into: &scratch)
            calls[handle]!.offer = offer
            return nil
        } catch {
            return error
        }
    }

    private func ring(_ handle: SlabHandle, _ id: ServerTransactionID, _ request: Message, now: Instant) {
        let slot = calls[handle]!.slot
        calls[handle]!.evidence.ringingAt = elapsed(now)
        advancePhase(slot, to: .ringing)
        emit(.ringing(endpoint: endpoints[slot].plan.index))
        let timerLines = agreeOnTimer(handle, request, now: now)
        if !timerLines.isEmpty { extras(handle).timerLines = timerLines }
        if preparesProvisional(handle, request, now: now) {
            sendProvisional(handle, now: now)
        } else if let start = layer.beginResponse(id, status: 180, toTag: tag(of: handle)) {
            writeContact(slot)
            layer.writer.finish()
            layer.respond(id, status: 180, from: start, now: now)
        }
        let delay = endpoints[slot].plan.answerAfter
        if delay > .zero { setTimer(handle, at: now + delay) } else { answer(handle, now: now) }
    }

    /// Answers the ringing call with 200 and the session description.
    func answer(_ handle: SlabHandle, now: Instant) {
        let slot = calls[handle]!.slot
        guard let id = calls[handle]!.server, layer.request(of: id) != nil else {
            calls[handle]!.fail(.callFailed)
            return perform(calls[handle]!.state.giveUp(), handle, now: now)
        }
        if let extras = calls[handle]!.extras, extras.reliable?.isAwaiting ?? false {
            // A final answer waits for the PRACK (RFC 3262 §3).
            extras.answersWhenAcknowledged = true
            return
        }
        var body = ByteWriter(capacity: 256)
        do throws(SDPError) {
            if let early = calls[handle]!.extras?.provisional.body, !early.isEmpty {
                // The answer stands: a reliable one is not repeated, another one is (RFC 3261 §13.2.1).
                if !(calls[handle]!.extras?.hasAnsweredEarly ?? false) { body.append(early) }
                calls[handle]!.offer = nil
            } else if let offer = calls[handle]!.offer {
                openMedia(handle, try offer.writeAnswer(localAudio(handle), into: &body))
                calls[handle]!.offer = nil
            } else {
                SessionDescription.writeOffer(localAudio(handle), into: &body)
            }
        } catch {
            // The offer was tried when it came; it cannot have become worse.
            calls[handle]!.fail(.negotiationFailed)
            _ = calls[handle]!.state.hangUp()
            return refuse(handle, status: 488, now: now)
        }
        calls[handle]!.state.answered()
        calls[handle]!.evidence.answeredAt = elapsed(now)
        calls[handle]!.evidence.finalStatus = SIPStatus(code: 200, reason: "OK")
        advancePhase(slot, to: .negotiating)
        let lines = calls[handle]!.extras?.timerLines ?? []
        respondWithSession(id, slot, tag: tag(of: handle), lines: lines, body: body.bytes, now: now)
    }

    /// Sends a 200 with a session description, repeated until its ACK comes.
    func respondWithSession(
        _ id: ServerTransactionID, _ slot: Int, tag: [UInt8], lines: [UInt8], body: [UInt8], now: Instant
    ) {
        guard let start = layer.beginResponse(id, status: 200, toTag: tag) else { return }
        writeContact(slot)
        layer.writer.header(.allow, Self.allowed)
        layer.writer.output.append(lines)
        if body.isEmpty {
            layer.writer.finish()
        } else {
            layer.writer.finish(contentType: "application/sdp", body: body)
        }
        layer.respond(id, status: 200, from: start, repeatsUntilAcknowledged: true, now: now)
    }

    // MARK: What follows

    /// The ACK to a 2xx came.
    func receiveAcknowledgement(_ handle: SlabHandle, _ request: Message, now: Instant) {
        // Nothing was answered yet: an ACK to a provisional response that was taken for a final one. The INVITE stays open.
        guard calls[handle]!.state != .ringing else { return }
        if let id = calls[handle]!.server {
            layer.acknowledge(id)
            calls[handle]!.server = nil
        }
        let action = calls[handle]!.state.receiveAcknowledgement()
        guard action == .talk else {
            changeAcknowledged(handle, request, now: now)
            return perform(action, handle, now: now)
        }
        if calls[handle]!.offersInAnswer {
            do throws(SDPError) {
                guard request.hasSDP else { throw .notASessionDescription }
                openMedia(handle, try request.sessionDescription().negotiate(asAnswerTo: localAudio(handle)))
            } catch {
                return endUnnegotiated(handle, error, now: now)
            }
        }
        establish(handle, now: now)
        continueChanges(handle, now: now)
    }

    func acknowledgementMissing(_ handle: SlabHandle, _ id: ServerTransactionID, now: Instant) {
        guard calls.contains(handle), calls[handle]!.server == id else { return }
        calls[handle]!.server = nil
        // A re-INVITE's 200 that is not acknowledged ends the call as well (RFC 3261 §14.2).
        let action =
            calls[handle]!.state == .established
            ? calls[handle]!.state.hangUp() : calls[handle]!.state.missAcknowledgement()
        guard action != .none else { return }
        calls[handle]!.evidence.transportFault = .silence
        calls[handle]!.fail(.timeout)
        perform(action, handle, now: now)
    }

    /// A CANCEL came; `invite` is the transaction it means.
    func receiveCancel(_ id: ServerTransactionID, invite: ServerTransactionID?, now: Instant) {
        guard let invite, let owner = layer.owner(of: invite), case .invite(let handle) = Owner(raw: owner),
            calls.contains(handle)
        else { return layer.respond(id, status: invite == nil ? 481 : 200, toTag: strayTag(), now: now) }
        // Its To tag is the one of the INVITE's answers (RFC 3261 §9.2).
        layer.respond(id, status: 200, toTag: tag(of: handle), now: now)
        guard calls[handle]!.server == invite, calls[handle]!.state.receiveCancel() == .refuse else { return }
        refuse(handle, status: 487, now: now)
    }

    /// Refuses the ringing call with this status and ends it.
    func refuse(_ handle: SlabHandle, status: UInt16, now: Instant) {
        if let id = calls[handle]!.server {
            layer.respond(id, status: status, toTag: tag(of: handle), now: now)
            calls[handle]!.server = nil
        }
        calls[handle]!.evidence.finalStatus = SIPStatus(
            code: status, reason: ReasonPhrase.text(for: status).description)
        calls[handle]!.fail(.callFailed)
        endCall(handle, now: now)
    }

    /// Refuses a request that never became a call.
    func refuse(
        _ id: ServerTransactionID, status: UInt16, _ request: Message, knowsReliability: Bool = true, now: Instant
    ) {
        guard let start = layer.beginResponse(id, status: status, toTag: strayTag()) else { return }
        switch status {
        case 415:
            layer.writer.header(.accept, "application/sdp")
            layer.writer.output.append("Accept-Encoding: identity\r\n")
        case 420:
            layer.writer.beginHeader(.unsupported)
            var isFirst = true
            request.forEachElement(.require) { element in
                let isKnown =
                    request.matchesIgnoringCase(element, "timer")
                    || (knowsReliability && request.matchesIgnoringCase(element, "100rel"))
                guard !isKnown else { return true }
                if !isFirst { layer.writer.output.append(", ") }
                isFirst = false
                layer.writer.append(element, of: request)
                return true
            }
            layer.writer.endLine()
        case 421: layer.writer.header(.require, "100rel")
        default: break
        }
        layer.writer.finish()
        layer.respond(id, status: status, from: start, now: now)
    }

    func tag(of handle: SlabHandle) -> [UInt8] { DialogTag(handle: handle, salt: calls[handle]!.salt).bytes }

    /// A To tag for an answer that makes no dialog.
    func strayTag() -> [UInt8] {
        var writer = ByteWriter(capacity: 16)
        writer.append(hex: random.next(), digits: 16)
        return writer.bytes
    }
}

extension Message {
    /// Whether Require names an extension that is not known here (RFC 3261 §8.2.2.3).
    func requiresUnknown(_ plan: EndpointPlan?) -> Bool {
        var isUnknown = false
        forEachElement(.require) { element in
            let isReliability =
                matchesIgnoringCase(element, "100rel") && plan.map { $0.reliableProvisionals != .off } ?? true
            isUnknown = !isReliability && !matchesIgnoringCase(element, "timer")
            return !isUnknown
        }
        return isUnknown
    }
}
