// SPDX-License-Identifier: Apache-2.0

import Bedrock

/// Reads the lines of a session description; line ends may be CR LF or LF (RFC 4566 §5).
struct SDPReader {
    let bytes: [UInt8]
    private var position = 0
    private var lineNumber = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func read(into description: inout SessionDescription) throws(SDPError) {
        guard let first = nextLine(), equals(first, "v=0") else { throw .notASessionDescription }
        while let line = nextLine() {
            if line.isEmpty { continue }
            guard line.count >= 2, bytes[line.lowerBound + 1] == UInt8(ascii: "=") else {
                throw .malformedLine(lineNumber)
            }
            let value = line.lowerBound + 2..<line.upperBound
            switch bytes[line.lowerBound] {
            case UInt8(ascii: "o"): description.version = number(field(2, of: value))
            case UInt8(ascii: "c"): readConnection(value, into: &description)
            case UInt8(ascii: "m"): try readMedia(value, into: &description)
            case UInt8(ascii: "a"): try readAttribute(value, into: &description)
            default: break
            }
        }
    }

    private mutating func nextLine() -> Range<Int>? {
        guard position < bytes.count else { return nil }
        let start = position
        while position < bytes.count, bytes[position] != 0x0A { position += 1 }
        var end = position
        position += 1
        lineNumber += 1
        if end > start, bytes[end - 1] == 0x0D { end -= 1 }
        return start..<end
    }

    // MARK: Lines

    private func readConnection(_ value: Range<Int>, into description: inout SessionDescription) {
        let address = connectionAddress(
            network: field(0, of: value), kind: field(1, of: value), host: field(2, of: value))
        if description.media.isEmpty {
            description.connection = address
        } else {
            description.media[description.media.count - 1].connection = address
        }
    }

    private func readMedia(_ value: Range<Int>, into description: inout SessionDescription) throws(SDPError) {
        guard description.media.count < SessionDescription.maximumMedia else { throw .tooManyMedia }
        let name = field(0, of: value)
        let portField = field(1, of: value)
        let profile = field(2, of: value)
        // `m=audio 49170/2` gives a number of ports (RFC 4566 §5.14); only the first is of use here.
        let slash = portField.first { bytes[$0] == UInt8(ascii: "/") } ?? portField.upperBound
        guard !name.isEmpty, !profile.isEmpty, let port = number(portField.lowerBound..<slash), port <= 0xFFFF else {
            throw .malformedLine(lineNumber)
        }
        let isPlainRTP = equals(profile, "RTP/AVP")
        var formats: [PayloadFormat] = []
        var next = field(3, of: value)
        while !next.isEmpty {
            guard formats.count < SessionDescription.maximumFormats else { throw .tooManyMedia }
            guard let payloadType = number(next), payloadType < 128 else { break }
            let known = AudioCodec(rawValue: UInt8(payloadType)).map(PayloadEncoding.audio) ?? .other
            formats.append(PayloadFormat(payloadType: UInt8(payloadType), encoding: known))
            next = field(0, of: next.upperBound..<value.upperBound)
        }
        description.media.append(
            MediaDescription(
                isAudio: equals(name, "audio"), isPlainRTP: isPlainRTP, port: UInt16(port), formats: formats,
                connection: nil, direction: nil, rtcpPort: nil, rtcpAddress: nil, packetMilliseconds: nil,
                nameRange: name, profileAndFormats: profile.lowerBound..<value.upperBound, profile: profile))
    }

    private func readAttribute(_ value: Range<Int>, into description: inout SessionDescription) throws(SDPError) {
        let colon = value.first { bytes[$0] == UInt8(ascii: ":") } ?? value.upperBound
        let name = value.lowerBound..<colon
        let rest = min(colon + 1, value.upperBound)..<value.upperBound
        if let direction = direction(named: name) {
            if description.media.isEmpty {
                description.direction = direction
            } else {
                description.media[description.media.count - 1].direction = direction
            }
            return
        }
        guard !description.media.isEmpty else { return }
        let last = description.media.count - 1
        if equals(name, "rtpmap") {
            readMap(rest, into: &description.media[last])
        } else if equals(name, "ptime") {
            description.media[last].packetMilliseconds = number(field(0, of: rest)).map { Int($0) }
        } else if equals(name, "rtcp") {
            guard let port = number(field(0, of: rest)), port <= 0xFFFF else { throw .malformedLine(lineNumber) }
            description.media[last].rtcpPort = UInt16(port)
            if !field(1, of: rest).isEmpty {
                description.media[last].rtcpAddress = connectionAddress(
                    network: field(1, of: rest), kind: field(2, of: rest), host: field(3, of: rest))
            }
        }
    }

