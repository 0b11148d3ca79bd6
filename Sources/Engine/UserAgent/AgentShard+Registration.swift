// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics
import SIP

extension AgentShard {
    func planRegistration(_ slot: Int, at: Instant, now: Instant) {
        guard endpoints[slot].registration.state == .idle, endpoints[slot].evidence.scheduledAt == nil else { return }
        endpoints[slot].evidence.scheduledAt = elapsed(at)
        if case .failed(let fault) = endpoints[slot].path {
            return fail(slot, fault: fault, now: now)
        }
        if at <= now {
            noteLateness(slot, intended: elapsed(at), now: now)
            return beginRegistering(slot, now: now)
        }
        endpoints[slot].registration.timer = timers.schedule(.registration(slot: slot), at: at)
    }

    /// The first REGISTER or a refresh is due.
    func registrationIsDue(_ slot: Int, now: Instant) {
        endpoints[slot].registration.timer = nil
        if endpoints[slot].stage == .active, endpoints[slot].registration.state == .idle {
            noteLateness(slot, intended: endpoints[slot].evidence.scheduledAt, now: now)
        }
        guard endpoints[slot].stage == .active, isPathReady(slot, now: now) else { return }
        switch endpoints[slot].registration.state {
        case .idle: beginRegistering(slot, now: now)
        case .registered, .waiting: sendRegister(slot, .bind, now: now)
        case .clearing, .registering, .refreshing, .unregistering, .ended: break
        }
    }

