// SPDX-License-Identifier: Apache-2.0

/// Why bytes are not a SIP message.
public struct ParseError: Error, Hashable, Sendable {
    /// What is wrong.
    public enum Code: Sendable {
        /// Nothing but line ends: a keep-alive (RFC 5626 §3.5.1), not a fault.
        case keepAlive
        /// Longer than `Limits.messageSize`, or its head longer than `Limits.headSize`.
        case tooLong
        /// The first line is neither a request line nor a status line.
        case startLine
        /// A response whose protocol version is not SIP/2.0; a request of another version has the defect of that name.
        case version
        /// A header line without a name or a colon.
        case headerLine
        /// A control character in the head.
        case controlCharacter
        /// More lines than `Limits.headerCount`.
        case tooManyHeaders
        /// The bytes end before the empty line.
        case truncatedHead
        /// Content-Length is not a number, repeated with another value, or above what follows, in a response or on a stream.
        case contentLength
    }

    /// What is wrong.
    public let code: Code
    /// Where, in bytes from the start of what was given.
    public let offset: Int

    /// An error at a place.
    public init(_ code: Code, at offset: Int) {
        self.code = code
        self.offset = offset
    }
}
