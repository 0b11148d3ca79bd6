// SPDX-License-Identifier: Apache-2.0

public import Media

/// What an answering extension does with media.
public enum ExtensionMedia: Hashable, Sendable {
    /// Sends back what it receives.
    case echo
    /// Sends a tone.
    case tone
}

/// What the driver does for the server, besides sending its `transmissions`.
public enum PBXOutput: Hashable, Sendable {
    /// Bind a port for RTP (and the next one for RTCP) and answer with `mediaReady`, or with `mediaUnavailable`.
    case needMediaPort(call: UInt64)
    /// Play media on the port of the call.
    case openMedia(call: UInt64, ExtensionMedia, NegotiatedAudio)
    /// The peer changed the session.
    case updateMedia(call: UInt64, NegotiatedAudio)
    /// Stop and give back the port, if there is one.
    case closeMedia(call: UInt64)
}

/// What the server has done so far.
public struct PBXStatistics: Hashable, Sendable {
    /// Messages taken in.
    public var received: UInt64 = 0
    /// What was received and is no SIP message; keep-alives are not counted.
    public var malformed: UInt64 = 0
    /// Requests left without an answer by the fault `silence`.
    public var silenced: UInt64 = 0
    /// Challenges sent.
    public var challenges: UInt64 = 0
    /// Registrations and refreshes accepted.
    public var registrations: UInt64 = 0
    /// Answers to the fault `dialog-challenge`: digests that an endpoint gave away.
    public var stolenDigests: UInt64 = 0
    /// INVITEs passed on.
    public var callsForwarded: UInt64 = 0
}
