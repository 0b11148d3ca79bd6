// SPDX-License-Identifier: Apache-2.0

/// What must not stay behind in a repository.
enum LeftoverCheck {
    // Written in two pieces where the check would otherwise find itself.
    static let words = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "XCT" + "Skip", "HA" + "CK"]
    static let markers = ["<<<<" + "<<<", ">>>>" + ">>>", "||||" + "|||"]
    static let homes = ["wo" + "rk", "ho" + "me", "ro" + "ot", "Us" + "ers", "op" + "t", "m" + "nt"]

    static func check(_ file: SourceText) -> [Finding] {
        leftWords(file) + mergeMarkers(file) + machinePaths(file) + deadCode(file)
    }

    static func leftWords(_ file: SourceText) -> [Finding] {
        words.flatMap { word in
            Set(file.linesOf(word, in: .code) + file.linesOf(word, in: .comments)).sorted().map {
                Finding(path: file.path, line: $0, rule: "leftover \(word)")
            }
        }
    }

    static func mergeMarkers(_ file: SourceText) -> [Finding] {
        file.lines(.raw).enumerated().compactMap { index, line in
            guard markers.contains(where: { line.hasPrefix($0) }) else { return nil }
            return Finding(path: file.path, line: index + 1, rule: "merge marker")
        }
    }

    /// Paths that exist on somebody's machine only.
    static func machinePaths(_ file: SourceText) -> [Finding] {
        homes.flatMap { home in
            file.linesOf("/\(home)/", in: .raw).filter { line in
                let text = file.lines(.raw)[line - 1]
                // Part of a longer path or of an address is no absolute path.
                return text.components(around: "/\(home)/").contains { before in
                    guard let last = before.last else { return true }
                    return !(last.isLetter || last.isNumber || "/._-}):*~".contains(last))
                }
            }
            .map { Finding(path: file.path, line: $0, rule: "path of one machine (/\(home)/)") }
        }
    }

    /// Comments that read like code. Doc comments may show code.
    static func deadCode(_ file: SourceText) -> [Finding] {
        guard file.isSwift else { return [] }
        return file.lines(.comments).enumerated().compactMap { index, line in
            let trimmed = line.drop(while: { $0 == " " })
            guard trimmed.hasPrefix("//"), !trimmed.hasPrefix("///") else { return nil }
            let text = trimmed.dropFirst(2).drop(while: { $0 == " " })
            guard looksLikeCode(String(text)) else { return nil }
            return Finding(path: file.path, line: index + 1, rule: "commented-out code")
        }
    }

    static func looksLikeCode(_ text: String) -> Bool {
        if text.hasSuffix("{") || text == "}" || text.hasSuffix(";") && text.contains("(") { return true }
        let words = text.split(separator: " ").map(String.init)
        guard let first = words.first else { return false }
        switch first {
        case "let", "var":
            return words.count > 2 && (words[1].hasSuffix(":") || words[2] == "=")
        case "func", "init", "guard", "return", "try", "await", "switch", "if":
            return text.hasSuffix(")") && text.contains("(") && !text.contains(". ")
                && (first != "return" || words.count == 2) && words.count < 8
        case "import":
            return words.count == 2
        default:
            // A call as a statement: one word, with a dot and parentheses.
            return words.count == 1 && text.contains(".") && text.contains("(") && text.hasSuffix(")")
        }
    }
}

extension String {
    /// The text before each occurrence of `separator`.
    fileprivate func components(around separator: String) -> [Substring] {
        var parts: [Substring] = []
        var rest = self[...]
        while let range = rest.firstRange(of: separator) {
            parts.append(rest[..<range.lowerBound])
            rest = rest[range.upperBound...]
        }
        return parts
    }
}
