// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Media
import RunMetrics
import SIP

/// Changes of an established session: hold, resume and refresh, of this side and of the peer.
extension AgentShard {
    // MARK: Own changes

    /// Changes the session of an endpoint's call.
    func changeSession(_ slot: Int, _ change: CallExtras.Change, now: Instant) {
        guard let handle = endpoints[slot].call, calls.contains(handle) else { return }
        self.change(handle, change, now: now)
    }

    /// Changes a session now, or as soon as nothing else is under way.
    func change(_ handle: SlabHandle, _ change: CallExtras.Change, now: Instant) {
        let extras = extras(handle)
        // A refresh is contained in every other change.
        if change != .refresh || extras.wanted == nil { extras.wanted = change }
        continueChanges(handle, now: now)
    }

    /// Begins the change that waits, when it need not wait any more.
    func continueChanges(_ handle: SlabHandle, now: Instant) {
        guard let extras = calls[handle]?.extras, let change = extras.wanted, extras.retryAt == nil,
            calls[handle]!.state == .established, calls[handle]!.dialog != nil, extras.change.begin()
        else { return }
        extras.wanted = nil
        let lines = timerLines(handle)
        if change == .refresh, extras.peerAllowsUpdate {
            sendRequest(handle, .update, .change(.refresh), lines: lines, now: now)
        } else {
            if change != .refresh {
                extras.isHolding = change == .hold
                calls[handle]!.sessionVersion += 1
            }
            var body = ByteWriter(capacity: 256)
            SessionDescription.writeOffer(localAudio(handle), into: &body)
            // Ringing is no answer to a re-INVITE: what is not answered in twice the usual time never is.
            extras.changeEnd = now + configuration.timers.transactionTimeout * 2
            sendRequest(handle, .invite, .change(change), lines: lines, body: body.bytes, now: now)
        }
        scheduleExtras(handle)
    }

    /// The final response to our re-INVITE or UPDATE came.
    func changeAnswered(
        _ handle: SlabHandle, _ request: CallExtras.Request, _ change: CallExtras.Change, _ response: Message,
        status: UInt16, now: Instant
    ) {
        let extras = extras(handle)
        let isSuccess = status < 300
        if isSuccess, request.method == .invite {
            let known = CallExtras.Acknowledged(
                id: request.id, sequence: request.sequence, branch: freshBranch(),
                credentialLines: request.credentialLines)
            extras.acknowledged = known
            if calls[handle]!.dialog?.isAnswered(by: response) ?? false {
                calls[handle]!.dialog?.refreshTarget(from: response)
            }
            acknowledgeChange(handle, known)
        }
        finishChange(handle, change, succeeded: isSuccess, now: now)
        guard calls[handle]!.state == .established else { return }
        switch status {
        case ..<300: changeSucceeded(handle, request, change, response, now: now)
        case 491:
            note(handle) { $0.glares &+= 1 }
            if extras.wanted == nil { extras.wanted = change }
            extras.retryAt = now + retryDelay(handle)
        case 422:
            guard let minimum = response.minimumSessionExpires, minimum > extras.interval else { break }
            extras.minimum = minimum
            extras.interval = minimum
            self.change(handle, change, now: now)
        case 405, 501:
            guard request.method == .update else { break }
            extras.peerAllowsUpdate = false
            self.change(handle, change, now: now)
        case 408, 481: return endIfUnknown(handle, status: status, now: now)
        default: break
        }
        continueChanges(handle, now: now)
        scheduleExtras(handle)
    }

    /// Nobody is changing the session any more; a hold that failed is none.
    private func finishChange(_ handle: SlabHandle, _ change: CallExtras.Change, succeeded: Bool, now: Instant) {
        let extras = extras(handle)
        extras.change.finished()
        extras.changeEnd = nil
        switch change {
        case .hold where succeeded: extras.heldSince = extras.heldSince ?? now
        case .resume where succeeded: noteHoldTime(handle, now: now)
        case .hold, .resume: extras.isHolding = extras.heldSince != nil
        case .refresh: break
        }
    }

    private func changeSucceeded(
        _ handle: SlabHandle, _ request: CallExtras.Request, _ change: CallExtras.Change, _ response: Message,
        now: Instant
    ) {
        note(handle) { features in
            if request.method == .update { features.updatesSent &+= 1 } else { features.reinvitesSent &+= 1 }
            if change == .hold { features.holds &+= 1 }
            if change == .refresh { features.sessionRefreshes &+= 1 }
        }
        followTimer(handle, response, now: now)
        guard !request.body.isEmpty, calls[handle]!.dialog?.isAnswered(by: response) ?? false else { return }
        takeAnswer(handle, in: response, now: now)
    }

