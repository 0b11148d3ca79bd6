// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// The address of a `c=` or `a=rtcp` line.
public enum ConnectionAddress: Hashable, Sendable {
    /// A numeric address.
    case ip(TransportAddress.IP)
    /// A host name or an address type other than IN IP4 and IN IP6.
    case notNumeric
}

/// What a payload type stands for.
public enum PayloadEncoding: Hashable, Sendable {
    /// Audio this program can send.
    case audio(AudioCodec)
    /// `telephone-event` (RFC 4733).
    case telephoneEvent
    /// Anything else.
    case other
}

/// One payload type of an `m=` line.
public struct PayloadFormat: Hashable, Sendable {
    /// The RTP payload type, 0…127.
    public var payloadType: UInt8
    /// What it stands for, from `rtpmap` or the static table (RFC 3551 §6).
    public var encoding: PayloadEncoding
}

/// One `m=` section (RFC 4566 §5.14).
public struct MediaDescription: Sendable {
    /// Whether it is `m=audio`.
    public var isAudio: Bool
    /// Whether its profile is `RTP/AVP`.
    public var isPlainRTP: Bool
    /// The port, 0 when refused or withdrawn.
    public var port: UInt16
    /// Its payload types in the order of the `m=` line; empty when they are not numbers.
    public var formats: [PayloadFormat]
    /// Its own `c=` line.
    public var connection: ConnectionAddress?
    /// The direction it states.
    public var direction: MediaDirection?
    /// `a=rtcp` port (RFC 3605).
    public var rtcpPort: UInt16?
    /// `a=rtcp` address (RFC 3605).
    public var rtcpAddress: ConnectionAddress?
    /// `a=ptime` in milliseconds.
    public var packetMilliseconds: Int?
    /// Media name within the description's bytes.
    var nameRange: Range<Int>
    /// Everything after the port within the description's bytes: profile and formats, to be mirrored in an answer.
    var profileAndFormats: Range<Int>
    /// The profile within the description's bytes.
    var profile: Range<Int>
}

/// A session description (RFC 4566), read over its bytes.
public struct SessionDescription: Sendable {
    /// Most `m=` lines accepted: a call has a few; each costs a line in the answer.
    public static var maximumMedia: Int { 16 }
    /// Most formats accepted in one `m=` line: the number of RTP payload types.
    public static var maximumFormats: Int { 128 }

    /// The bytes it was read from; the places in `media` count from their start.
    public let bytes: ArraySlice<UInt8>
    /// The session's `c=` line.
    public internal(set) var connection: ConnectionAddress?
    /// The direction stated for the whole session.
    public internal(set) var direction: MediaDirection?
    /// Session version of the `o=` line, nil when it is no number.
    public internal(set) var version: UInt64?
    /// The `m=` sections in order.
    public internal(set) var media: [MediaDescription] = []

    /// Reads a description; unknown lines and attributes are passed over.
    public init(parsing body: UnsafeRawBufferPointer) throws(SDPError) {
        try self.init(parsing: [UInt8](body))
    }

    /// Reads a description from an array.
    public init(parsing body: [UInt8]) throws(SDPError) {
        try self.init(parsing: body[...])
    }

    /// Reads a description from part of an array, which it keeps without a copy.
    public init(parsing body: ArraySlice<UInt8>) throws(SDPError) {
        bytes = body
        // withUnsafeBytes does not carry the typed error through, so it is taken out as a value.
        let failure = body.withUnsafeBytes { raw -> SDPError? in
            var reader = SDPReader(bytes: raw)
            do throws(SDPError) { try reader.read(into: &self) } catch { return error }
            return nil
        }
        if let failure { throw failure }
    }

    /// The bytes at a place of `media`.
    func part(_ range: Range<Int>) -> ArraySlice<UInt8> {
        bytes[bytes.startIndex + range.lowerBound..<bytes.startIndex + range.upperBound]
    }

    /// The place of the audio stream to use: the first acceptable `m=audio` line, else the first one.
    var audioIndex: Int? {
        media.firstIndex { $0.isAudio && $0.isPlainRTP && $0.port != 0 } ?? media.firstIndex { $0.isAudio }
    }
}
