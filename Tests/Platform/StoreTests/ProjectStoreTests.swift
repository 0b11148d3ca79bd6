// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Store
import Testing

@Suite struct ProjectStoreTests {
    @Test(arguments: StoreEngine.allCases) func `a project is kept, found, renamed and deleted`(engine: StoreEngine)
        async throws
    {
        let fixture = try await StoreFixture(engine)
        let store = fixture.store
        #expect(try await store.project(fixture.project.id) == fixture.project)
        #expect(try await store.project(named: "Lab") == fixture.project)
        #expect(try await store.project(named: "lab") == nil)
        let second = Project(id: Sample.id(), name: "Field", createdAt: Sample.later)
        try await store.add(second)
        #expect(try await store.projects().map(\.name) == ["Field", "Lab"])
        try await store.rename(second.id, to: "Trunks")
        #expect(try await store.project(second.id)?.name == "Trunks")
        try await store.deleteProject(second.id)
        #expect(try await store.projects().map(\.name) == ["Lab"])
    }

    @Test(arguments: StoreEngine.allCases) func `a taken name and an unknown project are refused`(engine: StoreEngine)
        async throws
    {
        let fixture = try await StoreFixture(engine)
        let unknown: ProjectID = Sample.id()
        let taken = StoreError.nameTaken(kind: "project", name: "Lab")
        await #expect(throws: taken) {
            try await fixture.store.add(Project(id: Sample.id(), name: "Lab", createdAt: Sample.time))
        }
        let missing = StoreError.notFound(kind: "project", id: unknown.description)
        await #expect(throws: missing) { try await fixture.store.rename(unknown, to: "x") }
        await #expect(throws: missing) { try await fixture.store.deleteProject(unknown) }
        await #expect(throws: missing) { try await fixture.store.add(Sample.registrar("x", in: unknown)) }
    }

    @Test(arguments: StoreEngine.allCases) func `a registrar is kept with all its fields and changed`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        var registrar = fixture.registrar
        #expect(try await fixture.store.registrar(registrar.id) == registrar)
        registrar.name = "sbc"
        registrar.port = nil
        registrar.transport = .auto
        registrar.outboundProxy = nil
        registrar.expires = 60
        try await fixture.store.update(registrar)
        #expect(try await fixture.store.registrar(named: "sbc", of: fixture.project.id) == registrar)
        let other = Sample.registrar("pbx", in: fixture.project.id)
        try await fixture.store.add(other)
        #expect(try await fixture.store.registrars(of: fixture.project.id).map(\.name) == ["pbx", "sbc"])
        registrar.name = "pbx"
        let clash = registrar
        await #expect(throws: StoreError.nameTaken(kind: "registrar", name: "pbx")) {
            try await fixture.store.update(clash)
        }
    }

    @Test(arguments: StoreEngine.allCases) func `a registrar has one data key, also when two writers add one`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        let store = fixture.store
        let registrar = fixture.registrar.id
        #expect(try await store.dataKey(of: registrar) == nil)
        let keys = (0..<8).map { mark in
            WrappedKey(id: Sample.id(), registrar: registrar, sealed: Sample.secret(mark), createdAt: Sample.time)
        }
        let kept = try await withThrowingTaskGroup(of: WrappedKey.self) { group in
            for key in keys { group.addTask { try await store.addDataKey(key) } }
            return try await group.reduce(into: Set<WrappedKey>()) { $0.insert($1) }
        }
        #expect(kept.count == 1)
        #expect(try await store.dataKey(of: registrar) == kept.first)
        #expect(try await store.dataKeys(keys.map(\.id)) == Array(kept))
    }

    @Test(arguments: StoreEngine.allCases)
    func `A7 a registrar with accounts in use is not deleted, and takes its accounts along later`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        let accounts = try await fixture.addAccounts(["a", "b"])
        let run = try await fixture.addRun()
        _ = try await fixture.store.allocate(run: run, [fixture.demand(1)])
        await #expect(throws: StoreError.inUse(runs: [run.description])) {
            try await fixture.store.deleteRegistrar(fixture.registrar.id)
        }
        await #expect(throws: StoreError.inUse(runs: [run.description])) {
            try await fixture.store.deleteProject(fixture.project.id)
        }
        try await fixture.store.finish(run, RunEnding(status: .completed, at: Sample.later))
        try await fixture.store.deleteRegistrar(fixture.registrar.id)
        #expect(try await fixture.store.account(accounts[0].id) == nil)
        #expect(try await fixture.store.run(run)?.status == .completed)
        try await fixture.store.deleteProject(fixture.project.id)
        let left = try await fixture.store.run(run)
        #expect(left?.project == nil && left?.projectName == "Lab", "G4: a run outlives its project")
        #expect(try await fixture.store.runs(of: nil, test: nil, PageRequest()).items.map(\.id) == [run])
    }

    @Test(arguments: StoreEngine.allCases) func `a test is kept, changed and deleted; its runs stay`(
        engine: StoreEngine
    ) async throws {
        let fixture = try await StoreFixture(engine)
        let store = fixture.store
        var test = TestRecord(
            id: Sample.id(), project: fixture.project.id, name: "Smoke", definition: Array("name: Smoke".utf8),
            createdAt: Sample.time, changedAt: Sample.time)
        try await store.add(test)
        #expect(try await store.test(test.id) == test)
        test.name = "Load"
        test.definition = [0, 255]
        test.changedAt = Sample.later
        try await store.update(test)
        #expect(try await store.tests(of: fixture.project.id) == [test])
        let run = try await fixture.addRun(test: test.id)
        #expect(try await store.runs(of: fixture.project.id, test: test.id, PageRequest()).items.map(\.id) == [run])
        try await store.deleteTest(test.id)
        #expect(try await store.run(run)?.test == nil)
        #expect(try await store.run(run)?.testName == "Smoke")
        let gone = test
        await #expect(throws: StoreError.notFound(kind: "test", id: test.id.description)) {
            try await store.update(gone)
        }
    }
}
