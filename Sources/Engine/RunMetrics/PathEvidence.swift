// SPDX-License-Identifier: Apache-2.0

/// A server that did not serve an endpoint, and why.
public struct FailedServer: Hashable, Sendable, Codable {
    /// Its address and port.
    public var address: String
    /// The transport, as Via names it.
    public var transport: String
    /// What the network said; nil when the server itself refused.
    public var fault: TransportFault?
    /// The status it refused with.
    public var status: UInt16?

    /// A server from its parts.
    public init(address: String, transport: String, fault: TransportFault? = nil, status: UInt16? = nil) {
        self.address = address
        self.transport = transport
        self.fault = fault
        self.status = status
    }
}

/// What became of requests that are too large for UDP (RFC 3261 §18.1.1).
public enum LargeRequests: String, Hashable, Sendable, Codable {
    /// They went over TCP.
    case sentByTCP = "sent_by_tcp"
    /// TCP was refused, so they went over UDP all the same.
    case fellBackToUDP = "fell_back_to_udp"
}

/// What an endpoint's way to its server went through, where it was not simply there: other servers, lost connections, a NAT.
public struct PathEvidence: Hashable, Sendable, Codable {
    /// At most so many failed servers are kept.
    public static let mostServers = 8

    /// Servers that failed, in order.
    public var failedServers: [FailedServer] = []
    /// The server that accepted the last REGISTER, `address:port`; nil when it is the first one and none failed.
    public var server: String?
    /// How often the endpoint went to another server (RFC 3263 §4.3).
    public var failovers: UInt16 = 0
    /// How often it replaced a lost connection (RFC 5626 §4.4).
    public var reconnects: UInt16 = 0
    /// The address the server saw, where it is not the endpoint's own: a NAT is between (RFC 3581).
    public var publicAddress: String?
    /// Whether the server agreed to outbound (RFC 5626).
    public var outbound = false
    /// What became of requests too large for UDP; nil when there were none.
    public var largeRequests: LargeRequests?

    /// A way on which nothing has happened yet.
    public init() {}
}
