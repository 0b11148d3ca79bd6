// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Media
import Testing

@Suite struct OfferAnswerTests {
    private let alice = LocalAudio(rtp: TransportAddress(192, 0, 2, 10, port: 40000), sessionID: 77)
    private let bob = LocalAudio(
        rtp: TransportAddress(192, 0, 2, 20, port: 50000), codecs: [.pcmu], sessionID: 88, version: 3)

    private func parse(_ text: String) throws -> SessionDescription {
        try SessionDescription(parsing: Array(text.utf8))
    }

    private func answer(_ offer: String, _ local: LocalAudio) throws -> (text: String, audio: NegotiatedAudio) {
        var writer = ByteWriter()
        let audio = try parse(offer).writeAnswer(local, into: &writer)
        return (String(decoding: writer.bytes, as: UTF8.self), audio)
    }

    private func lines(_ text: String...) -> String { text.map { $0 + "\r\n" }.joined() }

    @Test func `an offer names address, codecs in order, interval and direction`() {
        var writer = ByteWriter()
        SessionDescription.writeOffer(alice, into: &writer)
        #expect(
            String(decoding: writer.bytes, as: UTF8.self)
                == lines(
                    "v=0", "o=- 77 1 IN IP4 192.0.2.10", "s=-", "c=IN IP4 192.0.2.10", "t=0 0",
                    "m=audio 40000 RTP/AVP 8 0", "a=rtpmap:8 PCMA/8000", "a=rtpmap:0 PCMU/8000", "a=ptime:20",
                    "a=sendrecv"))
    }

    @Test func `an answer takes the first common codec and both sides agree on it`() throws {
        var writer = ByteWriter()
        SessionDescription.writeOffer(alice, into: &writer)
        let answered = try answer(String(decoding: writer.bytes, as: UTF8.self), bob)
        #expect(answered.audio.codec == .pcmu)
        #expect(answered.audio.remoteRTP == alice.rtp)
        #expect(answered.audio.remoteRTCP == TransportAddress(192, 0, 2, 10, port: 40001))
        let offered = try parse(answered.text).negotiate(asAnswerTo: alice)
        #expect(offered.codec == .pcmu)
        #expect(offered.payloadType == 0)
        #expect(offered.remoteRTP == bob.rtp)
        #expect(offered.packetInterval == .milliseconds(20))
        #expect(offered.direction == .sendReceive)
    }

    @Test func `RFC 3264 §10_1 - one audio stream is answered and every refused video keeps its place`() throws {
        // The offer of RFC 3264 section 10.1.
        let offer = lines(
            "v=0", "o=alice 2890844526 2890844526 IN IP4 host.anywhere.com", "s=", "c=IN IP4 192.0.2.1", "t=0 0",
            "m=audio 49170 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "m=video 51372 RTP/AVP 31", "a=rtpmap:31 H261/90000",
            "m=video 53000 RTP/AVP 32", "a=rtpmap:32 MPV/90000")
        let answered = try answer(offer, bob)
        #expect(answered.audio.remoteRTP == TransportAddress(192, 0, 2, 1, port: 49170))
        let media = answered.text.split(separator: "\r\n").filter { $0.hasPrefix("m=") }
        #expect(media == ["m=audio 50000 RTP/AVP 0", "m=video 0 RTP/AVP 31", "m=video 0 RTP/AVP 32"])
    }

    @Test func `telephone events and comfort noise are tolerated and the peer's number is remembered`() throws {
        let offer = lines(
            "v=0", "o=- 1 1 IN IP4 10.0.0.9", "s=x", "c=IN IP4 10.0.0.9", "t=0 0",
            "m=audio 7000 RTP/AVP 9 111 13 101 8", "a=rtpmap:111 opus/48000/2", "a=rtpmap:101 telephone-event/8000",
            "a=fmtp:101 0-16", "a=maxptime:150", "a=ptime:30")
        let answered = try answer(offer, alice)
        #expect(answered.audio.codec == .pcma)
        #expect(answered.audio.telephoneEventPayloadType == 101)
        #expect(answered.audio.packetInterval == .milliseconds(30))
        #expect(answered.text.contains("m=audio 40000 RTP/AVP 8\r\n"))
    }

    @Test func `a codec under a dynamic number is answered with that number`() throws {
        let offer = lines(
            "v=0", "o=- 1 1 IN IP4 10.0.0.9", "s=x", "c=IN IP4 10.0.0.9", "t=0 0", "m=audio 7000 RTP/AVP 96 97",
            "a=rtpmap:96 pcmu/16000", "a=rtpmap:97 pcma/8000/1")
        let answered = try answer(offer, alice)
        #expect(answered.audio.codec == .pcma)
        #expect(answered.audio.payloadType == 97)
        #expect(answered.text.contains("a=rtpmap:97 PCMA/8000\r\n"))
    }

    @Test(arguments: [
        ("a=sendonly", MediaDirection.receiveOnly), ("a=recvonly", .sendOnly), ("a=inactive", .inactive),
        ("a=sendrecv", .sendReceive), ("a=x-unknown", .sendReceive),
    ])
    func `RFC 3264 §6_1 - the answer's direction mirrors the offer's`(offered: String, answered: MediaDirection) throws
    {
        let offer = lines(
            "v=0", "o=- 1 1 IN IP4 10.0.0.9", "s=x", "c=IN IP4 10.0.0.9", "t=0 0", "m=audio 7000 RTP/AVP 0", offered)
        let result = try answer(offer, bob)
        #expect(result.audio.direction == answered)
        #expect(result.text.hasSuffix("a=\(answered.attribute)\r\n"))
        // The same line before the first m= counts for every stream, and the stream's own line wins over it.
        let session = lines(
            "v=0", "o=- 1 1 IN IP4 10.0.0.9", "s=x", "c=IN IP4 10.0.0.9", "t=0 0", offered, "m=audio 7000 RTP/AVP 0")
        #expect(try answer(session, bob).audio.direction == answered)
        #expect(try answer(session + "a=sendonly\r\n", bob).audio.direction == .receiveOnly)
    }

    @Test func `the old hold with an address of zeros stops sending`() throws {
        let offer = lines(
            "v=0", "o=- 1 2 IN IP4 10.0.0.9", "s=x", "c=IN IP4 0.0.0.0", "t=0 0", "m=audio 7000 RTP/AVP 0")
        #expect(try answer(offer, bob).audio.direction == .receiveOnly)
    }

    @Test func `the stream's own address and a=rtcp win over the session's`() throws {
        let offer = lines(
            "v=0", "o=- 1 2 IN IP6 2001:db8::1", "s=x", "c=IN IP6 2001:db8::1", "t=0 0", "m=audio 7000 RTP/AVP 0",
            "c=IN IP4 10.1.1.1/127", "a=rtcp:7077 IN IP6 2001:db8::2")
        let audio = try answer(offer, bob).audio
        #expect(audio.remoteRTP == TransportAddress(10, 1, 1, 1, port: 7000))
        #expect(audio.remoteRTCP == TransportAddress("[2001:db8::2]:7077"))
    }

    @Test func `an IPv6 offer is read back`() throws {
        var writer = ByteWriter()
        var local = bob
        local.rtp = try #require(TransportAddress("[2001:db8::5]:6000"))
        local.rtcpPort = 6100
        SessionDescription.writeOffer(local, into: &writer)
        let audio = try parse(String(decoding: writer.bytes, as: UTF8.self)).negotiate(asAnswerTo: bob)
        #expect(audio.remoteRTP == local.rtp)
        #expect(audio.remoteRTCP.port == 6100)
    }

    @Test(arguments: [
        ("", SDPError.notASessionDescription),
        ("<xml/>\r\n", .notASessionDescription),
        ("v=0\r\nc=IN IP4 10.0.0.1\r\n", .noAudio),
        ("v=0\r\nc=IN IP4 10.0.0.1\r\nm=video 9 RTP/AVP 31\r\n", .noAudio),
        ("v=0\r\nc=IN IP4 10.0.0.1\r\nm=audio 0 RTP/AVP 0\r\n", .audioRejected),
        ("v=0\r\nc=IN IP4 10.0.0.1\r\nm=audio 9 RTP/SAVP 0\r\n", .unsupportedProfile),
        ("v=0\r\nm=audio 9 RTP/AVP 0\r\n", .noConnectionAddress),
        ("v=0\r\nc=IN IP4 pbx.example.com\r\nm=audio 9 RTP/AVP 0\r\n", .connectionAddressNotNumeric),
        ("v=0\r\nc=IN IP4 10.0.0.1\r\nm=audio 9 RTP/AVP 18\r\n", .noCommonCodec),
        ("v=0\r\nm=audio 70000 RTP/AVP 0\r\n", .malformedLine(2)),
        ("v=0\r\nnonsense\r\n", .malformedLine(2)),
    ])
    func `a description that cannot be used says why`(text: String, error: SDPError) {
        #expect(throws: error) { try answer(text, bob) }
    }

    @Test func `a description cut at any byte is read or refused and never traps`() throws {
        let offer = lines(
            "v=0", "o=- 1 2 IN IP4 10.0.0.9", "s=x", "c=IN IP4 10.0.0.9", "t=0 0",
            "m=audio 7000/2 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000", "a=rtcp:7001", "a=ptime:20")
        for count in 0..<offer.utf8.count {
            _ = try? answer(String(decoding: offer.utf8.prefix(count), as: UTF8.self), bob)
        }
        #expect(try answer(offer, bob).audio.codec == .pcmu)
        let many = String(repeating: "m=audio 9 RTP/AVP 0\r\n", count: SessionDescription.maximumMedia + 1)
        #expect(throws: SDPError.tooManyMedia) { try answer("v=0\r\n" + many, bob) }
    }

    @Test func `a description in the middle of other bytes is answered as one that stands alone`() throws {
        let text =
            "v=0\r\no=- 7 8 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=video 4000 RTP/SAVP 96 97\r\n"
            + "m=audio 4002 RTP/AVP 96 8\r\na=rtpmap:96 pcmu/8000/1\r\na=SendOnly\r\na=ptime:30\r\na=rtcp:4009 in ip4 192.0.2.7\r\n"
        let body = Array(text.utf8)
        let message = Array("head".utf8) + body
        let local = LocalAudio(rtp: TransportAddress(192, 0, 2, 9, port: 6000), codecs: [.pcmu], sessionID: 1)
        var alone = ByteWriter()
        var within = ByteWriter()
        let first = try SessionDescription(parsing: body).writeAnswer(local, into: &alone)
        let second = try SessionDescription(parsing: message[4...]).writeAnswer(local, into: &within)
        #expect(first == second && alone.bytes == within.bytes)
        #expect(
            String(decoding: within.bytes, as: UTF8.self).contains(
                "m=video 0 RTP/SAVP 96 97\r\nm=audio 6000 RTP/AVP 96\r\n"))
        #expect(second.packetInterval == .milliseconds(30) && !second.direction.sends && second.direction.receives)
        #expect(second.remoteRTCP == TransportAddress(192, 0, 2, 7, port: 4009))
    }
}
