// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Media
import RunMetrics
import SIP

/// Requests of ours within a dialog: re-INVITE, UPDATE, PRACK, REFER, NOTIFY, INFO.
extension AgentShard {
    /// The rare state of a call, made when it is first needed.
    func extras(_ handle: SlabHandle) -> CallExtras {
        if let extras = calls[handle]!.extras { return extras }
        let extras = CallExtras()
        calls[handle]!.extras = extras
        return extras
    }

    /// Changes what is told of a call beside the plain call.
    func note(_ handle: SlabHandle, _ change: (inout CallFeatures) -> Void) {
        var features = calls[handle]!.evidence.features ?? CallFeatures()
        change(&features)
        calls[handle]!.evidence.features = features
    }

    /// Sets the timer of a call's rare state to what is due next.
    func scheduleExtras(_ handle: SlabHandle) {
        guard let extras = calls[handle]?.extras else { return }
        if let timer = extras.timerHandle { timers.cancel(timer) }
        let deadline = calls[handle]!.state == .ended ? nil : extras.deadline
        extras.timerHandle = deadline.map { timers.schedule(.callExtras(handle), at: $0) }
    }

    /// Something of a call's rare state is due.
    func extrasAreDue(_ handle: SlabHandle, now: Instant) {
        guard let extras = calls[handle]?.extras else { return }
        extras.timerHandle = nil
        // Each step may end the call; after a leap of the clock all of them are due at once.
        advanceProvisional(handle, now: now)
        guard calls.contains(handle) else { return }
        if let end = extras.changeEnd, end <= now { changeUnanswered(handle, now: now) }
        guard calls.contains(handle) else { return }
        if let retry = extras.retryAt, retry <= now {
            extras.retryAt = nil
            continueChanges(handle, now: now)
            guard calls.contains(handle) else { return }
        }
        switch extras.timer.advance(to: now) {
        case .none: break
        case .refresh: change(handle, .refresh, now: now)
        case .expire: sessionExpired(handle, now: now)
        }
        scheduleExtras(handle)
    }

    // MARK: Sending

    /// Sends a request within the call's dialog, or within the early one with `earlyTag`.
    func sendRequest(
        _ handle: SlabHandle, _ method: Method, _ purpose: CallExtras.Request.Purpose, lines: [UInt8] = [],
        body: [UInt8] = [], earlyTag: [UInt8]? = nil, isAgain: Bool = false, now: Instant
    ) {
        let extras = extras(handle)
        let slot = calls[handle]!.slot
        guard let (dialog, sequence) = nextRequest(handle, earlyTag: earlyTag) else { return }
        if !isAgain { calls[handle]!.authentication.begin() }
        let id = layer.openRequest()
        let start = layer.writer.output.count
        dialog.begin(
            method, sequence: sequence, transport: endpoints[slot].transport, sentBy: endpoints[slot].local,
            branch: layer.branch(of: id), into: &layer.writer)
        let credentialStart = layer.writer.output.count
        writeCredentials(
            of: handle, method, uri: Array(dialog.requestURI), body: body, destination: destination(of: dialog, slot))
        let credentialLines = layer.writer.output.copy(from: credentialStart)
        if method != .prack, method != .info { writeContact(slot) }
        if method == .invite || method == .update { layer.writer.header(.allow, Self.allowed) }
        layer.writer.output.append(lines)
        writeUserAgent(slot)
        switch purpose {
        case _ where body.isEmpty: layer.writer.finish()
        case .notification: layer.writer.finish(contentType: "message/sipfrag;version=2.0", body: body)
        case .digit: layer.writer.finish(contentType: "application/dtmf-relay", body: body)
        default: layer.writer.finish(contentType: "application/sdp", body: body)
        }
        extras.requests.append(
            CallExtras.Request(
                id: id, method: method, purpose: purpose, lines: lines, body: body, earlyTag: earlyTag,
                sequence: sequence, credentialLines: credentialLines))
        send(
            id, method, from: start, owner: .dialogRequest(handle), slot, destination: destination(of: dialog, slot),
            now: now)
    }

    /// The dialog and the number of the next request in it.
    private func nextRequest(_ handle: SlabHandle, earlyTag: [UInt8]?) -> (Dialog, UInt32)? {
        if let extras = calls[handle]!.extras, let place = extras.earlyDialog(earlyTag) {
            let sequence = extras.earlyDialogs[place].dialog.nextSequence()
            return (extras.earlyDialogs[place].dialog, sequence)
        }
        guard let sequence = calls[handle]!.dialog?.nextSequence(), let dialog = calls[handle]!.dialog else {
            return nil
        }
        return (dialog, sequence)
    }

    private func dialog(_ handle: SlabHandle, earlyTag: [UInt8]?) -> Dialog? {
        if let extras = calls[handle]!.extras, let place = extras.earlyDialog(earlyTag) {
            return extras.earlyDialogs[place].dialog
        }
        return calls[handle]!.dialog
    }

    // MARK: Answers

    /// A response to a request within a dialog came.
    func receiveDialogResponse(_ handle: SlabHandle, _ id: ClientTransactionID, _ response: Message, now: Instant) {
        guard let extras = calls[handle]?.extras, let status = response.status, status >= 200 else { return }
        guard let request = extras.remove(id) else {
            if let known = extras.acknowledged, known.id == id { acknowledgeChange(handle, known) }
            return
        }
        if status == 401 || status == 407, let dialog = dialog(handle, earlyTag: request.earlyTag),
            judgeChallenge(
                response, isProxy: status == 407, of: handle,
                inDialogTo: destination(of: dialog, calls[handle]!.slot)) == .answer
        {
            return sendRequest(
                handle, request.method, request.purpose, lines: request.lines, body: request.body,
                earlyTag: request.earlyTag, isAgain: true, now: now)
        }
        switch request.purpose {
        case .change(let change): changeAnswered(handle, request, change, response, status: status, now: now)
        case .transfer: transferAnswered(handle, status: status)
        case .acknowledgement where status < 300: note(handle) { $0.reliableProvisionals &+= 1 }
        case .digit where status < 300: note(handle) { $0.infosSent &+= 1 }
        case .acknowledgement, .digit, .notification: endIfUnknown(handle, status: status, now: now)
        }
    }

    /// No final response came to a request within a dialog, or it could not be sent.
    func dialogRequestFailed(_ handle: SlabHandle, _ id: ClientTransactionID, now: Instant) {
        guard let extras = calls[handle]?.extras, let request = extras.remove(id) else { return }
        switch request.purpose {
        case .change: changeUnanswered(handle, now: now)
        case .transfer: transferAnswered(handle, status: 408)
        case .acknowledgement, .digit, .notification: break
        }
    }

    /// 481 and 408 say that the peer has no such dialog: what is left is to end it here (RFC 3261 §12.2.1.2).
    func endIfUnknown(_ handle: SlabHandle, status: UInt16, now: Instant) {
        guard status == 481 || status == 408, calls[handle]!.state == .established else { return }
        calls[handle]!.fail(.callFailed)
        perform(calls[handle]!.state.hangUp(), handle, now: now)
    }

    // MARK: Digits

    /// Sends a DTMF digit in an INFO.
    func sendDigit(_ slot: Int, _ digit: UInt8, now: Instant) {
        guard let handle = endpoints[slot].call, calls[handle]?.state == .established,
            "0123456789ABCD*#".utf8.contains(digit)
        else { return }
        var body = ByteWriter(capacity: 32)
        body.append("Signal=")
        body.append(digit)
        body.append("\r\nDuration=160\r\n")
        sendRequest(handle, .info, .digit, body: body.bytes, now: now)
    }
}