    func beginRegistering(_ slot: Int, now: Instant) {
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
        endpoints[slot].evidence.lastResponseAt = elapsed(now)
        guard status >= 200 else { return }
        noteRegisterStep(slot, status: status, now: now)
        let action: Registration.Action
        switch status {
        case 200..<300:
            action = acceptRegistration(slot, response, isUnregistering: isUnregistering, now: now)
        case 300..<400:
            action = redirectRegistration(slot, response, status: status)
        case 401, 407:
            action = challengeRegistration(slot, response, isProxy: status == 407, now: now)
        case 423:
            action = endpoints[slot].registration.tooBrief(minimum: response.minExpires)
            if action == .send {
                endpoints[slot].evidence.note(.expiryRaised(to: endpoints[slot].registration.expires))
            }
        case 439 where doWithoutOutbound(slot): action = .send
        case 503 where response.retryAfter == nil && nextServer(slot, after: .status(status), now: now):
            // RFC 3263 §4.3: a 503 counts as a failure to contact the server.
            return
        case 408, 413, 480, 486, 500..<600:
            action =
                postponeRegistration(slot, status: status, asked: response.retryAfter, now: now)
                ?? endpoints[slot].registration.refused(status: status)
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
        noteRegisterStep(slot, status: 0, fault: fault, now: now)
        if goesElsewhere(slot, fault: fault, now: now) { return }
        if endpoints[slot].path == .open,
            let action = postponeRegistration(slot, status: 0, asked: nil, now: now)
        {
            return perform(action, slot, now: now)
        }
        fail(slot, fault: fault, now: now)
    }

    // MARK: Another flow

    /// Registers again on the flow that the endpoint has now, with the same Call-ID and the next CSeq (RFC 5626 §4.4). What was
    /// under way on the old flow is given up.
    ///
    /// - Returns: false when there is no registration to carry on: not begun, at its end, or over.
    @discardableResult func rebind(_ slot: Int, clearing: Bool = false, now: Instant) -> Bool {
        guard endpoints[slot].stage == .active else { return false }
        detachRegistration(slot)
        switch endpoints[slot].registration.state {
        case .registered, .waiting:
            if endpoints[slot].registration.isBound { endpoints[slot].evidence.note(.rebound) }
            sendRegister(slot, clearing ? .clear : .bind, now: now)
            return true
        case .idle, .clearing, .registering, .refreshing, .unregistering, .ended:
            return false
        }
    }

    /// Stops what the registration does on a flow that is gone: no answer is awaited, no refresh planned; the binding stands until
    /// it ends by itself, or until `rebind`.
    func detachRegistration(_ slot: Int) {
        if let transaction = endpoints[slot].registration.transaction,
            !endpoints[slot].registration.isUnregistering
        {
            layer.abandon(transaction)
        }
        if let timer = endpoints[slot].registration.timer { timers.cancel(timer) }
        endpoints[slot].registration.timer = nil
        endpoints[slot].registration.detach()
    }

    /// The way to the server is gone for good, and with it the registration that was made or planned.
    func loseRegistration(_ slot: Int, fault: TransportFault, now: Instant) {
        guard endpoints[slot].stage != .closed else { return }
        switch endpoints[slot].registration.state {
        case .ended: return
        case .idle where endpoints[slot].evidence.scheduledAt == nil: return
        case .registered, .refreshing: endpoints[slot].evidence.unregistered = false
        case .idle, .clearing, .registering, .waiting, .unregistering: break
        }
        fail(slot, fault: fault, now: now)
    }

    /// The way to the server is there again, or leads to another one: the REGISTER that is wanted now is sent on it.
    func resumeRegistration(_ slot: Int, now: Instant) {
        guard endpoints[slot].stage == .active else { return endOnNewFlow(slot, now: now) }
        let registration = endpoints[slot].registration
        guard registration.state == .idle else {
            rebind(slot, clearing: registration.isClearing, now: now)
            return
        }
        if endpoints[slot].evidence.scheduledAt != nil, registration.timer == nil { beginRegistering(slot, now: now) }
    }

    /// A finishing endpoint has a way again: what is bound is removed, what was only begun is given up.
    private func endOnNewFlow(_ slot: Int, now: Instant) {
        guard endpoints[slot].stage == .finishing else { return }
        detachRegistration(slot)
        endpoints[slot].registration.isBound
            ? continueClosing(slot, now: now) : loseRegistration(slot, fault: .reset, now: now)
    }

    private func fail(_ slot: Int, fault: TransportFault, now: Instant) {
        if !endpoints[slot].registration.isUnregistering {
            endpoints[slot].evidence.transportFault = fault
            var detail = presentDetail
            if detail == nil, case .failed(fault) = endpoints[slot].path { detail = paths[slot]?.failureDetail }
            endpoints[slot].evidence.transportDetail = detail
        }
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
        learnPath(slot, response, now: now)
        endpoints[slot].evidence.grantedExpires = granted
        endpoints[slot].evidence.otherBindings = bindings.others
        if !bindings.hasOurs { endpoints[slot].evidence.note(.ownContactMissing) }
        if endpoints[slot].registration.isBound { noteRefresh(slot, now: now) }
        return endpoints[slot].registration.accepted(
            expiresAt: now + .seconds(Int(granted)), nextNonce: nonce)
    }

    /// The lifetime of our Contact in a 200, and how many others there are.
    private func bindings(_ slot: Int, in response: Message) -> (granted: UInt32?, others: UInt16, hasOurs: Bool) {
        var granted: UInt32?
        var hasOurs = false
        var others: UInt16 = 0
        let local = contactAddress(slot)
        response.forEachContact { contact in
            guard case .address(let address, let expires, _)? = contact, let uri = response.uri(address.uri) else {
                return true
            }
            let isOurs =
                (uri.port ?? 5060) == local.port && response.ip(of: uri.host) == local.ip
                && uri.user.map { response.bytes(of: $0).elementsEqual(endpoints[slot].identity.contactUser) } ?? false
            if isOurs {
                (granted, hasOurs) = (expires ?? response.expires, true)
            } else {
                others &+= 1
            }
            return true
        }
        return (granted, others, hasOurs)
    }

    private func challengeRegistration(
        _ slot: Int, _ response: Message, isProxy: Bool, now: Instant
    ) -> Registration.Action {
        let challenges = response.challenges(isProxy ? .proxyAuthenticate : .wwwAuthenticate)
        let identity = endpoints[slot].identity
        let carried = endpoints[slot].registration.carriedChallenge(isProxy: isProxy)
        let changes = endpoints[slot].registration.authentication.realmChanges
        noteChallengeStep(slot, challenges, status: isProxy ? 407 : 401, now: now)
        noteForgottenNonce(slot, challenges, carried: carried, isProxy: isProxy, now: now)
        var asked = asked(slot, response, isProxy: isProxy)
        // Elsewhere than at the registrar only realms are answered that the registrar made known, or that are fixed.
        if let place = endpoints[slot].registration.redirection, place.address != endpoints[slot].server,
            identity.plan.realm == nil
        {
            asked.onlyKnownRealms = true
        }
        let (action, verdict) = endpoints[slot].registration.challenged(challenges, asked)
        endpoints[slot].evidence.note(challenges: challenges, texts: &texts)
        if endpoints[slot].registration.authentication.realmChanges > changes, let carried,
            let next = challenges.first(where: \.isAnswerable)
        {
            endpoints[slot].evidence.note(.realmChanged(from: texts.text(carried), to: texts.text(next)))
        }
        switch verdict {
        case .answer:
            let answered = endpoints[slot].registration.carriedChallenge(isProxy: isProxy)
            endpoints[slot].evidence.algorithm = answered?.answeredAlgorithm
        case .rejected:
            endpoints[slot].evidence.nonceAfterRefusal =
                endpoints[slot].registration.authentication.repeatedNonce ? .same : .new
            switch endpoints[slot].registration.authentication.deadEnd {
            case .realms: endpoints[slot].evidence.note(.realmsNeverSettled)
            case .nonces: endpoints[slot].evidence.note(.noncesNeverAccepted)
            case nil: break
            }
        case .realmMismatch:
            endpoints[slot].evidence.missingRealm = identity.plan.realm.map { String(decoding: $0, as: UTF8.self) }
        case .unsupported: endpoints[slot].evidence.unsupportedChallenge = true
        case .foreign:
            if let realm = challenges.first.map({ texts.text($0) }) {
                endpoints[slot].evidence.note(.foreignRealm(realm))
            }
        }
        return action
    }

    /// The server is not ready (RFC 3261 §20.33), or a refresh got no answer (`status` 0): what to do, nil when it is over.
    private func postponeRegistration(
        _ slot: Int, status: UInt16, asked: UInt32?, now: Instant
    ) -> Registration.Action? {
        guard endpoints[slot].stage == .active else { return nil }
        let isRefresh = endpoints[slot].registration.isBound
        guard
            let pause = endpoints[slot].registration.postponed(
                asked: asked.map { .seconds(Int($0)) }, patience: configuration.registrationPatience,
                chance: random.unit(), now: now)
        else {
            if let asked, status != 0, !endpoints[slot].registration.isUnregistering {
                endpoints[slot].evidence.note(.waitTooLong(asked: asked, status: status))
            }
            return nil
        }
        if let asked {
            let seconds = UInt32(clamping: Int(pause.seconds.rounded(.down)))
            endpoints[slot].evidence.note(.waited(seconds: seconds, asked: asked, status: status))
        } else if isRefresh {
            endpoints[slot].evidence.note(.refreshTriedAgain(status: status))
        }
        return .wait(pause)
    }

    /// A 3xx: the registration goes to the first place named that it can reach on its flow (RFC 3261 §8.1.3.4).
    private func redirectRegistration(_ slot: Int, _ response: Message, status: UInt16) -> Registration.Action {
        guard !endpoints[slot].registration.isClearing else {
            return endpoints[slot].registration.refused(status: status)
        }
        let (target, name) = redirectTarget(slot, response)
        let home = endpoints[slot].server
        if let target, !endpoints[slot].transport.isReliable || target.address == home,
            let action = endpoints[slot].registration.redirected(to: target, home: home)
        {
            endpoints[slot].evidence.note(.redirected(to: name))
            return action
        }
        if !name.isEmpty { endpoints[slot].evidence.note(.redirectRefused(to: name)) }
        return endpoints[slot].registration.refused(status: status)
    }

    /// The most preferred Contact of a 3xx: as a target when its host is an address or the account's domain, and in words.
    private func redirectTarget(_ slot: Int, _ response: Message) -> (Registration.Redirection?, name: String) {
        var best: (address: NameAddress, q: UInt16)?
        response.forEachContact { contact in
            guard case .address(let address, _, let q)? = contact else { return true }
            if (q ?? 1000) > (best?.q ?? 0) { best = (address, q ?? 1000) }
            return true
        }
        guard let found = best?.address else { return (nil, "") }
        guard let uri = response.uri(found.uri), uri.scheme == .sip else {
            return (nil, response.printable(of: found.uri))
        }
        let plan = endpoints[slot].identity.plan
        var target = ByteWriter(capacity: 48)
        target.append("sip:")
        let address: TransportAddress
        if let ip = response.ip(of: uri.host) {
            address = TransportAddress(ip: ip, port: uri.port ?? 5060)
            target.append(address: address)
        } else if response.bytes(of: uri.host).elementsEqual(plan.domain) {
            address = endpoints[slot].server
            target.append(plan.domain)
        } else {
            return (nil, response.printable(of: uri.host))
        }
        // A REGISTER's Request-URI names no user (RFC 3261 §10.2).
        return (Registration.Redirection(uri: target.bytes, address: address), "\(address)")
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
        case .wait(let pause):
            return waitToRegister(slot, pause, now: now)
        case .begin:
            if endpoints[slot].stage == .active { return sendRegister(slot, .bind, now: now) }
            endpoints[slot].outcome.worsen(to: .notAttempted)
        case .registered(let isFirst):
            if isFirst {
                endpoints[slot].evidence.registeredAt = elapsed(now)
                tallies[endpoints[slot].group].registrationsSucceeded += 1
                noteRegistrationDelay(slot)
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
            endpoints[slot].evidence.localAddress = endpoints[slot].local.description
            let wasRegistered = endpoints[slot].evidence.registeredAt != nil
            if wasRegistered {
                window.registered &-= 1
            } else {
                tallies[endpoints[slot].group].registrationsFailed += 1
            }
            endpoints[slot].outcome.worsen(to: .registrationFailed)
            emit(.registrationFailed(endpoint: endpoint, at: now))
        case .unregistered(let confirmed):
            window.registered &-= 1
            endpoints[slot].evidence.unregistered = confirmed
        }
        continueClosing(slot, now: now)
    }

    /// Plans the next try. An endpoint that is told to end meanwhile does not wait.
    private func waitToRegister(_ slot: Int, _ pause: Interval, now: Instant) {
        if let timer = endpoints[slot].registration.timer { timers.cancel(timer) }
        endpoints[slot].registration.timer = timers.schedule(.registration(slot: slot), at: now + pause)
        continueClosing(slot, now: now)
    }

    /// The endpoint ends while its first registration waits for the server to be ready: it failed.
    func stopWaiting(_ slot: Int, now: Instant) {
        guard endpoints[slot].registration.state == .waiting else { return }
        perform(endpoints[slot].registration.failed(), slot, now: now)
    }

    private func planRefresh(_ slot: Int, now: Instant) {
        guard endpoints[slot].stage == .active, let granted = endpoints[slot].evidence.grantedExpires, granted > 0
        else { return }
        if let timer = endpoints[slot].registration.timer { timers.cancel(timer) }
        let delay = Registration.refreshDelay(granted: granted, chance: random.unit())
        endpoints[slot].registration.timer = timers.schedule(
            .registration(slot: slot), at: takeRebinding(slot) ? now : now + delay)
    }
}
