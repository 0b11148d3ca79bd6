// SPDX-License-Identifier: Apache-2.0

extension Message {
    /// Parses one datagram (RFC 3261 §7, §18.3): bytes after Content-Length are dropped, a missing Content-Length means all the
    /// rest. Checks the form of the lines only; `defect` says whether the message can be worked with.
    public static func parse(datagram bytes: UnsafeRawBufferPointer) throws(ParseError) -> Message {
        try parse(bytes, isStream: false)
    }

    /// Parses one datagram or whole message from an array.
    public static func parse(_ bytes: [UInt8]) throws(ParseError) -> Message {
        // withUnsafeBytes does not carry the typed error through, so the outcome is taken out as a value.
        let outcome = bytes.withUnsafeBytes { raw -> Result<Message, ParseError> in
            do throws(ParseError) { return .success(try parse(raw, isStream: false)) } catch { return .failure(error) }
        }
        return try outcome.get()
    }

    static func parse(_ received: UnsafeRawBufferPointer, isStream: Bool) throws(ParseError) -> Message {
        guard received.count <= Limits.messageSize else { throw ParseError(.tooLong, at: Limits.messageSize) }
        // Line ends before a message are ignored (RFC 3261 §7.5).
        var skipped = 0
        while skipped < received.count, received[skipped] == 0x0D || received[skipped] == 0x0A { skipped += 1 }
        guard skipped < received.count else { throw ParseError(.keepAlive, at: 0) }
        let bytes = UnsafeRawBufferPointer(rebasing: received[skipped...])

        var failure: ParseError?
        let parsed = withUnsafeTemporaryAllocation(
            byteCount: Limits.headerCount * IndexEntry.size, alignment: 8
        ) { index -> Message? in
            var head = HeadParser(bytes: bytes, index: index)
            do throws(ParseError) {
                try head.run()
                return try head.message(isStream: isStream)
            } catch {
                failure = ParseError(error.code, at: error.offset + skipped)
                return nil
            }
        }
        guard let parsed else { throw failure ?? ParseError(.startLine, at: 0) }
        return parsed
    }
}

/// Finds the lines of a head and what they are.
private struct HeadParser {
    let bytes: UnsafeRawBufferPointer
    let index: UnsafeMutableRawBufferPointer
    var position = 0
    var headerCount = 0
    var hasFolds = false
    var startLine = StartLine.response(status: 0, reason: Slice(0, 0))
    var methodToken = Slice(0, 0)
    var contentLength: Int?
    var hasBadLength = false
    /// How far the header line was walked through for quotes, which only a control character asks for, and whether one is open.
    var quotes = (walked: 0, isOpen: false)
    var formDefect: Defect?

    init(bytes: UnsafeRawBufferPointer, index: UnsafeMutableRawBufferPointer) {
        self.bytes = bytes
        self.index = index
    }

    mutating func run() throws(ParseError) {
        let end = try lineEnd(from: 0)
        try readStartLine(Slice(0, end))
        while true {
            guard position < bytes.count else { throw ParseError(.truncatedHead, at: position) }
            if bytes[position] == 0x0A {
                position += 1
                return
            }
            if bytes[position] == 0x0D, position + 1 < bytes.count, bytes[position + 1] == 0x0A {
                position += 2
                return
            }
            try readHeaderLine()
        }
    }

    /// The end of the line without its line end; `position` moves behind it. A line may end with a bare LF, as many programs
    /// accept; any other control character but TAB is refused, so that no copied value can break a line of ours.
    private mutating func lineEnd(from start: Int) throws(ParseError) -> Int {
        var place = start
        while true {
            place = firstControl(from: place)
            guard place < bytes.count else { throw ParseError(.truncatedHead, at: place) }
            switch bytes[place] {
            case 0x09: place += 1
            case 0x0A:
                position = place + 1
                return place
            case 0x0D where place + 1 < bytes.count && bytes[place + 1] == 0x0A:
                position = place + 2
                return place
            case 0x0D where place + 1 == bytes.count: throw ParseError(.truncatedHead, at: place)
            case let byte where byte != 0x0D && isQuotedPair(at: place): place += 1
            default: throw ParseError(.controlCharacter, at: place)
            }
        }
    }

