// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A place where a rule is broken.
struct Finding: Hashable, CustomStringConvertible {
    let path: String
    let line: Int
    let rule: String

    var description: String { "\(path):\(line): \(rule)" }
}

/// A file as three byte arrays of the same length: as it is, its code alone, its comments alone (the rest blanked out, line breaks
/// kept), so that a position means the same line in each.
struct SourceText {
    let path: String
    let raw: [UInt8]
    let code: [UInt8]
    let comments: [UInt8]

    init(path: String, text: String) {
        self.init(path: path, bytes: Array(text.utf8))
    }

    init(path: String, bytes: [UInt8]) {
        self.path = path
        raw = bytes
        if path.hasSuffix(".swift") || path.hasSuffix(".c") || path.hasSuffix(".h") {
            var masker = Masker(bytes)
            masker.run()
            code = masker.code
            comments = masker.comments
        } else {
            // Elsewhere (shell, Python, prose) everything counts as both.
            code = bytes
            comments = bytes
        }
    }

    var isSwift: Bool { path.hasSuffix(".swift") }

    enum Part {
        case raw, code, comments
    }

    func bytes(_ part: Part) -> [UInt8] {
        switch part {
        case .raw: raw
        case .code: code
        case .comments: comments
        }
    }

    func lines(_ part: Part) -> [String] {
        bytes(part).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
    }

    /// Line numbers (from 1) at which `token` stands. Where the token begins or ends with a letter, its neighbour must not be one.
    func linesOf(_ token: String, in part: Part) -> [Int] {
        let text = bytes(part)
        let needle = Array(token.utf8)
        guard let first = needle.first, let last = needle.last else { return [] }
        var found: [Int] = []
        var line = 1
        var counted = 0
        var from = 0
        while from + needle.count <= text.count {
            let hit = Self.firstPlace(of: needle, in: text, from: from)
            guard let hit else { break }
            let before = hit > 0 ? text[hit - 1] : 0
            let after = hit + needle.count < text.count ? text[hit + needle.count] : 0
            if !(Self.isWord(first) && Self.isWord(before)) && !(Self.isWord(last) && Self.isWord(after)) {
                for index in counted..<hit where text[index] == UInt8(ascii: "\n") { line += 1 }
                counted = hit
                if found.last != line { found.append(line) }
            }
            from = hit + 1
        }
        return found
    }

    private static func firstPlace(of needle: [UInt8], in text: [UInt8], from: Int) -> Int? {
        text.withUnsafeBytes { haystack -> Int? in
            guard let base = haystack.baseAddress else { return nil }
            var start = from
            while start + needle.count <= haystack.count,
                let place = memchr(base + start, Int32(needle[0]), haystack.count - needle.count + 1 - start)
            {
                if memcmp(place, needle, needle.count) == 0 { return base.distance(to: UnsafeRawPointer(place)) }
                start = base.distance(to: UnsafeRawPointer(place)) + 1
            }
            return nil
        }
    }

    static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}

/// Tells code, comments and literals of Swift (and near enough C) apart. Code inside a string's interpolation counts as code.
private struct Masker {
    private enum Frame {
        /// Code, and how many parentheses are open; the outermost never ends.
        case code(parentheses: Int)
        case string(hashes: Int, quotes: Int)
    }

    private let text: [UInt8]
    private(set) var code: [UInt8]
    private(set) var comments: [UInt8]
    private var position = 0
    private var frames: [Frame] = [.code(parentheses: 0)]

    init(_ text: [UInt8]) {
        self.text = text
        let blank = text.map { $0 == UInt8(ascii: "\n") ? $0 : UInt8(ascii: " ") }
        code = blank
        comments = blank
    }

    mutating func run() {
        while position < text.count {
            switch frames[frames.count - 1] {
            case .code(let parentheses): stepCode(parentheses)
            case .string(let hashes, let quotes): stepString(hashes, quotes)
            }
        }
    }

    private func stands(_ token: String, at place: Int) -> Bool {
        let bytes = Array(token.utf8)
        return place >= 0 && place + bytes.count <= text.count
            && text[place..<(place + bytes.count)].elementsEqual(bytes)
    }

    private func count(of byte: Character, at place: Int) -> Int {
        var end = place
        while end < text.count, text[end] == byte.asciiValue { end += 1 }
        return end - place
    }

    private mutating func stepCode(_ parentheses: Int) {
        if stands("//", at: position) {
            while position < text.count, text[position] != UInt8(ascii: "\n") {
                comments[position] = text[position]
                position += 1
            }
            return
        }
        if stands("/*", at: position) {
            repeat {
                comments[position] = text[position]
                position += 1
            } while position < text.count && !stands("*/", at: position - 2)
            return
        }
        let hashes = count(of: "#", at: position)
        let quotes = count(of: "\"", at: position + hashes)
        if quotes > 0 {
            position += hashes + (quotes == 2 ? 2 : quotes >= 3 ? 3 : 1)
            if quotes != 2 { frames.append(.string(hashes: hashes, quotes: quotes >= 3 ? 3 : 1)) }
            return
        }
        if text[position] == UInt8(ascii: "`") {
            repeat { position += 1 } while position < text.count && text[position] != UInt8(ascii: "`")
            position += 1
            return
        }
        if text[position] == UInt8(ascii: "(") {
            frames[frames.count - 1] = .code(parentheses: parentheses + 1)
        } else if text[position] == UInt8(ascii: ")") {
            frames[frames.count - 1] = .code(parentheses: parentheses - 1)
            if parentheses == 1, frames.count > 1 {
                frames.removeLast()
                position += 1
                return
            }
        }
        code[position] = text[position]
        position += 1
    }

    private mutating func stepString(_ hashes: Int, _ quotes: Int) {
        if text[position] == UInt8(ascii: "\\"), count(of: "#", at: position + 1) >= hashes {
            position += 1 + hashes
            if position < text.count, text[position] == UInt8(ascii: "(") {
                frames.append(.code(parentheses: 1))
            }
            position += 1
            return
        }
        let closes =
            count(of: "\"", at: position) >= quotes && count(of: "#", at: position + quotes) >= hashes
        let brokenLine = quotes == 1 && text[position] == UInt8(ascii: "\n")
        if closes { position += quotes + hashes } else { position += 1 }
        if closes || brokenLine { frames.removeLast() }
    }
}
