// SPDX-License-Identifier: Apache-2.0

import Domain
import Foundation
import Testing

@Suite struct MetricDocumentTests {
    private static func words() throws -> Set<String> {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../docs/metrics.md")
        // What stands between back quotes is code; every second piece.
        let pieces = try String(contentsOf: file, encoding: .utf8).split(
            separator: "`", omittingEmptySubsequences: false)
        return Set(pieces.enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) })
    }

    @Test func `docs/metrics.md explains every metric a threshold may name`() throws {
        let words = try Self.words()
        let missing = SummaryMetric.catalogue.map(\.name).filter { !words.contains($0) }
        #expect(missing == [])
    }

    @Test func `docs/metrics.md names no metric that there is not`() throws {
        let names = Set(SummaryMetric.catalogue.map(\.name))
        let known: Set = ["valid", "qualified", "void", "steal", "_from_intended"]
        #expect(try Self.words().subtracting(names).subtracting(known) == [])
    }
}