    /// The answer to a change that we offered; without one that fits, the call ends.
    private func takeAnswer(_ handle: SlabHandle, in message: Message, now: Instant) {
        do throws(SDPError) {
            guard message.hasSDP else { throw .notASessionDescription }
            let audio = try message.sessionDescription().negotiate(asAnswerTo: localAudio(handle))
            openMedia(handle, audio)
            noteHoldByPeer(handle, audio)
        } catch {
            endUnnegotiated(handle, error, now: now)
        }
    }

    /// Hangs up because the session descriptions do not fit.
    func endUnnegotiated(_ handle: SlabHandle, _ error: SDPError, now: Instant) {
        calls[handle]!.evidence.negotiationProblem = error.description
        calls[handle]!.fail(.negotiationFailed)
        perform(calls[handle]!.state.hangUp(), handle, now: now)
    }

    /// Our change was never answered: as with 408, the dialog is ended (RFC 3261 §14.1, §12.2.1.2).
    func changeUnanswered(_ handle: SlabHandle, now: Instant) {
        let extras = extras(handle)
        for request in extras.requests {
            guard case .change(let change) = request.purpose else { continue }
            layer.abandon(request.id)
            _ = extras.remove(request.id)
            finishChange(handle, change, succeeded: false, now: now)
        }
        extras.change.finished()
        extras.changeEnd = nil
        guard calls[handle]!.state == .established else { return }
        calls[handle]!.fail(.timeout)
        perform(calls[handle]!.state.hangUp(), handle, now: now)
    }

    /// Sends the ACK to the 2xx of a re-INVITE, the same each time.
    func acknowledgeChange(_ handle: SlabHandle, _ known: CallExtras.Acknowledged) {
        guard let dialog = calls[handle]!.dialog else { return }
        writeAcknowledgement(
            calls[handle]!.slot, dialog, branch: known.branch, sequence: known.sequence,
            credentialLines: known.credentialLines)
    }

    /// After 491 the owner of the Call-ID waits 2.1 to 4 s, the other side up to 2 s, in steps of 10 ms (RFC 3261 §14.1).
    private func retryDelay(_ handle: SlabHandle) -> Interval {
        let chance = random.next()
        let steps = calls[handle]!.evidence.role == .caller ? 210 + chance % 191 : chance % 201
        return .milliseconds(Int(steps) * 10)
    }

    // MARK: Changes of the peer

    /// The peer changes the session: hold, resume, another address, or a refresh (RFC 3261 §14.2).
    func receiveReinvite(_ id: ServerTransactionID, _ request: Message, _ handle: SlabHandle, now: Instant) {
        guard calls[handle]!.state == .established, calls[handle]!.server == nil else {
            return refuseRequest(id, status: calls[handle]!.extras == nil ? 491 : busyStatus(handle), now: now)
        }
        guard request.body.isEmpty || request.hasSDP else { return refuseRequest(id, status: 415, now: now) }
        guard !refusesInterval(request, id, handle, now: now) else { return }
        let extras = extras(handle)
        switch extras.change.receiveInvite(hasOffer: !request.body.isEmpty) {
        case .accept: break
        case .glare:
            note(handle) { $0.glares &+= 1 }
            return refuseRequest(id, status: 491, now: now)
        case .tooEarly: return refuseRequest(id, status: 500, now: now)
        }
        calls[handle]!.sessionVersion += 1
        var body = ByteWriter(capacity: 256)
        do throws(SDPError) {
            if request.body.isEmpty {
                SessionDescription.writeOffer(localAudio(handle), into: &body)
            } else {
                let audio = try request.sessionDescription().writeAnswer(localAudio(handle), into: &body)
                openMedia(handle, audio)
                noteHoldByPeer(handle, audio)
            }
        } catch {
            calls[handle]!.sessionVersion -= 1
            extras.change.refused()
            return refuseRequest(id, status: 488, now: now)
        }
        calls[handle]!.dialog?.refreshTarget(from: request)
        calls[handle]!.server = id
        layer.assign(owner: Owner.invite(handle).raw, to: id)
        note(handle) {
            $0.reinvitesReceived &+= 1
            if request.first(.sessionExpires) != nil { $0.sessionRefreshes &+= 1 }
        }
        let lines = agreeOnTimer(handle, request, now: now)
        respondWithSession(id, calls[handle]!.slot, tag: tag(of: handle), lines: lines, body: body.bytes, now: now)
    }

