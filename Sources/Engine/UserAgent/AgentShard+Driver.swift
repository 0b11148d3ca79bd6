// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import RunMetrics
public import SIP

extension AgentShard {
    /// Lends the buffer that the ranges of all `transmissions` mean, so that a driver can send many with one system call.
    public func withOutgoing<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        layer.writer.withBytes(body)
    }

    /// Hands the outputs over and forgets them. The array given is emptied and kept, so that two take turns and none is made anew.
    public func takeOutputs(into taken: inout [AgentOutput]) {
        taken.removeAll(keepingCapacity: true)
        swap(&taken, &outputs)
    }

    /// Forgets the transmissions, once the driver has sent them.
    public func removeTransmissions() {
        window.messagesSent += UInt32(layer.transmissions.count - keepAlivesWaiting)
        keepAlivesWaiting = 0
        layer.removeTransmissions()
    }

    /// The place of an endpoint among the shard's, which is the number of its `Subject`; nil for a stranger.
    public func place(of endpoint: UInt32) -> Int? { slots[UInt64(endpoint)] }

    /// The endpoints that are not closed.
    public var openPlaces: [(place: Int, endpoint: UInt32)] {
        endpoints.indices.filter { endpoints[$0].stage != .closed }.map { ($0, endpoints[$0].plan.index) }
    }

    /// Which endpoint the message received last concerned, as far as its transaction, its dialog or its flow tells.
    public func subject(ofMessageOn flow: FlowID) -> Subject {
        layer.subject == .none ? subject(of: flow) : layer.subject
    }

    /// The address and transport at which the endpoint in a place uses a flow.
    public func way(of subject: Subject, on flow: FlowID) -> (local: TransportAddress, transport: Transport) {
        let slot = Int(subject.raw)
        let transport = endpoints[slot].transport
        // A second flow beside the endpoint's own is the connection for its large requests.
        let isSide = transport == .udp && endpoints[slot].flow != flow
        return (endpoints[slot].local, isSide ? .tcp : transport)
    }

    func subject(_ slot: Int) -> Subject { Subject(raw: UInt32(truncatingIfNeeded: slot)) }

    /// The only endpoint of a flow.
    func subject(of flow: FlowID) -> Subject { flows.only(of: flow).map { subject($0) } ?? .none }

    /// What an endpoint was told to be, with the address and flow it began with; nil for a stranger.
    public func plan(of endpoint: UInt32) -> EndpointPlan? { slots[UInt64(endpoint)].map { endpoints[$0].plan } }
}