    /// `a=rtpmap:8 PCMA/8000` (RFC 4566 §6); encoding names are compared without regard to case (RFC 4855 §3).
    private func readMap(_ value: Range<Int>, into media: inout MediaDescription) {
        guard let payloadType = number(field(0, of: value)) else { return }
        let encoding = field(1, of: value)
        guard let index = media.formats.firstIndex(where: { UInt64($0.payloadType) == payloadType }) else { return }
        let slash = encoding.first { bytes[$0] == UInt8(ascii: "/") } ?? encoding.upperBound
        let name = encoding.lowerBound..<slash
        let rateStart = min(slash + 1, encoding.upperBound)
        let rateEnd = (rateStart..<encoding.upperBound).first { bytes[$0] == UInt8(ascii: "/") } ?? encoding.upperBound
        let rate = number(rateStart..<rateEnd)
        if equals(name, "PCMU"), rate == 8000 {
            media.formats[index].encoding = .audio(.pcmu)
        } else if equals(name, "PCMA"), rate == 8000 {
            media.formats[index].encoding = .audio(.pcma)
        } else if equals(name, "telephone-event") {
            media.formats[index].encoding = .telephoneEvent
        } else {
            media.formats[index].encoding = .other
        }
    }

    // MARK: Fields

    /// The field at `index` of a line's value, fields being separated by spaces; empty when there are fewer.
    private func field(_ index: Int, of value: Range<Int>) -> Range<Int> {
        var start = value.lowerBound
        var remaining = index
        while true {
            while start < value.upperBound, bytes[start] == 0x20 { start += 1 }
            var end = start
            while end < value.upperBound, bytes[end] != 0x20 { end += 1 }
            if remaining == 0 || start == end { return start..<end }
            remaining -= 1
            start = end
        }
    }

    /// A decimal number of at most 19 digits, so that it cannot overflow.
    private func number(_ range: Range<Int>) -> UInt64? {
        guard (1...19).contains(range.count) else { return nil }
        var value: UInt64 = 0
        for index in range {
            let digit = bytes[index] &- 0x30
            guard digit < 10 else { return nil }
            value = value * 10 + UInt64(digit)
        }
        return value
    }

    private func direction(named name: Range<Int>) -> MediaDirection? {
        if equals(name, "sendrecv") { return .sendReceive }
        if equals(name, "sendonly") { return .sendOnly }
        if equals(name, "recvonly") { return .receiveOnly }
        if equals(name, "inactive") { return .inactive }
        return nil
    }

    private func connectionAddress(network: Range<Int>, kind: Range<Int>, host: Range<Int>) -> ConnectionAddress {
        // A multicast address carries "/ttl"; the address is what stands before it (RFC 4566 §5.7).
        let end = host.first { bytes[$0] == UInt8(ascii: "/") } ?? host.upperBound
        guard equals(network, "IN"), equals(kind, "IP4") || equals(kind, "IP6"), end - host.lowerBound <= 45 else {
            return .notNumeric
        }
        let ip = bytes.withUnsafeBytes {
            TransportAddress.IP(host: UnsafeRawBufferPointer(rebasing: $0[host.lowerBound..<end]))
        }
        return ip.map(ConnectionAddress.ip) ?? .notNumeric
    }

    /// Whether a range holds this ASCII text, letters compared without regard to case.
    private func equals(_ range: Range<Int>, _ text: StaticString) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        for offset in 0..<range.count {
            let byte = bytes[range.lowerBound + offset]
            let expected = text.utf8Start[offset]
            guard lowercased(byte) == lowercased(expected) else { return false }
        }
        return true
    }

    private func lowercased(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }
}
