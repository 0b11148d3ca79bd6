// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import RunMetrics
import SIP

extension AgentShard {
    /// Lends the buffer that the ranges of all `transmissions` mean, so that a driver can send many with one system call.
    public func withOutgoing<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        layer.writer.bytes.withUnsafeBytes(body)
    }

    /// ICMP refuses datagrams to a destination, whichever endpoint sends them: the requests that wait for it fail.
    public func destinationRefused(_ destination: TransportAddress, fault: TransportFault, now: Instant) {
        failing(with: fault, now: now) { layer.datagramsRefused(destination: destination) }
    }
}
