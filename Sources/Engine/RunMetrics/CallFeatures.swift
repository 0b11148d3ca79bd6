// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// What one end of a call did and saw beside the plain call. Times count from the run's start instant.
public struct CallFeatures: Hashable, Sendable, Codable {
    /// When audio could flow before the call was answered: 183 or 180 with a session description.
    public var earlyMediaAt: Interval?
    /// Provisional responses acknowledged with PRACK, sent or received.
    public var reliableProvisionals: UInt16 = 0
    /// How often this end put the call on hold.
    public var holds: UInt16 = 0
    /// How long it was on hold by this end, all holds that ended by resuming or with the call.
    public var holdTime: Interval = .zero
    /// How often the peer put it on hold.
    public var holdsByPeer: UInt16 = 0
    /// re-INVITEs sent that were accepted.
    public var reinvitesSent: UInt16 = 0
    /// re-INVITEs of the peer that were accepted.
    public var reinvitesReceived: UInt16 = 0
    /// UPDATEs sent that were accepted.
    public var updatesSent: UInt16 = 0
    /// UPDATEs of the peer that were accepted.
    public var updatesReceived: UInt16 = 0
    /// Changes of the session that met one of the other side (491), either way.
    public var glares: UInt16 = 0
    /// Session refreshes, of both sides (RFC 4028).
    public var sessionRefreshes: UInt16 = 0
    /// Whether the call was ended because nobody refreshed the session.
    public var sessionExpired = false
    /// Final responses of further branches of a forked INVITE; each was acknowledged and released.
    public var forkedAnswers: UInt16 = 0
    /// INFO requests sent that were accepted.
    public var infosSent: UInt16 = 0
    /// INFO requests received.
    public var infosReceived: UInt16 = 0
    /// What became of a transfer: the status the peer reported, or the one this end refused or failed with.
    public var transferStatus: UInt16?

    /// Nothing happened.
    public init() {}
}
