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
        let endpoint = endpoints[slot]
        layer.send(
            id, method: method, from: start, owner: owner.raw, flow: endpoint.flow,
            destination: destination ?? endpoint.server, isReliable: endpoint.transport.isReliable, now: now)
    }

    // MARK: What the driver tells

    /// A flow can be used from now on, and has this local address.
    public func flowOpened(_ flow: FlowID, local: TransportAddress, now: Instant) {
        for slot in flows.slots(of: flow) where endpoints[slot].path != .open {
            endpoints[slot].path = .open
            endpoints[slot].local = local
            let waiting = endpoints[slot].waiting
            endpoints[slot].waiting = []
            for command in waiting { perform(command, now: now) }
        }
    }

    /// The flow that `openFlow` asked for has this number; it is not open yet.
    public func flowAssigned(endpoint: UInt32, flow: FlowID) {}

    /// The peer answered the keep-alive of a connection (RFC 5626 §4.4.1).
    public func pongReceived(_ flow: FlowID, now: Instant) {}

    /// A flow could not be opened, or is gone. What needs it fails with `fault`; `detail` says more in a sentence.
    public func flowFailed(_ flow: FlowID, fault: TransportFault, detail: String? = nil, now: Instant) {
        let members = flows.slots(of: flow)
        for slot in members { endpoints[slot].path = .failed(fault) }
        failing(with: fault, now: now) { layer.transportFailed(flow: flow) }
        for slot in members {
            let waiting = endpoints[slot].waiting
            endpoints[slot].waiting = []
            for command in waiting { perform(command, now: now) }
            loseCall(slot, fault: fault, now: now)
            loseRegistration(slot, fault: fault, now: now)
        }
    }

    /// A datagram was refused on its way (ICMP): requests to that destination on that flow fail.
    public func sendRefused(flow: FlowID, destination: TransportAddress, fault: TransportFault, now: Instant) {
        failing(with: fault, now: now) { layer.transportFailed(flow: flow, destination: destination) }
    }
}
