// SPDX-License-Identifier: Apache-2.0

@testable import Domain

/// A whole text put through the rules in chunks, each record as a sentence.
struct Batch {
    var lines: [String] = []
    var tally = ImportTally()
    var refusal: ImportRefusal?
    var columns = ImportColumns()

    init(_ text: String, as format: ImportFormat = .lines, chunk: Int = 5) {
        self.init(bytes: Array(text.utf8), as: format, chunk: chunk)
    }

    init(bytes: [UInt8], as format: ImportFormat = .lines, chunk: Int = 5) {
        self.init(
            pieces: stride(from: 0, to: bytes.count, by: chunk).map { bytes[$0..<min($0 + chunk, bytes.count)] },
            as: format)
    }

    init(pieces: [ArraySlice<UInt8>], as format: ImportFormat) {
        var rules = ImportRules(format: format)
        var lines: [String] = []
        func note(_ line: ImportLine) { lines.append("\(line.number) \(Self.sentence(line.verdict))") }
        for piece in pieces {
            // As the use case does: what was lent is overwritten after the visit.
            var lent = Array(piece)
            lent.withUnsafeBytes { rules.visit($0, note) }
            for index in lent.indices { lent[index] = 0xEE }
        }
        rules.finish(note)
        self.lines = lines
        tally = rules.tally
        refusal = rules.refusal
        columns = rules.columns
    }

    private static func sentence(_ verdict: ImportLine.Verdict) -> String {
        switch verdict {
        case .account(let username, let password, let realm, let extensionNumber):
            var text = "account \(string(username)) \(string(password))"
            if let realm { text += " realm \(string(realm))" }
            if let extensionNumber { text += " extension \(string(extensionNumber))" }
            return text
        case .fault(let reason, let username): return "\(reason.code) \(username.map(string) ?? "-")"
        }
    }

    private static func string(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes, as: UTF8.self) }
}
