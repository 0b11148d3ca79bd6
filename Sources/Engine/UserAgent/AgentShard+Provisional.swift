// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Media
import RunMetrics
import SIP

/// Early media and reliable provisional responses (RFC 3262), at the caller and at the callee.
extension AgentShard {
    // MARK: Caller

    /// A provisional response that is reliable or holds a session description. False when it must be passed over: a copy, or one
    /// that came before those it follows.
    func receiveEarly(_ handle: SlabHandle, _ response: Message, now: Instant) -> Bool {
        guard response.defect == nil, calls[handle]!.hasCallID(of: response) else { return false }
        guard let tag = response.toTag.map({ Array(response.bytes(of: $0)) }) else { return true }
        let extras = extras(handle)
        guard let place = earlyDialog(handle, tag, response) else { return false }
        if let sequence = response.reliableSequence {
            guard extras.earlyDialogs[place].reliable.accept(sequence) else { return false }
            acknowledge(handle, sequence, of: response, tag: tag, now: now)
        }
        guard response.hasSDP, extras.earlyDialogs[place].answer == nil,
            calls[handle]!.state == .inviting || calls[handle]!.state == .proceeding,
            let description = try? response.sessionDescription(),
            let audio = try? description.negotiate(asAnswerTo: localAudio(handle))
            // What cannot be used early may still be put right in the 200.
        else { return true }
        extras.earlyDialogs[place].answer = audio
        extras.earlyDialogs[place].isAnsweredReliably = response.reliableSequence != nil
        openMedia(handle, audio)
        noteEarlyMedia(handle, now: now)
        return true
    }

    func noteEarlyMedia(_ handle: SlabHandle, now: Instant) {
        let at = elapsed(now)
        note(handle) { $0.earlyMediaAt = $0.earlyMediaAt ?? at }
    }

    /// The place of the early dialog of a branch, made when it is new; nil when there are too many or it cannot be one.
    private func earlyDialog(_ handle: SlabHandle, _ tag: [UInt8], _ response: Message) -> Int? {
        let extras = extras(handle)
        if let place = extras.earlyDialog(tag) { return place }
        guard extras.earlyDialogs.count < CallExtras.forkLimit,
            let dialog = Dialog(caller: response, fallbackTarget: calls[handle]!.target)
        else { return nil }
        extras.earlyDialogs.append(CallExtras.EarlyDialog(tag: tag, dialog: dialog))
        return extras.earlyDialogs.count - 1
    }

    /// Sends the PRACK of a reliable provisional response (RFC 3262 §4).
    private func acknowledge(
        _ handle: SlabHandle, _ sequence: UInt32, of response: Message, tag: [UInt8], now: Instant
    ) {
        guard let number = response.cSeq?.number else { return }
        var lines = MessageWriter(capacity: 48)
        lines.beginHeader(.rack)
        lines.output.append(decimal: UInt64(sequence))
        lines.output.append(0x20)
        lines.output.append(decimal: UInt64(number))
        lines.output.append(" INVITE\r\n")
        sendRequest(handle, .prack, .acknowledgement, lines: lines.bytes, earlyTag: tag, now: now)
    }

    // MARK: Callee

    /// Prepares more than a plain 180: a description for early media, a number for PRACK. False when neither is wanted.
    func preparesProvisional(_ handle: SlabHandle, _ request: Message, now: Instant) -> Bool {
        let plan = endpoints[calls[handle]!.slot].plan
        let isReliable = plan.reliableProvisionals != .off && request.knowsReliability
        guard isReliable || plan.earlyMedia else { return false }
        if plan.earlyMedia, let offer = calls[handle]!.offer {
            var body = ByteWriter(capacity: 256)
            if let audio = try? offer.writeAnswer(localAudio(handle), into: &body) {
                let extras = extras(handle)
                extras.provisional = (183, body.bytes)
                extras.hasAnsweredEarly = isReliable
                openMedia(handle, audio)
                noteEarlyMedia(handle, now: now)
            }
        }
        if isReliable, let sequence = request.cSeq?.number {
            // Somewhere in the lower half of the range, so that it may rise (RFC 3262 §7.1).
            extras(handle).reliable = ReliableSender(
                response: UInt32(truncatingIfNeeded: random.next()) >> 2 + 1, sequence: sequence,
                timers: configuration.timers, now: now)
        }
        return calls[handle]!.extras != nil
    }

