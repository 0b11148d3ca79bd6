// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// Whether the calls of a group have reliable provisional responses (RFC 3262).
public enum ReliableUse: String, Hashable, Sendable, CaseIterable {
    /// Neither offered nor accepted.
    case off
    /// Used where the peer offers them.
    case supported
    /// Calls of peers without them are refused, and calls to them fail.
    case required
}

/// Whether the endpoints of a group follow a REFER of their peer. Emergency numbers are never called (H5).
public enum TransferUse: String, Hashable, Sendable, CaseIterable {
    case accept, refuse
}

/// The session timer that the calls of a group ask for (RFC 4028).
public struct SessionTimerUse: Hashable, Sendable {
    /// Who shall refresh the session.
    public enum Refresher: String, Hashable, Sendable, CaseIterable {
        /// The endpoint of the group.
        case local
        /// Its peer.
        case peer
        /// As the answering side likes.
        case automatic
    }

    /// How long a session lives without a refresh, 90 s to a day.
    public var interval: Interval
    /// Who shall refresh it.
    public var refresher: Refresher

    /// A timer; half an hour unless given.
    public init(interval: Interval = .seconds(1800), refresher: Refresher = .automatic) {
        self.interval = interval
        self.refresher = refresher
    }
}
