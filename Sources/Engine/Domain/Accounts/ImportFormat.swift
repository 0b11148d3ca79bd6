// SPDX-License-Identifier: Apache-2.0

/// The formats a list of accounts may have (B1, B8).
public enum ImportFormat: String, Hashable, Sendable, CaseIterable {
    /// `username:password`, one account per line.
    case lines
    /// Comma-separated values (RFC 4180) under a header that names the columns: username, password, realm, extension.
    case csv
    /// An injection file of SIPp: its reading order on the first line, then fields divided by `;`, one of which holds
    /// `[authentication username=… password=…]`.
    case sipp

    /// What a list seems to be, by its first line and, where that says nothing, by the end of its file's name.
    ///
    /// The first line decides first, because injection files are often called `.csv`. `beginning` is what the file begins
    /// with, at least its first line where that is not longer than a few hundred bytes.
    public static func guess(name: String, beginning: UnsafeRawBufferPointer) -> ImportFormat {
        var line = beginning
        if line.starts(with: ByteOrderMark.bytes) { line = UnsafeRawBufferPointer(rebasing: line[3...]) }
        if let end = line.firstIndex(of: UInt8(ascii: "\n")) { line = UnsafeRawBufferPointer(rebasing: line[..<end]) }
        if line.last == UInt8(ascii: "\r") { line = UnsafeRawBufferPointer(rebasing: line.dropLast()) }
        if SIPpHeader(line) != nil { return .sipp }
        if CSVColumn.isHeader(line) || name.lowercased().hasSuffix(".csv") { return .csv }
        return .lines
    }
}

/// Why a whole list is refused before its first account. Quotes nothing that could be a password.
public enum ImportRefusal: Error, Hashable, Sendable {
    /// The first record names no column `username` or no column `password`.
    case headerLacks(column: String)
    /// A column that is none of ours; its name, or its place where the name cannot be shown.
    case unknownColumn(String)
    /// A column that is there twice.
    case repeatedColumn(String)
    /// The first record is no valid CSV.
    case headerNotValid
    /// The first line is not SEQUENTIAL, RANDOM or USER.
    case notSIPp
    /// PRINTF on the first line: the lines are patterns, not accounts.
    case patterns

    /// What is wrong and what to do, in words.
    public var text: String {
        switch self {
        case .headerLacks(let column):
            "the first line of a CSV list names the columns, and '\(column)' is missing; "
                + "write username,password or username,password,realm,extension above the accounts"
        case .unknownColumn(let name):
            "the CSV list has the column \(name); the columns are username, password, realm and extension"
        case .repeatedColumn(let name): "the CSV list has the column '\(name)' twice"
        case .headerNotValid: "the first line of a CSV list names the columns, and this one is no valid CSV"
        case .notSIPp: "the first line of a SIPp injection file is SEQUENTIAL, RANDOM or USER, and this one is not"
        case .patterns:
            "the injection file has PRINTF on its first line: its lines are patterns; write the accounts out, one a line"
        }
    }
}

/// UTF-8's mark at the start of a text, which belongs to no line.
enum ByteOrderMark {
    static let bytes: [UInt8] = [0xEF, 0xBB, 0xBF]
}
