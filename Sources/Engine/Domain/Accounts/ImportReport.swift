// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// Why a line of a bulk import gave no account.
public enum ImportReason: Hashable, Sendable {
    /// There is no colon; spaces alone are such a line.
    case noColon
    /// There is more than one colon.
    case severalColons
    /// The username or the password is not acceptable.
    case account(AccountFault)
    /// An earlier valid line of the batch has the same username (B4).
    case duplicateInBatch
    /// The batch has more accounts than one import takes.
    case tooManyAccounts
    /// The registrar has the username already: skipped, its old password untouched (B4).
    case alreadyExists
    /// A record of a CSV list has more or fewer fields than its header.
    case fieldCount
    /// A quote stands in a field that does not begin with one (RFC 4180 §2.5).
    case quoteInField
    /// Something follows the quote that ends a field.
    case textAfterQuote
    /// The quotes round a field are not closed before the end of the list.
    case quoteNotClosed
    /// A line of an injection file is longer than such lines are.
    case lineTooLong
    /// A line of an injection file has no authentication keyword.
    case authenticationMissing
    /// A line of an injection file has several.
    case authenticationRepeated
    /// The authentication keyword is not closed within its field.
    case authenticationNotClosed
    /// A value in the authentication keyword is itself a keyword, which only SIPp can fill in.
    case keywordInside
    /// A value that begins with 0x is not hexadecimal.
    case hexadecimal
    /// A list that rotates passwords names a username that the registrar does not have (A5).
    case usernameUnknown
    /// A list that rotates passwords names an account that a run holds (A5, A7).
    case accountInUse(RunID)

    /// The fixed word in API and exports.
    public var code: String {
        switch self {
        case .noColon: "no_colon"
        case .severalColons: "several_colons"
        case .account(let fault): fault.rawValue
        case .duplicateInBatch: "duplicate_in_batch"
        case .tooManyAccounts: "too_many_accounts"
        case .alreadyExists: "username_exists"
        case .fieldCount: "wrong_number_of_fields"
        case .quoteInField: "quote_in_field"
        case .textAfterQuote: "text_after_quote"
        case .quoteNotClosed: "quote_not_closed"
        case .lineTooLong: "line_too_long"
        case .authenticationMissing: "authentication_missing"
        case .authenticationRepeated: "authentication_repeated"
        case .authenticationNotClosed: "authentication_not_closed"
        case .keywordInside: "keyword_in_authentication"
        case .hexadecimal: "not_hexadecimal"
        case .usernameUnknown: "username_unknown"
        case .accountInUse: "account_in_use"
        }
    }

    /// What is wrong, in words.
    public var text: String {
        switch self {
        case .noColon: "the line has no colon between username and password"
        case .severalColons: "the line has more than one colon"
        case .account(let fault): fault.text
        case .duplicateInBatch: "the username is on an earlier line of this import"
        case .tooManyAccounts: "one import takes at most \(ImportRules.mostAccounts) accounts"
        case .alreadyExists: "the username exists on this registrar already; skipped"
        case .fieldCount: "the record has more or fewer fields than the header"
        case .quoteInField:
            "a quote stands in a field without quotes round it; write the field in quotes and the quote twice"
        case .textAfterQuote: "something stands between a field's closing quote and the next comma"
        case .quoteNotClosed: "a field's quotes are not closed before the end"
        case .lineTooLong: "the line is longer than \(SIPpReader.longestLine) bytes"
        case .authenticationMissing: "the line has no [authentication username=… password=…]"
        case .authenticationRepeated: "the line has more than one [authentication …]"
        case .authenticationNotClosed: "[authentication …] is not closed within its field"
        case .keywordInside:
            "username or password in [authentication …] holds another [keyword], which only SIPp can fill in"
        case .hexadecimal: "a value that begins with 0x is not hexadecimal"
        case .usernameUnknown: "the registrar has no account of this username"
        case .accountInUse(let run): "run \(run) holds the account; wait for its end or stop it"
        }
    }
}

/// One record of a bulk import that gave no account. Never holds a password (B3).
public struct ImportProblem: Hashable, Sendable {
    /// The line it begins on, from 1; empty lines count.
    public var line: Int
    /// The username, only from a record of the right shape (for a line: exactly one colon) with a valid username.
    public var username: String?
    /// What is wrong.
    public var reason: ImportReason

    /// A problem from its parts.
    public init(line: Int, username: String?, reason: ImportReason) {
        self.line = line
        self.username = username
        self.reason = reason
    }
}

/// How often a reason occurred.
public struct ImportReasonCount: Hashable, Sendable {
    /// The reason.
    public var reason: ImportReason
    /// How many lines.
    public var count: Int
}

/// What is worth a warning in passwords that were accepted (B3); counts only.
public struct ImportWarnings: Hashable, Sendable {
    /// Lines whose password an earlier line of the batch had.
    public var reusedPasswords = 0
    /// Lines whose password contains the username, or only repeats its number.
    public var derivedPasswords = 0
    /// Whether the batch had more different passwords than are compared, so that `reusedPasswords` is a lower bound.
    public var reuseIsLowerBound = false
}

