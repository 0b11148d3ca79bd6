// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import Domain
import Store

/// A saved test with its definition read, and what is worth a warning now.
public struct SavedTest: Hashable, Sendable {
    /// What is kept.
    public var record: TestRecord
    /// Its definition.
    public var definition: TestDefinition
    /// Shortages of accounts and other things that would make a run fail now (C4).
    public var warnings: [String]
}

/// Whether a run of a test could start now (C4).
public struct TestCheck: Hashable, Sendable {
    /// Accounts of one registrar.
    public struct Accounts: Hashable, Sendable {
        /// The registrar's name.
        public var registrar: String
        /// How many the test needs.
        public var needed: Int
        /// What there is and who holds it.
        public var usage: AccountUsage
        /// How many are missing.
        public var missing: Int
    }

    /// Per registrar, in order of its first group.
    public var accounts: [Accounts]
    /// All that stands against a run, in words.
    public var problems: [String]

    /// Whether nothing stands against a run.
    public var isReady: Bool { problems.isEmpty }
}

/// Looks whether this machine can play a test whose registrars are described in it, and finds its targets; what is wrong, in words.
public typealias MachineInspection = @Sendable (TestDefinition) async -> [String]

/// Tests: saved, read, changed, checked. Saving never starts one, and a shortage of accounts never forbids saving.
public struct TestUseCases: Sendable {
    let services: Services
    let fleet: FleetRegistry
    let inspection: MachineInspection?

    /// The tests of a project by name.
    public func list(of project: ProjectID, by principal: Principal) async throws(ControlPlaneError) -> [SavedTest] {
        try principal.require(.viewer, in: project)
        return try await services.perform("tests") {
            var saved: [SavedTest] = []
            for record in try await services.store.tests(of: project) { saved.append(try await view(record)) }
            return saved
        }
    }

    /// One test. Throws `notFound`.
    public func get(_ id: TestID, by principal: Principal) async throws(ControlPlaneError) -> SavedTest {
        let record = try await services.test(id, role: .viewer, by: principal)
        return try await services.perform("test") { try await view(record) }
    }

    /// Saves a test from a document. Needs editor. Throws `invalidTest` with every mistake, `nameTaken`.
    public func create(
        _ document: DocumentNode, in project: ProjectID, by principal: Principal
    ) async throws(ControlPlaneError) -> SavedTest {
        try principal.require(.editor, in: project)
        return try await services.perform("createTest") {
            let definition = try TestDefinition.read(document)
            try await services.checkRegistrars(of: definition, in: project)
            let now = services.clock()
            let record = TestRecord(
                id: services.newID(), project: project, name: definition.name,
                definition: try DefinitionText.encode(definition), createdAt: now, changedAt: now)
            try await services.store.add(record)
            try await services.audit(principal, "tests.create", "test \(record.id)", definition.name)
            return try await view(record)
        }
    }

    /// Replaces a test's definition; runs keep the one they began with. Needs editor.
    public func update(
        _ id: TestID, to document: DocumentNode, by principal: Principal
    ) async throws(ControlPlaneError) -> SavedTest {
        let old = try await services.test(id, role: .editor, by: principal)
        return try await services.perform("updateTest") {
            let definition = try TestDefinition.read(document)
            try await services.checkRegistrars(of: definition, in: old.project)
            let record = TestRecord(
                id: id, project: old.project, name: definition.name,
                definition: try DefinitionText.encode(definition), createdAt: old.createdAt,
                changedAt: services.clock())
            try await services.store.update(record)
            try await services.audit(principal, "tests.update", "test \(id)", definition.name)
            return try await view(record)
        }
    }

    /// Deletes a test; its runs stay (G4). Needs editor.
    public func delete(_ id: TestID, by principal: Principal) async throws(ControlPlaneError) {
        _ = try await services.test(id, role: .editor, by: principal)
        try await services.perform("deleteTest") {
            try await services.store.deleteTest(id)
            try await services.audit(principal, "tests.delete", "test \(id)")
        }
    }

    /// Whether a run could start now: accounts per registrar, capacity, whether targets may be called and can be found, and whether the
    /// machine has the addresses, ports and descriptors.
    public func check(_ id: TestID, by principal: Principal) async throws(ControlPlaneError) -> TestCheck {
        let record = try await services.test(id, role: .viewer, by: principal)
        return try await services.perform("checkTest") {
            let definition = try DefinitionText.decode(record.definition)
            var check = try await services.check(definition, in: record.project)
            let needed = check.accounts.reduce(0) { $0 + $1.needed }
            let room = await fleet.room
            if room < needed {
                check.problems.append("the workers have room for \(room) endpoints, the test has \(needed)")
            }
            if let inspection {
                check.problems += await inspection(try await services.described(definition, in: record.project))
            }
            return check
        }
    }

