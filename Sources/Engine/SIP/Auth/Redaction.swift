// SPDX-License-Identifier: Apache-2.0

/// Makes the text of messages fit to be shown and kept.
///
/// In Authorization and Proxy-Authorization (RFC 3261 §22) only those parameters stay that a challenge shows as well or that say who
/// asks for what: `username`, `realm`, `nonce`, `uri`, `algorithm`, `opaque`, `qop`, `nc`, `userhash`. The value of every other one is
/// overwritten: of `response`, with which a request could be sent again or a password be guessed off line (RFC 7616 §5.4, §5.8), of
/// `cnonce`, which such guessing needs, of `auts`, and of what nobody knows yet. The same goes for Authentication-Info and
/// Proxy-Authentication-Info, whose `rspauth` is as good as a response. What is not a well-formed list of Digest parameters is
/// overwritten whole.
public enum Redaction {
    /// What stands instead of each byte: it may stand in a token as well as between quotes (RFC 3261 §25.1).
    public static let mask = UInt8(ascii: "*")

    /// No header that we know has a longer name.
    private static let longestName = 32

    /// Overwrites what must not be shown, in place. The length, the line ends and all other headers stay.
    ///
    /// It looks at every line, also at those of a body: a message may carry another one in it (`message/sip`, RFC 3261 §23). The bytes
    /// may be anything, also half a message or several.
    public static func redact(_ message: UnsafeMutableRawBufferPointer) {
        var place = 0
        // Whether this head had credentials, and whether any before this line were no well-formed list.
        var (hasCredentials, isInDoubt) = (false, false)
        while place < message.count {
            let line = place..<logicalLineEnd(message, from: place)
            place = line.upperBound
            if line.allSatisfy({ isSpace(message[$0]) }) {
                hasCredentials = false
            } else if let value = credentials(message, in: line) {
                hasCredentials = true
                if !redactParameters(message, value) {
                    isInDoubt = true
                    overwrite(message, value)
                }
            } else if hasCredentials, isFragment(message, line, isInDoubt) {
                isInDoubt = true
                overwrite(message, line)
            } else if isInDoubt, namesResponse(message, in: line) {
                overwrite(message, line)
            }
        }
    }

    /// Redacts a copy.
    public static func redacted(_ message: [UInt8]) -> [UInt8] {
        var copy = message
        copy.withUnsafeMutableBytes { redact($0) }
        return copy
    }

    /// Past the line's end and those of the lines that continue it (RFC 3261 §7.3.1). A lone CR or LF ends a line too.
    private static func logicalLineEnd(_ bytes: UnsafeMutableRawBufferPointer, from start: Int) -> Int {
        var place = start
        while place < bytes.count {
            while place < bytes.count, !isLineEnd(bytes[place]) { place += 1 }
            var next = place
            if next < bytes.count, bytes[next] == 0x0D { next += 1 }
            if next < bytes.count, bytes[next] == 0x0A, next - place <= 1 { next += 1 }
            place = next
            guard place < bytes.count, isBlank(bytes[place]) else { return place }
        }
        return place
    }

    /// Where the value lies if the line is one of the headers with credentials.
    private static func credentials(_ bytes: UnsafeMutableRawBufferPointer, in line: Range<Int>) -> Range<Int>? {
        guard let (name, colon) = headerName(bytes, in: line) else { return nil }
        let names: [StaticString] = [
            "authorization", "proxy-authorization", "authentication-info", "proxy-authentication-info",
        ]
        guard names.contains(where: { matches(bytes, name, $0) }) else { return nil }
        return colon + 1..<line.upperBound
    }

    /// The name of a header line and the place of its colon; nil when the line is no header.
    private static func headerName(
        _ bytes: UnsafeMutableRawBufferPointer, in line: Range<Int>
    ) -> (name: Range<Int>, colon: Int)? {
        var place = line.lowerBound
        skipSpace(bytes, &place, line.upperBound)
        let start = place
        while place < line.upperBound, isToken(bytes[place]) { place += 1 }
        let name = start..<place
        skipSpace(bytes, &place, line.upperBound)
        guard !name.isEmpty, place < line.upperBound, bytes[place] == UInt8(ascii: ":") else { return nil }
        return (name, place)
    }

    /// False, with nothing touched, when the value is no list of parameters.
    private static func redactParameters(_ bytes: UnsafeMutableRawBufferPointer, _ value: Range<Int>) -> Bool {
        // Read twice, because only its end shows whether it is a list.
        readsAsParameters(bytes, value) { _ in } && readsAsParameters(bytes, value) { overwrite(bytes, $0) }
    }

    private static func overwrite(_ bytes: UnsafeMutableRawBufferPointer, _ range: Range<Int>) {
        for place in range where !isSpace(bytes[place]) { bytes[place] = mask }
    }

