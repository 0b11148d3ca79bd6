// SPDX-License-Identifier: Apache-2.0

/// One record of a bulk import, lent for one call: the pointers must not leave the closure they are given to.
public struct ImportLine {
    /// What the rules say of a record.
    public enum Verdict {
        /// A valid record with a username that no earlier valid record had. Realm and extension are nil where the list has
        /// no such column or the field is empty.
        case account(
            username: UnsafeRawBufferPointer, password: UnsafeRawBufferPointer, realm: UnsafeRawBufferPointer?,
            extensionNumber: UnsafeRawBufferPointer?)
        /// Any other record that is not empty; the username only where the report may name it (B3).
        case fault(ImportReason, username: UnsafeRawBufferPointer?)
    }

    /// The line the record begins on, from 1; empty lines count.
    public var number: Int
    /// What the rules say.
    public var verdict: Verdict
}

/// Reads a list of accounts from text that comes in chunks of any size, and judges each record (B2–B4, B8).
///
/// Text is never a string here: a record inside a chunk is read where it lies, one split over an edge or written with quotes
/// or in hexadecimal is carried in locked memory and wiped after its visit. The chunks belong to the caller, who wipes them.
///
/// A list that is none of its format at all sets `refusal`, after which nothing more is read; look at it after each call.
public struct ImportRules: ~Copyable {
    /// No import takes more accounts, so that the set of usernames stays bounded.
    public static let mostAccounts = 4_000_000

    /// What the list is read as.
    public let format: ImportFormat
    private var judge = AccountJudge()
    private var lines = LineReader()
    private var csv = CSVReader()
    private var sipp = SIPpReader()

    /// Rules for a new batch.
    public init(format: ImportFormat = .lines) { self.format = format }

    /// What the records gave so far.
    public var tally: ImportTally { judge.tally }

    /// Why the whole list is refused; nil while it is not.
    public var refusal: ImportRefusal? {
        switch format {
        case .lines: nil
        case .csv: csv.refusal
        case .sipp: sipp.refusal
        }
    }

    /// The optional fields that the list gives for each of its accounts.
    public var columns: ImportColumns {
        format == .csv ? csv.optionalColumns : ImportColumns()
    }

    /// Judges every record that ends in this chunk and keeps the rest for the next. If `body` throws, the batch is over.
    public mutating func visit<Failure: Error>(
        _ chunk: UnsafeRawBufferPointer, _ body: (ImportLine) throws(Failure) -> Void
    ) throws(Failure) {
        switch format {
        case .lines: try lines.visit(chunk, &judge, body)
        case .csv: try csv.visit(chunk, &judge, body)
        case .sipp: try sipp.visit(chunk, &judge, body)
        }
    }

    /// Judges the last record, where the text does not end with a line end.
    public mutating func finish<Failure: Error>(_ body: (ImportLine) throws(Failure) -> Void) throws(Failure) {
        switch format {
        case .lines: try lines.finish(&judge, body)
        case .csv: try csv.finish(&judge, body)
        case .sipp: try sipp.finish(&judge, body)
        }
    }
}

/// Which optional fields a list gives. A field that it gives is meant even where it is empty.
public struct ImportColumns: Hashable, Sendable {
    /// Whether the list has a column `realm`.
    public var realm: Bool
    /// Whether the list has a column `extension`.
    public var extensionNumber: Bool

    /// Columns by what is there; without any, a list of usernames and passwords.
    public init(realm: Bool = false, extensionNumber: Bool = false) {
        self.realm = realm
        self.extensionNumber = extensionNumber
    }
}
