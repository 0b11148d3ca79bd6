// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Media
import RunMetrics
import SIP

extension AgentShard {
    /// Makes the call of an endpoint that has none.
    func insertCall(_ slot: Int, target: CallTarget, at: Instant) -> SlabHandle {
        let uri =
            switch target {
            case .uri(let uri): uri
            }
        let salt = UInt32(truncatingIfNeeded: random.next())
        var call = Call(
            slot: slot, role: .caller, target: String(decoding: uri, as: UTF8.self), state: .due, salt: salt)
        call.target = uri
        call.callID = (random.next(), random.next())
        call.evidence.scheduledAt = elapsed(at)
        let handle = calls.insert(call)
        endpoints[slot].call = handle
        prepareCredentials(of: handle)
        return handle
    }

    /// Sends the INVITE of a call when its time comes.
    func startCall(_ handle: SlabHandle, at: Instant, now: Instant) {
        let slot = calls[handle]!.slot
        if at <= now, calls[handle]!.evidence.invitedAt == nil, calls[handle]!.serversTried == 0 {
            noteLateness(slot, intended: calls[handle]!.evidence.scheduledAt, now: now)
        }
        if at <= now, let fault = endpoints[slot].path.fault { return loseCall(slot, fault: fault, now: now) }
        guard at <= now else { return setTimer(handle, at: at) }
        if endpoints[slot].path == .open { sendInvite(handle, now: now) }
    }

    // MARK: Answers to the INVITE

    func receiveInviteResponse(_ handle: SlabHandle, _ id: ClientTransactionID, _ response: Message, now: Instant) {
        guard let status = response.status else { return }
        guard calls.contains(handle), calls[handle]!.invite == id else {
            return releaseLate(id, response, now: now)
        }
        switch status {
        case ..<200: receiveProvisional(handle, id, response, status: status, now: now)
        case 200..<300: receiveSuccess(handle, response, now: now)
        case 401, 407: receiveChallenge(handle, response, isProxy: status == 407, now: now)
        case 422 where lengthensInterval(handle, response):
            if calls[handle]!.state.receiveChallenge() == .inviteAgain { return sendInvite(handle, now: now) }
            if calls[handle]!.state == .ended { endRefused(handle, response, now: now) }
        default: receiveRefusal(handle, response, now: now)
        }
    }

    private func receiveProvisional(
        _ handle: SlabHandle, _ id: ClientTransactionID, _ response: Message, status: UInt16, now: Instant
    ) {
        if calls[handle]!.state.receiveProvisional() == .cancel { layer.cancel(id, now: now) }
        if status > 100, !response.body.isEmpty || response.reliableSequence != nil {
            guard receiveEarly(handle, response, now: now) else { return }
        }
        if status > 100, calls[handle]!.evidence.progressedAt == nil {
            calls[handle]!.evidence.progressedAt = elapsed(now)
        }
        guard status == 180 || (status == 183 && response.hasSDP), calls[handle]!.evidence.ringingAt == nil else {
            return
        }
        calls[handle]!.evidence.ringingAt = elapsed(now)
        let slot = calls[handle]!.slot
        notePostDialDelay(slot, calls[handle]!.evidence)
        advancePhase(slot, to: .ringing)
        emit(.ringing(endpoint: endpoints[slot].plan.index))
    }

    private func receiveSuccess(_ handle: SlabHandle, _ response: Message, now: Instant) {
        // One that was damaged on its way makes no dialog; it comes again until it is acknowledged.
        guard response.defect == nil, calls[handle]!.hasCallID(of: response) else { return }
        if let dialog = calls[handle]!.dialog, !dialog.isAnswered(by: response) {
            return releaseFork(handle, response, now: now)
        }
        let action = calls[handle]!.state.receiveSuccess()
        switch action {
        case .acknowledge:
            sendAcknowledgement(handle)
        case .acknowledgeAndTalk, .acknowledgeAndRelease:
            calls[handle]!.evidence.note(final: response, texts: &texts)
            calls[handle]!.evidence.answeredAt = elapsed(now)
            noteSetupTime(calls[handle]!.slot, calls[handle]!.evidence)
            confirmDialog(handle, response)
            advancePhase(calls[handle]!.slot, to: .negotiating)
            sendAcknowledgement(handle)
            if action == .acknowledgeAndRelease {
                release(handle, now: now)
            } else {
                startTalking(handle, answer: response, now: now)
            }
        default:
            break
        }
    }

