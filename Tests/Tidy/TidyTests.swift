// SPDX-License-Identifier: Apache-2.0

import Testing

/// Holds the whole tree against the rules of docs/ARCHITECTURE.md and docs/STYLE.md. CheckTests proves that each check can fail.
struct TidyTests {
    private let files: [SourceText]

    init() throws {
        files = try SourceTree().files()
    }

    private func findings(_ check: (SourceText) -> [Finding]) -> String {
        files.flatMap(check).map(\.description).sorted().joined(separator: "\n")
    }

    @Test func `the tree is found`() {
        let paths = Set(files.map(\.path))
        #expect(paths.contains("Sources/Engine/Bedrock/Instant.swift"))
        #expect(paths.contains("Tests/Tidy/TidyTests.swift"))
        #expect(paths.contains("Package.swift"))
    }

    @Test func `every import is one that the table allows`() {
        #expect(findings { ImportCheck.check($0, against: .law) } == "")
    }

    @Test func `the table has no circle, points inward and keeps the three pairs apart`() {
        #expect(ImportCheck.check(table: .law) == [])
        #expect(!ImportTable.law.closure(of: "Worker").contains("ControlPlane"))
        #expect(!ImportTable.law.closure(of: "Worker").contains("Store"))
        #expect(!ImportTable.law.closure(of: "Store").contains("Vault"))
    }

    @Test func `the engine touches nothing of the world`() {
        #expect(findings(CodeCheck.bannedCalls) == "")
    }

    @Test func `what switches a check of the compiler off says why`() {
        #expect(findings(CodeCheck.missingReasons) == "")
    }

    @Test func `bounds checks stay on`() {
        #expect(findings(CodeCheck.uncheckedOptimisation) == "")
    }

    @Test func `nothing is left behind`() {
        #expect(findings(LeftoverCheck.check) == "")
    }

    @Test func `files and functions stay short`() {
        #expect(findings(ShapeCheck.fileLength) == "")
        #expect(findings(ShapeCheck.functionLength) == "")
    }

    @Test func `every file names its licence`() {
        #expect(findings(ShapeCheck.licence) == "")
    }
}
