// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// docs/diagnosis.md lists every cause, and nothing else as one.
struct DiagnosisPageTests {
    private static func text(_ path: String) throws -> String {
        let file = try #require(try SourceTree().files().first { $0.path == path })
        return String(decoding: file.raw, as: UTF8.self)
    }

    /// The words of the enumeration of causes.
    static func causes(in source: String) -> Set<String> {
        guard let start = source.range(of: "enum DiagnosisCause"),
            let end = source.range(of: "enum DiagnosisConfidence")
        else { return [] }
        let lines = source[start.upperBound..<end.lowerBound].split(separator: "\n")
        return Set(
            lines.compactMap { line in
                let parts = line.split(separator: "\"")
                return line.contains(" case ") && parts.count >= 2 ? String(parts[1]) : nil
            })
    }

    /// The words in the first cells of the page's tables.
    static func listed(in page: String) -> Set<String> {
        var words: Set<String> = []
        for line in page.split(separator: "\n") where line.hasPrefix("| `") {
            let cell = line.dropFirst(2).prefix { $0 != "|" }
            for (place, part) in cell.split(separator: "`", omittingEmptySubsequences: false).enumerated()
            where place % 2 == 1 { words.insert(String(part)) }
        }
        return words
    }

    @Test func `docs/diagnosis.md lists every cause and no other`() throws {
        let causes = Self.causes(in: try Self.text("Sources/Engine/Domain/Diagnosis/DiagnosisCause.swift"))
        #expect(causes.count > 40)
        #expect(Self.listed(in: try Self.text("docs/diagnosis.md")) == causes)
    }
}
