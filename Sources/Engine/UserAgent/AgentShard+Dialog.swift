// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Media
import RunMetrics
import SIP

/// What both ends of a call do: talk, hang up, end.
extension AgentShard {
    /// The methods this side understands, for Allow.
    static var allowed: StaticString {
        "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY"
    }

    // MARK: Life

    /// Both sides have acknowledged: the call is up.
    func establish(_ handle: SlabHandle, now: Instant) {
        let slot = calls[handle]!.slot
        calls[handle]!.evidence.establishedAt = elapsed(now)
        // Calls are counted at the caller, or a call between two endpoints of a run would be two.
        if calls[handle]!.evidence.role == .caller {
            tallies[endpoints[slot].group].callsEstablished += 1
            window.callsUp += 1
        }
        advancePhase(slot, to: .inCall)
        emit(.established(endpoint: endpoints[slot].plan.index))
        if calls[handle]!.extras != nil { reportTransfer(handle, status: 200, now: now) }
    }

    /// Ends the present call of an endpoint, if there is one.
    func hangUp(_ slot: Int, now: Instant) {
        let asking = endpoints[slot].referringCall
        if let handle = endpoints[slot].call { hangUp(handle, now: now) }
        if let asking { hangUp(asking, now: now) }
    }

    private func hangUp(_ handle: SlabHandle, now: Instant) {
        guard calls.contains(handle) else { return }
        let state = calls[handle]!.state
        if state == .due { calls[handle]!.fail(.notAttempted) }
        if state != .established, state != .ending { calls[handle]!.fail(.callFailed) }
        perform(calls[handle]!.state.hangUp(), handle, now: now)
    }

    /// Does what a state says that either end may have to do.
    func perform(_ action: CallState.Action, _ handle: SlabHandle, now: Instant) {
        switch action {
        case .cancel:
            if let invite = calls[handle]!.invite { layer.cancel(invite, now: now) }
            // The peer has 64 times T1 to end the INVITE's transaction (RFC 3261 §9.1); then it is given up.
            setTimer(handle, at: now + configuration.timers.transactionTimeout)
        case .release:
            release(handle, now: now)
        case .refuse:
            refuse(handle, status: 480, now: now)
        case .end:
            endCall(handle, now: now)
        case .none:
            if calls[handle]!.state == .cancelRequested {
                setTimer(handle, at: now + configuration.timers.transactionTimeout)
            }
        case .acknowledgeAndTalk, .acknowledgeAndRelease, .acknowledge, .inviteAgain, .talk:
            break
        }
    }

    func callTimerFired(_ handle: SlabHandle, now: Instant) {
        guard calls.contains(handle) else { return }
        calls[handle]!.timer = nil
        switch calls[handle]!.state {
        case .due:
            startCall(handle, at: now, now: now)
        case .inviting, .proceeding:
            note(step: .invite, status: 0, calls[handle]!.slot, now: now)
            calls[handle]!.fail(.timeout)
            perform(calls[handle]!.state.hangUp(), handle, now: now)
        case .cancelRequested, .cancelling:
            if let invite = calls[handle]!.invite {
                // A 2xx may still come; it is acknowledged and released then.
                awaitLateAnswers(invite, now: now)
            }
            if calls[handle]!.state.giveUp() == .end { endCall(handle, now: now) }
        case .ringing:
            answer(handle, now: now)
        case .established:
            perform(calls[handle]!.state.hangUp(), handle, now: now)
        case .ended:
            settleCall(handle, now: now)
        case .answered, .ending:
            break
        }
    }

    /// The call is over: closes its stream; what it saw is settled when the report came.
    func endCall(_ handle: SlabHandle, now: Instant) {
        if calls[handle]!.extras != nil { endExtras(handle, now: now) }
        let slot = calls[handle]!.slot
        let failure = calls[handle]!.failure
        let wasUp = calls[handle]!.evidence.establishedAt != nil
        calls[handle]!.evidence.endedAt = elapsed(now)
        let succeeded = failure == nil && wasUp
        if calls[handle]!.evidence.role == .caller {
            if wasUp {
                window.callsUp &-= 1
                tallies[endpoints[slot].group].callsEnded += 1
            } else if calls[handle]!.evidence.invitedAt != nil {
                tallies[endpoints[slot].group].callsFailed += 1
            }
        }
        endpoints[slot].outcome.worsen(to: succeeded ? .success : failure ?? .callFailed)
        emit(.callEnded(endpoint: endpoints[slot].identity.plan.index, succeeded: succeeded))
        guard calls[handle]!.stream == .open else { return settleCall(handle, now: now) }
        calls[handle]!.stream = .closing
        outputs.append(.closeMedia(stream: endpoints[slot].identity.plan.stream))
        setTimer(handle, at: now + configuration.mediaReportTimeout)
        if let earlier = endpoints[slot].endedCall { settleCall(earlier, now: now) }
        if endpoints[slot].call == handle { endpoints[slot].call = nil }
        if endpoints[slot].referringCall == handle { endpoints[slot].referringCall = nil }
        endpoints[slot].endedCall = handle
        returnToReferringCall(slot, now: now)
    }