/// The summary of a bulk import, the same in page, API and CLI (B5).
public struct ImportReport: Hashable, Sendable {
    /// No report names more lines; the counts per reason cover all.
    public static let mostProblems = 1_000

    /// Accounts made.
    public var created: Int
    /// Lines whose username the registrar had already.
    public var skipped: Int
    /// Lines that are not valid.
    public var failed: Int
    /// Accounts that got a new password; only a list that rotates has any.
    public var rotated = 0
    /// The first lines that were skipped or failed, by line.
    public var problems: [ImportProblem]
    /// All lines that were skipped or failed, counted per reason.
    public var counts: [ImportReasonCount]
    /// What is worth a warning.
    public var warnings: ImportWarnings
}

/// A skipped line, as the store found it on publishing.
public struct SkippedLine: Hashable, Sendable {
    /// The line, from 1.
    public var line: Int
    /// The username that exists already.
    public var username: String

    /// A skipped line from its parts.
    public init(line: Int, username: String) {
        self.line = line
        self.username = username
    }
}

/// What publishing a staged import did.
public struct PublishedImport: Hashable, Sendable {
    /// Accounts made.
    public var created: Int
    /// Lines whose username the registrar had already.
    public var skipped: Int
    /// The first of those by line, at most `ImportReport.mostProblems`.
    public var firstSkipped: [SkippedLine]

    /// A result from its parts.
    public init(created: Int, skipped: Int, firstSkipped: [SkippedLine]) {
        self.created = created
        self.skipped = skipped
        self.firstSkipped = firstSkipped
    }
}

/// What rotating a staged list did: all of it, or nothing where there is a problem (A5).
public struct PublishedRotation: Hashable, Sendable {
    /// Accounts that got a new password.
    public var rotated: Int
    /// Lines whose username the registrar does not have.
    public var unknown: Int
    /// How many accounts each run holds of those named.
    public var held: [AccountHolding]
    /// The first lines of both kinds, at most `ImportReport.mostProblems`.
    public var problems: [ImportProblem]

    /// A result from its parts.
    public init(rotated: Int, unknown: Int, held: [AccountHolding], problems: [ImportProblem]) {
        self.rotated = rotated
        self.unknown = unknown
        self.held = held
        self.problems = problems
    }
}

/// What the lines of an import gave so far.
public struct ImportTally: Hashable, Sendable {
    /// Lines that are valid and not duplicates.
    public private(set) var valid = 0
    /// Lines that are not.
    public private(set) var failed = 0
    /// What is worth a warning.
    public internal(set) var warnings = ImportWarnings()
    private var problems: [ImportProblem] = []
    private var counts: [ImportReasonCount] = []

    /// Nothing read yet.
    public init() {}

    mutating func countValid() { valid += 1 }

    mutating func count(line: Int, username: UnsafeRawBufferPointer?, reason: ImportReason) {
        failed += 1
        Self.count(reason, 1, in: &counts)
        guard problems.count < ImportReport.mostProblems else { return }
        let name = username.map { String(decoding: $0, as: UTF8.self) }
        problems.append(ImportProblem(line: line, username: name, reason: reason))
    }

    /// The report, once the store has published what was valid.
    public func report(_ published: PublishedImport) -> ImportReport {
        var problems = problems
        var counts = counts
        for skipped in published.firstSkipped {
            problems.append(ImportProblem(line: skipped.line, username: skipped.username, reason: .alreadyExists))
        }
        if published.skipped > 0 { Self.count(.alreadyExists, published.skipped, in: &counts) }
        problems.sort { $0.line < $1.line }
        return ImportReport(
            created: published.created, skipped: published.skipped, failed: failed,
            problems: Array(problems.prefix(ImportReport.mostProblems)), counts: counts, warnings: warnings)
    }

    /// The report of a list that rotates passwords, once the store has looked for its accounts.
    public func report(_ rotation: PublishedRotation) -> ImportReport {
        var counts = counts
        if rotation.unknown > 0 { Self.count(.usernameUnknown, rotation.unknown, in: &counts) }
        for holding in rotation.held { Self.count(.accountInUse(holding.run), holding.accounts, in: &counts) }
        let problems = (problems + rotation.problems).sorted { $0.line < $1.line }
        return ImportReport(
            created: 0, skipped: 0, failed: failed + rotation.unknown + rotation.held.reduce(0) { $0 + $1.accounts },
            rotated: rotation.rotated, problems: Array(problems.prefix(ImportReport.mostProblems)), counts: counts,
            warnings: warnings)
    }

    private static func count(_ reason: ImportReason, _ lines: Int, in counts: inout [ImportReasonCount]) {
        if let place = counts.firstIndex(where: { $0.reason == reason }) {
            counts[place].count += lines
        } else {
            counts.append(ImportReasonCount(reason: reason, count: lines))
        }
    }
}
