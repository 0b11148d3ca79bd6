// SPDX-License-Identifier: Apache-2.0

import API
import HTTPTypes
import RunMetrics
import Testing

@testable import Web

/// What goes and what stays, told before a deletion and in its answer.
struct DeletionRoutesTests {
    @Test func `G4 a project says before it is deleted what goes; its runs stay readable, for those who see all`()
        async throws
    {
        try await Harness().test { caller in
            let (project, registrar) = try await caller.prepare(accounts: 3)
            let test = try await caller.post("/projects/\(project)/tests", Caller.definition(endpoints: 9))
                .data(API.Test.self)
            let run = try await caller.post("/tests/\(test.id)/runs").data(API.Run.self)
            #expect(run.projectName == "lab" && run.projectId == project)

            let smaller = try await caller.get("/registrars/\(registrar)/deletion").data(API.Deletion.self)
            #expect(smaller.name == "pbx" && smaller.accounts == 3 && smaller.affectedTests == ["Idle"])
            let before = try await caller.get("/projects/\(project)/deletion").data(API.Deletion.self)
            #expect(before.registrars == 1 && before.accounts == 3 && before.tests == 1 && before.runsThatStay == 1)
            #expect(before.inUseBy.isEmpty)
            #expect(
                before.text == "1 registrar, 3 accounts, 1 test go with it; 1 run with all results stay")
            let deleted = try await caller.send(.delete, "/api/v1/projects/\(project)").data(Deleted.self)
            #expect(deleted.deletion == before)

            #expect(try await caller.get("/projects/\(project)").status == .notFound)
            let left = try await caller.get("/runs/\(run.id)").data(API.Run.self)
            #expect(left.projectId == nil && left.projectName == "lab" && left.testName == "Idle")
            #expect(left.failureCode == "insufficient_sip_accounts")
            #expect(try await caller.get("/runs/\(run.id)/endpoints").status == .ok)
            #expect(try await caller.get("/runs?project=none").data([API.Run].self).map(\.id) == [run.id])
            #expect(try await caller.get("/runs").status == .badRequest)
        }
    }

    @Test func `A7 C4 deleting accounts says which tests have too few now`() async throws {
        try await Harness().test { caller in
            let (project, registrar) = try await caller.prepare(accounts: 5)
            for (name, endpoints) in [("Large", 5), ("Small", 2)] {
                _ = try await caller.post(
                    "/projects/\(project)/tests", Caller.definition(endpoints: endpoints, name: name))
            }
            let report = try await caller.post(
                "/registrars/\(registrar)/accounts/delete", #"{"q":"user1","expectedCount":1}"#
            ).data(AccountDeletionReport.self)
            #expect(report.deleted == 1)
            #expect(report.shortTests.map(\.name) == ["Large"])
            #expect(report.shortTests.first?.needed == 5 && report.shortTests.first?.total == 4)
            #expect(report.shortTests.first?.missing == 1)
        }
    }

    @Test func `A7 a registrar that is deleted leaves its project's tests and runs`() async throws {
        try await Harness().test { caller in
            let (project, registrar) = try await caller.prepare(accounts: 2)
            let test = try await caller.post("/projects/\(project)/tests", Caller.definition(endpoints: 3))
                .data(API.Test.self)
            let run = try await caller.post("/tests/\(test.id)/runs").data(API.Run.self)
            let deleted = try await caller.send(.delete, "/api/v1/registrars/\(registrar)").data(Deleted.self)
            #expect(deleted.deletion?.accounts == 2 && deleted.deletion?.affectedTests == ["Idle"])
            #expect(try await caller.get("/tests/\(test.id)").data(API.Test.self).warnings.isEmpty == false)
            #expect(try await caller.get("/runs/\(run.id)").data(API.Run.self).projectId == project)
        }
    }
}
