// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Media

/// Session descriptions: an answer to any offer that was read can be read again, has the offer's media in the offer's order, and
/// fits our side.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSDP(_ data: UnsafePointer<UInt8>, _ size: Int) -> Int32 {
    guard size <= 65_535 else { return 0 }
    let bytes = UnsafeRawBufferPointer(start: data, count: size)
    guard let offer = try? SessionDescription(parsing: bytes) else { return 0 }
    require(offer.media.count <= SessionDescription.maximumMedia, "too many media")
    for section in offer.media {
        require(section.formats.count <= SessionDescription.maximumFormats, "too many formats")
        for format in section.formats { require(format.payloadType < 128, "a payload type above 127") }
    }
    let local = LocalAudio(rtp: TransportAddress(192, 0, 2, 9, port: 20_000), sessionID: 5)
    var writer = ByteWriter()
    do throws(SDPError) {
        let agreed = try offer.writeAnswer(local, into: &writer)
        require(agreed.remoteRTP.port != 0, "media to port 0")
        require(agreed.payloadType < 128, "a payload type above 127")
        check(answer: writer.bytes, to: offer, agreed)
    } catch {
        require(!error.description.isEmpty, "an error without a word")
    }
    if let agreed = try? offer.negotiate(asAnswerTo: local) {
        require(local.codecs.contains(agreed.codec), "a codec that was not offered")
    }
    return 0
}

private func check(answer bytes: [UInt8], to offer: SessionDescription, _ agreed: NegotiatedAudio) {
    guard let answer = try? SessionDescription(parsing: bytes) else { fatalError("an answer cannot be read") }
    require(answer.media.count == offer.media.count, "an answer with another number of media")
    let open = answer.media.filter { $0.port != 0 }
    require(open.count == 1, "not exactly one open stream")
    require(open[0].formats.map(\.payloadType) == [agreed.payloadType], "another payload type")
    for (mine, theirs) in zip(answer.media, offer.media) where mine.port != 0 {
        require(mine.isAudio == theirs.isAudio && mine.isPlainRTP, "another kind of medium")
    }
    guard case .ip(let ip) = answer.connection else { fatalError("an answer without address") }
    require(ip == .v4(0xC000_0209), "another address")
}
