// SPDX-License-Identifier: Apache-2.0

import Bedrock

/// The columns a CSV list may have.
enum CSVColumn: Int, CaseIterable {
    case username, password, realm, extensionNumber

    /// As the header says it, in any case.
    var name: String {
        switch self {
        case .username: "username"
        case .password: "password"
        case .realm: "realm"
        case .extensionNumber: "extension"
        }
    }

    /// The column of a header's field; blanks round it do not matter.
    init?(_ field: UnsafeRawBufferPointer) {
        let name = Self.trimmed(field)
        let found = Self.allCases.first { column in
            column.name.utf8.count == name.count && zip(column.name.utf8, name).allSatisfy { $0 == $1 | 0x20 }
        }
        guard let found else { return nil }
        self = found
    }

    /// Whether a line is such a header: username and password are among its fields and all are ours.
    static func isHeader(_ line: UnsafeRawBufferPointer) -> Bool {
        let columns = line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map { field in
            let bare =
                field.count >= 2 && field.first == 0x22 && field.last == 0x22 ? field.dropFirst().dropLast() : field
            return CSVColumn(UnsafeRawBufferPointer(rebasing: bare))
        }
        return !columns.contains(nil) && columns.contains(.username) && columns.contains(.password)
    }

    private static func trimmed(_ field: UnsafeRawBufferPointer) -> Slice<UnsafeRawBufferPointer> {
        var name = field[...]
        while let first = name.first, first == 0x20 || first == 0x09 { name.removeFirst() }
        while let last = name.last, last == 0x20 || last == 0x09 { name.removeLast() }
        return name
    }
}

/// Reads comma-separated values (RFC 4180) byte by byte, so that a chunk may end anywhere: in a quoted line end, between the
/// two quotes that stand for one, between CR and LF.
///
/// A record's fields are collected in locked memory, of an overlong field as much as shows that it is too long.
struct CSVReader: ~Copyable {
    /// One byte more than the longest value, so that a longer one is seen to be.
    private static let slot = AccountRules.longestPassword + 1
    private static let quote = UInt8(ascii: "\"")
    private static let comma = UInt8(ascii: ",")
    private static let lineFeed = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")

    private enum State {
        /// Before the first byte of a field.
        case fieldStart
        case unquoted
        case quoted
        /// After a quote in a quoted field: its end, or half of a quote that belongs to the value.
        case quoteSeen
        /// The record has a fault; the rest of its line is passed over.
        case broken
    }

    private let memory: LockedMemory
    /// The pages of `memory`, which live as long as this reader.
    private let slots: UnsafeMutableRawBufferPointer
    private var state = State.fieldStart
    private var fault: ImportReason?
    /// A CR outside quotes whose next byte has not come: part of the line end or of the value.
    private var heldReturn = false
    /// How many bytes of a byte-order mark the text began with so far; nil once that is settled.
    private var markBytes: Int? = 0
    private var line = 1
    private var recordLine = 1
    /// Fields of this record that are over.
    private var fields = 0
    /// The length of each column's value in this record.
    private var lengths = [Int](repeating: 0, count: CSVColumn.allCases.count)
    /// The slot the current field goes to; nil for a field too many.
    private var target: Int? = 0
    /// The header's columns; empty before it was read.
    private var columns: [CSVColumn] = []
    private var header = Header()
    /// Why the list is refused.
    private(set) var refusal: ImportRefusal?

    /// What the header gave so far.
    private struct Header {
        var isOver = false
        var repeated: CSVColumn?
        /// The place of the first unknown column, whose name lies in the password's slot until it may be shown.
        var unknown: Int?
    }

    init() {
        memory = LockedMemory(minimumCount: Self.slot * CSVColumn.allCases.count)
        slots = memory.withMutableBytes { $0 }
    }

    /// The optional columns of the header.
    var optionalColumns: ImportColumns {
        ImportColumns(realm: columns.contains(.realm), extensionNumber: columns.contains(.extensionNumber))
    }

    /// Judges every record that ends in this chunk.
    mutating func visit<Failure: Error>(
        _ chunk: UnsafeRawBufferPointer, _ judge: inout AccountJudge, _ body: (ImportLine) throws(Failure) -> Void
    ) throws(Failure) {
        for byte in chunk {
            if refusal != nil { return }
            if markBytes != nil, isMark(byte) { continue }
            if take(byte) { try endRecord(&judge, body) }
        }
    }

    /// Judges the last record, where the text does not end with a line end.
    mutating func finish<Failure: Error>(
        _ judge: inout AccountJudge, _ body: (ImportLine) throws(Failure) -> Void
    ) throws(Failure) {
        if refusal == nil {
            settleMark()
            if state == .quoted { fault = .quoteNotClosed }
            if !isBlank { try endRecord(&judge, body) }
        }
        memory.wipe(0..<memory.count)
    }

    // MARK: - Bytes

    /// Whether a byte belongs to the mark at the start of the text.
    private mutating func isMark(_ byte: UInt8) -> Bool {
        guard let seen = markBytes else { return false }
        guard byte == ByteOrderMark.bytes[seen] else {
            settleMark()
            return false
        }
        markBytes = seen + 1 < ByteOrderMark.bytes.count ? seen + 1 : nil
        return true
    }

