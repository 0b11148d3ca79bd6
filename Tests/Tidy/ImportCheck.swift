// SPDX-License-Identifier: Apache-2.0

/// Reads import lines and holds them against the table.
enum ImportCheck {
    private static let kinds: Set<String> = ["struct", "class", "enum", "protocol", "typealias", "func", "let", "var"]
    private static let modifiers: Set<String> = ["public", "package", "internal", "fileprivate", "private"]

    /// The modules that a file imports, with the line of each.
    static func imports(of file: SourceText) -> [(module: String, line: Int)] {
        var found: [(String, Int)] = []
        for (index, line) in file.lines(.code).enumerated() {
            var words = line.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == ";" }).map(String.init)
            while let word = words.first, word.hasPrefix("@") || modifiers.contains(word) { words.removeFirst() }
            guard words.first == "import", words.count > 1 else { continue }
            let name = kinds.contains(words[1]) && words.count > 2 ? words[2] : words[1]
            found.append((name.split(separator: ".").first.map(String.init) ?? name, index + 1))
        }
        return found
    }

    static func check(_ file: SourceText, against table: ImportTable) -> [Finding] {
        guard file.isSwift else { return [] }
        guard let room = table.room(of: file.path) else {
            guard file.path.hasPrefix("Sources/") else { return [] }
            return [Finding(path: file.path, line: 1, rule: "stands in no room of the import table")]
        }
        return imports(of: file).compactMap { module, line in
            for (one, other) in ImportTable.forbiddenPairs
            where (one, other) == (room.name, module) || (other, one) == (room.name, module) {
                return Finding(path: file.path, line: line, rule: "\(one) and \(other) must never meet")
            }
            let allowed =
                module == room.name || room.own.contains(module) || room.external.contains(module)
                || room.system.contains(module) || ImportTable.oneFile[file.path] == module
            guard !allowed else { return nil }
            return Finding(path: file.path, line: line, rule: "\(room.name) must not import \(module)")
        }
    }

    /// What is wrong with the table itself: a forbidden pair, a circle, an arrow out of the engine.
    static func check(table: ImportTable) -> [String] {
        var wrong: [String] = []
        for room in table.rooms {
            if table.closure(of: room.name).contains(room.name) { wrong.append("\(room.name) reaches itself") }
            for (one, other) in ImportTable.forbiddenPairs {
                if room.name == one && room.own.contains(other) || room.name == other && room.own.contains(one) {
                    wrong.append("\(one) and \(other) must never meet")
                }
            }
            guard room.folder.hasPrefix("Sources/Engine/") else { continue }
            for module in room.own where !ImportTable.engineNames.contains(module) {
                wrong.append("\(room.name) must not import \(module): imports point inward")
            }
            if !room.external.isEmpty { wrong.append("\(room.name) must not import other packages") }
        }
        return wrong
    }
}
