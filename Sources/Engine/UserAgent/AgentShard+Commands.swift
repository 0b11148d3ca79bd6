// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import Media
import RunMetrics
import SIP

extension AgentShard {
    /// Does what it is told, or plans it.
    public func perform(_ command: AgentCommand, now: Instant) {
        switch command {
        case .register(let endpoint, let at):
            guard let slot = slot(of: endpoint, for: command) else { return }
            planRegistration(slot, at: at, now: now)
        case .call(let endpoint, let target, let at):
            guard let slot = slot(of: endpoint, for: command) else { return }
            planCall(slot, target: target, at: at, now: now)
        case .hangUp(let endpoint):
            if let slot = slots[UInt64(endpoint)] { hangUp(slot, now: now) }
        case .finish(let endpoint):
            if let slot = slots[UInt64(endpoint)] { finish(slot, now: now) }
        case .finishAll(let deadline):
            for slot in endpoints.indices { finish(slot, now: now) }
            if let earlier = deadlineTimer { timers.cancel(earlier) }
            deadlineTimer = openEndpoints > 0 ? timers.schedule(.deadline, at: deadline) : nil
        case .hold(let endpoint):
            if let slot = slots[UInt64(endpoint)] { changeSession(slot, .hold, now: now) }
        case .resume(let endpoint):
            if let slot = slots[UInt64(endpoint)] { changeSession(slot, .resume, now: now) }
        case .refreshSession(let endpoint):
            if let slot = slots[UInt64(endpoint)] { changeSession(slot, .refresh, now: now) }
        case .transfer(let endpoint, let target):
            if let slot = slots[UInt64(endpoint)] { transfer(slot, to: target, now: now) }
        case .sendDigit(let endpoint, let digit):
            if let slot = slots[UInt64(endpoint)] { sendDigit(slot, digit, now: now) }
        case .abandon(let endpoint, let partner):
            guard let slot = slots[UInt64(endpoint)], endpoints[slot].stage != .closed else { return }
            endpoints[slot].outcome.worsen(to: .notAttempted)
            endpoints[slot].partner = partner
            finish(slot, now: now)
        }
    }

    /// The slot of an endpoint that can act now. A command to one whose connection is still being opened is kept for later.
    private func slot(of endpoint: UInt32, for command: AgentCommand) -> Int? {
        guard let slot = slots[UInt64(endpoint)], endpoints[slot].stage == .active else { return nil }
        guard endpoints[slot].path == .opening else { return slot }
        endpoints[slot].waiting.append(command)
        return nil
    }

    // MARK: Media

    /// The last report of a stream, after `closeMedia`.
    public func mediaReported(stream: UInt64, report: StreamReport, now: Instant) {
        guard let slot = streams[stream] else { return }
        noteDrops(report.droppedBySystem)
        for handle in [endpoints[slot].endedCall, endpoints[slot].referringCall, endpoints[slot].call] {
            guard let handle, calls[handle]?.stream == .closing else { continue }
            calls[handle]!.evidence.media?.fill(from: report)
            guard calls[handle]!.state == .ended else {
                // A call that waits for a transfer: its stream is closed, the call is not.
                calls[handle]!.stream = .none
                return
            }
            settleCall(handle, now: now)
            return
        }
    }

    // MARK: The end

    /// Ends an endpoint's call and registration; `closed` follows when both are over.
    func finish(_ slot: Int, now: Instant) {
        guard endpoints[slot].stage == .active else { return }
        endpoints[slot].stage = .finishing
        endpoints[slot].waiting = []
        if !plannedCalls.isEmpty { dropPlannedCalls(slot) }
        let registration = endpoints[slot].registration
        if registration.state == .idle, endpoints[slot].plan.registers {
            if let timer = registration.timer { timers.cancel(timer) }
            endpoints[slot].outcome.worsen(to: .notAttempted)
        }
        hangUp(slot, now: now)
        stopWaitingForServers(slot, now: now)
        continueClosing(slot, now: now)
    }

