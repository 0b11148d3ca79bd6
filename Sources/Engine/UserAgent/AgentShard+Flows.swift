// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import RunMetrics
public import SIP

/// The ways to the servers: sending on them, and what becomes of the endpoints when one breaks.
extension AgentShard {
    // MARK: Sending

    /// Sends the request written from `start` on over the endpoint's flow, to its server unless a dialog says where.
    func send(
        _ id: ClientTransactionID, _ method: Method, from start: Int, owner: Owner, _ slot: Int,
        destination: TransportAddress? = nil, now: Instant
    ) {
        let destination = destination ?? endpoints[slot].server
        if layer.writer.output.count - start > Self.largestDatagram || overtakesLarge(owner, slot),
            divertLarge(id, method, from: start, owner: owner, slot, destination: destination, now: now)
        {
            return
        }
        layer.subject = subject(slot)
        layer.send(
            id, method: method, from: start, owner: owner.raw, flow: endpoints[slot].flow, destination: destination,
            isReliable: endpoints[slot].transport.isReliable, now: now)
    }

    // MARK: What the driver tells

    /// A flow can be used from now on, and has this local address.
    public func flowOpened(_ flow: FlowID, local: TransportAddress, now: Instant) {
        for slot in flows.slots(of: flow) where endpoints[slot].stage != .closed {
            if endpoints[slot].flow != flow {
                sideOpened(slot, flow, now: now)
            } else if endpoints[slot].path != .open {
                pathOpened(slot, local: local, now: now)
            }
        }
    }

    /// The flow that `openFlow` asked for has this number; it is not open yet.
    public func flowAssigned(endpoint: UInt32, flow: FlowID) {
        guard let slot = slots[UInt64(endpoint)], endpoints[slot].stage != .closed,
            let purpose = paths[slot]?.asked.first
        else {
            // The endpoint was closed meanwhile.
            if flows.slots(of: flow).isEmpty { outputs.append(.closeFlow(flow)) }
            return
        }
        paths[slot]!.asked.removeFirst()
        flows.add(slot: slot, to: flow, userHash: FlowTable.hash(endpoints[slot].identity.contactUser))
        switch purpose {
        case .server: endpoints[slot].flow = flow
        case .largeRequests: paths[slot]!.side?.flow = flow
        }
    }

    /// A flow could not be opened, or is gone; `detail` says more than `fault` in a sentence. Registered endpoints get another
    /// one; what cannot go on without it fails with `fault`.
    public func flowFailed(_ flow: FlowID, fault: TransportFault, detail: String? = nil, now: Instant) {
        // Names in it are the peer's, out of its certificate.
        let detail = detail?.printable
        let all = flows.slots(of: flow).filter { endpoints[$0].stage != .closed }
        let members = all.filter { endpoints[$0].flow == flow }
        dropKeeper(flow)
        flows.forget(flow)
        for slot in members {
            endpoints[slot].keepsFlow = false
            paths[slot, default: PathState()].wasOpen = endpoints[slot].path == .open
            paths[slot, default: PathState()].failureDetail = detail
            endpoints[slot].path = .failed(fault)
        }
        failing(with: fault, detail: detail, now: now) {
            layer.transportFailed(flow: flow)
            while let event = layer.advance(to: now) { perform(event, now: now) }
            for slot in all where endpoints[slot].flow != flow { sideFailed(slot, flow, now: now) }
            for slot in members { leaveBroken(slot, fault: fault, now: now) }
        }
    }

    /// A datagram was refused on its way (ICMP): requests to that destination on that flow fail.
    public func sendRefused(flow: FlowID, destination: TransportAddress, fault: TransportFault, now: Instant) {
        failing(with: fault, now: now) { layer.transportFailed(flow: flow, destination: destination) }
    }

    // MARK: What it means

    private func pathOpened(_ slot: Int, local: TransportAddress, now: Instant) {
        endpoints[slot].path = .open
        endpoints[slot].local = endpoints[slot].plan.told(local)
        forgetPublicAddress(slot)
        if let state = paths[slot], state.isRecovering {
            paths[slot]!.evidence.reconnects &+= 1
            if !endpoints[slot].plan.registers { noteService(slot) }
        }
        resumeRegistration(slot, now: now)
        resumeCall(slot, now: now)
        let waiting = endpoints[slot].waiting
        endpoints[slot].waiting = []
        for command in waiting { perform(command, now: now) }
    }

    /// The endpoint's flow is gone. A call that is up can go on over another one (RFC 3261 §18); one that is not cannot.
    private func leaveBroken(_ slot: Int, fault: TransportFault, now: Instant) {
        if let handle = endpoints[slot].call, let state = calls[handle]?.state, state != .established, state != .due {
            loseCall(slot, fault: fault, now: now)
        }
        guard case .failed = endpoints[slot].path, endpoints[slot].stage != .closed else { return }
        if !recover(slot, fault: fault, now: now) { losePath(slot, fault: fault, now: now) }
    }

    /// A request got no answer for this reason: whether the endpoint has another way now, over a new connection or to another server.
    func goesElsewhere(_ slot: Int, fault: TransportFault, now: Instant) -> Bool {
        if case .failed = endpoints[slot].path { return recover(slot, fault: fault, now: now) }
        return nextServer(slot, after: .fault(fault), now: now)
    }

    /// There is no way to any server any more: what waited for one fails.
    func losePath(_ slot: Int, fault: TransportFault, now: Instant) {
        let waiting = endpoints[slot].waiting
        endpoints[slot].waiting = []
        for command in waiting { perform(command, now: now) }
        loseCall(slot, fault: fault, now: now)
        loseRegistration(slot, fault: fault, now: now)
    }
}
