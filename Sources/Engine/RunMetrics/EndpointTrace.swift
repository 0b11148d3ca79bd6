// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// What a traced message went over.
public enum TracedTransport: UInt8, Hashable, Sendable, CaseIterable {
    case udp = 1, tcp, tls, ws, wss

    /// The name people know it by: `UDP`, `WSS`.
    public var name: String {
        switch self {
        case .udp: "UDP"
        case .tcp: "TCP"
        case .tls: "TLS"
        case .ws: "WS"
        case .wss: "WSS"
        }
    }
}

/// One SIP message of an endpoint as it went over the wire, digest responses overwritten. Over TLS and WebSocket it is in clear, as
/// the endpoint wrote or read it.
public struct TracedMessage: Hashable, Sendable {
    /// When it was handed to the system or came from it, since the run's start.
    public var at: Interval
    /// Whether the endpoint sent it.
    public var isSent: Bool
    /// What it went over.
    public var transport: TracedTransport
    /// The endpoint's address.
    public var local: TransportAddress
    /// The other side's address.
    public var remote: TransportAddress
    /// How long the message was; more than `bytes` when only its beginning was kept.
    public var length: Int
    /// The message, or as much of its beginning as is kept of one.
    public var bytes: [UInt8]

    /// A whole message from its parts.
    public init(
        at: Interval, isSent: Bool, transport: TracedTransport, local: TransportAddress, remote: TransportAddress,
        bytes: [UInt8], length: Int? = nil
    ) {
        self.at = at
        self.isSent = isSent
        self.transport = transport
        self.local = local
        self.remote = remote
        self.bytes = bytes
        self.length = max(bytes.count, length ?? 0)
    }

    /// Where it came from.
    public var source: TransportAddress { isSent ? local : remote }
    /// Where it went.
    public var destination: TransportAddress { isSent ? remote : local }
}

/// The SIP messages of one endpoint of a run, oldest first.
public struct EndpointTrace: Hashable, Sendable {
    /// The endpoint's place in the run, from 0.
    public var endpoint: UInt32
    /// When the run started, from which the messages' times count.
    public var startedAt: UnixTime
    /// Whether there were more messages than were kept; the newest are kept.
    public var isTruncated: Bool
    /// The messages.
    public var messages: [TracedMessage]

    /// A trace from its parts.
    public init(endpoint: UInt32, startedAt: UnixTime, isTruncated: Bool = false, messages: [TracedMessage]) {
        self.endpoint = endpoint
        self.startedAt = startedAt
        self.isTruncated = isTruncated
        self.messages = messages
    }
}

/// Which endpoints' traces a run keeps besides those of the endpoints that failed: some, spread evenly over all.
public struct TraceSample: Hashable, Sendable {
    /// How many endpoints the run has.
    public let endpoints: Int
    /// How many of them are kept whatever becomes of them.
    public let size: Int

    /// A sample of at most `size` out of `endpoints`.
    public init(endpoints: Int, size: Int = 20) {
        self.endpoints = max(0, endpoints)
        self.size = max(0, min(size, endpoints))
    }

    /// Whether an endpoint is one of the sample.
    public func contains(_ endpoint: UInt32) -> Bool {
        guard size > 0, Int(endpoint) < endpoints else { return false }
        return endpoint == 0 || Int(endpoint) * size / endpoints != (Int(endpoint) - 1) * size / endpoints
    }
}
