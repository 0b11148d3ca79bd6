// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Store
import Testing

@Suite struct ImportStoreTests {
    @Test(arguments: StoreEngine.allCases) func `B4 existing usernames are skipped with their old password untouched`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        let old = NewAccount(id: Sample.id(), username: "bob", secret: Sample.secret(1))
        try await fixture.store.add(old, to: fixture.registrar.id, at: Sample.time)
        let published = try await fixture.importNames(["alice", "bob", "Bob"])
        #expect(
            published == PublishedImport(created: 2, skipped: 1, firstSkipped: [SkippedLine(line: 2, username: "bob")]))
        #expect(try await fixture.names() == ["bob", "alice", "Bob"])
        let sealed = try await fixture.store.sealedAccounts(of: fixture.registrar.id, only: nil, after: 0, limit: 10)
        #expect(sealed.map(\.secret) == [Sample.secret(1), Sample.secret(), Sample.secret()])
        #expect(sealed.first?.account == old.id)
    }

    @Test(arguments: StoreEngine.allCases)
    func `B6 nothing is seen before it is published, and nothing of an abandoned import stays`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        let id: ImportID = Sample.id()
        try await fixture.store.beginImport(id, into: fixture.registrar.id, at: Sample.time)
        try await fixture.store.stage(Sample.staged(["a", "b"]), in: id)
        #expect(try await fixture.names() == [])
        try await fixture.store.abandon(id)
        await #expect(throws: StoreError.importClosed(id.description)) {
            try await fixture.store.publish(id) { Sample.entry }
        }
        await #expect(throws: StoreError.importClosed(id.description)) {
            try await fixture.store.stage(Sample.staged(["c"], from: 3), in: id)
        }
        #expect(try await fixture.names() == [])
        #expect(try await fixture.store.sweepImports() == 0)
    }

    @Test(arguments: StoreEngine.allCases) func `B6 an import that a dead process left is swept at start`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        let other = Sample.registrar("other", in: fixture.project.id)
        try await fixture.store.add(other)
        for (name, registrar) in [("a", fixture.registrar.id), ("b", other.id)] {
            let id: ImportID = Sample.id()
            try await fixture.store.beginImport(id, into: registrar, at: Sample.time)
            try await fixture.store.stage(Sample.staged([name]), in: id)
        }
        #expect(try await fixture.store.sweepImports() == 2)
        #expect(try await fixture.store.sweepImports() == 0)
        #expect(try await fixture.importNames(["a"]).created == 1)
    }

    @Test(arguments: StoreEngine.allCases) func `B6 a username staged twice takes the whole import back`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        await #expect(throws: StoreError.self) { try await fixture.importNames(["a", "b", "a"]) }
        #expect(try await fixture.names() == [])
    }

    @Test(arguments: StoreEngine.allCases) func `B7 a preview says what an import would do, and stores nothing`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        try await fixture.addAccounts(["b"])
        let chunk = Sample.staged(["a", "b", "c"], from: 4)
        let preview = try await fixture.store.preview(chunk, into: fixture.registrar.id)
        #expect(preview == Staging(created: 2, skipped: 1, firstSkipped: [SkippedLine(line: 5, username: "b")]))
        #expect(try await fixture.names() == ["b"])
        let id: ImportID = Sample.id()
        try await fixture.store.beginImport(id, into: fixture.registrar.id, at: Sample.time)
        #expect(try await fixture.store.stage(chunk, in: id) == preview)
    }

    @Test(arguments: StoreEngine.allCases)
    func `B4 a large import keeps the order of lines, and a second one creates none`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        let names = (0..<25_000).map { "user-\(($0 * 7_919) % 25_000)" }
        for expected in [(created: 25_000, skipped: 0), (created: 0, skipped: 25_000)] {
            let id: ImportID = Sample.id()
            try await fixture.store.beginImport(id, into: fixture.registrar.id, at: Sample.time)
            var published = Staging()
            for start in stride(from: 0, to: names.count, by: 4_000) {
                let chunk = Array(names[start..<min(start + 4_000, names.count)])
                published.add(try await fixture.store.stage(Sample.staged(chunk, from: start + 1), in: id))
            }
            try await fixture.store.publish(id) { Sample.entry }
            #expect(published.created == expected.created && published.skipped == expected.skipped)
            #expect(published.firstSkipped.count == min(expected.skipped, ImportReport.mostProblems))
            #expect(published.firstSkipped.first?.line == (expected.skipped > 0 ? 1 : nil))
        }
        #expect(try await fixture.names() == Array(names.prefix(500)))
        #expect(try await fixture.store.sweepImports() == 0)
    }

    @Test(arguments: StoreEngine.allCases, 0..<8 as Range<UInt64>)
    func `B5 created, skipped and failed add up to the lines that are not empty`(
        engine: StoreEngine, seed: UInt64
    ) async throws {
        let fixture = try await StoreFixture(engine)
        var random = SeededRandom(seed: seed)
        var known: Set<String> = []
        for _ in 0..<4 {
            var text = ""
            for _ in 0..<60 {
                let name = "u\(random.next() % 40)"
                text +=
                    ["", "\(name):p", "\(name):p", "\(name):p", "\(name)", ":p", "\(name):", "a:b:c", "  ", "\r"][
                        Int(random.next() % 10)]
                text += random.chance(0.5) ? "\n" : "\r\n"
            }
            let lines = text.utf8.split(separator: 0x0A).map { $0.last == 0x0D ? $0.dropLast() : $0 }
                .filter { !$0.isEmpty }.map { String(decoding: $0, as: UTF8.self) }
            let report = try await run(text, in: fixture)
            #expect(report.created + report.skipped + report.failed == lines.count)
            let valid = Set(
                lines.filter { $0.hasPrefix("u") && $0.hasSuffix(":p") }.map { String($0.dropLast(2)) })
            #expect(report.created == valid.subtracting(known).count)
            #expect(report.skipped == valid.intersection(known).count)
            known.formUnion(valid)
            let again = try await run(text, in: fixture)
            #expect(again.created == 0 && again.failed == report.failed)
            #expect(again.skipped == report.created + report.skipped)
        }
        #expect(try await Set(fixture.names()) == known)
    }

    /// An import by the rules, with a sample in place of a sealed password.
    private func run(_ text: String, in fixture: StoreFixture) async throws -> ImportReport {
        let id: ImportID = Sample.id()
        try await fixture.store.beginImport(id, into: fixture.registrar.id, at: Sample.time)
        var rules = ImportRules()
        var chunk = StagedChunk()
        func note(_ line: ImportLine) {
            guard case .account(let username, _, _, _) = line.verdict else { return }
            let account = Sample.account(String(decoding: username, as: UTF8.self))
            chunk.append(StagedAccount(line: line.number, account: account))
        }
        Array(text.utf8).withUnsafeBytes { rules.visit($0, note) }
        rules.finish(note)
        let staging = try await fixture.store.stage(chunk, in: id)
        try await fixture.store.publish(id) { Sample.entry }
        return rules.tally.report(staging.published)
    }
}
