// SPDX-License-Identifier: Apache-2.0

/// The CSeq header: a number and the method it belongs to (RFC 3261 §20.16).
public struct CSeq: Hashable, Sendable {
    /// The number, below 2^31.
    public let number: UInt32
    /// The method.
    public let method: Method
    /// The method as sent.
    public let methodToken: Slice
}

extension Message {
    /// The decimal number at a place; nil when it is not one or above 2^32 - 1.
    public func number(_ slice: Slice) -> UInt32? {
        withBytes { $0.decimal(slice, maximum: UInt64(UInt32.max)) }.map { UInt32($0) }
    }

    /// The Call-ID, nil when missing or empty.
    public var callID: Slice? {
        guard let value = first(.callID), !value.isEmpty else { return nil }
        return value
    }

    /// The CSeq, nil when missing, malformed or out of range.
    public var cSeq: CSeq? {
        guard let value = first(.cSeq) else { return nil }
        return withBytes { bytes in
            var scanner = Scanner(bytes, value)
            guard let number = bytes.decimal(scanner.digits(), maximum: UInt64(Limits.sequenceNumber)),
                let space = scanner.next, ASCII.isWhitespace(space)
            else { return nil }
            scanner.skipWhitespace()
            let token = scanner.token()
            guard !token.isEmpty, scanner.isAtEnd else { return nil }
            return CSeq(number: UInt32(number), method: Method(bytes, token), methodToken: token)
        }
    }

    /// Max-Forwards, nil when missing or not a number of 0…255.
    public var maxForwards: UInt8? {
        guard let value = first(.maxForwards) else { return nil }
        return withBytes { $0.decimal(value, maximum: 255) }.map { UInt8($0) }
    }

    /// Content-Length as written, nil when missing.
    public var contentLength: UInt32? { first(.contentLength).flatMap { number($0) } }

    /// Expires in seconds, nil when missing or not a number below 2^32.
    public var expires: UInt32? { first(.expires).flatMap { number($0) } }

    /// Min-Expires in seconds, nil when missing or malformed.
    public var minExpires: UInt32? { first(.minExpires).flatMap { number($0) } }

    /// Flow-Timer in seconds (RFC 5626 §11.6), nil when missing or malformed.
    public var flowTimer: UInt32? { first(.flowTimer).flatMap { number($0) } }

    /// Retry-After in seconds, its comment and parameters left out; nil when missing or malformed.
    public var retryAfter: UInt32? {
        guard let value = first(.retryAfter) else { return nil }
        return withBytes { bytes in
            var scanner = Scanner(bytes, value)
            return bytes.decimal(scanner.digits(), maximum: UInt64(UInt32.max)).map { UInt32($0) }
        }
    }

    /// The media type of the body without parameters, nil when missing.
    public var contentType: Slice? {
        guard let value = first(.contentType) else { return nil }
        return withBytes { bytes in
            var scanner = Scanner(bytes, value)
            let type = scanner.run { $0 != UInt8(ascii: ";") && !ASCII.isWhitespace($0) }
            return type.isEmpty ? nil : type
        }
    }

    /// Whether the body is SDP.
    public var hasSDP: Bool {
        guard !body.isEmpty, let contentType else { return false }
        return matchesIgnoringCase(contentType, "application/sdp")
    }
}
