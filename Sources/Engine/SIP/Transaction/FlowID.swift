// SPDX-License-Identifier: Apache-2.0

/// Names a path that messages take: a local UDP socket or one TCP connection. The driver numbers them; the engine only copies them.
public struct FlowID: Hashable, Sendable {
    /// The driver's number.
    public let raw: UInt32

    /// The flow with the driver's number `raw`.
    @inlinable public init(raw: UInt32) { self.raw = raw }
}