    /// Makes the dialog of the 2xx, out of its early one where there is one.
    private func confirmDialog(_ handle: SlabHandle, _ response: Message) {
        let target = calls[handle]!.target
        if let extras = calls[handle]!.extras,
            let place = extras.earlyDialog(response.toTag.map { Array(response.bytes(of: $0)) })
        {
            extras.earlyDialogs[place].dialog.confirm(by: response, fallbackTarget: target)
            calls[handle]!.dialog = extras.earlyDialogs[place].dialog
        } else {
            calls[handle]!.dialog = Dialog(caller: response, fallbackTarget: target)
        }
    }

    /// What was agreed in the 2xx, or in a provisional response of the same branch when the 2xx does not repeat it.
    private func agreedAudio(_ handle: SlabHandle, _ answer: Message) throws(SDPError) -> NegotiatedAudio {
        if !answer.hasSDP, let extras = calls[handle]!.extras,
            let place = extras.earlyDialog(answer.toTag.map { Array(answer.bytes(of: $0)) }),
            let audio = extras.earlyDialogs[place].answer
        {
            return audio
        }
        guard answer.hasSDP else { throw .notASessionDescription }
        return try answer.sessionDescription().negotiate(asAnswerTo: localAudio(handle))
    }

    private func startTalking(_ handle: SlabHandle, answer: Message, now: Instant) {
        let slot = calls[handle]!.slot
        do throws(SDPError) {
            openMedia(handle, try agreedAudio(handle, answer))
        } catch {
            return endUnnegotiated(handle, error, now: now)
        }
        setTimer(handle, at: endpoints[slot].plan.talkTime.map { now + $0 })
        if endpoints[slot].plan.sessionTimer != nil || answer.first(.sessionExpires) != nil {
            followTimer(handle, answer, now: now)
        }
        // Early dialogs of other branches end with this answer (RFC 3261 §13.2.2.4).
        calls[handle]!.extras?.earlyDialogs = []
        establish(handle, now: now)
        continueChanges(handle, now: now)
    }

    private func receiveChallenge(_ handle: SlabHandle, _ response: Message, isProxy: Bool, now: Instant) {
        let challenges = response.challenges(isProxy ? .proxyAuthenticate : .wwwAuthenticate)
        calls[handle]!.evidence.note(challenges: challenges, texts: &texts)
        let verdict = judgeChallenge(response, isProxy: isProxy, of: handle)
        guard verdict == .answer else { return receiveRefusal(handle, response, now: now) }
        switch calls[handle]!.state.receiveChallenge() {
        case .inviteAgain: sendInvite(handle, now: now)
        case .end: endRefused(handle, response, now: now)
        default: break
        }
    }

    private func receiveRefusal(_ handle: SlabHandle, _ response: Message, now: Instant) {
        if response.status == 503, response.retryAfter == nil,
            invitesElsewhere(handle, after: .status(503), now: now)
        {
            return
        }
        if calls[handle]!.state.receiveRefusal() == .end { endRefused(handle, response, now: now) }
    }

    private func endRefused(_ handle: SlabHandle, _ response: Message, now: Instant) {
        note(step: .invite, status: response.status ?? 0, calls[handle]!.slot, now: now)
        calls[handle]!.evidence.note(final: response, texts: &texts)
        calls[handle]!.evidence.refusedAt = elapsed(now)
        calls[handle]!.fail(.callFailed)
        endCall(handle, now: now)
    }

    func inviteUnanswered(_ handle: SlabHandle, _ id: ClientTransactionID, fault: TransportFault, now: Instant) {
        guard calls.contains(handle), calls[handle]!.invite == id else { return }
        if invitesElsewhere(handle, after: .fault(fault), now: now) { return }
        guard calls[handle]!.state.receiveRefusal() == .end else { return }
        calls[handle]!.evidence.transportFault = fault
        note(step: .invite, status: 0, fault: fault, calls[handle]!.slot, now: now)
        calls[handle]!.fail(fault == .silence ? .timeout : .callFailed)
        endCall(handle, now: now)
    }

    // MARK: Sending

    /// Writes and sends the INVITE, the first time or again with credentials.
    func sendInvite(_ handle: SlabHandle, now: Instant) {
        let slot = calls[handle]!.slot
        let id = layer.openRequest()
        let start = layer.writer.output.count
        calls[handle]!.sequence += 1
        writeInvite(handle, slot, branch: layer.branch(of: id))
        var body = ByteWriter(capacity: 256)
        SessionDescription.writeOffer(localAudio(handle), into: &body)
        let offer = body.bytes
        let credentialStart = layer.writer.output.count
        let target = calls[handle]!.target
        let hasCredentials = writeCredentials(
            of: handle, .invite, uri: target, body: offer, destination: endpoints[slot].server)
        calls[handle]!.credentialLines = layer.writer.output.copy(from: credentialStart)
        layer.writer.finish(contentType: "application/sdp", body: offer)

        calls[handle]!.state.invited()
        calls[handle]!.invite = id
        if hasCredentials { calls[handle]!.evidence.credentialsSent = true }
        if calls[handle]!.evidence.invitedAt == nil {
            calls[handle]!.evidence.invitedAt = elapsed(now)
            tallies[endpoints[slot].group].callsStarted += 1
            advancePhase(slot, to: .calling)
        }
        calls[handle]!.evidence.lastInvitedAt = elapsed(now)
        if calls[handle]!.timer == nil { setTimer(handle, at: now + endpoints[slot].plan.ringTimeout) }
        send(id, .invite, from: start, owner: .invite(handle), slot, now: now)
    }

