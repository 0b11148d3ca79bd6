// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// Offer and answer (RFC 3264) for one audio stream.
extension SessionDescription {
    /// The packet lengths honoured when the peer asks for one, in milliseconds; others fall back to 20 (RFC 3551 §4.2).
    static var packetLengths: [Int] { [10, 20, 30, 40, 60] }

    /// Writes an offer with one audio stream.
    public static func writeOffer(_ local: LocalAudio, into writer: inout ByteWriter) {
        writeSession(local, into: &writer)
        writer.append("m=audio ")
        writer.append(decimal: UInt64(local.rtp.port))
        writer.append(" RTP/AVP")
        for codec in local.codecs {
            writer.append(0x20)
            writer.append(decimal: UInt64(codec.rawValue))
        }
        writer.append("\r\n")
        for codec in local.codecs { writeMap(codec, payloadType: codec.rawValue, into: &writer) }
        writeAttributes(local, direction: local.direction, into: &writer)
    }

    /// Writes the answer to this offer and gives what was agreed. Streams other than the audio are refused with port 0.
    public func writeAnswer(_ local: LocalAudio, into writer: inout ByteWriter) throws(SDPError) -> NegotiatedAudio {
        let (index, audio) = try agree(with: local)
        Self.writeSession(local, into: &writer)
        for (position, section) in media.enumerated() {
            writer.append("m=")
            writer.append(part(section.nameRange))
            writer.append(0x20)
            guard position == index else {
                writer.append("0 ")
                writer.append(part(section.profileAndFormats))
                writer.append("\r\n")
                continue
            }
            writer.append(decimal: UInt64(local.rtp.port))
            writer.append(0x20)
            writer.append(part(section.profile))
            writer.append(0x20)
            writer.append(decimal: UInt64(audio.payloadType))
            writer.append("\r\n")
            Self.writeMap(audio.codec, payloadType: audio.payloadType, into: &writer)
            Self.writeAttributes(local, direction: audio.answered, into: &writer)
        }
        return audio.agreement
    }

    /// Reads this description as the answer to an offer made from `local`.
    public func negotiate(asAnswerTo local: LocalAudio) throws(SDPError) -> NegotiatedAudio {
        try agree(with: local).audio.agreement
    }

    // MARK: Agreement

    private struct Agreed {
        var agreement: NegotiatedAudio
        /// The direction to state in an answer: without the silence that an address of zeros asks for.
        var answered: MediaDirection
        var codec: AudioCodec { agreement.codec }
        var payloadType: UInt8 { agreement.payloadType }
    }

    private func agree(with local: LocalAudio) throws(SDPError) -> (index: Int, audio: Agreed) {
        guard let index = audioIndex else { throw .noAudio }
        let section = media[index]
        guard section.port != 0 else { throw .audioRejected }
        guard section.isPlainRTP else { throw .unsupportedProfile }
        guard let (codec, payloadType) = commonCodec(section, local.codecs) else { throw .noCommonCodec }
        let ip = try numericAddress(section.connection ?? connection)
        let rtcpIP = section.rtcpAddress == nil ? ip : try numericAddress(section.rtcpAddress)
        let stated = (section.direction ?? direction ?? .sendReceive).reversed.intersection(local.direction)
        // 0.0.0.0 is the old way to put a call on hold (RFC 3264 §8.4): there is nowhere to send to.
        let onHold = ip == .v4(0) || ip == .v6(high: 0, low: 0)
        let length = section.packetMilliseconds ?? local.packetMilliseconds
        let agreement = NegotiatedAudio(
            codec: codec, payloadType: payloadType,
            packetInterval: .milliseconds(Self.packetLengths.contains(length) ? length : 20),
            remoteRTP: TransportAddress(ip: ip, port: section.port),
            remoteRTCP: TransportAddress(ip: rtcpIP, port: section.rtcpPort ?? section.port &+ 1),
            direction: onHold ? MediaDirection(sends: false, receives: stated.receives) : stated,
            telephoneEventPayloadType: section.formats.first { $0.encoding == .telephoneEvent }?.payloadType)
        return (index, Agreed(agreement: agreement, answered: stated))
    }

    /// The peer's first format that is also ours: the order of the `m=` line is the peer's preference (RFC 3264 §5.1).
    private func commonCodec(_ section: MediaDescription, _ codecs: [AudioCodec]) -> (AudioCodec, UInt8)? {
        for format in section.formats {
            if case .audio(let codec) = format.encoding, codecs.contains(codec) { return (codec, format.payloadType) }
        }
        return nil
    }

    private func numericAddress(_ address: ConnectionAddress?) throws(SDPError) -> TransportAddress.IP {
        switch address {
        case .ip(let ip): return ip
        case .notNumeric: throw .connectionAddressNotNumeric
        case nil: throw .noConnectionAddress
        }
    }

    // MARK: Writing

    private static func writeSession(_ local: LocalAudio, into writer: inout ByteWriter) {
        writer.append("v=0\r\no=- ")
        writer.append(decimal: local.sessionID)
        writer.append(0x20)
        writer.append(decimal: local.version)
        writer.append(0x20)
        writeAddress(local.rtp.ip, into: &writer)
        writer.append("\r\ns=-\r\nc=")
        writeAddress(local.rtp.ip, into: &writer)
        writer.append("\r\nt=0 0\r\n")
    }

    /// `IN IP4 a.b.c.d` or `IN IP6 …`; no brackets here (RFC 4566 §9).
    private static func writeAddress(_ ip: TransportAddress.IP, into writer: inout ByteWriter) {
        switch ip {
        case .v4:
            writer.append("IN IP4 ")
            writer.append(host: ip)
        case .v6:
            writer.append("IN IP6 ")
            writer.append(string: ip.text)
        }
    }

    private static func writeMap(_ codec: AudioCodec, payloadType: UInt8, into writer: inout ByteWriter) {
        writer.append("a=rtpmap:")
        writer.append(decimal: UInt64(payloadType))
        writer.append(0x20)
        writer.append(codec.encodingName)
        writer.append("/8000\r\n")
    }

    private static func writeAttributes(
        _ local: LocalAudio, direction: MediaDirection, into writer: inout ByteWriter
    ) {
        writer.append("a=ptime:")
        writer.append(decimal: UInt64(local.packetMilliseconds))
        writer.append("\r\n")
        if local.rtcpPort != local.rtp.port &+ 1 {
            writer.append("a=rtcp:")
            writer.append(decimal: UInt64(local.rtcpPort))
            writer.append("\r\n")
        }
        writer.append("a=")
        writer.append(direction.attribute)
        writer.append("\r\n")
    }
}
