// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics
import SIP

extension AgentShard {
    func planRegistration(_ slot: Int, at: Instant, now: Instant) {
        guard endpoints[slot].registration.state == .idle, endpoints[slot].evidence.scheduledAt == nil else { return }
        endpoints[slot].evidence.scheduledAt = elapsed(at)
        window.registrationsStarted += 1
        if case .failed(let fault) = endpoints[slot].path {
            return fail(slot, fault: fault, now: now)
        }
        if at <= now { return beginRegistering(slot, now: now) }
        endpoints[slot].registration.timer = timers.schedule(.registration(slot: slot), at: at)
    }

    /// The first REGISTER or a refresh is due.
    func registrationIsDue(_ slot: Int, now: Instant) {
        endpoints[slot].registration.timer = nil
        guard endpoints[slot].stage == .active else { return }
        switch endpoints[slot].registration.state {
        case .idle: beginRegistering(slot, now: now)
        case .registered: sendRegister(slot, .bind, now: now)
        case .clearing, .registering, .refreshing, .unregistering, .ended: break
        }
    }

    private func beginRegistering(_ slot: Int, now: Instant) {
        sendRegister(slot, endpoints[slot].plan.staleContact == nil ? .bind : .clear, now: now)
    }

    /// Removes the binding (RFC 3261 §10.2.2): exactly our Contact with an expiry of 0.
    func unregister(_ slot: Int, now: Instant) {
        if let timer = endpoints[slot].registration.timer { timers.cancel(timer) }
        endpoints[slot].registration.timer = nil
        sendRegister(slot, .unbind, now: now)
    }

    // MARK: Answers

    func receiveRegisterResponse(_ slot: Int, _ id: ClientTransactionID, _ response: Message, now: Instant) {
        guard endpoints[slot].registration.transaction == id, let status = response.status else { return }
        let isUnregistering = endpoints[slot].registration.isUnregistering
        if endpoints[slot].evidence.firstResponseAt == nil, !endpoints[slot].registration.isClearing {
            endpoints[slot].evidence.firstResponseAt = elapsed(now)
        }
        guard status >= 200 else { return }
        let action: Registration.Action
        switch status {
        case 200..<300:
            action = acceptRegistration(slot, response, isUnregistering: isUnregistering, now: now)
        case 401, 407:
            action = challengeRegistration(slot, response, isProxy: status == 407)
        case 423:
            action = endpoints[slot].registration.tooBrief(minimum: response.minExpires)
        default:
            action = endpoints[slot].registration.refused(status: status)
        }
        if action != .send, action != .begin, !isUnregistering {
            endpoints[slot].evidence.note(final: response, texts: &texts)
        }
        perform(action, slot, now: now)
    }

    func registrationUnanswered(_ slot: Int, _ id: ClientTransactionID, fault: TransportFault, now: Instant) {
        guard endpoints[slot].registration.transaction == id else { return }
        fail(slot, fault: fault, now: now)
    }

    /// The flow of a registered endpoint is gone, and with it the way back to it.
    func loseRegistration(_ slot: Int, fault: TransportFault, now: Instant) {
        guard case .registered = endpoints[slot].registration.state, endpoints[slot].stage != .closed else { return }
        endpoints[slot].evidence.unregistered = false
        fail(slot, fault: fault, now: now)
    }

    private func fail(_ slot: Int, fault: TransportFault, now: Instant) {
        if !endpoints[slot].registration.isUnregistering { endpoints[slot].evidence.transportFault = fault }
        perform(endpoints[slot].registration.failed(), slot, now: now)
    }

    private func acceptRegistration(
        _ slot: Int, _ response: Message, isUnregistering: Bool, now: Instant
    ) -> Registration.Action {
        let nonce = response.nextNonce.map { response.bytes(of: $0) }
        guard !isUnregistering, !endpoints[slot].registration.isClearing else {
            return endpoints[slot].registration.accepted(expiresAt: now, nextNonce: nonce)
        }
        let bindings = bindings(slot, in: response)
        let granted = bindings.granted ?? response.expires ?? endpoints[slot].registration.expires
        endpoints[slot].evidence.grantedExpires = granted
        endpoints[slot].evidence.otherBindings = bindings.others
        return endpoints[slot].registration.accepted(
            expiresAt: now + .seconds(Int(granted)), nextNonce: nonce)
    }

