// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Reads the table of docs/ARCHITECTURE.md: room, own imports, external imports.
enum DrawnTable {
    struct Row: Equatable, CustomStringConvertible {
        let room: String
        let own: [String]
        let external: [String]

        var description: String { "\(room): own \(own), external \(external)" }
    }

    static func rows(in document: String) -> [Row] {
        let lines = document.split(separator: "\n", omittingEmptySubsequences: false)
        guard let head = lines.firstIndex(where: { $0.hasPrefix("| room | own | external |") }) else { return [] }
        return lines[(head + 2)...].prefix { $0.hasPrefix("|") }.map { line in
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            return Row(room: cells[0], own: names(cells[1]), external: names(cells[2]))
        }
    }

    private static func names(_ cell: String) -> [String] {
        cell == "-" ? [] : cell.components(separatedBy: ", ").sorted()
    }

    static func rows(of table: ImportTable) -> [Row] {
        let everything = Set(ImportTable.engineNames + ImportTable.platformNames)
        return table.rooms.filter { $0.folder.hasPrefix("Sources/") && !$0.folder.hasPrefix("Sources/Tools/") }.map {
            Row(room: $0.name, own: $0.own == everything ? ["all"] : $0.own.sorted(), external: $0.external.sorted())
        }
    }
}

struct ArchitectureTests {
    @Test func `docs/ARCHITECTURE.md draws the table that is enforced`() throws {
        let document = try #require(try SourceTree().files().first { $0.path == "docs/ARCHITECTURE.md" })
        let drawn = DrawnTable.rows(in: String(decoding: document.raw, as: UTF8.self))
        #expect(drawn == DrawnTable.rows(of: .law))
    }

    @Test func `a drawn table that differs is seen`() {
        let drawn = DrawnTable.rows(
            in: "text\n| room | own | external |\n|---|---|---|\n| SIP | Bedrock, Media | - |\nend\n")
        #expect(drawn == [DrawnTable.Row(room: "SIP", own: ["Bedrock", "Media"], external: [])])
        #expect(drawn != DrawnTable.rows(of: .law))
    }
}