    /// An INVITE that nobody answered goes to the next server as a new transaction (RFC 3263 §4.3); false when there is none.
    private func invitesElsewhere(_ handle: SlabHandle, after failure: ServerFailure, now: Instant) -> Bool {
        let slot = calls[handle]!.slot
        guard calls[handle]!.state == .inviting, calls[handle]!.serversTried < endpoints[slot].plan.fallbacks.count
        else { return false }
        calls[handle]!.serversTried += 1
        calls[handle]!.invite = nil
        calls[handle]!.state = .due
        setTimer(handle, at: nil)
        let isMoved =
            switch failure {
            case .fault(let fault): goesElsewhere(slot, fault: fault, now: now)
            case .status: nextServer(slot, after: failure, now: now)
            }
        if isMoved {
            if endpoints[slot].path == .open { resumeCall(slot, now: now) }
        } else if calls[handle]?.state == .due {
            calls[handle]!.state = .inviting
        }
        return isMoved
    }

    /// The way to the server is there: a call that waited for it begins.
    func resumeCall(_ slot: Int, now: Instant) {
        guard let handle = endpoints[slot].call, let call = calls[handle], call.state == .due, call.timer == nil,
            endpoints[slot].stage == .active
        else { return }
        sendInvite(handle, now: now)
    }

    private func writeInvite(_ handle: SlabHandle, _ slot: Int, branch: Branch) {
        let identity = endpoints[slot].identity
        let target = calls[handle]!.target
        layer.writer.requestLine(.invite, uri: target)
        layer.writer.via(endpoints[slot].transport, sentBy: endpoints[slot].local, branch: branch)
        layer.writer.header(.maxForwards, decimal: MessageWriter.maxForwards)
        layer.writer.beginHeader(.from)
        layer.writer.output.appendAddressOfRecord(identity)
        layer.writer.output.append(";tag=")
        layer.writer.output.append(DialogTag(handle: handle, salt: calls[handle]!.salt).bytes)
        layer.writer.endLine()
        layer.writer.beginHeader(.to)
        layer.writer.output.append(0x3C)
        layer.writer.output.append(target)
        layer.writer.output.append(0x3E)
        layer.writer.endLine()
        layer.writer.callID(calls[handle]!.callID)
        layer.writer.cSeq(calls[handle]!.sequence, .invite)
        writeContact(slot)
        layer.writer.header(.allow, Self.allowed)
        writeExtensions(handle, identity.plan)
        writeUserAgent(slot)
        writeExtraHeaders(slot)
    }

    /// Sends the ACK to the 2xx, byte by byte the same each time (RFC 3261 §13.2.2.4).
    private func sendAcknowledgement(_ handle: SlabHandle) {
        if calls[handle]!.acknowledgement == nil { calls[handle]!.acknowledgement = freshBranch() }
        guard let dialog = calls[handle]!.dialog, let branch = calls[handle]!.acknowledgement else { return }
        writeAcknowledgement(
            calls[handle]!.slot, dialog, branch: branch, sequence: calls[handle]!.sequence,
            credentialLines: calls[handle]!.credentialLines)
    }

    /// Writes the ACK to a 2xx of an INVITE with this number and these credentials.
    func writeAcknowledgement(
        _ slot: Int, _ dialog: Dialog, branch: Branch, sequence: UInt32, credentialLines: [UInt8]
    ) {
        let start = layer.writer.output.count
        dialog.begin(
            .ack, sequence: sequence, transport: endpoints[slot].transport, sentBy: endpoints[slot].local,
            branch: branch,
            into: &layer.writer)
        // Where the server keeps out of the dialog the ACK goes to the peer, which must not see credentials meant for the server.
        let destination = destination(of: dialog, slot)
        if destination == endpoints[slot].server { layer.writer.output.append(credentialLines) }
        layer.writer.finish()
        layer.subject = subject(slot)
        layer.transmit(from: start, flow: endpoints[slot].flow, destination: destination)
    }

    /// A branch for a request without a transaction.
    func freshBranch() -> Branch {
        let id = layer.openRequest()
        defer { layer.abandon(id) }
        return layer.branch(of: id)
    }
}