    /// Takes the next step of an endpoint's end, when nothing is being waited for.
    func continueClosing(_ slot: Int, now: Instant) {
        guard endpoints[slot].stage == .finishing, endpoints[slot].call == nil, endpoints[slot].endedCall == nil,
            endpoints[slot].referringCall == nil
        else { return }
        switch endpoints[slot].registration.state {
        case .clearing, .registering, .refreshing, .unregistering:
            return
        case .waiting:
            stopWaiting(slot, now: now)
        case .registered:
            // A connection that is being opened again leads to the un-REGISTER, or to its failure.
            guard endpoints[slot].path != .opening else { return }
            guard endpoints[slot].path == .open else {
                endpoints[slot].evidence.unregistered = false
                return close(slot)
            }
            advancePhase(slot, to: .disconnecting)
            unregister(slot, now: now)
        case .idle, .ended:
            close(slot)
        }
    }

    /// The shard's deadline has come: what is still open is closed as it stands.
    func closeAll(now: Instant) {
        for slot in endpoints.indices where endpoints[slot].stage == .finishing {
            for handle in [endpoints[slot].call, endpoints[slot].referringCall, endpoints[slot].endedCall] {
                guard let handle, calls.contains(handle) else { continue }
                calls[handle]!.fail(.teardownError)
                dropInvite(handle, now: now)
                if calls[handle]!.state.giveUp() == .end { endCall(handle, now: now) }
                forgetCall(handle)
            }
            let registration = endpoints[slot].registration
            if registration.isBound || registration.isUnregistering { window.registered &-= 1 }
            if let transaction = registration.transaction {
                layer.abandon(transaction)
                endpoints[slot].outcome.worsen(to: .teardownError)
            }
            if endpoints[slot].evidence.registeredAt != nil, endpoints[slot].evidence.unregistered == nil {
                endpoints[slot].evidence.unregistered = false
            }
            close(slot)
        }
    }

    /// Ends the INVITE transaction of a call that is cut off: one that rings has no timer of its own, here or at the other side.
    private func dropInvite(_ handle: SlabHandle, now: Instant) {
        switch calls[handle]!.state {
        case .inviting, .proceeding, .cancelRequested, .cancelling:
            if let invite = calls[handle]!.invite { layer.abandon(invite) }
        case .ringing:
            if let server = calls[handle]!.server {
                layer.respond(server, status: 480, toTag: tag(of: handle), now: now)
                calls[handle]!.server = nil
            }
        default: break
        }
    }

    private func close(_ slot: Int) {
        guard endpoints[slot].stage != .closed else { return }
        if let timer = endpoints[slot].registration.timer { timers.cancel(timer) }
        endpoints[slot].registration.timer = nil
        if !plannedCalls.isEmpty { dropPlannedCalls(slot) }
        advancePhase(slot, to: .closed)
        endpoints[slot].stage = .closed
        openEndpoints -= 1
        if openEndpoints == 0, let deadline = deadlineTimer {
            timers.cancel(deadline)
            deadlineTimer = nil
        }
        if openEndpoints == 0 { dropLateAnswers() }
        noteLeftover(slot)
        noteWarnings(slot)
        emit(.closed(endpoints[slot].result(path: leavePath(slot))))
        endpoints[slot].evidence = RegistrationEvidence()
        endpoints[slot].calls = []
        endpoints[slot].steps = nil
    }

    /// Keeps the Contact of a binding that nobody removed, for its account's next use (D5).
    private func noteLeftover(_ slot: Int) {
        guard endpoints[slot].evidence.registeredAt != nil, endpoints[slot].evidence.unregistered != true else {
            endpoints[slot].evidence.boundUntil = nil
            return
        }
        endpoints[slot].evidence.boundContact = String(decoding: contact(of: slot), as: UTF8.self)
    }

    /// The Contact of an endpoint exactly as it is registered.
    func contact(of slot: Int) -> [UInt8] {
        var contact = ByteWriter(capacity: 64)
        contact.appendContact(endpoints[slot], at: contactAddress(slot))
        return contact.bytes
    }
}