    /// Sends the provisional response that was prepared, the first time or again.
    func sendProvisional(_ handle: SlabHandle, now: Instant) {
        guard let extras = calls[handle]!.extras, let id = calls[handle]!.server,
            let start = layer.beginResponse(id, status: extras.provisional.status, toTag: tag(of: handle))
        else { return }
        writeContact(calls[handle]!.slot)
        layer.writer.header(.allow, Self.allowed)
        if case .sent(let response, _, _, _, _) = extras.reliable {
            layer.writer.header(.require, "100rel")
            layer.writer.header(.rseq, decimal: UInt64(response))
        }
        if extras.provisional.body.isEmpty {
            layer.writer.finish()
        } else {
            layer.writer.finish(contentType: "application/sdp", body: extras.provisional.body)
        }
        layer.respond(id, status: extras.provisional.status, from: start, now: now)
        scheduleExtras(handle)
    }

    /// The timer of a reliable provisional response may be due.
    func advanceProvisional(_ handle: SlabHandle, now: Instant) {
        guard let extras = calls[handle]!.extras, var reliable = extras.reliable else { return }
        let action = reliable.advance(to: now)
        extras.reliable = reliable
        guard calls[handle]!.state == .ringing else { return extras.reliable = nil }
        switch action {
        case .none: break
        case .resend: sendProvisional(handle, now: now)
        case .giveUp:
            // Refused with 5xx (RFC 3262 §3).
            calls[handle]!.evidence.transportFault = .silence
            calls[handle]!.fail(.timeout)
            _ = calls[handle]!.state.hangUp()
            refuse(handle, status: 504, now: now)
        }
    }

    /// PRACK came: 481 when it acknowledges nothing that is awaited.
    func receivePrack(_ id: ServerTransactionID, _ request: Message, _ handle: SlabHandle, now: Instant) {
        guard let extras = calls[handle]!.extras, let acknowledgement = request.responseAcknowledgement,
            extras.reliable?.receive(acknowledgement) ?? false
        else { return refuseRequest(id, status: 481, now: now) }
        note(handle) { $0.reliableProvisionals &+= 1 }
        scheduleExtras(handle)
        respondToPrack(id, request, handle, now: now)
        guard extras.answersWhenAcknowledged, calls[handle]!.state == .ringing else { return }
        extras.answersWhenAcknowledged = false
        answer(handle, now: now)
    }

    /// A PRACK may make a new offer once the INVITE's is answered (RFC 3262 §5).
    private func respondToPrack(_ id: ServerTransactionID, _ request: Message, _ handle: SlabHandle, now: Instant) {
        guard request.hasSDP else { return layer.respond(id, status: 200, toTag: nil, now: now) }
        var body = ByteWriter(capacity: 256)
        guard calls[handle]!.extras?.hasAnsweredEarly ?? false, let offer = try? request.sessionDescription(),
            let audio = try? offer.writeAnswer(localAudio(handle), into: &body)
        else { return refuseRequest(id, status: 488, now: now) }
        openMedia(handle, audio)
        guard let start = layer.beginResponse(id, status: 200, toTag: nil) else { return }
        layer.writer.finish(contentType: "application/sdp", body: body.bytes)
        layer.respond(id, status: 200, from: start, now: now)
    }
}

extension Message {
    /// Whether the sender knows reliable provisional responses.
    var knowsReliability: Bool { lists(.supported, "100rel") || lists(.require, "100rel") }
}
