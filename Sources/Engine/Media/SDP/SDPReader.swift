// SPDX-License-Identifier: Apache-2.0

import Bedrock

/// Reads the lines of a session description; line ends may be CR LF or LF (RFC 4566 §5).
struct SDPReader {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0
    private var lineNumber = 0
    /// The `m=` section that lines are added to; nil before the first.
    private var section: MediaDescription?
    /// Its formats, kept apart until it is whole.
    private var formats: [PayloadFormat] = []

    init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    mutating func read(into description: inout SessionDescription) throws(SDPError) {
        guard let first = nextLine(), equals(first, "v=0") else { throw .notASessionDescription }
        while let line = nextLine() {
            if line.isEmpty { continue }
            guard line.count >= 2, bytes[line.lowerBound + 1] == UInt8(ascii: "=") else {
                throw .malformedLine(lineNumber)
            }
            let value = line.lowerBound + 2..<line.upperBound
            switch bytes[line.lowerBound] {
            case UInt8(ascii: "o"): description.version = version(value)
            case UInt8(ascii: "c"): readConnection(value, into: &description)
            case UInt8(ascii: "m"):
                endSection(of: &description)
                section = try readMedia(value, after: description.media.count)
            case UInt8(ascii: "a"): try readAttribute(value, into: &description)
            default: break
            }
        }
        endSection(of: &description)
    }

    private mutating func endSection(of description: inout SessionDescription) {
        guard var section else { return }
        swap(&section.formats, &formats)
        description.media.append(section)
        self.section = nil
        formats = []
    }

    private mutating func nextLine() -> Range<Int>? {
        guard position < bytes.count else { return nil }
        let start = position
        var end = lineFeed(from: start)
        position = end + 1
        lineNumber += 1
        if end > start, bytes[end - 1] == 0x0D { end -= 1 }
        return start..<end
    }

