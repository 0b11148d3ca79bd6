// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Foundation
import Store
import Synchronization
import Testing
import Vault

/// The engines that must keep the contract.
enum StoreEngine: CaseIterable, CustomTestStringConvertible {
    case sqliteMemory, sqliteFile

    var testDescription: String {
        switch self {
        case .sqliteMemory: "SQLite in memory"
        case .sqliteFile: "SQLite in a file"
        }
    }
}

/// A store of one engine with a project and a registrar in it. Its files go with it.
final class StoreFixture: Sendable {
    let store: any Store
    let folder: URL?
    let project: Project
    let registrar: Registrar

    /// The store's clock is the test's where one is handed in.
    init(_ engine: StoreEngine, clock: ManualClock? = nil) async throws {
        let now: @Sendable () -> UnixTime
        if let clock { now = { clock.now } } else { now = SQLiteStore.systemClock }
        switch engine {
        case .sqliteMemory:
            folder = nil
            store = try SQLiteStore.inMemory(hash: Fingerprint.sha256, clock: now)
        case .sqliteFile:
            let folder = FileManager.default.temporaryDirectory.appending(path: "callmeter-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            self.folder = folder
            store = try SQLiteStore(
                path: folder.appending(path: "callmeter.db").path, hash: Fingerprint.sha256, clock: now)
        }
        project = Project(id: Sample.id(), name: "Lab", createdAt: Sample.time)
        registrar = Sample.registrar("pbx", in: project.id)
        try await store.add(project)
        try await store.add(registrar)
    }

    deinit {
        if let folder { try? FileManager.default.removeItem(at: folder) }
    }

    /// Adds accounts in the order of their names.
    @discardableResult
    func addAccounts(_ names: [String], to registrar: Registrar? = nil) async throws -> [AccountSummary] {
        var added: [AccountSummary] = []
        for name in names {
            added.append(
                try await store.add(Sample.account(name), to: (registrar ?? self.registrar).id, at: Sample.time))
        }
        return added
    }

    func addRun(endpoints: Int = 1, test: TestID? = nil) async throws -> RunID {
        let run = RunRecord(
            id: Sample.id(), project: project.id, test: test, testName: "Smoke", definition: [1, 2, 3],
            endpoints: endpoints, requestedBy: "test", createdAt: Sample.time)
        try await store.add(run)
        return run.id
    }

    /// Imports names, one per line, and gives the result.
    func importNames(_ names: [String]) async throws -> PublishedImport {
        let id: ImportID = Sample.id()
        try await store.beginImport(id, into: registrar.id, at: Sample.time)
        let staging = try await store.stage(Sample.staged(names), in: id)
        try await store.publish(id) { Sample.entry }
        return staging.published
    }

    /// The whole audit log.
    func audit() async throws -> [AuditEntry] {
        var entries: [AuditEntry] = []
        while true {
            let more = try await store.audit(after: entries.last?.sequence ?? 0)
            if more.isEmpty { return entries }
            entries += more
        }
    }

    func demand(_ endpoints: Int) -> GroupDemand { GroupDemand(registrar: registrar.id, endpoints: endpoints) }

    func names(_ query: AccountQuery = AccountQuery(page: PageRequest(perPage: 500))) async throws -> [String] {
        try await store.accounts(of: registrar.id, query).items.map(\.username)
    }
}

/// A clock that stands still unless a test moves it.
final class ManualClock: Sendable {
    private let time = Mutex(Sample.time)

    var now: UnixTime { time.withLock { $0 } }

    func advance(by interval: Interval) { time.withLock { $0 = $0 + interval } }
}

/// Values that are alike in every test.
enum Sample {
    static let time = UnixTime(nanoseconds: 1_700_000_000_123_456_789)
    static let later = UnixTime(nanoseconds: 1_700_000_100_000_000_000)

    static func id<Kind>() -> ID<Kind> {
        var random = SystemRandomNumberGenerator()
        return ID(at: time, random: &random)
    }

    /// A sealed form with recognisable content; the store must not care.
    static func secret(_ mark: UInt8 = 7) -> SealedSecret {
        let sealed = try? SealedSecret(
            key: KeyID(high: 1, low: 2), nonce: [UInt8](repeating: mark, count: 12),
            ciphertext: [UInt8](repeating: mark, count: 32), tag: [UInt8](repeating: mark, count: 16))
        guard let sealed else { preconditionFailure("the sample is well-formed") }
        return sealed
    }

    static func registrar(_ name: String, in project: ProjectID) -> Registrar {
        Registrar(
            id: id(), project: project, name: name, domain: "\(name).example.com", port: 5070, transport: .tcp,
            outboundProxy: "sip:proxy", dns: "127.0.0.1:5353", expires: 600, createdAt: time)
    }

    static func account(_ name: String) -> NewAccount { NewAccount(id: id(), username: name, secret: secret()) }

    static func staged(_ names: [String], from line: Int = 1) -> StagedChunk {
        var chunk = StagedChunk(capacity: names.count)
        for (place, name) in names.enumerated() {
            chunk.append(StagedAccount(line: line + place, account: account(name)))
        }
        return chunk
    }

    static var entry: AuditEntry { AuditEntry(at: time, who: "test", action: "accounts.import", subject: "registrar") }
}

/// The operations on leases as most tests want them: by nobody in particular, for a term that does not pass.
extension Store {
    @discardableResult
    func allocate(run: RunID, _ groups: [GroupDemand]) async throws -> [LeaseRecord] {
        _ = try await allocate(run: run, groups, term: .seconds(3_600), by: "test")
        return try await leases(of: run)
    }

    @discardableResult
    func release(_ run: RunID) async throws -> Int { try await release(run, by: "test") }

    func finish(_ run: RunID, _ ending: RunEnding) async throws {
        try await finish(run, ending, under: nil, by: "test")
    }

    @discardableResult
    func deleteProject(_ id: ProjectID) async throws -> Deletion {
        try await deleteProject(id) { AuditEntry(at: Sample.time, who: "test", action: "x", subject: $0.name) }
    }

    @discardableResult
    func deleteRegistrar(_ id: RegistrarID) async throws -> Deletion {
        try await deleteRegistrar(id) { AuditEntry(at: Sample.time, who: "test", action: "x", subject: $0.name) }
    }

    func save(_ endpoints: [EndpointRecord]) async throws { try await save(endpoints, under: nil) }

    func record(_ updates: [RegistrationUpdate]) async throws { try await record(updates, under: nil) }
}
