// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// A URI of a SIP message, as places in the bytes it was read from (RFC 3261 §19.1).
public struct SIPURI: Hashable, Sendable {
    /// The scheme.
    public enum Scheme: Sendable {
        case sip, sips, tel
        /// Another scheme; only `host` is filled, with everything behind the colon.
        case other
    }

    /// The scheme.
    public let scheme: Scheme
    /// The user part as sent (percent escapes stay), nil when there is no `@`; for tel the number.
    public let user: Slice?
    /// The deprecated password in the URI, nil when there is none.
    public let password: Slice?
    /// A name, an IPv4 address, or an IPv6 address without its brackets; for tel the same place as `user`.
    public let host: Slice
    /// The port, nil when not written.
    public let port: UInt16?
    /// The parameters, from the first `;` on; empty when there are none.
    public let parameters: Slice
    /// The headers behind `?`; empty when there are none.
    public let headers: Slice

    /// Reads a URI at a place. Nil when it is malformed.
    public init?(_ bytes: UnsafeRawBufferPointer, at slice: Slice) {
        var scanner = Scanner(bytes, slice)
        guard bytes.isVisible(slice) else { return nil }
        let name = scanner.run { ASCII.isToken($0) }
        guard !name.isEmpty, ASCII.isLetter(bytes[name.start]), scanner.consume(UInt8(ascii: ":")), !scanner.isAtEnd
        else {
            return nil
        }
        let nothing = Slice(slice.end, slice.end)
        if bytes.matchesIgnoringCase(name, "tel") {
            let number = scanner.run(until: UInt8(ascii: ";"))
            guard !number.isEmpty else { return nil }
            (scheme, user, password, host, port) = (.tel, number, nil, number, nil)
            (parameters, headers) = (scanner.rest, nothing)
            return
        }
        let isSIPS = bytes.matchesIgnoringCase(name, "sips")
        guard isSIPS || bytes.matchesIgnoringCase(name, "sip") else {
            (scheme, user, password, host, port) = (.other, nil, nil, scanner.rest, nil)
            (parameters, headers) = (nothing, nothing)
            return
        }
        scheme = isSIPS ? .sips : .sip

        let beforeAt = scanner
        let userInfo = scanner.run(until: UInt8(ascii: "@"))
        if scanner.consume(UInt8(ascii: "@")) {
            var parts = Scanner(bytes, userInfo)
            let userPart = parts.run(until: UInt8(ascii: ":"))
            guard !userPart.isEmpty else { return nil }
            user = userPart
            password = parts.consume(UInt8(ascii: ":")) ? parts.rest : nil
        } else {
            scanner = beforeAt
            user = nil
            password = nil
        }

        guard let target = HostPort(&scanner) else { return nil }
        host = target.host
        port = target.port
        let tail = scanner.run(until: UInt8(ascii: "?"))
        guard tail.isEmpty || bytes[tail.start] == UInt8(ascii: ";") else { return nil }
        parameters = tail
        headers = scanner.consume(UInt8(ascii: "?")) ? scanner.rest : nothing
    }
}

extension UnsafeRawBufferPointer {
    /// Whether a place holds neither white space nor control characters. It looks at all bytes, which is faster than to stop.
    fileprivate func isVisible(_ slice: Slice) -> Bool {
        var hidden: UInt8 = 0
        for byte in part(slice) { hidden |= (byte <= 0x20 ? 1 : 0) | (byte == 0x7F ? 1 : 0) }
        return hidden == 0
    }
}

/// A host and an optional port (RFC 3261 §25.1 hostport).
struct HostPort {
    let host: Slice
    let port: UInt16?
    /// The place behind the last byte.
    private(set) var end: Int

    /// Reads a host and a port where the scanner stands. Nil when there is none or the port is not 1…65,535.
    init?(_ scanner: inout Scanner) {
        if scanner.consume(UInt8(ascii: "[")) {
            let address = scanner.run {
                ASCII.hexValue($0) != nil || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".")
            }
            guard !address.isEmpty, scanner.consume(UInt8(ascii: "]")) else { return nil }
            host = address
        } else {
            let name = scanner.run {
                ASCII.isLetter($0) || ASCII.isDigit($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-")
                    || $0 == UInt8(ascii: "_")
            }
            guard !name.isEmpty else { return nil }
            host = name
        }
        end = scanner.position
        guard scanner.consumeSeparator(UInt8(ascii: ":")) else {
            port = nil
            return
        }
        guard let number = scanner.bytes.decimal(scanner.digits(), maximum: 65_535), number > 0 else { return nil }
        port = UInt16(number)
        end = scanner.position
    }
}

extension Message {
    /// The URI at a place, nil when it is malformed.
    public func uri(_ slice: Slice) -> SIPURI? { withBytes { SIPURI($0, at: slice) } }

    /// The numeric address of a host, nil for a name.
    public func ip(of host: Slice) -> TransportAddress.IP? {
        withBytes(of: host) { TransportAddress.IP(host: $0) }
    }
}
