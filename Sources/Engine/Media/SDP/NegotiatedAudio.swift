// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// What this side can offer for one audio stream.
public struct LocalAudio: Hashable, Sendable {
    /// Where this side receives RTP, as the peer shall see it.
    public var rtp: TransportAddress
    /// Where this side receives RTCP, on the same address.
    public var rtcpPort: UInt16
    /// Codecs, the preferred one first; not empty.
    public var codecs: [AudioCodec]
    /// Milliseconds of audio that this side wants in each packet it receives.
    public var packetMilliseconds: Int
    /// What this side is willing to do.
    public var direction: MediaDirection
    /// Session id of the `o=` line; the same in all descriptions of one dialog (RFC 4566 §5.2).
    public var sessionID: UInt64
    /// Session version of the `o=` line; one more with each changed description (RFC 3264 §8).
    public var version: UInt64

    /// An offer of both codecs at 20 ms on an RTP port whose RTCP port is the next one.
    public init(
        rtp: TransportAddress, codecs: [AudioCodec] = [.pcma, .pcmu], direction: MediaDirection = .sendReceive,
        sessionID: UInt64, version: UInt64 = 1
    ) {
        self.rtp = rtp
        rtcpPort = rtp.port &+ 1
        self.codecs = codecs
        packetMilliseconds = 20
        self.direction = direction
        self.sessionID = sessionID
        self.version = version
    }
}

/// One audio stream as both sides agreed on it, seen from this side.
public struct NegotiatedAudio: Hashable, Sendable {
    /// The codec this side sends.
    public var codec: AudioCodec
    /// The RTP payload type this side sends with.
    public var payloadType: UInt8
    /// The length of audio in each packet this side sends.
    public var packetInterval: Interval
    /// Where this side sends RTP.
    public var remoteRTP: TransportAddress
    /// Where this side sends RTCP.
    public var remoteRTCP: TransportAddress
    /// What this side does.
    public var direction: MediaDirection
    /// The payload type under which the peer named telephone events (RFC 4733); received ones are kept out of jitter.
    public var telephoneEventPayloadType: UInt8?

    /// An agreement from its parts; the RTCP port defaults to the one after RTP's (RFC 3550 §11).
    public init(
        codec: AudioCodec, payloadType: UInt8? = nil, packetInterval: Interval = .milliseconds(20),
        remoteRTP: TransportAddress, remoteRTCP: TransportAddress? = nil, direction: MediaDirection = .sendReceive,
        telephoneEventPayloadType: UInt8? = nil
    ) {
        self.codec = codec
        self.payloadType = payloadType ?? codec.rawValue
        self.packetInterval = packetInterval
        self.remoteRTP = remoteRTP
        self.remoteRTCP = remoteRTCP ?? TransportAddress(ip: remoteRTP.ip, port: remoteRTP.port &+ 1)
        self.direction = direction
        self.telephoneEventPayloadType = telephoneEventPayloadType
    }
}