    /// The first LF from `start` on, or the end; eight bytes at a time.
    @inline(__always) private func lineFeed(from start: Int) -> Int {
        var place = start
        while place + 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self).littleEndian ^ 0x0A0A_0A0A_0A0A_0A0A
            // The lowest set bit is exact: a borrow only reaches bytes above the first zero.
            let hits = (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
            if hits != 0 { return place + hits.trailingZeroBitCount / 8 }
            place += 8
        }
        while place < bytes.count, bytes[place] != 0x0A { place += 1 }
        return place
    }

    // MARK: Lines

    /// The session version: the third field of `o=`.
    private func version(_ value: Range<Int>) -> UInt64? {
        var fields = Fields(bytes, value)
        _ = fields.next()
        _ = fields.next()
        return number(fields.next())
    }

    private mutating func readConnection(_ value: Range<Int>, into description: inout SessionDescription) {
        var fields = Fields(bytes, value)
        let network = fields.next()
        let address = connectionAddress(&fields, network: network)
        if section != nil { section?.connection = address } else { description.connection = address }
    }

    private mutating func readMedia(_ value: Range<Int>, after count: Int) throws(SDPError) -> MediaDescription {
        guard count < SessionDescription.maximumMedia else { throw .tooManyMedia }
        var fields = Fields(bytes, value)
        let name = fields.next()
        let portField = fields.next()
        let profile = fields.next()
        // `m=audio 49170/2` gives a number of ports (RFC 4566 §5.14); only the first is of use here.
        let portEnd = place(of: UInt8(ascii: "/"), in: portField)
        guard !name.isEmpty, !profile.isEmpty, let port = number(portField.lowerBound..<portEnd), port <= 0xFFFF else {
            throw .malformedLine(lineNumber)
        }
        while case let field = fields.next(), !field.isEmpty {
            guard formats.count < SessionDescription.maximumFormats else { throw .tooManyMedia }
            guard let payloadType = number(field), payloadType < 128 else { break }
            let known = AudioCodec(rawValue: UInt8(payloadType)).map(PayloadEncoding.audio) ?? .other
            formats.append(PayloadFormat(payloadType: UInt8(payloadType), encoding: known))
        }
        return MediaDescription(
            isAudio: equals(name, "audio"), isPlainRTP: equals(profile, "rtp/avp"), port: UInt16(port),
            formats: [], connection: nil, direction: nil, rtcpPort: nil, rtcpAddress: nil, packetMilliseconds: nil,
            nameRange: name, profileAndFormats: profile.lowerBound..<value.upperBound, profile: profile)
    }

    private mutating func readAttribute(
        _ value: Range<Int>, into description: inout SessionDescription
    ) throws(SDPError) {
        let colon = place(of: UInt8(ascii: ":"), in: value)
        let name = value.lowerBound..<colon
        let rest = min(colon + 1, value.upperBound)..<value.upperBound
        // The length leaves a few candidates.
        switch name.count {
        case 8:
            guard let direction = direction(named: name) else { return }
            if section != nil { section?.direction = direction } else { description.direction = direction }
        case 6 where section != nil && equals(name, "rtpmap"): readMap(rest)
        case 5 where section != nil && equals(name, "ptime"):
            var fields = Fields(bytes, rest)
            let milliseconds = number(fields.next()).map { Int($0) }
            section?.packetMilliseconds = milliseconds
        case 4 where section != nil && equals(name, "rtcp"): try readRTCP(rest)
        default: break
        }
    }

    /// `a=rtcp:53020 IN IP4 192.0.2.1`, the address being optional (RFC 3605 §2.1).
    private mutating func readRTCP(_ value: Range<Int>) throws(SDPError) {
        var fields = Fields(bytes, value)
        guard let port = number(fields.next()), port <= 0xFFFF else { throw .malformedLine(lineNumber) }
        section?.rtcpPort = UInt16(port)
        let network = fields.next()
        guard !network.isEmpty else { return }
        let address = connectionAddress(&fields, network: network)
        section?.rtcpAddress = address
    }

    /// `a=rtpmap:8 PCMA/8000` (RFC 4566 §6); encoding names are compared without regard to case (RFC 4855 §3).
    private mutating func readMap(_ value: Range<Int>) {
        var fields = Fields(bytes, value)
        let payloadType = number(fields.next())
        let encoding = encoding(fields.next())
        for index in formats.indices where UInt64(formats[index].payloadType) == payloadType {
            formats[index].encoding = encoding
            return
        }
    }

    private func encoding(_ value: Range<Int>) -> PayloadEncoding {
        let slash = place(of: UInt8(ascii: "/"), in: value)
        let name = value.lowerBound..<slash
        if equals(name, "telephone-event") { return .telephoneEvent }
        guard name.count == 4 else { return .other }
        let rate = min(slash + 1, value.upperBound)..<value.upperBound
        guard number(rate.lowerBound..<place(of: UInt8(ascii: "/"), in: rate)) == 8000 else { return .other }
        if equals(name, "pcmu") { return .audio(.pcmu) }
        return equals(name, "pcma") ? .audio(.pcma) : .other
    }

    // MARK: Fields

    /// The fields of a line's value, which spaces separate.
    private struct Fields {
        let bytes: UnsafeRawBufferPointer
        var position: Int
        let end: Int

        init(_ bytes: UnsafeRawBufferPointer, _ value: Range<Int>) {
            self.bytes = bytes
            position = value.lowerBound
            end = value.upperBound
        }

        /// The next one; empty when there is none.
        mutating func next() -> Range<Int> {
            while position < end, bytes[position] == 0x20 { position += 1 }
            let start = position
            while position < end, bytes[position] != 0x20 { position += 1 }
            return start..<position
        }
    }

    /// The first place of a byte in a range, or the range's end.
    private func place(of byte: UInt8, in range: Range<Int>) -> Int {
        var place = range.lowerBound
        while place < range.upperBound, bytes[place] != byte { place += 1 }
        return place
    }

    /// A decimal number of at most 19 digits, so that it cannot overflow.
    private func number(_ range: Range<Int>) -> UInt64? {
        guard (1...19).contains(range.count) else { return nil }
        var value: UInt64 = 0
        var place = range.lowerBound
        while place < range.upperBound {
            let digit = bytes[place] &- 0x30
            guard digit < 10 else { return nil }
            value = value &* 10 &+ UInt64(digit)
            place += 1
        }
        return value
    }

    /// The direction that eight letters name; setting bit 5 makes every letter a small one and nothing else a letter.
    private func direction(named name: Range<Int>) -> MediaDirection? {
        guard name.lowerBound + 8 <= bytes.count else { return nil }
        let bit5: UInt64 = 0x2020_2020_2020_2020
        let word = bytes.loadUnaligned(fromByteOffset: name.lowerBound, as: UInt64.self) | bit5
        func names(_ direction: MediaDirection) -> Bool {
            let text = UnsafeRawPointer(direction.attribute.utf8Start)
            return text.loadUnaligned(as: UInt64.self) == word
        }
        if names(.sendReceive) { return .sendReceive }
        if names(.sendOnly) { return .sendOnly }
        if names(.receiveOnly) { return .receiveOnly }
        return names(.inactive) ? .inactive : nil
    }

    private func connectionAddress(_ fields: inout Fields, network: Range<Int>) -> ConnectionAddress {
        let kind = fields.next()
        let host = fields.next()
        // A multicast address carries "/ttl"; the address is what stands before it (RFC 4566 §5.7).
        let end = place(of: UInt8(ascii: "/"), in: host)
        guard equals(network, "in"), equals(kind, "ip4") || equals(kind, "ip6") else { return .notNumeric }
        let text = UnsafeRawBufferPointer(rebasing: bytes[host.lowerBound..<end])
        return TransportAddress.IP(host: text).map(ConnectionAddress.ip) ?? .notNumeric
    }

    /// Whether a range holds this text in small ASCII letters, compared without regard to case.
    @inline(__always) private func equals(_ range: Range<Int>, _ text: StaticString) -> Bool {
        let count = range.count
        guard count == text.utf8CodeUnitCount else { return false }
        let expected = text.utf8Start
        var offset = 0
        while offset < count {
            guard lowercased(bytes[range.lowerBound + offset]) == expected[offset] else { return false }
            offset += 1
        }
        return true
    }

    @inline(__always) private func lowercased(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }
}
