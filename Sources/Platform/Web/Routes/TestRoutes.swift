// SPDX-License-Identifier: Apache-2.0

import API
import Bedrock
import ControlPlane
import Domain
import FoundationEssentials
import Hummingbird
import Reports

/// `/projects/{project}/tests` and `/tests/{test}`. A test's body is the test file as JSON.
struct TestRoutes {
    let plane: ControlPlane

    func add(to group: RouterGroup<CallContext>) {
        group.get("projects/{project}/tests") { _, context in
            let tests = try await plane.tests.list(of: context.id("project"), by: context.principal())
            return try Answer.data(tests.map { try API.Test($0, withDefinition: false) }, context)
        }
        group.post("projects/{project}/tests") { request, context in
            let document = try await context.read(DocumentNode.self, from: request)
            let test = try await plane.tests.create(
                document, in: context.id("project"), by: context.principal())
            return try Answer.data(API.Test(test, withDefinition: true), context, status: .created)
        }
        group.get("tests/{test}") { _, context in
            let test = try await plane.tests.get(context.id("test"), by: context.principal())
            return try Answer.data(API.Test(test, withDefinition: true), context)
        }
        group.patch("tests/{test}") { request, context in
            let document = try await context.read(DocumentNode.self, from: request)
            let test = try await plane.tests.update(context.id("test"), to: document, by: context.principal())
            return try Answer.data(API.Test(test, withDefinition: true), context)
        }
        group.delete("tests/{test}") { _, context in
            let id: TestID = try context.id("test")
            try await plane.tests.delete(id, by: context.principal())
            return try Answer.data(Deleted(id: id.description), context)
        }
        group.post("tests/{test}/check") { _, context in
            let check = try await plane.tests.check(context.id("test"), by: context.principal())
            let registrars = check.accounts.map { accounts in
                RegistrarCheck(
                    registrar: accounts.registrar, needed: accounts.needed, total: accounts.usage.total,
                    inUse: accounts.usage.inUse, free: accounts.usage.free, missing: accounts.missing,
                    heldBy: accounts.usage.holders.map {
                        RunHolding(run: $0.run.description, accounts: $0.accounts)
                    })
            }
            return try Answer.data(
                CheckReport(ready: check.isReady, registrars: registrars, problems: check.problems), context)
        }
    }
}

extension API.Test {
    init(_ test: SavedTest, withDefinition: Bool) throws {
        let definition = try withDefinition ? JSONValue(test.definition.document) : nil
        self.init(
            id: test.record.id.description, projectId: test.record.project.description, name: test.record.name,
            definition: definition, warnings: test.warnings, createdAt: test.record.createdAt.text,
            updatedAt: test.record.changedAt.text)
    }
}

extension JSONValue {
    /// Any encodable value as plain JSON.
    init(_ value: some Encodable) throws {
        self = try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(value))
    }
}
