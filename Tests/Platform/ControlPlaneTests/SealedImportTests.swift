// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Foundation
import Store
import Testing
import Vault

/// Rules, vault and store together, as an import uses them.
@Suite struct SealedImportTests {
    private static let time = UnixTime(nanoseconds: 1_700_000_000_000_000_000)

    private static func id<Kind>() -> ID<Kind> {
        var random = SystemRandomNumberGenerator()
        return ID(at: time, random: &random)
    }

    @Test func `E5 no file of the store holds a password, while it is staged, published, and deleted`() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "callmeter-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let store = try SQLiteStore(path: folder.appending(path: "callmeter.db").path, hash: Fingerprint.sha256)
        let registrar = try await Self.addRegistrar(to: store)
        let master = folder.appending(path: "master.key").path
        let vault = Vault(master: try .readOrCreate(path: master))
        let key = try vault.unwrap(vault.makeDataKey(Self.id(), for: registrar, at: Self.time))

        let text = (0..<2_000).map { "user-\($0):canary-\($0)-Zq7\n" }.joined() + "bad-canary\nx:y:canary\n"
        let id: ImportID = Self.id()
        try await store.beginImport(id, into: registrar, at: Self.time)
        let (staged, tally) = try Self.seal(Array(text.utf8), with: key)
        var chunk = StagedChunk(capacity: staged.count)
        for account in staged { chunk.append(account) }
        let staging = try await store.stage(chunk, in: id)
        try Self.expectUsernamesButNoCanary(in: folder)
        try await store.publish(id) { AuditEntry(at: Self.time, who: "test", action: "accounts.import", subject: "") }
        let report = tally.report(staging.published)
        #expect(report.created == 2_000 && report.failed == 2)
        try Self.expectUsernamesButNoCanary(in: folder)

        let run = try await Self.addRun(to: store, of: registrar, endpoints: 2_000)
        let fence = try await store.allocate(
            run: run, [GroupDemand(registrar: registrar, endpoints: 2_000)], term: .seconds(60), by: "test"
        ).fence
        let secrets = try await store.secrets(under: fence, endpoints: 0..<2_000)
        let opened = try zip(try await store.leases(of: run), secrets).map { lease, secret in
            try key.open(secret, of: lease.account) { String(decoding: $0, as: UTF8.self) }
        }
        #expect(opened == (0..<2_000).map { "canary-\($0)-Zq7" }, "D1: in the order of the lines")
        try await store.release(run, by: "test")
        #expect(try await store.deleteAccounts(of: registrar, .all, expectedCount: 2_000).deleted == 2_000)
        try await store.close()
        // Closing folds the log into the file; secure deletion has overwritten what was there.
        let left = try Self.bytes(in: folder, leavingOut: "master.key")
        #expect(!left.contains(Data("canary".utf8)) && !left.contains(Data("user-77".utf8)))
        #expect(!left.contains(Data(staged[77].account.secret.ciphertext)))
        #expect(
            !left.contains(try Data(contentsOf: URL(filePath: master))), "E1: the master key is not in the database")
    }

    @Test func `E1 a sealed value moved to another row does not open`() async throws {
        let store = try SQLiteStore.inMemory(hash: Fingerprint.sha256)
        let registrar = try await Self.addRegistrar(to: store)
        let vault = Vault(master: .ephemeral())
        let key = try vault.unwrap(vault.makeDataKey(Self.id(), for: registrar, at: Self.time))
        let (staged, _) = try Self.seal(Array("a:first\nb:second\n".utf8), with: key)
        let moved = NewAccount(id: Self.id(), username: "c", secret: staged[0].account.secret)
        try await store.add(moved, to: registrar, at: Self.time)
        let run = try await Self.addRun(to: store, of: registrar, endpoints: 1)
        let fence = try await store.allocate(
            run: run, [GroupDemand(registrar: registrar, endpoints: 1)], term: .seconds(60), by: "test"
        ).fence
        let account = try await store.leases(of: run)[0].account
        let secret = try await store.secrets(under: fence, endpoints: 0..<1)[0]
        #expect(throws: VaultError.notAuthentic) { try key.open(secret, of: account) { _ in } }
    }

    private static func addRegistrar(to store: any Store) async throws -> RegistrarID {
        let project = Project(id: id(), name: "Lab", createdAt: time)
        let registrar = Registrar(id: id(), project: project.id, name: "pbx", domain: "127.0.0.1", createdAt: time)
        try await store.add(project)
        try await store.add(registrar)
        return registrar.id
    }

    private static func addRun(to store: any Store, of registrar: RegistrarID, endpoints: Int) async throws -> RunID {
        let project = try #require(try await store.registrar(registrar)).project
        let run = RunRecord(
            id: id(), project: project, test: nil, testName: "t", definition: [], endpoints: endpoints,
            requestedBy: "test", createdAt: time)
        try await store.add(run)
        return run.id
    }

    private static func seal(_ text: [UInt8], with key: DataKey) throws -> ([StagedAccount], ImportTally) {
        var rules = ImportRules()
        var staged: [StagedAccount] = []
        func note(_ line: ImportLine) throws {
            guard case .account(let username, let password, _, _) = line.verdict else { return }
            let account: AccountID = id()
            let secret = try key.seal(password, for: account)
            let name = String(decoding: username, as: UTF8.self)
            staged.append(
                StagedAccount(line: line.number, account: NewAccount(id: account, username: name, secret: secret)))
        }
        try text.withUnsafeBytes { try rules.visit($0, note) }
        try rules.finish(note)
        return (staged, rules.tally)
    }

    private static func expectUsernamesButNoCanary(in folder: URL) throws {
        let held = try bytes(in: folder, leavingOut: "master.key")
        #expect(held.contains(Data("user-77".utf8)), "the search finds what is there")
        #expect(!held.contains(Data("canary".utf8)))
    }

    /// All files of the folder, one after the other: database, log and index.
    private static func bytes(in folder: URL, leavingOut name: String) throws -> Data {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0 != name }
            .reduce(into: Data()) { $0.append(try Data(contentsOf: folder.appending(path: $1))) }
    }
}

extension Data {
    fileprivate func contains(_ part: Data) -> Bool { range(of: part) != nil }
}
