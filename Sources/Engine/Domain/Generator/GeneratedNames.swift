// SPDX-License-Identifier: Apache-2.0

/// Why usernames cannot be generated as asked.
public enum GeneratorFault: Error, Hashable, Sendable {
    /// The prefix has a character that does not stand in every server's configuration as it is.
    case prefix
    /// The prefix is too long.
    case prefixTooLong
    /// No account, or too many.
    case count
    /// More digits than numbers have.
    case digits
    /// The ends of a range are no numbers, or the last is before the first.
    case range
    /// The domain is no host name or address.
    case domain

    /// What is wrong and what is allowed.
    public var text: String {
        switch self {
        case .prefix: "the prefix of generated usernames has letters, digits and . _ ~ + - only"
        case .prefixTooLong: "the prefix of generated usernames has at most \(GeneratedNames.longestPrefix) characters"
        case .count: "1 to \(GeneratedNames.mostAccounts) accounts are generated at once"
        case .digits: "the number in a username has 1 to \(GeneratedNames.mostDigits) digits"
        case .range:
            "a range is given by its first and its last number, the last not before the first, "
                + "each of at most \(GeneratedNames.mostDigits) digits"
        case .domain: "the domain is a host name or an address: letters, digits and . : _ [ ] - only"
        }
    }
}

/// The usernames of generated accounts: a prefix and numbers in a row.
public struct GeneratedNames: Hashable, Sendable {
    /// As many as fit in the locked memory an ordinary user has, with their passwords.
    public static let mostAccounts = 100_000
    /// The longest prefix, in characters.
    public static let longestPrefix = 64
    /// The longest number, in digits.
    public static let mostDigits = 15

    /// What every name begins with; may be empty for a range.
    public let prefix: String
    /// The first number.
    public let first: Int
    /// How many there are.
    public let count: Int
    /// Shorter numbers have zeros before them up to so many digits.
    public let digits: Int

    /// Numbers from 1: `cm-test-001` to `cm-test-500`. Without `digits` they have as many as the last one needs, at least 3.
    public init(prefix: String, count: Int, digits: Int? = nil) throws(GeneratorFault) {
        guard (1...Self.mostAccounts).contains(count) else { throw .count }
        let digits = digits ?? max(3, String(count).count)
        guard (1...Self.mostDigits).contains(digits) else { throw .digits }
        try Self.check(prefix)
        guard !prefix.isEmpty else { throw .prefix }
        (self.prefix, first, self.count, self.digits) = (prefix, 1, count, digits)
    }

    /// A range of numbers, such as 8000 to 8999; zeros before the first one are kept (`0100`).
    public init(prefix: String = "", from: String, to: String) throws(GeneratorFault) {
        guard let first = Self.number(from), let last = Self.number(to), first <= last else { throw .range }
        guard last - first < Self.mostAccounts else { throw .count }
        try Self.check(prefix)
        (self.prefix, self.first, count, digits) = (prefix, first, last - first + 1, from.utf8.count)
    }

    /// A name, by its place from 0.
    public func name(at place: Int) -> String {
        precondition((0..<count).contains(place), "there is no such account")
        let number = String(first + place)
        return prefix + String(repeating: "0", count: max(0, digits - number.utf8.count)) + number
    }

    private static func number(_ text: String) -> Int? {
        guard (1...mostDigits).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int(text)
    }

    /// What stands in pjsip.conf, XML and SQL as it is, and in a SIP URI without escapes (RFC 3261 §25.1, unreserved).
    private static func check(_ prefix: String) throws(GeneratorFault) {
        guard prefix.utf8.count <= longestPrefix else { throw .prefixTooLong }
        let isPlain = prefix.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            default: "._~+-".utf8.contains(byte)
            }
        }
        guard isPlain else { throw .prefix }
    }
}
