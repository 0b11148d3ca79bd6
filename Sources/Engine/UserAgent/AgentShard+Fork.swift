// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics
import SIP

/// Answers of further branches of an INVITE, and answers that come when nobody waits for them any more.
extension AgentShard {
    /// A 2xx of another branch of a forking proxy: acknowledged and released at once; a copy of it gets the same ACK again
    /// (RFC 3261 §13.2.2.4).
    func releaseFork(_ handle: SlabHandle, _ response: Message, now: Instant) {
        let extras = extras(handle)
        let slot = calls[handle]!.slot
        let lines = calls[handle]!.credentialLines
        let sequence = calls[handle]!.sequence
        let tag = response.toTag.map { Array(response.bytes(of: $0)) } ?? []
        if let known = extras.releasedForks.first(where: { $0.tag == tag }) {
            return writeAcknowledgement(
                slot, known.dialog, branch: known.branch, sequence: sequence, credentialLines: lines)
        }
        guard extras.releasedForks.count < CallExtras.forkLimit,
            var dialog = Dialog(caller: response, fallbackTarget: calls[handle]!.target)
        else { return }
        if let place = extras.earlyDialog(tag) {
            extras.earlyDialogs[place].dialog.confirm(by: response, fallbackTarget: calls[handle]!.target)
            dialog = extras.earlyDialogs[place].dialog
        }
        let branch = freshBranch()
        extras.releasedForks.append(CallExtras.ReleasedFork(tag: tag, dialog: dialog, branch: branch))
        note(handle) { $0.forkedAnswers &+= 1 }
        writeAcknowledgement(slot, dialog, branch: branch, sequence: sequence, credentialLines: lines)
        let next = dialog.nextSequence()
        sendBye(slot, dialog, sequence: next, owner: .nobody, now: now)
    }

    /// Keeps the transaction of an INVITE that was given up for a 2xx that may still come.
    func awaitLateAnswers(_ invite: ClientTransactionID, now: Instant) {
        lateAnswers[invite] = timers.schedule(
            .lateAnswers(invite), at: now + configuration.timers.transactionTimeout)
    }

    /// Nobody is left to answer late.
    func dropLateAnswers() {
        for (invite, timer) in lateAnswers {
            timers.cancel(timer)
            layer.abandon(invite)
        }
        lateAnswers = [:]
    }

    /// A 2xx to an INVITE whose call is over, given up or long ended: the INVITE itself, which its transaction still keeps, says
    /// all that an ACK and a BYE need.
    func releaseLate(_ id: ClientTransactionID, _ response: Message, now: Instant) {
        guard let status = response.status, (200..<300).contains(status), let (invite, flow) = layer.sentRequest(id),
            let uri = invite.requestURI, let number = invite.cSeq?.number,
            let contact = invite.firstContact.flatMap({ invite.uri($0.uri) }),
            let slot = flows.slot(
                for: contact.user.map { invite.withBytes(of: $0) { FlowTable.hash($0) } }, on: flow),
            response.defect == nil, let callID = invite.callID, let answered = response.callID,
            invite.bytes(of: callID).elementsEqual(response.bytes(of: answered)),
            let dialog = Dialog(caller: response, fallbackTarget: Array(invite.bytes(of: uri)))
        else { return }
        var lines = MessageWriter(capacity: 256)
        lines.copy(.authorization, of: invite)
        lines.copy(.proxyAuthorization, of: invite)
        writeAcknowledgement(slot, dialog, branch: freshBranch(), sequence: number, credentialLines: lines.bytes)
        // Higher than whatever the call may have sent in this dialog. Copies of the 2xx are not answered again: the BYE ends them.
        sendBye(slot, dialog, sequence: number &+ Self.lateStep, owner: .nobody, now: now)
        if let timer = lateAnswers.removeValue(forKey: id) { timers.cancel(timer) }
        layer.abandon(id)
    }

    /// More than the requests that a call sends in its dialog.
    private static var lateStep: UInt32 { 100_000 }
}