    /// A second re-INVITE before the first one's ACK is too early; one before the call's own ACK meets that call's INVITE.
    private func busyStatus(_ handle: SlabHandle) -> UInt16 { calls[handle]!.state == .established ? 500 : 491 }

    /// UPDATE: a refresh without a description, a change with one (RFC 3311 §5.2).
    func receiveUpdate(_ id: ServerTransactionID, _ request: Message, _ handle: SlabHandle, now: Instant) {
        guard request.body.isEmpty || request.hasSDP else { return refuseRequest(id, status: 415, now: now) }
        guard !refusesInterval(request, id, handle, now: now) else { return }
        var body = ByteWriter(capacity: 256)
        if !request.body.isEmpty {
            switch updateVerdict(handle, request) {
            case .accept: break
            case .glare:
                note(handle) { $0.glares &+= 1 }
                return refuseRequest(id, status: 491, now: now)
            case .tooEarly: return refuseRequest(id, status: 500, now: now)
            }
            calls[handle]!.sessionVersion += 1
            do throws(SDPError) {
                let audio = try request.sessionDescription().writeAnswer(localAudio(handle), into: &body)
                openMedia(handle, audio)
                noteHoldByPeer(handle, audio)
            } catch {
                calls[handle]!.sessionVersion -= 1
                return refuseRequest(id, status: 488, now: now)
            }
        }
        calls[handle]!.dialog?.refreshTarget(from: request)
        note(handle) {
            $0.updatesReceived &+= 1
            if request.first(.sessionExpires) != nil { $0.sessionRefreshes &+= 1 }
        }
        let lines = agreeOnTimer(handle, request, now: now)
        guard let start = layer.beginResponse(id, status: 200, toTag: nil) else { return }
        writeContact(calls[handle]!.slot)
        layer.writer.header(.allow, Self.allowed)
        layer.writer.output.append(lines)
        if body.bytes.isEmpty {
            layer.writer.finish()
        } else {
            layer.writer.finish(contentType: "application/sdp", body: body.bytes)
        }
        layer.respond(id, status: 200, from: start, now: now)
    }

    /// Whether an offer may come in an UPDATE now.
    private func updateVerdict(_ handle: SlabHandle, _ request: Message) -> SessionChange.Verdict {
        let call = calls[handle]!
        switch call.state {
        case .established: return extras(handle).change.receiveUpdate()
        case .answered: return call.offersInAnswer ? .tooEarly : .accept
        // The INVITE's own offer must have been answered reliably before (RFC 3311 §5.1).
        case .ringing: return call.extras?.hasAnsweredEarly ?? false ? .accept : .tooEarly
        default:
            let tag = request.fromTag.map { Array(request.bytes(of: $0)) }
            guard let extras = call.extras, let place = extras.earlyDialog(tag) else { return .glare }
            return extras.earlyDialogs[place].isAnsweredReliably ? .accept : .glare
        }
    }

    /// The ACK to a re-INVITE's 200 came; with the answer when the 200 made the offer.
    func changeAcknowledged(_ handle: SlabHandle, _ request: Message, now: Instant) {
        guard let extras = calls[handle]!.extras else { return }
        if extras.change.acknowledged(), calls[handle]!.state == .established {
            takeAnswer(handle, in: request, now: now)
        }
        continueChanges(handle, now: now)
    }

    // MARK: Hold

    private func noteHoldByPeer(_ handle: SlabHandle, _ audio: NegotiatedAudio) {
        let extras = extras(handle)
        let isHeld = localAudio(handle).direction.sends && !audio.direction.sends
        if isHeld, !extras.isHeldByPeer { note(handle) { $0.holdsByPeer &+= 1 } }
        extras.isHeldByPeer = isHeld
    }

    /// A hold of this side ended, with the call at the latest.
    func noteHoldTime(_ handle: SlabHandle, now: Instant) {
        guard let extras = calls[handle]!.extras, let since = extras.heldSince else { return }
        extras.heldSince = nil
        note(handle) { $0.holdTime = $0.holdTime + (now - since) }
    }

    // MARK: Refusing

    /// Refuses a request within a dialog with what the status wants beside it.
    func refuseRequest(_ id: ServerTransactionID, status: UInt16, now: Instant) {
        guard let start = layer.beginResponse(id, status: status, toTag: nil) else { return }
        switch status {
        // Up to ten seconds (RFC 3261 §14.2, RFC 3311 §5.2).
        case 500: layer.writer.header(.retryAfter, decimal: random.next() % 11)
        case 415: layer.writer.header(.accept, "application/sdp")
        default: break
        }
        layer.writer.finish()
        layer.respond(id, status: status, from: start, now: now)
    }
}
