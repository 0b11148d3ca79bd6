// SPDX-License-Identifier: Apache-2.0

import Bedrock

/// The chain over the audit log: each entry's hash covers the entry, its place, and the hash before it, so that none can be
/// changed, taken out or put in without all later hashes being wrong.
///
/// Somebody who can write the database could compute the whole chain anew. A head noted elsewhere gives that away.
public enum AuditChain {
    /// Bytes of a hash (SHA-256).
    public static let hashLength = 32
    /// What stands before the first entry.
    public static let start = [UInt8](repeating: 0, count: hashLength)

    /// What an entry's hash is computed over: a name of the format, the hash before it, place and time as 64 bits, then each text
    /// behind its length in 64 bits; numbers with the highest byte first. No two entries have the same encoding.
    public static func encoding(of entry: AuditEntry, after previous: [UInt8]) -> [UInt8] {
        var bytes = [UInt8]("callmeter audit 1".utf8)
        bytes += previous
        append(UInt64(bitPattern: entry.sequence), to: &bytes)
        append(UInt64(bitPattern: entry.at.nanoseconds), to: &bytes)
        for text in [entry.who, entry.action, entry.subject, entry.details] {
            append(UInt64(text.utf8.count), to: &bytes)
            bytes += text.utf8
        }
        return bytes
    }

    private static func append(_ value: UInt64, to bytes: inout [UInt8]) {
        for shift in stride(from: 56, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(shift)))
        }
    }

    /// A hash as 64 hexadecimal digits.
    public static func text(of hash: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".unicodeScalars)
        var text = ""
        for byte in hash {
            text.unicodeScalars.append(digits[Int(byte >> 4)])
            text.unicodeScalars.append(digits[Int(byte & 15)])
        }
        return text
    }

    /// Reads the 64 hexadecimal digits of a hash, in either case. Nil for anything else.
    public static func hash(_ text: some StringProtocol) -> [UInt8]? {
        var digits: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39: digits.append(byte - 0x30)
            case 0x41...0x46: digits.append(byte - 0x37)
            case 0x61...0x66: digits.append(byte - 0x57)
            default: return nil
            }
        }
        guard digits.count == 2 * hashLength else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}

/// What a walk over the audit log found.
public struct AuditFinding: Hashable, Sendable {
    /// Why the log is not as it was written.
    public enum Fault: Hashable, Sendable {
        /// An entry does not fit its hash and the one before: one of the two was changed.
        case changed(sequence: Int64)
        /// Entries are missing, between others or at the beginning; the first and the last of them.
        case missing(first: Int64, last: Int64)
        /// The newest entries are missing: the last one found, and the last one that was ever appended.
        case cutOff(last: Int64, appended: Int64)
        /// No entry has the head that was noted elsewhere.
        case headNotFound
    }

    /// How many entries were read, up to the fault where there is one.
    public var count: Int
    /// The hash of the last entry that fits; the chain's start in an empty log.
    public var head: [UInt8]
    /// The entry that has the head noted elsewhere; nil where none was given or found.
    public var notedAt: Int64?
    /// What is wrong; nil where the chain is intact.
    public var fault: Fault?

    /// Whether nothing is wrong.
    public var isIntact: Bool { fault == nil }
}

/// Walks the audit log entry by entry, in constant memory.
public struct AuditWalk: Sendable {
    private let noted: [UInt8]?
    private let hash: @Sendable (UnsafeRawBufferPointer) -> [UInt8]
    private var finding = AuditFinding(count: 0, head: AuditChain.start, notedAt: nil, fault: nil)
    private var last: Int64 = 0

    /// A walk from the beginning. `hash` is SHA-256; `noted` a head that must occur, where one was noted elsewhere.
    public init(noted: [UInt8]? = nil, hash: @escaping @Sendable (UnsafeRawBufferPointer) -> [UInt8]) {
        self.noted = noted
        self.hash = hash
        if noted == AuditChain.start { finding.notedAt = 0 }
    }

    /// Where the walk stands: the place of the last entry taken, 0 before the first.
    public var position: Int64 { last }

    /// Takes the next entry by rising place. After a fault no further one counts; gives whether to go on.
    public mutating func take(_ entry: AuditEntry) -> Bool {
        guard finding.isIntact else { return false }
        guard entry.sequence == last + 1 else {
            finding.fault =
                entry.sequence > last
                ? .missing(first: last + 1, last: entry.sequence - 1) : .changed(sequence: entry.sequence)
            return false
        }
        let expected = AuditChain.encoding(of: entry, after: finding.head).withUnsafeBytes { hash($0) }
        guard expected == entry.hash else {
            finding.fault = .changed(sequence: entry.sequence)
            return false
        }
        last = entry.sequence
        finding.count += 1
        finding.head = expected
        if expected == noted { finding.notedAt = last }
        return true
    }

    /// The finding when there are no more entries; `appended` is the place of the last entry ever appended.
    public func finish(appended: Int64) -> AuditFinding {
        var finding = finding
        if finding.isIntact, last < appended { finding.fault = .cutOff(last: last, appended: appended) }
        if finding.isIntact, noted != nil, finding.notedAt == nil { finding.fault = .headNotFound }
        return finding
    }
}
