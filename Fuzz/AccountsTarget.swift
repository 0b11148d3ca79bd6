// SPDX-License-Identifier: Apache-2.0

import Domain

/// Lists of accounts in all three formats: two cuts anywhere, given by the first four bytes, change no record; every record is
/// counted once, and what is accepted is an account.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzAccounts(_ data: UnsafePointer<UInt8>, _ size: Int) -> Int32 {
    guard size >= 5, size <= 100_000 else { return 0 }
    let format = ImportFormat.allCases[Int(data[4]) % 3]
    let text = UnsafeRawBufferPointer(start: data + 5, count: size - 5)
    let places = [Int(data[0]) << 8 | Int(data[1]), Int(data[2]) << 8 | Int(data[3])].map { $0 % (text.count + 1) }
        .sorted()
    let whole = read([text], as: format)
    let cut = read(
        [
            .init(rebasing: text[..<places[0]]), .init(rebasing: text[places[0]..<places[1]]),
            .init(rebasing: text[places[1]...]),
        ], as: format)
    require(whole == cut, "cuts change the records")
    require(ImportFormat.guess(name: "", beginning: text) != .sipp || read([text], as: .sipp).refusal != .notSIPp, "a wrong guess")
    return 0
}

private struct Reading: Equatable {
    var records: [[UInt8]] = []
    var tally = ImportTally()
    var refusal: ImportRefusal?
    var columns = ImportColumns()
}

private func read(_ pieces: [UnsafeRawBufferPointer], as format: ImportFormat) -> Reading {
    var rules = ImportRules(format: format)
    var reading = Reading()
    var line = 0
    func note(_ record: ImportLine) {
        require(record.number > line, "records are out of order")
        line = record.number
        var bytes = Array("\(record.number) ".utf8)
        switch record.verdict {
        case .account(let username, let password, let realm, let extensionNumber):
            require(AccountRules.fault(username: username) == nil, "an unacceptable username")
            require(AccountRules.fault(password: password) == nil, "an unacceptable password")
            for part in [username, password, realm, extensionNumber] {
                bytes += part.map { [0xFF] + Array($0) } ?? [0xFE]
            }
        case .fault(let reason, let username):
            bytes += Array(reason.code.utf8) + (username.map { Array($0) } ?? [])
            if let username { require(AccountRules.fault(username: username) == nil, "an unacceptable name is shown") }
        }
        reading.records.append(bytes)
    }
    for piece in pieces { rules.visit(piece, note) }
    rules.finish(note)
    reading.tally = rules.tally
    reading.refusal = rules.refusal
    reading.columns = rules.columns
    require(rules.tally.valid + rules.tally.failed == reading.records.count, "a record is not counted")
    require(rules.refusal == nil || reading.records.isEmpty, "records before a refusal")
    return reading
}
