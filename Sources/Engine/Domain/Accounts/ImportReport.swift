// SPDX-License-Identifier: Apache-2.0

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

    /// The fixed word in API and exports.
    public var code: String {
        switch self {
        case .noColon: "no_colon"
        case .severalColons: "several_colons"
        case .account(let fault): fault.rawValue
        case .duplicateInBatch: "duplicate_in_batch"
        case .tooManyAccounts: "too_many_accounts"
        case .alreadyExists: "username_exists"
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
        }
    }
}

/// One line of a bulk import that gave no account. Never holds a password (B3).
public struct ImportProblem: Hashable, Sendable {
    /// The line, from 1; empty lines count.
    public var line: Int
    /// The username, only from a line with exactly one colon and a valid username.
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

    private static func count(_ reason: ImportReason, _ lines: Int, in counts: inout [ImportReasonCount]) {
        if let place = counts.firstIndex(where: { $0.reason == reason }) {
            counts[place].count += lines
        } else {
            counts.append(ImportReasonCount(reason: reason, count: lines))
        }
    }
}
