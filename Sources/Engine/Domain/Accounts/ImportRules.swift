// SPDX-License-Identifier: Apache-2.0

/// One line of a bulk import, lent for one call: the pointers must not leave the closure they are given to.
public struct ImportLine {
    /// What the rules say of a line.
    public enum Verdict {
        /// A valid line with a username that no earlier valid line had.
        case account(username: UnsafeRawBufferPointer, password: UnsafeRawBufferPointer)
        /// Any other line that is not empty; the username only where the report may name it (B3).
        case fault(ImportReason, username: UnsafeRawBufferPointer?)
    }

    /// The line, from 1; empty lines count.
    public var number: Int
    /// What the rules say.
    public var verdict: Verdict
}

/// Reads `username:password` lines from text that comes in chunks, and judges each (B2–B4).
///
/// Text is never a string here: a line inside a chunk is read where it lies, one split over an edge is carried in locked
/// memory and wiped after its visit. The chunks belong to the caller, who wipes them.
public struct ImportRules: ~Copyable {
    /// No import takes more accounts, so that the set of usernames stays bounded.
    public static let mostAccounts = 4_000_000

    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// What the lines gave so far.
    public private(set) var tally = ImportTally()
    private var lineNumber = 0
    private var carry = CarriedLine()
    private var usernames = UsernameSet()
    private var passwords = PasswordFingerprints()

    /// Rules for a new batch.
    public init() {}

    /// Judges every line that ends in this chunk and keeps the rest for the next. If `body` throws, the batch is over.
    public mutating func visit<Failure: Error>(
        _ chunk: UnsafeRawBufferPointer, _ body: (ImportLine) throws(Failure) -> Void
    ) throws(Failure) {
        var start = 0
        var colons = 0
        var firstColon = 0
        for index in 0..<chunk.count {
            let byte = chunk[index]
            if byte == UInt8(ascii: ":") {
                if colons == 0 { firstColon = index - start }
                colons += 1
            } else if byte == UInt8(ascii: "\n") {
                let part = UnsafeRawBufferPointer(rebasing: chunk[start..<index])
                if carry.isEmpty {
                    let line = RawLine(start: part, count: part.count, colons: colons, firstColon: firstColon)
                    try judge(line, lastByte: part.last, body)
                } else {
                    carry.append(part, colons: colons, firstColon: firstColon)
                    try judgeCarried(body)
                }
                start = index + 1
                colons = 0
            }
        }
        if start < chunk.count {
            carry.append(
                UnsafeRawBufferPointer(rebasing: chunk[start...]), colons: colons, firstColon: firstColon)
        }
    }

    /// Judges the last line, where the text does not end with a line end.
    public mutating func finish<Failure: Error>(_ body: (ImportLine) throws(Failure) -> Void) throws(Failure) {
        if !carry.isEmpty { try judgeCarried(body) }
    }

    private mutating func judgeCarried<Failure: Error>(
        _ body: (ImportLine) throws(Failure) -> Void
    ) throws(Failure) {
        let carried = carry.take()
        // The pages outlive the call: only `append` and `wipe` touch them.
        let result: Result<Void, Failure>
        do throws(Failure) {
            try judge(carried.line, lastByte: carried.lastByte, body)
            result = .success(())
        } catch {
            result = .failure(error)
        }
        carry.wipe()
        try result.get()
    }

    private mutating func judge<Failure: Error>(
        _ raw: RawLine, lastByte: UInt8?, _ body: (ImportLine) throws(Failure) -> Void
    ) throws(Failure) {
        var line = raw
        lineNumber += 1
        if lastByte == UInt8(ascii: "\r") { line.count -= 1 }
        if lineNumber == 1, line.start.starts(with: Self.byteOrderMark) { line.dropFirst(Self.byteOrderMark.count) }
        if line.count == 0 { return }
        let verdict = verdict(of: line)
        switch verdict {
        case .account: tally.countValid()
        case .fault(let reason, let username): tally.count(line: lineNumber, username: username, reason: reason)
        }
        try body(ImportLine(number: lineNumber, verdict: verdict))
    }

    private mutating func verdict(of line: RawLine) -> ImportLine.Verdict {
        guard line.colons > 0 else { return .fault(.noColon, username: nil) }
        guard line.colons == 1 else { return .fault(.severalColons, username: nil) }
        guard line.firstColon <= AccountRules.longestUsername else {
            return .fault(.account(.usernameTooLong), username: nil)
        }
        let username = UnsafeRawBufferPointer(rebasing: line.start[..<line.firstColon])
        if let fault = AccountRules.fault(username: username) { return .fault(.account(fault), username: nil) }
        guard line.count - line.firstColon - 1 <= AccountRules.longestPassword else {
            return .fault(.account(.passwordTooLong), username: username)
        }
        let password = UnsafeRawBufferPointer(rebasing: line.start[line.firstColon + 1..<line.count])
        if let fault = AccountRules.fault(password: password) { return .fault(.account(fault), username: username) }
        guard usernames.count < Self.mostAccounts else { return .fault(.tooManyAccounts, username: username) }
        guard usernames.insert(username) else { return .fault(.duplicateInBatch, username: username) }
        switch passwords.insert(password) {
        case .new: break
        case .seen: tally.warnings.reusedPasswords += 1
        case .full: tally.warnings.reuseIsLowerBound = true
        }
        if PasswordSimilarity.isDerived(password, from: username) { tally.warnings.derivedPasswords += 1 }
        return .account(username: username, password: password)
    }
}

/// A line by its shape: how long it is and where its colons are, with as many of its bytes as a valid line can have.
struct RawLine {
    var start: UnsafeRawBufferPointer
    var count: Int
    var colons: Int
    var firstColon: Int

    mutating func dropFirst(_ bytes: Int) {
        start = UnsafeRawBufferPointer(rebasing: start[bytes...])
        count -= bytes
        firstColon -= bytes
    }
}
