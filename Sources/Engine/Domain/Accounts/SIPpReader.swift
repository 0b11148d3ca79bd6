// SPDX-License-Identifier: Apache-2.0

import Bedrock

/// The first line of an injection file: the order SIPp reads the lines in, then options after commas.
struct SIPpHeader {
    /// Whether `PRINTF=` makes patterns of the lines.
    var hasPatterns: Bool

    /// Reads the line, which has no line end any more; nil when it is another.
    init?(_ line: UnsafeRawBufferPointer) {
        let words = line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map { Self.trimmed($0) }
        let orders: [StaticString] = ["SEQUENTIAL", "RANDOM", "USER"]
        guard let order = words.first, orders.contains(where: { Self.equals(order, $0) }) else { return nil }
        hasPatterns = words.dropFirst().contains { word in
            Self.equals(word.prefix { $0 != UInt8(ascii: "=") }, "PRINTF")
        }
    }

    private static func equals(_ word: Slice<UnsafeRawBufferPointer>, _ text: StaticString) -> Bool {
        word.elementsEqual(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private static func trimmed(_ word: Slice<UnsafeRawBufferPointer>) -> Slice<UnsafeRawBufferPointer> {
        var word = word
        while word.first == 0x20 { word.removeFirst() }
        while word.last == 0x20 { word.removeLast() }
        return word
    }
}

/// Reads an injection file of SIPp: lines of fields divided by `;`, where one field holds the authentication keyword with
/// username and password; a line that begins with `#` is a comment.
struct SIPpReader: ~Copyable {
    /// No line is longer, so that one fits in locked memory: a password of 1,024 bytes in hexadecimal and more than as much
    /// of other fields.
    static let longestLine = 8_192
    /// A byte-order mark and a carriage return may stand round it.
    private static let mostKept = 3 + longestLine + 1

    private let memory = LockedMemory(minimumCount: SIPpReader.mostKept)
    private var values = AuthenticationValues()
    private var kept = 0
    private var count = 0
    private var lastByte: UInt8?
    private var lineNumber = 0
    private var hasHeader = false
    /// Why the file is refused.
    private(set) var refusal: ImportRefusal?

    /// Judges every line that ends in this chunk.
    mutating func visit<Failure: Error>(
        _ chunk: UnsafeRawBufferPointer, _ judge: inout AccountJudge, _ body: (ImportLine) throws(Failure) -> Void
    ) throws(Failure) {
        var start = 0
        while refusal == nil, start < chunk.count {
            let rest = UnsafeRawBufferPointer(rebasing: chunk[start...])
            guard let end = rest.firstIndex(of: UInt8(ascii: "\n")) else { return carry(rest) }
            let part = UnsafeRawBufferPointer(rebasing: rest[..<end])
            if count == 0 {
                try read(part, count: part.count, lastByte: part.last, &judge, body)
            } else {
                carry(part)
                try readCarried(&judge, body)
            }
            start += end + 1
        }
    }

    /// Judges the last line, where the text does not end with a line end.
    mutating func finish<Failure: Error>(
        _ judge: inout AccountJudge, _ body: (ImportLine) throws(Failure) -> Void
    ) throws(Failure) {
        if refusal == nil, count > 0 { try readCarried(&judge, body) }
        memory.wipe(0..<memory.count)
        values.wipe()
    }

    private mutating func carry(_ part: UnsafeRawBufferPointer) {
        count += part.count
        lastByte = part.last ?? lastByte
        let room = min(part.count, Self.mostKept - kept)
        guard room > 0 else { return }
        let target = kept
        memory.withMutableBytes { bytes in
            UnsafeMutableRawBufferPointer(rebasing: bytes[target..<target + room])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: part[..<room]))
        }
        kept += room
    }

