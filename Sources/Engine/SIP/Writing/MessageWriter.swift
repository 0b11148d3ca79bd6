// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// Writes SIP messages into one buffer: start line, header lines, then `finish`.
///
/// A value given as bytes must not hold a line end; what comes from a parsed message never does.
public struct MessageWriter: Sendable {
    /// What was written. Values are appended to it between `beginHeader` and `endLine`.
    public var output: ByteWriter

    /// A writer with room for `capacity` bytes.
    public init(capacity: Int = 1500) { output = ByteWriter(capacity: capacity) }

    /// A copy of the bytes written so far.
    public var bytes: [UInt8] { output.bytes }

    /// Lends the bytes written so far.
    public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        output.withBytes(body)
    }

    /// Forgets what was written and keeps the memory.
    public mutating func removeAll() { output.removeAll() }

    // MARK: Start line

    /// Writes a request line.
    @inlinable public mutating func requestLine(_ method: Method, uri: some Collection<UInt8>) {
        beginRequestLine(method)
        output.append(contentsOf: uri)
        endRequestLine()
    }

    /// Begins a request line; the URI is appended to `output`, then comes `endRequestLine`.
    public mutating func beginRequestLine(_ method: Method) {
        output.append(method.name)
        output.append(0x20)
    }

    /// Ends a request line after its URI.
    public mutating func endRequestLine() { output.append(" SIP/2.0\r\n") }

    /// Writes a status line with the usual phrase.
    public mutating func statusLine(_ status: UInt16) { statusLine(status, reason: ReasonPhrase.text(for: status)) }

    /// Writes a status line.
    public mutating func statusLine(_ status: UInt16, reason: StaticString) {
        output.append("SIP/2.0 ")
        output.append(decimal: UInt64(status))
        output.append(0x20)
        output.append(reason)
        endLine()
    }

    // MARK: Header lines

    /// Begins a header line; the value is appended to `output`, then comes `endLine`.
    public mutating func beginHeader(_ name: HeaderName) {
        output.append(name.name)
        output.append(": ")
    }

    /// Ends a line.
    public mutating func endLine() { output.append("\r\n") }

    /// Writes a header line with a value known at compile time.
    public mutating func header(_ name: HeaderName, _ value: StaticString) {
        beginHeader(name)
        output.append(value)
        endLine()
    }

    /// Writes a header line with a number.
    public mutating func header(_ name: HeaderName, decimal value: UInt64) {
        beginHeader(name)
        output.append(decimal: value)
        endLine()
    }

    /// Writes a header line.
    @inlinable public mutating func header(_ name: HeaderName, bytes value: some Collection<UInt8>) {
        beginHeader(name)
        output.append(contentsOf: value)
        endLine()
    }

    /// Writes a header line with a value out of a received message.
    public mutating func header(_ name: HeaderName, _ value: Slice, of message: Message) {
        beginHeader(name)
        append(value, of: message)
        endLine()
    }

    /// Writes CSeq.
    public mutating func cSeq(_ number: UInt32, _ method: Method) {
        beginHeader(.cSeq)
        output.append(decimal: UInt64(number))
        output.append(0x20)
        output.append(method.name)
        endLine()
    }

    /// Writes a Via line: transport, sent-by, branch, and an empty `rport` (RFC 3581 §3).
    public mutating func via(_ transport: Transport, sentBy: TransportAddress, branch: some Collection<UInt8>) {
        output.append("Via: SIP/2.0/")
        output.append(transport.viaName)
        output.append(0x20)
        output.append(address: sentBy)
        output.append(";rport;branch=")
        output.append(contentsOf: branch)
        endLine()
    }

    /// Appends bytes of a received message to the line being written.
    public mutating func append(_ slice: Slice, of message: Message) { output.append(message.bytes(of: slice)) }

    /// Copies all lines of a header from a received message, in order.
    public mutating func copy(_ name: HeaderName, of message: Message) {
        for place in 0..<message.headerLines {
            let line = message.header(at: place)
            if line.name == name { header(name, line.value, of: message) }
        }
    }

    /// Copies one header line as it stands, unknown ones too.
    public mutating func copy(_ line: Message.Header, of message: Message) {
        append(line.nameToken, of: message)
        output.append(": ")
        append(line.value, of: message)
        endLine()
    }

    // MARK: The end

    /// Ends a message without a body.
    public mutating func finish() { output.append("Content-Length: 0\r\n\r\n") }

    /// Ends a message with a body.
    @inlinable public mutating func finish(contentType: StaticString, body: some Collection<UInt8>) {
        header(.contentType, contentType)
        header(.contentLength, decimal: UInt64(body.count))
        endLine()
        output.append(contentsOf: body)
    }

    /// Begins a body whose length is not known yet; it is appended to `output`, then `endBody` gets the answer of this.
    public mutating func beginBody(contentType: StaticString) -> Int {
        header(.contentType, contentType)
        output.append("Content-Length:      ")
        endLine()
        endLine()
        return output.count
    }

    /// Ends a body that began at `start` and writes its length where Content-Length left room.
    public mutating func endBody(from start: Int) {
        var length = output.count - start
        precondition(length <= Limits.messageSize, "a body longer than any message")
        // The room is five bytes before the two line ends in front of the body.
        var place = start - 5
        repeat {
            output.replace(at: place, with: UInt8(0x30 + length % 10))
            length /= 10
            place -= 1
        } while length > 0
    }
}
