// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import Glibc

/// Why the media side cannot do what it was asked.
public enum MediaError: Error, Hashable, Sendable {
    /// More sockets are needed than this process may open.
    case descriptors(DescriptorShortage)
    /// The port range has no more free pairs of an even port and the next one.
    case portsExhausted(wanted: Int, found: Int, range: ClosedRange<UInt16>?)
    /// The address is not one of this machine's.
    case addressNotLocal(TransportAddress.IP)
    /// The stream's name is in use, or its port pair is.
    case inUse
    /// The media threads have ended.
    case shutDown
    /// The system refused; the errno and what was tried.
    case system(code: Int32, action: String)
}

extension MediaError: CustomStringConvertible {
    /// What is wrong, with the numbers, and what to do.
    public var description: String {
        switch self {
        case .descriptors(let shortage):
            shortage.description
        case .portsExhausted(let wanted, let found, let range):
            """
            \(wanted) pairs of RTP and RTCP ports are needed, but only \(found) are free\
            \(range.map { " in \($0.lowerBound)-\($0.upperBound)" } ?? ""); widen the port range or lower the number of \
            endpoints
            """
        case .addressNotLocal(let ip):
            "\(ip.text) is not an address of this machine; RTP cannot be received there"
        case .inUse:
            "the stream or its port pair is in use already"
        case .shutDown:
            "the media threads have ended"
        case .system(let code, let action):
            "cannot \(action): \(String(cString: strerror(code)))"
        }
    }
}
