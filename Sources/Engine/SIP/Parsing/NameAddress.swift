// SPDX-License-Identifier: Apache-2.0

/// A name-addr or addr-spec with its header parameters: From, To, Contact, Route, Record-Route, Refer-To (RFC 3261 §20.10).
public struct NameAddress: Hashable, Sendable {
    /// The display name without quotes, escapes as sent; nil when there is none.
    public let displayName: Slice?
    /// The URI, without angle brackets. It may still be malformed; `message.uri(_:)` reads it.
    public let uri: Slice
    /// The header parameters, from the first `;` on; empty when there are none.
    public let parameters: Slice
    /// The value of the parameter `tag`, nil when there is none.
    public let tag: Slice?

    /// Reads one list element. Nil when quotes or brackets are not balanced or something stands between address and parameters.
    public init?(_ bytes: UnsafeRawBufferPointer, at slice: Slice) {
        var scanner = Scanner(bytes, slice)
        scanner.skipWhitespace()
        var name: Slice?
        if scanner.next == UInt8(ascii: "\"") {
            guard let quoted = scanner.quoted() else { return nil }
            name = quoted
            scanner.skipWhitespace()
            guard scanner.next == UInt8(ascii: "<") else { return nil }
        } else {
            let start = scanner
            let words = bytes.trimmed(scanner.run(until: UInt8(ascii: "<")))
            if scanner.isAtEnd {
                scanner = start
            } else if !words.isEmpty {
                guard words.range.allSatisfy({ ASCII.isToken(bytes[$0]) || ASCII.isWhitespace(bytes[$0]) }) else {
                    return nil
                }
                name = words
            }
        }
        displayName = name
        if scanner.consume(UInt8(ascii: "<")) {
            let inside = bytes.trimmed(scanner.run(until: UInt8(ascii: ">")))
            guard !inside.isEmpty, scanner.consume(UInt8(ascii: ">")) else { return nil }
            uri = inside
        } else {
            // Without brackets everything behind a semicolon belongs to the header (RFC 3261 §20).
            let bare = scanner.run { $0 != UInt8(ascii: ";") && !ASCII.isWhitespace($0) }
            guard !bare.isEmpty else { return nil }
            uri = bare
        }
        scanner.skipWhitespace()
        parameters = scanner.rest
        var tag: Slice?
        while let (name, value) = scanner.parameter() {
            if tag == nil, name.length == 3, bytes.matchesIgnoringCase(name, "tag") { tag = value }
        }
        self.tag = tag
        scanner.skipWhitespace()
        guard scanner.isAtEnd else { return nil }
    }
}

/// A Contact header's element.
public enum Contact: Hashable, Sendable {
    /// `*`: all bindings (RFC 3261 §10.2.2).
    case all
    /// An address; `expires` is its parameter in seconds, nil when absent or not a number; `q` in thousandths.
    case address(NameAddress, expires: UInt32?, q: UInt16?)
}

extension Message {
    /// The name-addr at a place, nil when it is malformed.
    public func nameAddress(_ slice: Slice) -> NameAddress? { withBytes { NameAddress($0, at: slice) } }

    private func single(_ name: HeaderName) -> NameAddress? {
        guard let value = first(name) else { return nil }
        return nameAddress(value)
    }

    /// The From header, nil when missing or malformed.
    public var from: NameAddress? { single(.from) }
    /// The To header, nil when missing or malformed.
    public var to: NameAddress? { single(.to) }

    /// The tag of From, nil when there is none.
    public var fromTag: Slice? { from?.tag }
    /// The tag of To, nil when there is none.
    public var toTag: Slice? { to?.tag }

    /// Visits the Contact elements until `visit` answers false; a malformed one comes as nil.
    public func forEachContact(_ visit: (Contact?) -> Bool) {
        forEachElement(.contact) { element in
            if matches(element, "*") { return visit(.all) }
            guard let address = nameAddress(element) else { return visit(nil) }
            return visit(
                .address(
                    address, expires: parameter("expires", in: address.parameters).flatMap { number($0) },
                    q: parameter("q", in: address.parameters).flatMap { qValue($0) }))
        }
    }

    /// The first Contact that is an address, nil when there is none or it is malformed.
    public var firstContact: NameAddress? {
        guard let value = first(.contact) else { return nil }
        return withBytes { bytes in
            var scanner = Scanner(bytes, value)
            guard let element = scanner.listElement(), !bytes.matches(element, "*") else { return nil }
            return NameAddress(bytes, at: element)
        }
    }

    /// Visits the addresses of Route, Record-Route, Path or Service-Route in order until `visit` answers false.
    public func forEachAddress(_ name: HeaderName, _ visit: (NameAddress?) -> Bool) {
        forEachElement(name) { visit(nameAddress($0)) }
    }

    /// A qvalue in thousandths (RFC 3261 §25.1).
    private func qValue(_ slice: Slice) -> UInt16? {
        withBytes { bytes in
            var scanner = Scanner(bytes, slice)
            guard let whole = bytes.decimal(scanner.digits(), maximum: 1) else { return nil }
            var value = whole * 1000
            if scanner.consume(UInt8(ascii: ".")) {
                var weight: UInt64 = 100
                for place in scanner.digits().range where weight > 0 {
                    value += UInt64(bytes[place] - 0x30) * weight
                    weight /= 10
                }
            }
            return scanner.isAtEnd && value <= 1000 ? UInt16(value) : nil
        }
    }
}
