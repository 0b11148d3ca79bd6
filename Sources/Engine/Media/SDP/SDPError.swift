// SPDX-License-Identifier: Apache-2.0

/// Why a session description cannot be used.
public enum SDPError: Error, Hashable, Sendable {
    /// The body does not begin with `v=0`.
    case notASessionDescription
    /// A line is not `letter=value`, or its value cannot be read; counted from 1.
    case malformedLine(Int)
    /// More `m=` lines than `SessionDescription.maximumMedia`, or more formats in one than `maximumFormats`.
    case tooManyMedia
    /// No `m=audio` line.
    case noAudio
    /// The peer refused the audio stream (port 0, RFC 3264 §6).
    case audioRejected
    /// The audio line's profile is not plain RTP/AVP; encrypted media is not offered yet.
    case unsupportedProfile
    /// Neither the session nor the audio stream has a `c=` line.
    case noConnectionAddress
    /// The `c=` line names a host or an unknown address type instead of an IP address.
    case connectionAddressNotNumeric
    /// No codec in common.
    case noCommonCodec
}

extension SDPError: CustomStringConvertible {
    /// What cannot be read or agreed on.
    public var description: String {
        switch self {
        case .notASessionDescription: "the body is not a session description: it does not begin with v=0"
        case .malformedLine(let number): "the session description's line \(number) cannot be read"
        case .tooManyMedia: "the session description has more media or formats than this program accepts"
        case .noAudio: "the session description has no audio stream (m=audio)"
        case .audioRejected: "the peer refused the audio stream (port 0)"
        case .unsupportedProfile: "the audio stream's profile is not RTP/AVP; encrypted media is not supported"
        case .noConnectionAddress: "the session description says no address for the audio (no c= line)"
        case .connectionAddressNotNumeric: "the session description's c= line has no IP address"
        case .noCommonCodec: "the peer offers no codec that this endpoint has"
        }
    }
}