    /// Ends what only some calls have.
    private func endExtras(_ handle: SlabHandle, now: Instant) {
        noteHoldTime(handle, now: now)
        let status = calls[handle]!.evidence.finalStatus?.code ?? 408
        reportTransfer(handle, status: status < 300 ? 487 : status, now: now)
        guard let extras = calls[handle]!.extras else { return }
        if let timer = extras.timerHandle { timers.cancel(timer) }
        extras.timerHandle = nil
        // An INVITE that rings has no timer of its own; the others end by themselves.
        for request in extras.requests where request.method == .invite { layer.abandon(request.id) }
    }

    /// Takes an ended call's evidence into its endpoint and forgets the call.
    func settleCall(_ handle: SlabHandle, now: Instant) {
        guard let slot = calls[handle]?.slot else { return }
        forgetCall(handle)
        returnToReferringCall(slot, now: now)
        continueClosing(slot, now: now)
    }

    /// Takes a call's evidence into its endpoint and the call out of the shard.
    func forgetCall(_ handle: SlabHandle) {
        guard let call = calls.remove(handle) else { return }
        if let timer = call.timer { timers.cancel(timer) }
        if let server = call.server { layer.acknowledge(server) }
        if call.failure != .notAttempted {
            endpoints[call.slot].calls.append(call.evidence)
        } else {
            endpoints[call.slot].missedCalls += 1
        }
        if endpoints[call.slot].call == handle { endpoints[call.slot].call = nil }
        if endpoints[call.slot].referringCall == handle { endpoints[call.slot].referringCall = nil }
        if endpoints[call.slot].endedCall == handle { endpoints[call.slot].endedCall = nil }
    }

    /// The flow is gone and the call's signalling with it.
    func loseCall(_ slot: Int, fault: TransportFault, now: Instant) {
        let asking = endpoints[slot].referringCall
        if let handle = endpoints[slot].call { loseCall(handle, fault: fault, now: now) }
        if let asking { loseCall(asking, fault: fault, now: now) }
    }

    private func loseCall(_ handle: SlabHandle, fault: TransportFault, now: Instant) {
        guard calls.contains(handle), calls[handle]!.state.giveUp() == .end else { return }
        if let invite = calls[handle]!.invite { layer.abandon(invite) }
        calls[handle]!.evidence.transportFault = fault
        calls[handle]!.fail(.callFailed)
        endCall(handle, now: now)
    }

    /// Sets what is due next for a call; nil for nothing.
    func setTimer(_ handle: SlabHandle, at deadline: Instant?) {
        if let timer = calls[handle]!.timer { timers.cancel(timer) }
        calls[handle]!.timer = deadline.map { timers.schedule(.call(handle), at: $0) }
    }

    // MARK: BYE

    /// Sends the BYE of a call in its dialog.
    func release(_ handle: SlabHandle, now: Instant) {
        setTimer(handle, at: nil)
        let slot = calls[handle]!.slot
        advancePhase(slot, to: .disconnecting)
        guard let sequence = calls[handle]!.dialog?.nextSequence(), let dialog = calls[handle]!.dialog else {
            return perform(calls[handle]!.state.released(), handle, now: now)
        }
        calls[handle]!.authentication.begin()
        calls[handle]!.evidence.byeSentAt = elapsed(now)
        sendBye(slot, dialog, sequence: sequence, owner: .bye(handle), now: now)
    }

    func sendBye(
        _ slot: Int, _ dialog: Dialog, sequence: UInt32, owner: Owner, now: Instant
    ) {
        let id = layer.openRequest()
        let start = layer.writer.output.count
        dialog.begin(
            .bye, sequence: sequence, transport: endpoints[slot].transport, sentBy: endpoints[slot].local,
            branch: layer.branch(of: id), into: &layer.writer)
        if case .bye(let handle) = owner {
            writeCredentials(
                of: handle, .bye, uri: Array(dialog.requestURI), body: [], destination: destination(of: dialog, slot))
        }
        writeUserAgent(slot)
        layer.writer.finish()
        send(id, .bye, from: start, owner: owner, slot, destination: destination(of: dialog, slot), now: now)
    }

