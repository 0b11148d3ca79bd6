// SPDX-License-Identifier: Apache-2.0

/// An audio codec this program can send, by its static RTP payload type (RFC 3551 §6).
public enum AudioCodec: UInt8, Hashable, Sendable, CaseIterable {
    /// G.711 µ-law.
    case pcmu = 0
    /// G.711 A-law.
    case pcma = 8

    /// RTP clock rate in hertz, which is also the sampling rate.
    public var clockRate: Int { 8000 }

    /// Bytes of payload for each millisecond of audio.
    public var bytesPerMillisecond: Int { 8 }

    /// Encoding name of the `rtpmap` attribute (RFC 3551 §6).
    public var encodingName: StaticString {
        switch self {
        case .pcmu: "PCMU"
        case .pcma: "PCMA"
        }
    }
}
