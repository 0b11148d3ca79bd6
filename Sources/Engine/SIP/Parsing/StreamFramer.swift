// SPDX-License-Identifier: Apache-2.0

/// Cuts the messages out of a byte stream by Content-Length (RFC 3261 §18.3) and sees keep-alives (RFC 5626 §3.5.1).
///
/// After an error nothing on the stream can be trusted: the connection is closed.
public struct StreamFramer: Sendable {
    /// What a stream brings.
    public enum Frame: Sendable {
        /// A whole message.
        case message(Message)
        /// Two line ends: the other side asks for one back.
        case ping
        /// One line end: the answer to a ping.
        case pong
    }

    private var buffer: [UInt8] = []
    /// What was taken out already; cut off when half of the buffer is such.
    private var start = 0
    /// How far the head was searched for its end.
    private var searched = 0
    /// The length of the whole message, once its head is complete.
    private var expected: Int?
    private var lastWasLineEnd = false

    /// An empty stream.
    public init() {}

    /// How many bytes wait for the rest of their message.
    public var waiting: Int { buffer.count - start }

    /// Adds bytes as they came.
    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        if start > 0, start * 2 >= buffer.count {
            buffer.removeFirst(start)
            searched -= start
            start = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// Takes out the next frame; nil when more bytes are needed.
    public mutating func next() throws(ParseError) -> Frame? {
        if expected == nil {
            if let keepAlive = takeLineEnd() { return keepAlive }
            guard let head = try findHead() else { return nil }
            expected = head
        }
        guard let length = expected, waiting >= length else { return nil }
        let range = start..<start + length
        let outcome = buffer.withUnsafeBytes { raw -> Result<Message, ParseError> in
            do throws(ParseError) {
                return .success(try Message.parse(UnsafeRawBufferPointer(rebasing: raw[range]), isStream: true))
            } catch { return .failure(error) }
        }
        start += length
        searched = start
        expected = nil
        lastWasLineEnd = false
        if start == buffer.count {
            buffer.removeAll(keepingCapacity: true)
            (start, searched) = (0, 0)
        }
        return .message(try outcome.get())
    }

    /// One line end before a message is a pong, or half of a ping: the second one makes it a ping.
    private mutating func takeLineEnd() -> Frame? {
        guard waiting >= 2, buffer[start] == 0x0D, buffer[start + 1] == 0x0A else { return nil }
        if waiting >= 4, buffer[start + 2] == 0x0D, buffer[start + 3] == 0x0A {
            take(4)
            lastWasLineEnd = false
            return .ping
        }
        take(2)
        lastWasLineEnd.toggle()
        return lastWasLineEnd ? .pong : .ping
    }

    private mutating func take(_ count: Int) {
        start += count
        searched = start
    }

    /// The length of the message that begins at `start`, nil while its head is not complete.
    private mutating func findHead() throws(ParseError) -> Int? {
        var place = max(searched, start)
        while place < buffer.count {
            guard buffer[place] == 0x0A, place > start else {
                place += 1
                continue
            }
            let lineIsEmpty =
                buffer[place - 1] == 0x0A
                || (buffer[place - 1] == 0x0D && place - 2 >= start && buffer[place - 2] == 0x0A)
            if lineIsEmpty {
                let head = place + 1 - start
                guard head <= Limits.headSize else { throw ParseError(.tooLong, at: Limits.headSize) }
                return head + (try contentLength(headEnd: place + 1))
            }
            place += 1
        }
        searched = buffer.count
        guard waiting <= Limits.headSize else { throw ParseError(.tooLong, at: Limits.headSize) }
        return nil
    }

    /// Content-Length of the head, 0 when missing; the whole message must stay within the limit.
    private func contentLength(headEnd: Int) throws(ParseError) -> Int {
        let length = buffer.withUnsafeBytes { raw -> Int? in
            let head = UnsafeRawBufferPointer(rebasing: raw[start..<headEnd])
            var lineStart = 0
            for place in 0..<head.count where head[place] == 0x0A {
                var scanner = Scanner(head, Slice(lineStart, place))
                lineStart = place + 1
                guard HeaderName(head, scanner.token()) == .contentLength, scanner.consumeSeparator(UInt8(ascii: ":"))
                else {
                    continue
                }
                return Self.length(head, from: scanner.position)
            }
            return 0
        }
        guard let length else { throw ParseError(.contentLength, at: headEnd - start) }
        guard headEnd - start + length <= Limits.messageSize else { throw ParseError(.tooLong, at: Limits.messageSize) }
        return length
    }

    /// The number of a value that begins at a place of a whole head and may go on in the lines below (RFC 3261 §7.3.1).
    private static func length(_ head: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var end = start
        while end < head.count, head[end] != 0x0A || (end + 1 < head.count && ASCII.isWhitespace(head[end + 1])) {
            end += 1
        }
        var place = start
        while place < end, head[place] <= 0x20 { place += 1 }
        while end > place, head[end - 1] <= 0x20 { end -= 1 }
        return head.decimal(Slice(place, end), maximum: UInt64(Limits.messageSize)).map { Int($0) }
    }
}
