// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics
import SIP
import UserAgent

/// Endpoints that were added together and whose connections are not all decided yet.
final class Opening {
    private var undecided: Int
    private var reply: CheckedContinuation<Void, any Error>?

    init(_ undecided: Int, reply: CheckedContinuation<Void, any Error>) {
        self.undecided = undecided
        self.reply = reply
    }

    /// One of the connections is up, or has failed, which its endpoint tells.
    func decided() {
        undecided -= 1
        if undecided == 0 { reply.take()?.resume() }
    }

    func fail(_ error: any Error) { reply.take()?.resume(throwing: error) }
}

extension SignallingShard {
    // MARK: Endpoints

    /// Opens what the endpoints need and gives them to the agents, with the local address and the flow filled in. Answers when
    /// every connection is up or has failed; a connection that fails is its endpoint's own result.
    func add(_ plans: [EndpointPlan], reply: CheckedContinuation<Void, any Error>) {
        var plans = plans
        var connecting: [Int] = []
        var opened: [FlowID] = []
        do {
            for index in plans.indices {
                switch plans[index].transport {
                case .udp:
                    (plans[index].flow, plans[index].localAddress) = try socket(
                        for: plans[index].localAddress, isShared: configuration.isShared(plans[index]))
                    opened.append(plans[index].flow)
                case .tcp, .tls, .ws, .wss:
                    plans[index].flow = sockets.reserve()
                    connecting.append(index)
                case .other: throw UnsupportedTransport(transport: plans[index].transport)
                }
            }
            if !connecting.isEmpty { try startStreams() }
        } catch {
            for flow in opened { closeFlow(flow) }
            return reply.resume(throwing: error)
        }
        for plan in plans { agent.add(plan) }
        guard !connecting.isEmpty else { return reply.resume() }
        let opening = Opening(connecting.count, reply: reply)
        for index in connecting {
            openings[plans[index].flow] = opening
            connect(plans[index].flow, to: plans[index].server, from: plans[index].localAddress, of: plans[index])
        }
    }

    /// The socket for an endpoint: its own, or the one that all with this local address share.
    private func socket(
        for local: TransportAddress, isShared: Bool
    ) throws(SystemFailure) -> (FlowID, TransportAddress) {
        guard isShared else { return try sockets.open(local, isShared: false) }
        if let existing = sharedFlows[local] { return existing }
        let opened = try sockets.open(local, isShared: true)
        // Asked for by the address that a plan gives, and later by the one that it was bound to.
        sharedFlows[local] = opened
        sharedFlows[opened.1] = opened
        sharedSockets.insert(opened.0)
        return opened
    }

    private func connect(_ flow: FlowID, to server: ServerTarget, from local: TransportAddress, of plan: EndpointPlan) {
        streams?.connect(
            StreamDestination(
                remote: server.address, local: local, transport: server.transport,
                security: security.indices.contains(plan.security) ? security[plan.security] : nil), on: flow)
    }

    private func startStreams() throws {
        guard streams == nil else { return }
        let mailbox = mailbox
        streams = try StreamGate { mailbox.post(.streams($0)) }
    }

    // MARK: What the agents ask for

    /// Opens a further flow for an endpoint; the agent knows its number at once and its fate later.
    func openFlow(for endpoint: UInt32, to target: ServerTarget, now: Instant) {
        guard let plan = agent.plan(of: endpoint) else { return }
        do {
            let local = try local(of: plan, toward: target.address)
            switch target.transport {
            case .udp:
                let (flow, bound) = try socket(for: local, isShared: configuration.isShared(plan))
                agent.flowAssigned(endpoint: endpoint, flow: flow)
                agent.flowOpened(flow, local: bound, now: now)
            case .tcp, .tls, .ws, .wss:
                try startStreams()
                let flow = sockets.reserve()
                agent.flowAssigned(endpoint: endpoint, flow: flow)
                connect(flow, to: target, from: local, of: plan)
            case .other: throw UnsupportedTransport(transport: target.transport)
            }
        } catch {
            let flow = sockets.reserve()
            agent.flowAssigned(endpoint: endpoint, flow: flow)
            let fault = (error as? SystemFailure).map { TransportFault(errno: $0.code) } ?? .system
            agent.flowFailed(flow, fault: fault, detail: "\(error)", now: now)
        }
    }

    /// The address a further flow is bound to: the plan's, unless the server is of the other family.
    private func local(of plan: EndpointPlan, toward remote: TransportAddress) throws -> TransportAddress {
        var local = plan.localAddress
        if configuration.isShared(plan), sharedFlows[local] != nil, local.isSameFamily(as: remote) { return local }
        if !local.isSameFamily(as: remote) { local = try Resolver.localAddress(toward: remote) }
        local.port = 0
        return local
    }

    func closeFlow(_ flow: FlowID) {
        if sockets.contains(flow) {
            // A shared socket stays for the others.
            if !sharedSockets.contains(flow) { sockets.close(flow) }
        } else {
            streams?.close(flow)
            openings.removeValue(forKey: flow)?.decided()
        }
    }

    // MARK: Connections

    func take(_ item: StreamNews.Item, bytes: UnsafeRawBufferPointer, now: Instant) {
        switch item {
        case .message(let flow, let range, let source):
            received(UnsafeRawBufferPointer(rebasing: bytes[range]), flow: flow, source: source, now: now)
        case .opened(let flow, let local):
            agent.flowOpened(flow, local: local, now: now)
            openings.removeValue(forKey: flow)?.decided()
        case .ponged(let flow):
            agent.pongReceived(flow, now: now)
        case .failed(let flow, let fault, let detail):
            agent.flowFailed(flow, fault: fault, detail: detail, now: now)
            openings.removeValue(forKey: flow)?.decided()
        }
    }
}

extension EndpointPlan {
    /// The first server.
    fileprivate var server: ServerTarget { ServerTarget(address: registrar, transport: transport) }
}

extension TransportAddress {
    /// Whether both are IPv4, or both IPv6.
    fileprivate func isSameFamily(as other: TransportAddress) -> Bool {
        switch (ip, other.ip) {
        case (.v4, .v4), (.v6, .v6): true
        case (.v4, .v6), (.v6, .v4): false
        }
    }
}
