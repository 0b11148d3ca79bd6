// SPDX-License-Identifier: Apache-2.0

/// Names a path that messages take: a local UDP socket or one TCP connection. The driver numbers them; the engine only copies them.
public struct FlowID: Hashable, Sendable {
    /// The driver's number.
    public let raw: UInt32

    /// The flow with the driver's number `raw`.
    @inlinable public init(raw: UInt32) { self.raw = raw }
}

/// The transport protocol under SIP (RFC 3261 §18).
public enum SIPTransport: UInt8, Hashable, Sendable, CaseIterable {
    /// Datagrams: lost, repeated and reordered.
    case udp
    /// A stream: what arrives is complete and in order.
    case tcp

    /// Whether the transport itself repeats what was lost, so that the transaction timers A, E and G stay off.
    @inlinable public var isReliable: Bool { self != .udp }

    /// The token in a Via header (RFC 3261 §25.1).
    public var viaToken: StaticString {
        switch self {
        case .udp: "UDP"
        case .tcp: "TCP"
        }
    }
}
