// SPDX-License-Identifier: Apache-2.0

extension TransportAddress.IP: CustomStringConvertible {
    /// The address in text, IPv6 as RFC 5952 recommends (lower case, longest run of zeros as `::`), without brackets.
    public var text: String {
        switch self {
        case .v4(let value):
            return "\(value >> 24).\(value >> 16 & 255).\(value >> 8 & 255).\(value & 255)"
        case .v6(let high, let low):
            let groups = (0..<8).map { group in
                UInt16(truncatingIfNeeded: (group < 4 ? high : low) >> UInt64((3 - group % 4) * 16))
            }
            var best = 0..<0
            var start = 0
            while start < 8 {
                var end = start
                while end < 8, groups[end] == 0 { end += 1 }
                if end - start > max(1, best.count) { best = start..<end }
                start = end + 1
            }
            func join(_ part: Range<Int>) -> String {
                part.map { String(groups[$0], radix: 16) }.joined(separator: ":")
            }
            return best.isEmpty ? join(0..<8) : join(0..<best.lowerBound) + "::" + join(best.upperBound..<8)
        }
    }

    /// The address in text, without brackets.
    public var description: String { text }

    /// Reads an address without brackets or scope: a dotted quad, or IPv6 in any RFC 4291 §2.2 form. Nil for anything else.
    public init?(_ text: some StringProtocol) {
        var text = String(text)
        guard let address = text.withUTF8({ Self(host: UnsafeRawBufferPointer($0)) }) else { return nil }
        self = address
    }
}

extension TransportAddress.IP {
    /// The numeric address in a host of a message, without brackets; nil for a name.
    ///
    /// A dotted tail may follow three colons, which the grammar of RFC 3261 asks for by mistake (RFC 5118 §4.10).
    public init?(host: UnsafeRawBufferPointer) {
        guard let first = host.first, host.count <= Self.longestText else { return nil }
        // Every IPv6 form has a colon among its first five bytes; a name or a dotted quad has none at all.
        if first == Self.colon || host.prefix(5).contains(Self.colon) {
            guard let value = Self.parseV6(host) else { return nil }
            self = .v6(high: UInt64(value >> 64), low: UInt64(truncatingIfNeeded: value))
        } else {
            guard let value = Self.parseV4(host, from: 0) else { return nil }
            self = .v4(value)
        }
    }

    private static var colon: UInt8 { 0x3A }
    private static var dot: UInt8 { 0x2E }
    /// Eight groups of four digits, the last two as a dotted quad, and one colon too many.
    private static var longestText: Int { 46 }

    private static func parseV4(_ text: UnsafeRawBufferPointer, from start: Int) -> UInt32? {
        var value: UInt32 = 0
        var octet: UInt32 = 0
        var digits = 0
        var dots = 0
        for place in start..<text.count {
            let byte = text[place]
            let digit = byte &- 0x30
            if digit < 10 {
                guard digits < 3 else { return nil }
                octet = octet * 10 + UInt32(digit)
                digits += 1
            } else {
                guard byte == dot, digits > 0, octet < 256, dots < 3 else { return nil }
                value = value << 8 | octet
                (octet, digits, dots) = (0, 0, dots + 1)
            }
        }
        return dots == 3 && digits > 0 && octet < 256 ? value << 8 | octet : nil
    }

    private static func parseV6(_ text: UnsafeRawBufferPointer) -> UInt128? {
        // The groups read since the start or since `::`, and those before it.
        var groups = (value: UInt128(0), count: 0)
        var before: (value: UInt128, count: Int)?
        var place = 0
        if text.count >= 2, text[0] == colon, text[1] == colon {
            before = groups
            place = 2
        }
        while place < text.count {
            if let before, before.count + groups.count < 6, text[place] == colon, text[place - 1] == colon {
                // The third colon, for a dotted tail only.
                guard let tail = parseV4(text, from: place + 1) else { return nil }
                groups = (groups.value << 32 | UInt128(tail), groups.count + 2)
                break
            }
            guard let (group, end) = parseGroup(text, from: place) else { return nil }
            if end < text.count, text[end] == dot {
                guard let tail = parseV4(text, from: place) else { return nil }
                groups = (groups.value << 32 | UInt128(tail), groups.count + 2)
                break
            }
            groups = (groups.value << 16 | UInt128(group), groups.count + 1)
            guard groups.count <= 8 else { return nil }
            place = end
            if place == text.count { break }
            guard text[place] == colon, place + 1 < text.count else { return nil }
            place += 1
            if text[place] == colon {
                guard before == nil else { return nil }
                before = groups
                groups = (0, 0)
                place += 1
            }
        }
        guard let before else { return groups.count == 8 ? groups.value : nil }
        guard before.count + groups.count < 8 else { return nil }
        return before.value << UInt128(16 * (8 - before.count)) | groups.value
    }

    /// One to four hexadecimal digits and the place behind them.
    private static func parseGroup(_ text: UnsafeRawBufferPointer, from start: Int) -> (UInt16, Int)? {
        var value: UInt16 = 0
        var place = start
        while place < text.count, place < start + 4 {
            let byte = text[place]
            let letter = (byte | 0x20) &- 0x61
            if byte &- 0x30 < 10 {
                value = value << 4 | UInt16(byte &- 0x30)
            } else if letter < 6 {
                value = value << 4 | UInt16(letter + 10)
            } else {
                break
            }
            place += 1
        }
        return place > start ? (value, place) : nil
    }
}

extension TransportAddress: CustomStringConvertible {
    /// `host:port`, IPv6 in brackets.
    public var description: String {
        switch ip {
        case .v4: "\(ip.text):\(port)"
        case .v6: "[\(ip.text)]:\(port)"
        }
    }

    /// Reads a numeric host with or without a port: `192.0.2.1`, `192.0.2.1:53`, `2001:db8::1`, `[2001:db8::1]:53`. Nil for anything
    /// else.
    public init?(_ text: some StringProtocol, usualPort: UInt16) {
        let isBracketed = text.hasPrefix("[") && text.hasSuffix("]")
        if let ip = isBracketed ? IP(text.dropFirst().dropLast()) : IP(text) {
            self.init(ip: ip, port: usualPort)
        } else {
            self.init(text)
        }
    }

    /// Reads `host:port` with a numeric host, IPv6 in brackets. Nil for anything else.
    public init?(_ text: some StringProtocol) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        guard let ip = IP(host) else { return nil }
        self.init(ip: ip, port: port)
    }
}