    /// The first byte below 0x20 from `start` on, or the end; eight bytes at a time.
    @inline(__always) private func firstControl(from start: Int) -> Int {
        var place = start
        while place + 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self).littleEndian
            // The lowest set bit is exact: a borrow only reaches bytes above the first hit.
            let hits = (word &- 0x2020_2020_2020_2020) & ~word & 0x8080_8080_8080_8080
            if hits != 0 { return place + hits.trailingZeroBitCount / 8 }
            place += 8
        }
        while place < bytes.count, bytes[place] >= 0x20 { place += 1 }
        return place
    }

    /// Whether the byte at a place follows a backslash in a quoted string: there any byte but CR and LF may stand (RFC 3261
    /// §25.1, quoted-pair).
    private mutating func isQuotedPair(at place: Int) -> Bool {
        while quotes.walked < place {
            let byte = bytes[quotes.walked]
            if byte == UInt8(ascii: "\"") { quotes.isOpen.toggle() }
            let isEscape = byte == UInt8(ascii: "\\") && quotes.isOpen
            quotes.walked += isEscape ? 2 : 1
            if isEscape, quotes.walked == place + 1 { return true }
        }
        return false
    }

    private mutating func readStartLine(_ line: Slice) throws(ParseError) {
        var scanner = Scanner(bytes, line)
        let first = scanner.token()
        if scanner.next == UInt8(ascii: "/"), bytes.matchesIgnoringCase(first, "sip") {
            // SIP-Version SP 3DIGIT SP Reason-Phrase
            guard scanner.consume(UInt8(ascii: "/")) else { throw ParseError(.startLine, at: 0) }
            guard bytes.matches(scanner.run(until: 0x20), "2.0") else { throw ParseError(.version, at: 0) }
            guard scanner.consume(0x20) else { throw ParseError(.startLine, at: scanner.position) }
            let digits = scanner.digits()
            guard digits.length == 3, let status = bytes.decimal(digits, maximum: 699), status >= 100,
                scanner.isAtEnd || scanner.next == 0x20
            else { throw ParseError(.startLine, at: digits.start) }
            startLine = .response(status: UInt16(status), reason: bytes.trimmed(scanner.rest))
            return
        }
        guard !first.isEmpty, scanner.consume(0x20) else { throw ParseError(.startLine, at: scanner.position) }
        var uri = scanner.run(until: 0x20)
        var version = Slice(scanner.position, scanner.position)
        if scanner.consume(0x20) { version = scanner.rest }
        if uri.isEmpty || !bytes.matchesIgnoringCase(version, "sip/2.0") {
            (uri, version) = try looseRequestLine(Slice(first.end + 1, line.end))
        }
        methodToken = first
        startLine = .request(Method(bytes, first), uri: uri)
    }

    /// A request line that is recognisable and wrong, so that its request gets an answer: the last word is a protocol version,
    /// something stands before it.
    private mutating func looseRequestLine(_ rest: Slice) throws(ParseError) -> (uri: Slice, version: Slice) {
        let words = bytes.trimmed(rest)
        let start = (words.range.last { ASCII.isWhitespace(bytes[$0]) } ?? words.start - 1) + 1
        let version = Slice(start, words.end)
        let uri = bytes.trimmed(Slice(words.start, start))
        guard !uri.isEmpty, version.length >= 7,
            bytes.matchesIgnoringCase(Slice(version.start, version.start + 4), "sip/"),
            (version.start + 4..<version.end).allSatisfy({ ASCII.isDigit(bytes[$0]) || bytes[$0] == 0x2E })
        else { throw ParseError(.startLine, at: rest.start) }
        formDefect = bytes.matchesIgnoringCase(version, "sip/2.0") ? .requestLine : .version
        return (uri, version)
    }

    private mutating func readHeaderLine() throws(ParseError) {
        let start = position
        quotes = (start, false)
        var end = try lineEnd(from: start)
        // A line that begins with white space continues the one before (RFC 3261 §7.3.1).
        while position < bytes.count, ASCII.isWhitespace(bytes[position]) {
            hasFolds = true
            end = try lineEnd(from: position)
        }
        guard let colon = firstColon(from: start, to: end) else { throw ParseError(.headerLine, at: start) }
        var nameEnd = colon
        while nameEnd > start, ASCII.isWhitespace(bytes[nameEnd - 1]) { nameEnd -= 1 }
        let token = Slice(start, nameEnd)
        guard !token.isEmpty, token.length <= UInt8.max else { throw ParseError(.headerLine, at: start) }
        guard headerCount < Limits.headerCount else { throw ParseError(.tooManyHeaders, at: start) }
        let name = HeaderName(bytes, token)
        // A name that is known consists of token characters.
        guard name != .other || token.range.allSatisfy({ ASCII.isToken(bytes[$0]) }) else {
            throw ParseError(.headerLine, at: start)
        }
        let value = trimmedWithFolds(Slice(colon + 1, end))
        let entry = IndexEntry(
            name: name, nameLength: UInt8(truncatingIfNeeded: token.length), nameOffset: token.offset,
            valueOffset: value.offset, valueLength: value.length)
        entry.store(index, headerCount * IndexEntry.size)
        headerCount += 1
        if name == .contentLength { readContentLength(value) }
    }

    /// The first colon of a line; eight bytes at a time.
    @inline(__always) private func firstColon(from start: Int, to end: Int) -> Int? {
        var place = start
        while place + 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self).littleEndian ^ 0x3A3A_3A3A_3A3A_3A3A
            // The lowest set bit is exact: a borrow only reaches bytes above the first zero.
            let hits = (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
            if hits != 0 {
                let found = place + hits.trailingZeroBitCount / 8
                return found < end ? found : nil
            }
            place += 8
            if place >= end { return nil }
        }
        while place < end, bytes[place] != UInt8(ascii: ":") { place += 1 }
        return place < end ? place : nil
    }

    @inline(__always) private func trimmedWithFolds(_ slice: Slice) -> Slice {
        var start = slice.start
        var end = slice.end
        while start < end, bytes[start] <= 0x20 { start += 1 }
        while end > start, bytes[end - 1] <= 0x20 { end -= 1 }
        return Slice(start, end)
    }

    private mutating func readContentLength(_ value: Slice) {
        guard let length = bytes.decimal(value, maximum: UInt64(Limits.messageSize)),
            contentLength == nil || contentLength == Int(length)
        else { return hasBadLength = true }
        contentLength = Int(length)
    }

    /// Where the message ends. In a stream only Content-Length says so; a datagram's request of the wrong length gets an answer,
    /// a response is dropped (RFC 3261 §18.3).
    private mutating func bodyLength(isStream: Bool) throws(ParseError) -> Int {
        let available = bytes.count - position
        if !hasBadLength {
            let length = contentLength ?? (isStream ? 0 : available)
            if length <= available { return length }
        }
        guard !isStream, case .request = startLine else { throw ParseError(.contentLength, at: position) }
        formDefect = formDefect ?? .contentLength
        return 0
    }

    /// The message from what was found, its bytes and index in one array.
    mutating func message(isStream: Bool) throws(ParseError) -> Message {
        let bodyLength = try bodyLength(isStream: isStream)
        let count = position + bodyLength
        let storage = [UInt8](unsafeUninitializedCapacity: count + headerCount * IndexEntry.size) { buffer, filled in
            let raw = UnsafeMutableRawBufferPointer(buffer)
            raw.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[0..<count]))
            UnsafeMutableRawBufferPointer(rebasing: raw[count...]).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: index[0..<headerCount * IndexEntry.size]))
            if hasFolds { unfold(raw) }
            filled = count + headerCount * IndexEntry.size
        }
        return Message(
            storage: storage, count: count, headerCount: headerCount, startLine: startLine, methodToken: methodToken,
            body: Slice(offset: position, length: bodyLength), formDefect: formDefect)
    }

    private func unfold(_ raw: UnsafeMutableRawBufferPointer) {
        for place in 0..<headerCount {
            let value = IndexEntry.load(UnsafeRawBufferPointer(index), place * IndexEntry.size).header.value
            for offset in value.range where raw[offset] == 0x0D || raw[offset] == 0x0A { raw[offset] = 0x20 }
        }
    }
}
