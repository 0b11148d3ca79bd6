// SPDX-License-Identifier: Apache-2.0

/// The outer shape of a file: its length, the length of its functions, its licence line.
enum ShapeCheck {
    /// A file longer than this holds more than one idea.
    static let maximumFileLines = 700
    /// Files that others want in one piece: the licence, and the interface's description, which clients are made from.
    static let wholeFiles: Set<String> = ["LICENSE", "docs/openapi.yaml"]
    /// A function longer than this is not seen at one glance.
    static let maximumFunctionLines = 70
    /// The licence stands within this many lines, after a shebang or the tools version.
    static let licenceWithin = 3

    static func fileLength(_ file: SourceText) -> [Finding] {
        let count = file.lines(.raw).count - 1
        guard !file.path.hasSuffix(".md"), !wholeFiles.contains(file.path), count > maximumFileLines else { return [] }
        return [Finding(path: file.path, line: 1, rule: "\(count) lines; the limit is \(maximumFileLines)")]
    }

    static func licence(_ file: SourceText) -> [Finding] {
        let text = file.lines(.raw).prefix(licenceWithin)
        let isScript = text.first?.hasPrefix("#!") == true
        let isCode = [".swift", ".c", ".h", ".py", ".sh", ".xml"].contains { file.path.hasSuffix($0) }
        guard isScript || isCode else { return [] }
        if text.contains(where: { $0.contains("SPDX-License-Identifier: Apache-2.0") }) { return [] }
        return [Finding(path: file.path, line: 1, rule: "no SPDX licence line")]
    }

    /// Functions by indentation: from the line with `func`, `init`, `deinit` or `subscript` to the closing brace under its first
    /// letter. `swift format` keeps that shape.
    static func functionLength(_ file: SourceText) -> [Finding] {
        guard file.isSwift else { return [] }
        let lines = file.lines(.code)
        var found: [Finding] = []
        for (index, line) in lines.enumerated() where startsFunction(line) {
            guard let end = endOfFunction(at: index, in: lines) else { continue }
            let length = end - index + 1
            if length > maximumFunctionLines {
                found.append(
                    Finding(
                        path: file.path, line: index + 1,
                        rule: "a function of \(length) lines; the limit is \(maximumFunctionLines)"))
            }
        }
        return found
    }

    private static func startsFunction(_ line: String) -> Bool {
        for word in line.split(separator: " ") {
            if word == "func" || word == "deinit" { return true }
            if word.hasPrefix("init(") || word.hasPrefix("init?(") || word.hasPrefix("init<") { return true }
            if word.hasPrefix("subscript(") || word.hasPrefix("subscript<") { return true }
            if !modifiers.contains(String(word)) && !word.hasPrefix("@") { return false }
        }
        return false
    }

    private static let modifiers: Set<String> = [
        "public", "package", "internal", "fileprivate", "private", "static", "class", "final", "override", "mutating",
        "nonmutating", "borrowing", "consuming", "nonisolated", "required", "convenience", "isolated",
    ]

    private static func indentation(_ line: String) -> Int { line.prefix(while: { $0 == " " }).count }

    private static func endOfFunction(at start: Int, in lines: [String]) -> Int? {
        let indent = indentation(lines[start])
        for index in start..<lines.count {
            let line = lines[index]
            let text = line.drop(while: { $0 == " " })
            if text.isEmpty { continue }
            if index > start, indentation(line) < indent { return nil }
            guard indentation(line) == indent else { continue }
            if index > start, text.hasPrefix("}") { return index }
            let opened = text.count { $0 == "{" }
            if opened > 0, opened == text.count(where: { $0 == "}" }) { return index }
            // A requirement of a protocol has no body: the next line at its level is something else.
            if index > start, !text.hasPrefix(")"), !text.hasPrefix("where"), !text.hasPrefix("{") { return nil }
        }
        return nil
    }
}
