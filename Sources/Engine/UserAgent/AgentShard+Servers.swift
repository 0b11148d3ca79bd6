// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics
import SIP

/// Which server an endpoint uses: the next one when one fails (RFC 3263 §4.3), the same again when a connection was lost
/// (RFC 5626 §4.4), all of them after a while when none is there (RFC 5626 §4.5).
extension AgentShard {
    /// Leaves a server that failed for the next one and sends there what is wanted; false when there is none left to try.
    ///
    /// Only an endpoint that is to go on is moved: what is finishing fails with its server.
    func nextServer(_ slot: Int, after failure: ServerFailure, now: Instant) -> Bool {
        guard endpoints[slot].stage == .active else { return false }
        let count = 1 + min(endpoints[slot].plan.fallbacks.count, UInt64.bitWidth - 1)
        var state = paths[slot] ?? PathState()
        guard count > 1 || state.isRecovering else { return false }
        var place = Int(endpoints[slot].serverPlace)
        state.note(failure, of: endpoints[slot].target, at: place)
        if case .fault(let fault) = failure, fault.spoilsSecurity, endpoints[slot].transport.isSecured {
            excludeUnsecured(slot, count, &state)
        }
        state.tried += 1
        while state.tried < count {
            place = (place + 1) % count
            guard state.excludes(place) else {
                state.evidence.failovers &+= 1
                paths[slot] = state
                use(server: place, slot, now: now)
                return true
            }
            state.tried += 1
        }
        paths[slot] = state
        guard case .fault(let fault) = failure else { return false }
        return waitForServers(slot, count: count, fault: fault, now: now)
    }

    /// Who can spoil TLS on the path must not be rewarded with plain text: servers without it are out from now on.
    private func excludeUnsecured(_ slot: Int, _ count: Int, _ state: inout PathState) {
        let plan = endpoints[slot].plan
        if !plan.transport.isSecured { state.exclude(0) }
        for place in 1..<count where !plan.fallbacks[place - 1].transport.isSecured { state.exclude(place) }
    }

    /// The endpoint's connection is gone: the same server is asked again at once, unless it was only just, or never served.
    /// False when there is nothing left to try.
    func recover(_ slot: Int, fault: TransportFault, now: Instant) -> Bool {
        guard endpoints[slot].stage == .active else { return false }
        var state = paths[slot] ?? PathState()
        let registration = endpoints[slot].registration
        let isWanted = registration.isBound || registration.state == .idle || registration.state == .waiting
        guard state.wasOpen, isWanted, !state.isRecovering, !fault.isLasting else {
            return nextServer(slot, after: .fault(fault), now: now)
        }
        state.isRecovering = true
        if let last = state.replacedAt, now - last < configuration.reconnectWaits.lowerBound {
            // It comes and goes: each time at once would be a storm.
            paths[slot] = state
            return nextServer(slot, after: .fault(fault), now: now)
        }
        state.replacedAt = now
        state.rounds = 0
        state.tried = 0
        paths[slot] = state
        connect(slot, now: now)
        return true
    }

    /// All servers failed: a registered endpoint that lost its connection tries them again after a while.
    private func waitForServers(_ slot: Int, count: Int, fault: TransportFault, now: Instant) -> Bool {
        let isWanted = endpoints[slot].registration.isBound || !endpoints[slot].plan.registers
        guard let state = paths[slot], state.isRecovering, isWanted, state.rounds < configuration.reconnectRounds,
            let first = (0..<count).first(where: { !state.excludes($0) })
        else { return false }
        paths[slot]!.rounds += 1
        paths[slot]!.tried = 0
        leaveFlow(slot)
        endpoints[slot].serverPlace = UInt8(first)
        endpoints[slot].path = .waiting(fault)
        paths[slot]!.timer = timers.schedule(
            .reconnect(slot: slot), at: now + reconnectWait(round: paths[slot]!.rounds))
        dropDueCall(slot, fault: fault, now: now)
        return true
    }

    /// A call whose time has come does not wait for minutes until a server is back, nor do commands: what cannot be begun in time
    /// counts as failed.
    private func dropDueCall(_ slot: Int, fault: TransportFault, now: Instant) {
        let waiting = endpoints[slot].waiting
        endpoints[slot].waiting = []
        for command in waiting { perform(command, now: now) }
        if let handle = endpoints[slot].call, let call = calls[handle], call.state == .due, call.timer == nil {
            loseCall(slot, fault: fault, now: now)
        }
    }

