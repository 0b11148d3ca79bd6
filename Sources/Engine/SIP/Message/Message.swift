// SPDX-License-Identifier: Apache-2.0

import Bedrock

/// The first line of a message.
public enum StartLine: Hashable, Sendable {
    /// A request; for `Method.other` the token is `message.methodToken`.
    case request(Method, uri: Slice)
    /// A response with a status of 100…699.
    case response(status: UInt16, reason: Slice)
}

/// A received SIP message: its bytes, parsed once into places.
///
/// The index of header lines lies behind the message's own bytes in the same array, so a message costs one allocation.
/// Folded lines are unfolded in this copy (RFC 3261 §7.3.1), so no value holds a line end.
public struct Message: Sendable {
    /// The message, then `headerCount` entries of the index.
    var storage: [UInt8]
    /// How many bytes the message has.
    public internal(set) var count: Int
    var headerCount: Int
    /// The first line.
    public internal(set) var startLine: StartLine
    /// The request's method as sent; empty in a response.
    public internal(set) var methodToken: Slice
    /// What follows the empty line, as far as Content-Length says (RFC 3261 §18.3).
    public internal(set) var body: Slice
    /// What the form of a request is guilty of; see `defect`.
    var formDefect: Defect?

    /// The method of a request, nil for a response.
    public var method: Method? {
        if case .request(let method, _) = startLine { method } else { nil }
    }

    /// The Request-URI, nil for a response.
    public var requestURI: Slice? {
        if case .request(_, let uri) = startLine { uri } else { nil }
    }

    /// The status of a response, nil for a request.
    public var status: UInt16? {
        if case .response(let status, _) = startLine { status } else { nil }
    }

    /// Whether it is a request.
    public var isRequest: Bool { status == nil }

    // MARK: Bytes

