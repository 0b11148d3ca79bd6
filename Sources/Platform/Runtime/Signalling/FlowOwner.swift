// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Glibc
import NIOCore
import RunMetrics
import SIP

/// Who owns the flows of one event loop and is told, on that loop, what comes over them.
protocol FlowOwner: AnyObject, SendableMetatype {
    /// One whole SIP message: a datagram, or what the stream framer cut out.
    func received(_ message: UnsafeRawBufferPointer, flow: FlowID, source: TransportAddress)
    /// Everything that was readable has been fed: the time to send what it caused, in one go.
    func readCycleEnded()
    /// A datagram could not be sent, or ICMP answered one.
    func refused(_ fault: TransportFault, flow: FlowID, destination: TransportAddress)
    /// A connection is up: one of ours was answered, or a listener took one.
    func opened(_ flow: FlowID, local: TransportAddress, remote: TransportAddress)
    /// The peer answered our keep-alive (RFC 5626 §4.4.1).
    func ponged(_ flow: FlowID)
    /// A connection is over, or a socket was lost; `detail` says more in a sentence where more is known.
    func failed(_ flow: FlowID, fault: TransportFault, detail: String?)
}

extension TransportFault {
    /// What an errno of a send, a connect or ICMP means for the endpoint.
    init(errno code: CInt) {
        switch code {
        case ECONNREFUSED: self = .refused
        case ECONNRESET, EPIPE, ENOTCONN: self = .reset
        // EPERM and EACCES are what this machine's own packet filter says.
        case EHOSTUNREACH, ENETUNREACH, EHOSTDOWN, ENETDOWN, EADDRNOTAVAIL, EPERM, EACCES: self = .unreachable
        case ETIMEDOUT: self = .connectTimeout
        default: self = .system
        }
    }

    /// What an error of NIO means for the endpoint.
    init(_ error: any Error) {
        switch error {
        case let error as IOError: self.init(errno: error.errnoCode)
        case ChannelError.connectTimeout: self = .connectTimeout
        case ChannelError.eof, ChannelError.inputClosed, ChannelError.outputClosed: self = .reset
        default: self = .system
        }
    }
}