    func receiveByeResponse(_ handle: SlabHandle, _ response: Message, now: Instant) {
        guard calls.contains(handle), let status = response.status, status >= 200 else { return }
        if status == 401 || status == 407, answerByeChallenge(handle, response, isProxy: status == 407, now: now) {
            return
        }
        if status >= 300 { note(step: .bye, status: status, calls[handle]!.slot, now: now) }
        if status < 300 { calls[handle]!.evidence.byeConfirmedAt = elapsed(now) }
        // 481 and 408 end the dialog as well as a 200 does (RFC 3261 §12.2.1.2); so does every other answer here.
        perform(calls[handle]!.state.released(), handle, now: now)
    }

    /// Answers a challenge to a BYE, where it may be answered.
    private func answerByeChallenge(_ handle: SlabHandle, _ response: Message, isProxy: Bool, now: Instant) -> Bool {
        let slot = calls[handle]!.slot
        guard calls[handle]!.state == .ending, let before = calls[handle]!.dialog,
            judgeChallenge(
                response, isProxy: isProxy, of: handle, inDialogTo: destination(of: before, slot)) == .answer,
            let sequence = calls[handle]!.dialog?.nextSequence(), let dialog = calls[handle]!.dialog
        else { return false }
        sendBye(slot, dialog, sequence: sequence, owner: .bye(handle), now: now)
        return true
    }

    func byeUnanswered(_ handle: SlabHandle, fault: TransportFault, now: Instant) {
        guard calls.contains(handle), calls[handle]!.state == .ending else { return }
        note(step: .bye, status: 0, fault: fault, calls[handle]!.slot, now: now)
        calls[handle]!.evidence.transportFault = fault
        calls[handle]!.fail(.teardownError)
        perform(calls[handle]!.state.released(), handle, now: now)
    }

    /// Where requests in a dialog go: by its routes on UDP, along the connection otherwise.
    func destination(of dialog: Dialog, _ slot: Int) -> TransportAddress {
        guard !endpoints[slot].transport.isReliable, let nextHop = dialog.nextHop else { return endpoints[slot].server }
        return nextHop
    }

    // MARK: Media

    /// What this side offers or answers with. An endpoint without media names the discard port and is inactive.
    func localAudio(_ handle: SlabHandle) -> LocalAudio {
        let slot = calls[handle]!.slot
        let identity = endpoints[slot].identity
        let rtp = identity.plan.mediaAddress ?? TransportAddress(ip: endpoints[slot].local.ip, port: 9)
        return LocalAudio(
            rtp: rtp, codecs: identity.plan.codecs,
            direction: direction(calls[handle]!.extras, identity),
            sessionID: UInt64(calls[handle]!.salt), version: calls[handle]!.sessionVersion)
    }

    /// On hold this side sends only, and nothing at all when the peer holds as well (RFC 3264 §8.4).
    private func direction(_ extras: CallExtras?, _ identity: EndpointIdentity) -> MediaDirection {
        guard identity.plan.mediaAddress != nil else { return .inactive }
        guard let extras, extras.isHolding else { return .sendReceive }
        return extras.isHeldByPeer ? .inactive : .sendOnly
    }

    /// Opens or changes the stream of a call; nothing for an endpoint without media.
    func openMedia(_ handle: SlabHandle, _ audio: NegotiatedAudio) {
        let identity = endpoints[calls[handle]!.slot].identity
        guard identity.plan.mediaAddress != nil else { return }
        let isOpen = calls[handle]!.stream == .open
        if isOpen, calls[handle]!.agreed == audio { return }
        calls[handle]!.agreed = audio
        outputs.append(
            isOpen ? .updateMedia(stream: identity.plan.stream, audio) : .openMedia(stream: identity.plan.stream, audio)
        )
        calls[handle]!.stream = .open
        if !isOpen { calls[handle]!.evidence.media = MediaResult(codec: audio.codec.name) }
    }
}

extension AudioCodec {
    /// The codec's name in results.
    var name: String { encodingName.withUTF8Buffer { String(decoding: $0, as: UTF8.self) } }
}

extension Message {
    /// The session description in the body.
    func sessionDescription() throws(SDPError) -> SessionDescription {
        try SessionDescription(parsing: bytes(of: body))
    }
}