    /// The lifetime of our Contact in a 200, and how many others there are.
    private func bindings(_ slot: Int, in response: Message) -> (granted: UInt32?, others: UInt16) {
        var granted: UInt32?
        var others: UInt16 = 0
        let local = endpoints[slot].local
        response.forEachContact { contact in
            guard case .address(let address, let expires, _)? = contact, let uri = response.uri(address.uri) else {
                return true
            }
            let isOurs =
                (uri.port ?? 5060) == local.port && response.ip(of: uri.host) == local.ip
                && uri.user.map { response.bytes(of: $0).elementsEqual(endpoints[slot].identity.contactUser) } ?? false
            if isOurs { granted = expires ?? response.expires } else { others &+= 1 }
            return true
        }
        return (granted, others)
    }

    private func challengeRegistration(_ slot: Int, _ response: Message, isProxy: Bool) -> Registration.Action {
        let challenges = response.challenges(isProxy ? .proxyAuthenticate : .wwwAuthenticate)
        let identity = endpoints[slot].identity
        let (action, verdict) = endpoints[slot].registration.challenged(
            challenges, isProxy: isProxy, realm: identity.plan.realm, credential: identity.plan.credential)
        endpoints[slot].evidence.note(challenges: challenges, texts: &texts)
        switch verdict {
        case .answer, .rejected: break
        case .realmMismatch:
            endpoints[slot].evidence.missingRealm = identity.plan.realm.map { String(decoding: $0, as: UTF8.self) }
        case .unsupported: endpoints[slot].evidence.unsupportedChallenge = true
        }
        return action
    }

    private func perform(_ action: Registration.Action, _ slot: Int, now: Instant) {
        let endpoint = endpoints[slot].plan.index
        switch action {
        case .none:
            return
        case .send:
            let registration = endpoints[slot].registration
            return sendRegister(
                slot, registration.isUnregistering ? .unbind : registration.isClearing ? .clear : .bind, now: now)
        case .begin:
            if endpoints[slot].stage == .active { return sendRegister(slot, .bind, now: now) }
            endpoints[slot].outcome.worsen(to: .notAttempted)
        case .registered(let isFirst):
            if isFirst {
                endpoints[slot].evidence.registeredAt = elapsed(now)
                window.registrationsSucceeded += 1
                window.registered += 1
                advancePhase(slot, to: .registered)
                emit(.registered(endpoint: endpoint, at: now))
            }
            endpoints[slot].evidence.boundUntil = endpoints[slot].evidence.grantedExpires.map {
                elapsed(now) + .seconds(Int($0))
            }
            if configuration.reportsBindings, let granted = endpoints[slot].evidence.grantedExpires {
                emit(.bound(endpoint: endpoint, contact: contact(of: slot), expires: granted))
            }
            planRefresh(slot, now: now)
        case .failed:
            let wasRegistered = endpoints[slot].evidence.registeredAt != nil
            if wasRegistered { window.registered &-= 1 } else { window.registrationsFailed += 1 }
            endpoints[slot].outcome.worsen(to: .registrationFailed)
            emit(.registrationFailed(endpoint: endpoint, at: now))
        case .unregistered(let confirmed):
            window.registered &-= 1
            endpoints[slot].evidence.unregistered = confirmed
        }
        continueClosing(slot, now: now)
    }

    private func planRefresh(_ slot: Int, now: Instant) {
        guard endpoints[slot].stage == .active, let granted = endpoints[slot].evidence.grantedExpires, granted > 0
        else { return }
        if let timer = endpoints[slot].registration.timer { timers.cancel(timer) }
        endpoints[slot].registration.timer = timers.schedule(
            .registration(slot: slot), at: now + Registration.refreshDelay(granted: granted))
    }
}
