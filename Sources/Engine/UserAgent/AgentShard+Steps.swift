// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics
import SIP

/// What is kept for the explanation of failures. The plain course of a registration and of a call leaves nothing behind.
extension AgentShard {
    /// Keeps an answer that is not of the plain course.
    func note(step method: Step.Method, status: UInt16, fault: TransportFault? = nil, _ slot: Int, now: Instant) {
        guard (endpoints[slot].steps?.count ?? 0) < EndpointResult.mostSteps else { return }
        let step = Step(at: elapsed(now), method: method, status: status, fault: fault)
        endpoints[slot].steps = (endpoints[slot].steps ?? []) + [step]
    }

    /// Keeps the answer to a REGISTER, unless it is a 200 or a challenge; status 0 is none.
    func noteRegisterStep(_ slot: Int, status: UInt16, fault: TransportFault? = nil, now: Instant) {
        guard status == 0 || status >= 300, status != 401, status != 407 else { return }
        note(step: registerStep(slot), status: status, fault: fault, slot, now: now)
    }

    /// Keeps a challenge that an attempt with credentials was met with, unless it only says that the nonce is too old.
    func noteChallengeStep(_ slot: Int, _ challenges: [Challenge], status: UInt16, now: Instant) {
        guard endpoints[slot].registration.authentication.hasSentCredentials, !challenges.contains(where: \.isStale)
        else { return }
        note(step: registerStep(slot), status: status, slot, now: now)
    }

    private func registerStep(_ slot: Int) -> Step.Method {
        let registration = endpoints[slot].registration
        if registration.isUnregistering || registration.isClearing { return .unregister }
        return registration.isBound ? .refresh : .register
    }

    /// A refresh was accepted.
    func noteRefresh(_ slot: Int, now: Instant) {
        endpoints[slot].evidence.refreshes = (endpoints[slot].evidence.refreshes ?? 0) &+ 1
        endpoints[slot].evidence.refreshedAt = elapsed(now)
        if endpoints[slot].registration.authentication.hasReusedNonce {
            endpoints[slot].evidence.nonceReuses = (endpoints[slot].evidence.nonceReuses ?? 0) &+ 1
        }
    }

    /// A server that took a nonce more than once and now does not know it, nor calls it stale: it forgot, or has a new secret.
    func noteForgottenNonce(
        _ slot: Int, _ challenges: [Challenge], carried: Challenge?, isProxy: Bool, now: Instant
    ) {
        let registration = endpoints[slot].registration
        guard registration.isBound || registration.isUnregistering, let carried,
            let reuses = endpoints[slot].evidence.nonceReuses, reuses > 0,
            registration.authentication.hasReusedNonce,
            challenges.contains(where: { !$0.isStale && $0.realm.elementsEqual(carried.realm) }),
            !challenges.contains(where: { $0.nonce.elementsEqual(carried.nonce) }),
            let since = endpoints[slot].evidence.registeredAt
        else { return }
        let age = UInt32(clamping: Int((elapsed(now) - since).seconds.rounded()))
        endpoints[slot].evidence.note(.nonceForgotten(age: age))
    }

    /// An endpoint that did its part, but met what its user should know.
    func noteWarnings(_ slot: Int) {
        guard endpoints[slot].outcome == .success else { return }
        let evidence = endpoints[slot].evidence
        let isShared = evidence.otherBindings > 0
        let isOdd = evidence.notes?.contains { $0.isWarning } ?? false
        let isDeaf = endpoints[slot].calls.contains { $0.isWithoutAudio }
        if isShared || isOdd || isDeaf { endpoints[slot].outcome.worsen(to: .completedWithWarnings) }
    }
}