    /// What looked like a mark and is none is text.
    private mutating func settleMark() {
        let seen = markBytes ?? 0
        markBytes = nil
        for byte in ByteOrderMark.bytes[..<seen] { _ = take(byte) }
    }

    /// Takes one byte; true when it ends a record.
    private mutating func take(_ byte: UInt8) -> Bool {
        if heldReturn {
            heldReturn = false
            if byte != Self.lineFeed { add(Self.carriageReturn) }
        }
        if byte == Self.carriageReturn, state != .quoted {
            heldReturn = true
            return false
        }
        switch (state, byte) {
        case (.quoted, Self.quote): state = .quoteSeen
        case (.quoted, _):
            if byte == Self.lineFeed { line += 1 }
            append(byte)
        case (.quoteSeen, Self.quote):
            append(byte)
            state = .quoted
        case (.fieldStart, Self.quote): state = .quoted
        case (.unquoted, Self.quote): breakOff(.quoteInField)
        case (_, Self.lineFeed): return true
        case (.broken, _): break
        case (_, Self.comma): endField()
        default: add(byte)
        }
        return false
    }

    /// A byte of a value outside quotes.
    private mutating func add(_ byte: UInt8) {
        switch state {
        case .fieldStart, .unquoted:
            state = .unquoted
            append(byte)
        case .quoteSeen: breakOff(.textAfterQuote)
        case .quoted, .broken: break
        }
    }

    private mutating func append(_ byte: UInt8) {
        guard let target else { return }
        let length = lengths[target]
        if length < Self.slot {
            slots[target * Self.slot + length] = byte
            lengths[target] = length + 1
        }
    }

    private mutating func breakOff(_ reason: ImportReason) {
        fault = reason
        state = .broken
    }

    // MARK: - Fields and records

    private var isBlank: Bool { state == .fieldStart && fields == 0 }

    private mutating func endField() {
        if !header.isOver { readHeaderField() }
        fields += 1
        state = .fieldStart
        if header.isOver { target = fields < columns.count ? columns[fields].rawValue : nil }
    }

    private mutating func endRecord<Failure: Error>(
        _ judge: inout AccountJudge, _ body: (ImportLine) throws(Failure) -> Void
    ) throws(Failure) {
        defer { beginRecord() }
        if isBlank { return }
        endField()
        guard header.isOver else { return endHeader() }
        try judge.give(verdict(&judge), line: recordLine, to: body)
    }

    private mutating func verdict(_ judge: inout AccountJudge) -> ImportLine.Verdict {
        if let fault { return .fault(fault, username: nil) }
        guard fields == columns.count else { return .fault(.fieldCount, username: nil) }
        let realm = value(.realm)
        let extensionNumber = value(.extensionNumber)
        return judge.verdict(
            username: value(.username), password: value(.password), realm: realm.isEmpty ? nil : realm,
            extensionNumber: extensionNumber.isEmpty ? nil : extensionNumber)
    }

    private func value(_ column: CSVColumn) -> UnsafeRawBufferPointer {
        let start = column.rawValue * Self.slot
        return UnsafeRawBufferPointer(rebasing: slots[start..<start + lengths[column.rawValue]])
    }

    /// Forgets the record and makes ready for the next one, on the next line.
    private mutating func beginRecord() {
        for index in lengths.indices where lengths[index] > 0 {
            memory.wipe(index * Self.slot..<index * Self.slot + lengths[index])
            lengths[index] = 0
        }
        line += 1
        recordLine = line
        fields = 0
        fault = nil
        state = .fieldStart
        target = columns.first?.rawValue ?? 0
    }

    // MARK: - Header

    private mutating func readHeaderField() {
        let field = value(.username)
        if let column = CSVColumn(field) {
            if columns.contains(column) { header.repeated = header.repeated ?? column }
            columns.append(column)
        } else if header.unknown == nil {
            header.unknown = fields + 1
            let place = CSVColumn.password.rawValue
            UnsafeMutableRawBufferPointer(rebasing: slots[(place * Self.slot)...]).copyMemory(from: field)
            lengths[place] = field.count
        }
        lengths[CSVColumn.username.rawValue] = 0
    }

    /// Judges the header. What stands in it is only shown when it is a header beyond doubt: a list without one begins with
    /// somebody's password.
    private mutating func endHeader() {
        header.isOver = true
        if fault != nil {
            refusal = .headerNotValid
        } else if let missing = [CSVColumn.username, .password].first(where: { !columns.contains($0) }) {
            refusal = .headerLacks(column: missing.name)
        } else if let unknown = header.unknown {
            refusal = .unknownColumn(Self.shown(value(.password)) ?? "number \(unknown)")
        } else if let repeated = header.repeated {
            refusal = .repeatedColumn(repeated.name)
        }
    }

    /// A column's name in quotes where it is short, printable ASCII.
    private static func shown(_ name: UnsafeRawBufferPointer) -> String? {
        guard (1...40).contains(name.count), name.allSatisfy({ (0x20..<0x7F).contains($0) }) else { return nil }
        return "'\(String(decoding: name, as: UTF8.self))'"
    }
}
