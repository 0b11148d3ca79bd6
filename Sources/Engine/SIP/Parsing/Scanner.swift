// SPDX-License-Identifier: Apache-2.0

/// Walks over part of a message. Every read is checked against the end of the part.
struct Scanner {
    let bytes: UnsafeRawBufferPointer
    private(set) var position: Int
    let end: Int

    init(_ bytes: UnsafeRawBufferPointer, _ slice: Slice) {
        precondition(slice.end <= bytes.count, "a slice of another message")
        self.bytes = bytes
        position = slice.start
        end = slice.end
    }

    var isAtEnd: Bool { position >= end }
    /// The next byte, nil at the end.
    var next: UInt8? { position < end ? bytes[position] : nil }
    /// What was not walked over yet.
    var rest: Slice { Slice(position, end) }

    mutating func skipWhitespace() {
        while position < end, ASCII.isWhitespace(bytes[position]) { position += 1 }
    }

    /// Walks over `byte` if it comes next.
    mutating func consume(_ byte: UInt8) -> Bool {
        guard position < end, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    /// Walks over `byte` with white space on both sides (SWS of RFC 3261 §25.1).
    mutating func consumeSeparator(_ byte: UInt8) -> Bool {
        let start = position
        skipWhitespace()
        guard consume(byte) else {
            position = start
            return false
        }
        skipWhitespace()
        return true
    }

    /// A run of token characters, possibly empty.
    mutating func token() -> Slice { run(ASCII.isToken) }

    /// A run of digits, possibly empty.
    mutating func digits() -> Slice { run(ASCII.isDigit) }

    /// A run of bytes of one class, possibly empty.
    @inline(__always) mutating func run(_ belongs: (UInt8) -> Bool) -> Slice {
        let start = position
        while position < end, belongs(bytes[position]) { position += 1 }
        return Slice(start, position)
    }

    /// Walks to the first `byte`, or to the end. What was walked over does not hold it.
    mutating func run(until byte: UInt8) -> Slice { run { $0 != byte } }

    /// A quoted string; the place between its quotes, escapes left as they stand. Nil when no quote comes next or none ends it.
    mutating func quoted() -> Slice? {
        guard position < end, bytes[position] == UInt8(ascii: "\"") else { return nil }
        var index = position + 1
        let start = index
        while index < end {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                position = index + 1
                return Slice(start, index)
            case UInt8(ascii: "\\"): index += 2
            default: index += 1
            }
        }
        return nil
    }

    /// The next element of a comma-separated list, without white space at its ends; commas in quotes and angle brackets do not
    /// separate (RFC 3261 §7.3.1). Nil at the end. Empty elements are left out.
    mutating func listElement() -> Slice? {
        while position < end {
            let start = position
            var inBrackets = false
            scan: while position < end {
                switch bytes[position] {
                case UInt8(ascii: "\""):
                    // An unbalanced quote runs to the end; the element's own reader refuses it.
                    if quoted() == nil { position = end }
                    continue scan
                case UInt8(ascii: "<"): inBrackets = true
                case UInt8(ascii: ">"): inBrackets = false
                case UInt8(ascii: ",") where !inBrackets: break scan
                default: break
                }
                position += 1
            }
            let element = bytes.trimmed(Slice(start, position))
            if position < end { position += 1 }
            if !element.isEmpty { return element }
        }
        return nil
    }

    /// The next `;name` or `;name=value` of a parameter list. Nil at the end or at something else, which stays in `rest`.
    mutating func parameter() -> (name: Slice, value: Slice)? {
        let start = position
        guard consumeSeparator(UInt8(ascii: ";")) else { return nil }
        let name = run { ASCII.isToken($0) || $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: "]") }
        guard !name.isEmpty else {
            position = start
            return nil
        }
        guard consumeSeparator(UInt8(ascii: "=")) else { return (name, Slice(position, position)) }
        if next == UInt8(ascii: "\"") {
            guard let value = quoted() else {
                position = start
                return nil
            }
            return (name, value)
        }
        let value = run { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: ",") && !ASCII.isWhitespace($0) }
        return (name, value)
    }
}

extension UnsafeRawBufferPointer {
    /// The value of a parameter in a list that begins with `;`, quotes taken off, empty when it has none. `name` in lower case.
    func parameter(_ name: StaticString, in list: Slice) -> Slice? {
        var scanner = Scanner(self, list)
        while let found = scanner.parameter() {
            if matchesIgnoringCase(found.name, name) { return found.value }
        }
        return nil
    }
}