    private mutating func readCarried<Failure: Error>(
        _ judge: inout AccountJudge, _ body: (ImportLine) throws(Failure) -> Void
    ) throws(Failure) {
        let (kept, count, lastByte) = (kept, count, lastByte)
        self.kept = 0
        self.count = 0
        self.lastByte = nil
        // The pages outlive the call, and only `carry` writes to them.
        let line = memory.withBytes { UnsafeRawBufferPointer(rebasing: $0[..<kept]) }
        let result: Result<Void, Failure>
        do throws(Failure) {
            try read(line, count: count, lastByte: lastByte, &judge, body)
            result = .success(())
        } catch {
            result = .failure(error)
        }
        memory.wipe(0..<kept)
        try result.get()
    }

    /// Reads a line of `count` bytes of which `start` has the first.
    private mutating func read<Failure: Error>(
        _ start: UnsafeRawBufferPointer, count: Int, lastByte: UInt8?, _ judge: inout AccountJudge,
        _ body: (ImportLine) throws(Failure) -> Void
    ) throws(Failure) {
        lineNumber += 1
        var line = start
        var count = count
        if lastByte == UInt8(ascii: "\r") { count -= 1 }
        if lineNumber == 1, line.starts(with: ByteOrderMark.bytes) {
            line = UnsafeRawBufferPointer(rebasing: line[3...])
            count -= 3
        }
        if count == 0 || line.first == UInt8(ascii: "#") { return }
        line = UnsafeRawBufferPointer(rebasing: line.prefix(count))
        guard hasHeader else {
            hasHeader = true
            let header = SIPpHeader(line)
            if header?.hasPatterns != false { refusal = header == nil ? .notSIPp : .patterns }
            return
        }
        guard count <= Self.longestLine else {
            return try judge.give(.fault(.lineTooLong, username: nil), line: lineNumber, to: body)
        }
        try judge.give(values.verdict(of: line, &judge), line: lineNumber, to: body)
        values.wipe()
    }
}

/// Username and password of one line's authentication keyword, unescaped in locked memory.
struct AuthenticationValues: ~Copyable {
    /// One byte more than the longest value, so that a longer one is seen to be.
    private static let slot = AccountRules.longestPassword + 1
    private static let keyword: StaticString = "[authentication"

    private let memory = LockedMemory(minimumCount: AuthenticationValues.slot * 2)
    private var username = 0
    private var password = 0

    /// Zeroes both.
    mutating func wipe() {
        memory.wipe(0..<username)
        memory.wipe(Self.slot..<Self.slot + password)
        username = 0
        password = 0
    }

    /// What the rules say of a line.
    mutating func verdict(
        of line: UnsafeRawBufferPointer, _ judge: inout AccountJudge
    ) -> ImportLine.Verdict {
        var first: UnsafeRawBufferPointer?
        var found: UnsafeRawBufferPointer?
        for field in line.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false) {
            var rest = UnsafeRawBufferPointer(rebasing: field)
            let whole = rest
            while let keyword = Self.afterKeyword(rest) {
                guard found == nil else { return .fault(.authenticationRepeated, username: nil) }
                found = keyword
                rest = keyword
            }
            // A field with the keyword in it is no username.
            if first == nil { first = found == nil ? whole : UnsafeRawBufferPointer(rebasing: whole[..<0]) }
        }
        guard let found else { return .fault(.authenticationMissing, username: nil) }
        if let fault = read(found) { return .fault(fault, username: nil) }
        // The pages outlive the verdict: only `read` and `wipe` touch them.
        let values = memory.withBytes { $0 }
        let named = UnsafeRawBufferPointer(rebasing: values[..<username])
        return judge.verdict(
            username: named.isEmpty ? first ?? named : named,
            password: UnsafeRawBufferPointer(rebasing: values[Self.slot..<Self.slot + password]))
    }

    /// What follows the keyword's name; nil where it does not occur.
    private static func afterKeyword(_ field: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        let name = UnsafeRawBufferPointer(start: keyword.utf8Start, count: keyword.utf8CodeUnitCount)
        guard field.count > name.count else { return nil }
        for start in 0..<field.count - name.count where field[start] == name[0] {
            guard field[start...].starts(with: name) else { continue }
            let next = field[start + name.count]
            guard next == 0x20 || next == 0x09 || next == UInt8(ascii: "]") else { continue }
            return UnsafeRawBufferPointer(rebasing: field[(start + name.count)...])
        }
        return nil
    }

    /// Reads `name=value` pairs to the closing bracket; other names than ours are passed over.
    private mutating func read(_ text: UnsafeRawBufferPointer) -> ImportReason? {
        var reader = KeywordReader(text)
        while true {
            guard let name = reader.name() else { return .authenticationNotClosed }
            if name.isEmpty { return nil }
            // As in SIPp, the first of a name counts.
            let slot: Int? =
                username == 0 && name.elementsEqual("username".utf8)
                ? 0 : password == 0 && name.elementsEqual("password".utf8) ? 1 : nil
            var count = 0
            let fault = memory.withMutableBytes { bytes in
                let target = UnsafeMutableRawBufferPointer(
                    rebasing: bytes[((slot ?? 0) * Self.slot)...].prefix(Self.slot))
                return reader.value(into: slot == nil ? nil : target, &count)
            }
            if slot == 0 { username = count }
            if slot == 1 { password = count }
            if let fault { return fault }
        }
    }
}