    /// Whether a line behind credentials may be the rest of them, broken off: no header, or one of an unknown name that ends in the
    /// middle of a quoted string or follows what was broken.
    private static func isFragment(
        _ bytes: UnsafeMutableRawBufferPointer, _ line: Range<Int>, _ isInDoubt: Bool
    ) -> Bool {
        guard let place = headerName(bytes, in: line)?.name else { return true }
        let name = UnsafeRawBufferPointer(rebasing: bytes[place])
        if name.count <= longestName, HeaderName(name, Slice(0, name.count)) != .other { return false }
        return isInDoubt || line.count { bytes[$0] == UInt8(ascii: "\"") } % 2 == 1
    }

    /// Whether `response=` stands in a line.
    private static func namesResponse(_ bytes: UnsafeMutableRawBufferPointer, in line: Range<Int>) -> Bool {
        let word: StaticString = "response"
        return line.dropLast(word.utf8CodeUnitCount).contains { start in
            var place = start + word.utf8CodeUnitCount
            guard matches(bytes, start..<place, word) else { return false }
            skipSpace(bytes, &place, line.upperBound)
            return place < line.upperBound && bytes[place] == UInt8(ascii: "=")
        }
    }

    /// Walks over `Digest name=value, …` (without a scheme in Authentication-Info) and gives the values that must go, without their
    /// quotes. False when it is anything else.
    private static func readsAsParameters(
        _ bytes: UnsafeMutableRawBufferPointer, _ value: Range<Int>, then secret: (Range<Int>) -> Void
    ) -> Bool {
        var place = value.lowerBound
        let end = value.upperBound
        skipSpace(bytes, &place, end)
        let start = place
        while place < end, isToken(bytes[place]) { place += 1 }
        if place < end, isSpace(bytes[place]), matches(bytes, start..<place, "digest") {
            skipSpace(bytes, &place, end)
        } else {
            place = start
        }
        while true {
            let nameStart = place
            while place < end, isToken(bytes[place]) { place += 1 }
            let name = nameStart..<place
            skipSpace(bytes, &place, end)
            guard !name.isEmpty, place < end, bytes[place] == UInt8(ascii: "=") else { return false }
            place += 1
            skipSpace(bytes, &place, end)
            guard let content = readValue(bytes, &place, end) else { return false }
            if !isHarmless(bytes, name) { secret(content) }
            skipSpace(bytes, &place, end)
            if place == end { return true }
            guard bytes[place] == UInt8(ascii: ",") else { return false }
            place += 1
            skipSpace(bytes, &place, end)
        }
    }

    /// A token or a quoted string (RFC 3261 §25.1); nil when neither stands here whole.
    private static func readValue(
        _ bytes: UnsafeMutableRawBufferPointer, _ place: inout Int, _ end: Int
    ) -> Range<Int>? {
        let start = place
        guard place < end, bytes[place] == UInt8(ascii: "\"") else {
            while place < end, isToken(bytes[place]) { place += 1 }
            return start == place ? nil : start..<place
        }
        place += 1
        while place < end {
            switch bytes[place] {
            case UInt8(ascii: "\""):
                place += 1
                return start + 1..<place - 1
            case UInt8(ascii: "\\"): place += 2
            case 0x20..., 0x09, 0x0A, 0x0D: place += 1
            default: return nil
            }
        }
        return nil
    }

    private static func isHarmless(_ bytes: UnsafeMutableRawBufferPointer, _ name: Range<Int>) -> Bool {
        let names: [StaticString] = [
            "username", "realm", "nonce", "uri", "algorithm", "opaque", "qop", "nc", "userhash", "nextnonce",
        ]
        return names.contains { matches(bytes, name, $0) }
    }

    /// Whether the bytes are this lower-case text, in any case.
    private static func matches(
        _ bytes: UnsafeMutableRawBufferPointer, _ range: Range<Int>, _ text: StaticString
    ) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        return range.indices.allSatisfy { place in
            let byte = bytes[place]
            let lower = byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
            return lower == text.utf8Start[place - range.lowerBound]
        }
    }

    private static func skipSpace(_ bytes: UnsafeMutableRawBufferPointer, _ place: inout Int, _ end: Int) {
        while place < end, isSpace(bytes[place]) { place += 1 }
    }

    private static func isLineEnd(_ byte: UInt8) -> Bool { byte == 0x0D || byte == 0x0A }
    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    private static func isSpace(_ byte: UInt8) -> Bool { isLineEnd(byte) || isBlank(byte) }

    /// A token of RFC 3261 §25.1.
    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "!"), UInt8(ascii: "%"), UInt8(ascii: "*"),
            UInt8(ascii: "_"), UInt8(ascii: "+"), UInt8(ascii: "`"), UInt8(ascii: "'"), UInt8(ascii: "~"):
            true
        default: false
        }
    }
}
