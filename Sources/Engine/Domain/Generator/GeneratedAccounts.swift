// SPDX-License-Identifier: Apache-2.0

import Bedrock

/// Accounts with strong passwords of their own, made and kept in locked memory until they are written somewhere.
public final class GeneratedAccounts: Sendable {
    /// 22 characters of 62 are 131 bits.
    public static let passwordLength = 22
    /// Letters and digits mean themselves in pjsip.conf, XML, SQL and in a list of lines.
    private static let alphabet: StaticString = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

    /// The usernames.
    public let names: GeneratedNames
    private let passwords: LockedMemory

    /// Makes a password for each name from the randomness handed in.
    public init(_ names: GeneratedNames, random: inout some RandomNumberGenerator) {
        self.names = names
        passwords = LockedMemory(minimumCount: names.count * Self.passwordLength)
        for place in 0..<names.count {
            let username = Array(names.name(at: place).utf8)
            passwords.withMutableBytes { bytes in
                let start = place * Self.passwordLength
                let password = UnsafeMutableRawBufferPointer(rebasing: bytes[start..<start + Self.passwordLength])
                // A password that repeats its username by chance would be warned of when it is imported.
                repeat { Self.fill(password, &random) } while Self.isDerived(password, from: username)
            }
        }
    }

    /// How many accounts.
    public var count: Int { names.count }

    /// Whether the memory is locked; false where the system's limit refused.
    public var isLocked: Bool { passwords.isLocked }

    /// Lends one password, by its place from 0.
    public func withPassword<Result, Failure: Error>(
        at place: Int, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        precondition((0..<count).contains(place), "there is no such account")
        let start = place * Self.passwordLength
        return try passwords.withBytes { (bytes) throws(Failure) in
            try body(UnsafeRawBufferPointer(rebasing: bytes[start..<start + Self.passwordLength]))
        }
    }

    /// Writes `username:password` lines from a place on, as many whole ones as fit, and gives how many bytes they take and
    /// the place that comes next.
    public func writeLines(
        from place: Int, into buffer: UnsafeMutableRawBufferPointer
    ) -> (bytes: Int, next: Int) {
        var writer = LentWriter(buffer)
        var next = place
        while next < count {
            let name = names.name(at: next)
            guard writer.room >= name.utf8.count + Self.passwordLength + 2 else { break }
            writer.append(name)
            writer.append(":")
            withPassword(at: next) { writer.append(bytes: $0) }
            writer.append("\n")
            next += 1
        }
        return (writer.count, next)
    }

    private static func fill(_ password: UnsafeMutableRawBufferPointer, _ random: inout some RandomNumberGenerator) {
        for place in password.indices {
            // The standard library draws again rather than favour some of the letters.
            password[place] = alphabet.utf8Start[Int.random(in: 0..<alphabet.utf8CodeUnitCount, using: &random)]
        }
    }

    private static func isDerived(_ password: UnsafeMutableRawBufferPointer, from username: [UInt8]) -> Bool {
        username.withUnsafeBytes { PasswordSimilarity.isDerived(UnsafeRawBufferPointer(password), from: $0) }
    }
}

/// Writes text into memory that somebody else owns.
struct LentWriter {
    private let buffer: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init(_ buffer: UnsafeMutableRawBufferPointer) { self.buffer = buffer }

    /// How many bytes still fit.
    var room: Int { buffer.count - count }

    /// What was written.
    var written: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: buffer[..<count]) }

    mutating func append(bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count <= room, "the text is longer than its memory")
        UnsafeMutableRawBufferPointer(rebasing: buffer[count...]).copyMemory(from: bytes)
        count += bytes.count
    }

    mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append(bytes: UnsafeRawBufferPointer($0)) }
    }

    /// Two lower-case digits for each byte.
    mutating func append(hexadecimal bytes: UnsafeRawBufferPointer) {
        let digits: StaticString = "0123456789abcdef"
        for byte in bytes {
            withUnsafeBytes(of: (digits.utf8Start[Int(byte >> 4)], digits.utf8Start[Int(byte & 15)])) {
                append(bytes: $0)
            }
        }
    }
}