/// Walks through the pairs of a keyword as SIPp does: a value is bare, in quotes with backslashes, or hexadecimal after `0x`.
private struct KeywordReader {
    private let text: UnsafeRawBufferPointer
    private var place = 0

    init(_ text: UnsafeRawBufferPointer) { self.text = text }

    /// The next pair's name, empty at the closing bracket, nil where the text ends without one.
    mutating func name() -> Slice<UnsafeRawBufferPointer>? {
        while true {
            while place < text.count, text[place] <= 0x20 { place += 1 }
            guard place < text.count else { return nil }
            if text[place] == UInt8(ascii: "]") { return text[place..<place] }
            let start = place
            while place < text.count, text[place] > 0x20, text[place] != UInt8(ascii: "="),
                text[place] != UInt8(ascii: "]")
            {
                place += 1
            }
            guard place < text.count else { return nil }
            if text[place] == UInt8(ascii: "=") {
                place += 1
                // A value without a name is nobody's.
                return start < place - 1 ? text[start..<place - 1] : text[start..<place]
            }
        }
    }

    /// Reads a value into `target`, as much as fits, and counts what it wrote.
    mutating func value(into target: UnsafeMutableRawBufferPointer?, _ count: inout Int) -> ImportReason? {
        func put(_ byte: UInt8) {
            guard let target, count < target.count else { return }
            target[count] = byte
            count += 1
        }
        if text[place...].starts(with: "0x".utf8) {
            place += 2
            return hexadecimal(put)
        }
        if place < text.count, text[place] == UInt8(ascii: "\"") {
            place += 1
            return quoted(put)
        }
        while place < text.count, text[place] > 0x20, text[place] != 0x7F, text[place] != UInt8(ascii: "]") {
            if text[place] == UInt8(ascii: "[") { return .keywordInside }
            put(text[place])
            place += 1
        }
        return place < text.count ? nil : .authenticationNotClosed
    }

    private mutating func quoted(_ put: (UInt8) -> Void) -> ImportReason? {
        while place < text.count {
            var byte = text[place]
            place += 1
            switch byte {
            case UInt8(ascii: "\""): return nil
            case UInt8(ascii: "["): return .keywordInside
            case UInt8(ascii: "\\"):
                guard place < text.count else { return .authenticationNotClosed }
                byte = text[place]
                place += 1
                put(byte)
            default: put(byte)
            }
        }
        return .authenticationNotClosed
    }

    /// Pairs of digits; SIPp takes a last single one for a byte of its own.
    private mutating func hexadecimal(_ put: (UInt8) -> Void) -> ImportReason? {
        while place < text.count, text[place] > 0x20, text[place] != UInt8(ascii: "]") {
            guard let high = Self.digit(text[place]) else { return .hexadecimal }
            place += 1
            if place < text.count, let low = Self.digit(text[place]) {
                put(high << 4 | low)
                place += 1
            } else {
                put(high)
            }
        }
        return place < text.count ? nil : .authenticationNotClosed
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }
}
