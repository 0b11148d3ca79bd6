// SPDX-License-Identifier: Apache-2.0

/// Whether provisional responses are made reliable (RFC 3262).
public enum ReliableProvisionals: String, Hashable, Sendable, CaseIterable {
    /// Not offered; a peer that requires it is refused with 420.
    case off
    /// Offered, and used where the peer offers it as well.
    case supported
    /// Required; a caller that does not offer it is refused with 421.
    case required
}

/// The session timer that an endpoint asks for (RFC 4028).
public struct SessionTimerPlan: Hashable, Sendable {
    /// Who shall refresh.
    public enum Refresher: String, Hashable, Sendable, CaseIterable {
        /// This endpoint.
        case local
        /// Its peer, where the peer can.
        case peer
        /// As the answering side likes.
        case automatic
    }

    /// The interval asked for, in seconds; 90 at least.
    public var seconds: UInt32
    /// The shortest interval accepted from a peer, in seconds; 90 at least.
    public var minimum: UInt32
    /// Who shall refresh.
    public var refresher: Refresher

    /// A timer; what is shorter than RFC 4028 §5 allows is lengthened to 90 s.
    public init(seconds: UInt32, minimum: UInt32 = 90, refresher: Refresher = .automatic) {
        self.minimum = max(90, minimum)
        self.seconds = max(self.minimum, seconds)
        self.refresher = refresher
    }
}

/// Which REFERs of a peer an endpoint follows.
public enum TransferPolicy: Hashable, Sendable {
    /// None: each is refused with 603.
    case none
    /// Those to a SIP URI whose user, without separators, is not one of these. A peer must not make this program call an emergency
    /// number (H5), so who allows transfers says which numbers are never called.
    case allBut([[UInt8]])
}