    private func view(_ record: TestRecord) async throws -> SavedTest {
        let definition = try DefinitionText.decode(record.definition)
        let check = try await services.check(definition, in: record.project)
        return SavedTest(record: record, definition: definition, warnings: check.problems)
    }
}

extension Services {
    /// A test the principal may use with this role. Throws `notFound` and `forbidden`.
    func test(_ id: TestID, role: Role, by principal: Principal) async throws(ControlPlaneError) -> TestRecord {
        let test = try await perform("test") { try await store.test(id) }
        guard let test, principal.project == nil || principal.project == test.project else {
            throw .notFound("test", id)
        }
        try principal.require(role, in: test.project)
        return test
    }

    /// Compares what a test needs with what its registrars have.
    func check(_ definition: TestDefinition, in project: ProjectID) async throws -> TestCheck {
        var check = TestCheck(accounts: [], problems: [])
        var demands: [GroupDemand] = []
        var usages: [AccountUsage] = []
        for group in definition.groups {
            guard let registrar = try await store.registrar(named: group.registrar, of: project) else {
                check.problems.append(
                    "group \(group.name): the project has no registrar named \(group.registrar); add it with its accounts"
                )
                continue
            }
            do throws(ControlPlaneError) { try PublicTarget.check(registrar) } catch {
                if !check.problems.contains(error.message) { check.problems.append(error.message) }
            }
            demands.append(GroupDemand(registrar: registrar.id, endpoints: group.endpoints))
            if !usages.contains(where: { $0.registrar == registrar.id }) {
                usages.append(try await store.usage(of: registrar.id))
            }
        }
        for demand in Demand.perRegistrar(demands) {
            guard let usage = usages.first(where: { $0.registrar == demand.registrar }) else { continue }
            let shortage = AccountShortage(needs: demand.accounts, usage: usage)
            check.accounts.append(
                TestCheck.Accounts(
                    registrar: usage.registrarName, needed: demand.accounts, usage: usage, missing: shortage.missing))
            if shortage.missing > 0 { check.problems.append("too few SIP accounts: \(shortage)") }
        }
        return check
    }

    /// The test with the project's registrars described in it, so that who plays it needs nothing else; those the project does not
    /// have stay away.
    func described(_ definition: TestDefinition, in project: ProjectID) async throws -> TestDefinition {
        var described: [RegistrarDefinition] = []
        for group in definition.groups where !described.contains(where: { $0.name == group.registrar }) {
            guard let registrar = try await store.registrar(named: group.registrar, of: project) else { continue }
            var one = RegistrarDefinition(
                name: registrar.name, domain: registrar.domain, port: registrar.port, transport: registrar.transport,
                proxy: registrar.outboundProxy, dns: registrar.dns, expires: Int(registrar.expires))
            // The address is the project's matter; how the test uses it is the test's: whoever saved it says so.
            if let written = definition.registrars.first(where: { $0.name == registrar.name }) {
                (one.tls, one.webSocketPath) = (written.tls, written.webSocketPath)
                (one.digest, one.outbound) = (written.digest, written.outbound)
                one.keepAlive = written.keepAlive
            }
            described.append(one)
        }
        var definition = definition
        definition.registrars = described
        return definition
    }

    /// The saved tests that have too few accounts at a registrar now, by name.
    func shortTests(at registrar: Registrar) async throws -> [ShortTest] {
        var short: [ShortTest] = []
        for test in try await store.tests(of: registrar.project) where short.count < Deletion.mostTests {
            // A definition that cannot be read is the matter of whoever opens the test.
            guard let definition = try? DefinitionText.decode(test.definition) else { continue }
            let check = try await check(definition, in: registrar.project)
            for accounts in check.accounts where accounts.usage.registrar == registrar.id && accounts.missing > 0 {
                let shortage = AccountShortage(needs: accounts.needed, usage: accounts.usage)
                short.append(ShortTest(test: test.id, name: test.name, shortage: shortage))
            }
        }
        return short
    }

    /// A registrar that a test describes itself must be the project's of that name, if there is one: accounts must not be
    /// sent to another server than the one they were added for.
    func checkRegistrars(of definition: TestDefinition, in project: ProjectID) async throws {
        for described in definition.registrars {
            guard let known = try await store.registrar(named: described.name, of: project) else { continue }
            let isSame =
                known.domain == described.domain && known.port == described.port
                && known.transport == described.transport && known.outboundProxy == described.proxy
                && known.dns == described.dns
            guard isSame else {
                throw ControlPlaneError(
                    .invalidTest,
                    "registrars.\(described.name): the project's registrar of that name is another server; "
                        + "leave the description out, or change the registrar",
                    details: ["registrar": described.name])
            }
        }
    }
}