    /// Half to all of a bound that doubles with each round (RFC 5626 §4.5).
    private func reconnectWait(round: UInt8) -> Interval {
        let waits = configuration.reconnectWaits
        let factor = Int64(1) << min(Int64(round), 20)
        let (product, overflow) = waits.lowerBound.nanoseconds.multipliedReportingOverflow(by: factor)
        let bound = overflow ? waits.upperBound.nanoseconds : min(product, waits.upperBound.nanoseconds)
        return Interval(nanoseconds: Int64(Double(bound) * (0.5 + 0.5 * random.unit())))
    }

    func reconnectIsDue(_ slot: Int, now: Instant) {
        paths[slot]?.timer = nil
        guard case .waiting = endpoints[slot].path else { return }
        connect(slot, now: now)
    }

    /// A finishing endpoint does not wait for a server to come back.
    func stopWaitingForServers(_ slot: Int, now: Instant) {
        guard case .waiting(let fault) = endpoints[slot].path else { return }
        endpoints[slot].path = .failed(fault)
        if let timer = paths[slot]?.timer { timers.cancel(timer) }
        paths[slot]?.timer = nil
        losePath(slot, fault: fault, now: now)
    }

    // MARK: Going there

    /// Goes to another server.
    private func use(server place: Int, _ slot: Int, now: Instant) {
        leaveFlow(slot)
        endpoints[slot].serverPlace = UInt8(place)
        endpoints[slot].registration.forgetRedirections()
        connect(slot, now: now)
    }

    /// Makes the way to the present server: at once where the endpoint's own socket leads there, else over a new flow.
    private func connect(_ slot: Int, now: Instant) {
        let endpoint = endpoints[slot]
        guard endpoint.transport == .udp, endpoint.plan.transport == .udp,
            endpoint.server.isSameFamily(as: endpoint.plan.localAddress),
            flows.contains(slot: slot, on: endpoint.plan.flow)
        else {
            endpoints[slot].path = .opening
            return ask(.server, endpoint.target, slot)
        }
        endpoints[slot].flow = endpoint.plan.flow
        endpoints[slot].local = endpoint.plan.localAddress
        endpoints[slot].path = .open
        forgetPublicAddress(slot)
        resumeRegistration(slot, now: now)
    }

    /// Leaves the present flow. An endpoint's own socket is kept: it may be needed again, and peers know it.
    func leaveFlow(_ slot: Int) {
        releaseFlow(slot)
        let endpoint = endpoints[slot]
        guard endpoint.flow != endpoint.plan.flow || endpoint.plan.transport != .udp else { return }
        if flows.remove(slot: slot, from: endpoint.flow) { outputs.append(.closeFlow(endpoint.flow)) }
    }

    func ask(_ purpose: PathState.Purpose, _ target: ServerTarget, _ slot: Int) {
        paths[slot, default: PathState()].asked.append(purpose)
        outputs.append(.openFlow(endpoint: endpoints[slot].plan.index, target))
    }

    // MARK: What was seen

    /// A server accepted the registration.
    func noteService(_ slot: Int) {
        guard var state = paths[slot] else { return }
        state.tried = 0
        state.isRecovering = false
        if !state.evidence.failedServers.isEmpty { state.evidence.server = endpoints[slot].server.description }
        paths[slot] = state
    }

    /// Whether a request that has become due can be sent; it is sent when the way is there otherwise, or failed.
    func isPathReady(_ slot: Int, now: Instant) -> Bool {
        switch endpoints[slot].path {
        case .open: return true
        case .opening, .waiting: return false
        case .failed(let fault):
            loseRegistration(slot, fault: fault, now: now)
            return false
        }
    }

    /// The endpoint is done: what its way was like.
    func leavePath(_ slot: Int) -> PathEvidence? {
        releaseFlow(slot)
        guard let state = paths.removeValue(forKey: slot) else { return nil }
        if let timer = state.timer { timers.cancel(timer) }
        for request in state.side?.waiting ?? [] { layer.abandon(request.id) }
        if let side = state.side?.flow, flows.remove(slot: slot, from: side) { outputs.append(.closeFlow(side)) }
        return state.evidence == PathEvidence() ? nil : state.evidence
    }
}

extension PathState {
    fileprivate mutating func note(_ failure: ServerFailure, of target: ServerTarget, at place: Int) {
        var server = FailedServer(address: target.address.description, transport: target.transport.text)
        switch failure {
        case .fault(let fault):
            server.fault = fault
            if fault.isLasting { exclude(place) }
        case .status(let status):
            server.status = status
        }
        guard evidence.failedServers.count < PathEvidence.mostServers, evidence.failedServers.last != server else {
            return
        }
        evidence.failedServers.append(server)
    }
}

extension Transport {
    /// The name in results.
    var text: String { viaName.withUTF8Buffer { String(decoding: $0, as: UTF8.self) } }
}
