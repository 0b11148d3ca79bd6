// SPDX-License-Identifier: Apache-2.0

/// Reads `username:password` lines (B2): exactly one colon, and what stands on both sides of it.
struct LineReader: ~Copyable {
    private var lineNumber = 0
    private var carry = CarriedLine()

    /// Judges every line that ends in this chunk and keeps the rest.
    mutating func visit<Failure: Error>(
        _ chunk: UnsafeRawBufferPointer, _ judge: inout AccountJudge, _ body: (ImportLine) throws(Failure) -> Void
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
                    try read(line, lastByte: part.last, &judge, body)
                } else {
                    carry.append(part, colons: colons, firstColon: firstColon)
                    try readCarried(&judge, body)
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
    mutating func finish<Failure: Error>(
        _ judge: inout AccountJudge, _ body: (ImportLine) throws(Failure) -> Void
    ) throws(Failure) {
        if !carry.isEmpty { try readCarried(&judge, body) }
    }

    private mutating func readCarried<Failure: Error>(
        _ judge: inout AccountJudge, _ body: (ImportLine) throws(Failure) -> Void
    ) throws(Failure) {
        let carried = carry.take()
        // The pages outlive the call: only `append` and `wipe` touch them.
        let result: Result<Void, Failure>
        do throws(Failure) {
            try read(carried.line, lastByte: carried.lastByte, &judge, body)
            result = .success(())
        } catch {
            result = .failure(error)
        }
        carry.wipe()
        try result.get()
    }

    private mutating func read<Failure: Error>(
        _ raw: RawLine, lastByte: UInt8?, _ judge: inout AccountJudge, _ body: (ImportLine) throws(Failure) -> Void
    ) throws(Failure) {
        var line = raw
        lineNumber += 1
        if lastByte == UInt8(ascii: "\r") { line.count -= 1 }
        if lineNumber == 1, line.start.starts(with: ByteOrderMark.bytes) { line.dropFirst(ByteOrderMark.bytes.count) }
        if line.count == 0 { return }
        try judge.give(Self.verdict(of: line, &judge), line: lineNumber, to: body)
    }

    private static func verdict(of line: RawLine, _ judge: inout AccountJudge) -> ImportLine.Verdict {
        guard line.colons > 0 else { return .fault(.noColon, username: nil) }
        guard line.colons == 1 else { return .fault(.severalColons, username: nil) }
        // Of an overlong line only the beginning is there.
        guard line.firstColon <= AccountRules.longestUsername else {
            return .fault(.account(.usernameTooLong), username: nil)
        }
        let username = UnsafeRawBufferPointer(rebasing: line.start[..<line.firstColon])
        guard line.count - line.firstColon - 1 <= AccountRules.longestPassword else {
            if let fault = AccountRules.fault(username: username) { return .fault(.account(fault), username: nil) }
            return .fault(.account(.passwordTooLong), username: username)
        }
        let password = UnsafeRawBufferPointer(rebasing: line.start[line.firstColon + 1..<line.count])
        return judge.verdict(username: username, password: password)
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
