// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import RunMetrics
import SIP

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

    /// What an endpoint was told to be, with the address and flow it began with; nil for a stranger.
    public func plan(of endpoint: UInt32) -> EndpointPlan? { slots[UInt64(endpoint)].map { endpoints[$0].plan } }
}