    /// Lends the bytes of the message. The pointer must not leave the closure.
    public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        storage.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[0..<count])) }
    }

    /// Lends the bytes at a place. The pointer must not leave the closure.
    public func withBytes<Result>(of slice: Slice, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        storage.withUnsafeBytes { body($0.part(slice)) }
    }

    /// A copy of the bytes at a place.
    public func bytes(of slice: Slice) -> ArraySlice<UInt8> {
        precondition(slice.end <= count, "a slice of another message")
        return storage[slice.range]
    }

    /// The bytes at a place as text, exactly, for comparing; never on the message path.
    public func string(of slice: Slice) -> String { String(decoding: bytes(of: slice), as: UTF8.self) }

    /// The bytes at a place as text that is safe to show, for results and terminals; never on the message path.
    public func printable(of slice: Slice) -> String { String(printable: bytes(of: slice)) }

    /// Whether a place holds exactly `text`.
    public func matches(_ slice: Slice, _ text: StaticString) -> Bool { withBytes { $0.matches(slice, text) } }

    /// Whether a place holds `text` without regard to case; `text` in lower case.
    public func matchesIgnoringCase(_ slice: Slice, _ text: StaticString) -> Bool {
        withBytes { $0.matchesIgnoringCase(slice, text) }
    }

    /// Whether a place holds exactly these bytes.
    public func matches(_ slice: Slice, _ other: UnsafeRawBufferPointer) -> Bool {
        withBytes(of: slice) { $0.elementsEqual(other) }
    }

    /// A fast hash of a place for tables of this process (FNV-1a with a final mix); not for adversaries, compare the bytes as well.
    public func hash(of slice: Slice, seed: UInt64 = 0) -> UInt64 {
        withBytes(of: slice) { bytes in
            var state = 0xCBF2_9CE4_8422_2325 ^ seed
            for byte in bytes { state = (state ^ UInt64(byte)) &* 0x100_0000_01B3 }
            return (state ^ state >> 32) &* 0x9E37_79B9_7F4A_7C15
        }
    }

    // MARK: Header lines

    /// One header line.
    public struct Header: Hashable, Sendable {
        /// Which header, `other` when unknown.
        public let name: HeaderName
        /// The name as sent.
        public let nameToken: Slice
        /// The value without white space at its ends.
        public let value: Slice
    }

    /// How many header lines there are.
    public var headerLines: Int { headerCount }

    /// A header line by its place, 0..<`headerLines`.
    public func header(at place: Int) -> Header {
        precondition(place >= 0 && place < headerCount)
        return storage.withUnsafeBytes { IndexEntry.load($0, count + place * IndexEntry.size).header }
    }

    /// The value of the first line of a header, nil when there is none.
    public func first(_ name: HeaderName) -> Slice? {
        storage.withUnsafeBytes { bytes in
            var offset = count
            let end = count + headerCount * IndexEntry.size
            while offset < end {
                if bytes[offset] == name.rawValue { return IndexEntry.load(bytes, offset).header.value }
                offset += IndexEntry.size
            }
            return nil
        }
    }

    /// The value of the first line of a header that is not in `HeaderName`; `name` in lower case.
    public func first(named name: StaticString) -> Slice? {
        for place in 0..<headerCount {
            let header = header(at: place)
            if matchesIgnoringCase(header.nameToken, name) { return header.value }
        }
        return nil
    }

    /// Visits the values of all lines of a header in order, lists not split.
    public func forEach(_ name: HeaderName, _ visit: (Slice) -> Void) {
        for place in 0..<headerCount where storage[count + place * IndexEntry.size] == name.rawValue {
            visit(header(at: place).value)
        }
    }

    /// Visits the elements of a comma-separated header over all its lines in order, until `visit` answers false.
    ///
    /// For headers whose grammar is a list (Via, Contact, Route, Record-Route, Allow, Supported, Require, Warning…).
    public func forEachElement(_ name: HeaderName, _ visit: (Slice) -> Bool) {
        withBytes { bytes in
            for place in 0..<headerCount where storage[count + place * IndexEntry.size] == name.rawValue {
                var scanner = Scanner(bytes, header(at: place).value)
                while let element = scanner.listElement() {
                    guard visit(element) else { return }
                }
            }
        }
    }

    /// How many elements a comma-separated header has over all its lines.
    public func elementCount(_ name: HeaderName) -> Int {
        var total = 0
        forEachElement(name) { _ in
            total += 1
            return true
        }
        return total
    }

    /// Whether a comma-separated header of tokens (Supported, Require, Allow) holds a token; `token` in lower case.
    public func lists(_ name: HeaderName, _ token: StaticString) -> Bool {
        var found = false
        forEachElement(name) { element in
            found = matchesIgnoringCase(element, token)
            return !found
        }
        return found
    }

    /// The value of a parameter in a list that begins with `;`: quotes taken off, empty when it has none, nil when the parameter
    /// is not there. `name` in lower case.
    public func parameter(_ name: StaticString, in list: Slice) -> Slice? {
        withBytes { $0.parameter(name, in: list) }
    }
}

/// A header line in the index: its name and three offsets, eight bytes.
struct IndexEntry {
    static let size = 8

    var name: HeaderName
    var nameLength: UInt8
    var nameOffset: UInt16
    var valueOffset: UInt16
    var valueLength: UInt16

    @inline(__always) var header: Message.Header {
        Message.Header(
            name: name, nameToken: Slice(offset: Int(nameOffset), length: Int(nameLength)),
            value: Slice(offset: Int(valueOffset), length: Int(valueLength)))
    }

    @inline(__always) static func load(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> IndexEntry {
        precondition(offset >= 0 && offset + size <= bytes.count)
        return IndexEntry(
            name: HeaderName(stored: bytes[offset]), nameLength: bytes[offset + 1],
            nameOffset: bytes.loadUnaligned(fromByteOffset: offset + 2, as: UInt16.self),
            valueOffset: bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt16.self),
            valueLength: bytes.loadUnaligned(fromByteOffset: offset + 6, as: UInt16.self))
    }

    @inline(__always) func store(_ bytes: UnsafeMutableRawBufferPointer, _ offset: Int) {
        precondition(offset >= 0 && offset + Self.size <= bytes.count)
        bytes[offset] = name.rawValue
        bytes[offset + 1] = nameLength
        bytes.storeBytes(of: nameOffset, toByteOffset: offset + 2, as: UInt16.self)
        bytes.storeBytes(of: valueOffset, toByteOffset: offset + 4, as: UInt16.self)
        bytes.storeBytes(of: valueLength, toByteOffset: offset + 6, as: UInt16.self)
    }
}
