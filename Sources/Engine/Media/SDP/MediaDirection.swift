// SPDX-License-Identifier: Apache-2.0

/// Which way media flows, seen from the side that writes the description (RFC 4566 §6).
public enum MediaDirection: Hashable, Sendable {
    /// `a=sendrecv`, also when nothing is said.
    case sendReceive
    /// `a=sendonly`.
    case sendOnly
    /// `a=recvonly`.
    case receiveOnly
    /// `a=inactive`.
    case inactive

    /// The direction with these two properties.
    public init(sends: Bool, receives: Bool) {
        self = sends ? (receives ? .sendReceive : .sendOnly) : (receives ? .receiveOnly : .inactive)
    }

    /// Whether the describing side sends.
    public var sends: Bool { self == .sendReceive || self == .sendOnly }
    /// Whether the describing side receives.
    public var receives: Bool { self == .sendReceive || self == .receiveOnly }

    /// The same flow seen from the other side.
    public var reversed: MediaDirection { MediaDirection(sends: receives, receives: sends) }

    /// What both allow.
    public func intersection(_ other: MediaDirection) -> MediaDirection {
        MediaDirection(sends: sends && other.sends, receives: receives && other.receives)
    }

    /// The attribute's name.
    public var attribute: StaticString {
        switch self {
        case .sendReceive: "sendrecv"
        case .sendOnly: "sendonly"
        case .receiveOnly: "recvonly"
        case .inactive: "inactive"
        }
    }
}
