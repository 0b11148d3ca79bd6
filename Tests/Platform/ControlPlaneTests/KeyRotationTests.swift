// SPDX-License-Identifier: Apache-2.0

import Bedrock
import ControlPlane
import Domain
import Foundation
import Store
import Synchronization
import Testing
import Vault
import WorkerLink

/// Keys that change while everything goes on, and what a check of everything says then.
@Suite final class KeyRotationTests {
    private let folder: URL
    private var keyFile: String { folder.appending(path: "master.key").path }
    private var database: String { folder.appending(path: "callmeter.sqlite").path }

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "callmeter-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// The office on this test's folder, as a server opens it.
    private func open() async throws -> (office: Office, vault: Vault) {
        let store = try SQLiteStore(path: database)
        let vault = try Vault.open(.file(path: keyFile), naming: store.masterKeyAtOpening(), alone: true)
        return (try await Office(store: store, vault: vault), vault)
    }

    /// Username and password of every account, opened with the vault's keys.
    private func passwords(_ store: SQLiteStore, _ vault: Vault) async throws -> [String: String] {
        var names: [AccountID: String] = [:]
        for project in try await store.projects() {
            for registrar in try await store.registrars(of: project.id) {
                var page = 1
                while true {
                    let some = try await store.accounts(
                        of: registrar.id, AccountQuery(page: PageRequest(page: page, perPage: 500)))
                    for account in some.items { names[account.id] = account.username }
                    if some.items.isEmpty { break }
                    page += 1
                }
            }
        }
        var found: [String: String] = [:]
        for one in try await store.sealedAccounts(of: nil, only: nil, after: 0, limit: 100_000) {
            let wrapped = try #require(try await store.dataKeys([one.secret.key]).first)
            let name = try #require(names[one.account])
            found[name] = try vault.unwrap(wrapped).open(one.secret, of: one.account) {
                String(decoding: $0, as: UTF8.self)
            }
        }
        return found
    }

    private static func expected(_ count: Int) -> [String: String] {
        Dictionary(uniqueKeysWithValues: (1...count).map { (Office.username($0), Office.password($0)) })
    }

    @Test func `E1 master and data keys change under imports that go on, and every password is still its own`()
        async throws
    {
        let (office, vault) = try await open()
        try await office.importLines(Office.lines(300))
        let before = (master: vault.masterID, data: try await office.store.dataKey(of: office.registrar)?.id)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await office.importLines(Office.lines(900), atOnce: 200) }
            group.addTask {
                for _ in 0..<8 { _ = try await office.control.vault.rotateMaster(by: .commandLine) }
            }
            group.addTask {
                for _ in 0..<6 {
                    do {
                        _ = try await office.control.vault.rotateDataKey(of: office.registrar, by: .commandLine)
                    } catch let error as ControlPlaneError where error.code == .wrongStatus {
                        // The one before still waits for the import.
                        await Task.yield()
                    }
                }
            }
            try await group.waitForAll()
        }
        _ = try await settle(office)
        #expect(try await passwords(office.store, vault) == Self.expected(900))
        let report = try await office.control.vault.verify(by: .commandLine)
        #expect(report.isSound, "\(report.problems)")
        #expect(report.opened == 900)
        #expect(vault.masterID != before.master)
        #expect(try await office.store.dataKey(of: office.registrar)?.id != before.data)
        await office.control.shutdown()
        let (again, reopened) = try await open()
        #expect(reopened.masterID == vault.masterID)
        #expect(try await again.control.vault.verify(by: .commandLine).isSound)
        await again.control.shutdown()
    }

    /// Waits until no data key is on its way out.
    private func settle(_ office: Office) async throws -> Bool {
        while try await office.store.allDataKeys().contains(where: \.isLeaving) { await Task.yield() }
        return true
    }

    @Test func `E1 runs get their accounts' passwords while keys change`() async throws {
        let (office, _) = try await open()
        try await office.importLines(Office.lines(40))
        let worker = ScriptedWorker()
        let seen = Mutex<SegmentAssignment?>(nil)
        let opened = Mutex<[String]>([])
        let answering = worker.answer { frame, link in
            switch frame {
            case .assign(let assignment):
                seen.withLock { $0 = assignment }
                link.up.put(.ready(assignment.run))
            case .start(let run, _):
                guard let assignment = seen.withLock({ $0 }) else { return }
                opened.withLock { $0 += assignment.endpoints.map(\.username) }
                link.up.put(.results(run, ScriptedWorker.successes(assignment)))
                link.up.put(.stopped(run, StopProof(secretsHeld: 0, wasLocked: true, forced: 0), nil))
            case .stop, .renewed, .revoke: break
            }
        }
        await worker.attach(to: office.control)
        let test = try await office.intraTest(endpoints: 40)
        let isOver = Mutex(false)
        let rotating = Task {
            var changes = 0
            while !isOver.withLock({ $0 }) {
                _ = try await office.control.vault.rotateDataKey(of: office.registrar, by: .commandLine)
                _ = try await office.control.vault.rotateMaster(by: .commandLine)
                changes += 2
            }
            return changes
        }
        for _ in 0..<10 {
            let run = try await office.control.runs.start(test, by: .commandLine)
            let view = try await office.control.runs.waitForEnd(of: run.id, by: .commandLine)
            #expect(view.record.status == .completed, "\(view.record.failure?.text ?? "")")
        }
        isOver.withLock { $0 = true }
        #expect(try await rotating.value > 2)
        #expect(opened.withLock { $0.count } == 400)
        #expect(try await office.control.vault.verify(by: .commandLine).isSound)
        await office.control.shutdown()
        _ = await answering.value
    }

    @Test func `E1 a change of a data key that was cut short is taken up at the next start`() async throws {
        let registrar: RegistrarID
        let old: KeyID
        let new: KeyID
        do {
            let (office, vault) = try await open()
            try await office.importLines(Office.lines(120))
            registrar = office.registrar
            old = try #require(try await office.store.dataKey(of: registrar)).id
            let time = UnixTime(nanoseconds: 1)
            let fresh = try vault.makeDataKey(KeyID(high: 4, low: 4), for: registrar, at: time)
            new = fresh.id
            #expect(
                try await office.store.replaceDataKey(with: fresh) {
                    AuditEntry(at: time, who: "test", action: "x", subject: "y")
                })
            // Half of them are sealed anew, then the process is gone.
            let oldKey = try vault.unwrap(try #require(try await office.store.dataKeys([old]).first))
            let newKey = try vault.unwrap(fresh)
            let half = try await office.store.sealedAccounts(of: registrar, only: old, after: 0, limit: 60)
            let changes = try half.map { one in
                ResealedAccount(
                    position: one.position, old: one.secret,
                    new: try oldKey.open(one.secret, of: one.account) { try newKey.seal($0, for: one.account) })
            }
            #expect(try await office.store.reseal(changes) == 60)
            try await office.store.close()
        }
        let (office, vault) = try await open()
        #expect(try await settle(office))
        #expect(try await office.store.allDataKeys().map(\.key.id) == [new])
        #expect(try await passwords(office.store, vault) == Self.expected(120))
        let last = try #require(try await office.control.audit.entries(by: .commandLine).last)
        #expect(last.who == "controller" && last.action == "vault.remove-key" && last.details.contains("\(old)"))
        await office.control.shutdown()
    }

    @Test func `E1 a change of a data key whose asker went away goes on by itself`() async throws {
        let (office, vault) = try await open()
        // More than are sealed anew at once.
        let accounts = Dictionary(uniqueKeysWithValues: (1...2_500).map { ("line\($0)", "secret of \($0)") })
        try await office.importLines(accounts.map { "\($0):\($1)\n" }.joined())
        let old = try #require(try await office.store.dataKey(of: office.registrar)).id
        let asking = Task {
            try await office.control.vault.rotateDataKey(of: office.registrar, by: .commandLine) { _ in
                withUnsafeCurrentTask { $0?.cancel() }
            }
        }
        await #expect(throws: ControlPlaneError.self) { try await asking.value }
        #expect(try await settle(office))
        let keys = try await office.store.allDataKeys().map(\.key.id)
        #expect(keys.count == 1 && keys.first != old)
        #expect(try await passwords(office.store, vault) == accounts)
        await office.control.shutdown()
    }

    @Test func `E1 a data key stays until the import that is open under it is over`() async throws {
        let (office, vault) = try await open()
        try await office.importLines(Office.lines(20))
        let gate = AsyncStream.makeStream(of: Void.self)
        let begun = AsyncStream.makeStream(of: Void.self)
        var lines = Array(Office.lines(50).utf8)[...]
        let importing = Task { [lines] in
            var rest = lines
            var isFirst = true
            return try await office.control.accounts.importLines(
                into: office.registrar, dryRun: false, by: .commandLine
            ) { page in
                if isFirst {
                    isFirst = false
                    begun.continuation.finish()
                    for await _ in gate.stream {}
                }
                let count = min(rest.count, page.count)
                page.copyBytes(from: rest.prefix(count))
                rest = rest.dropFirst(count)
                return count
            }
        }
        lines = []
        for await _ in begun.stream {}
        let change = try await office.control.vault.rotateDataKey(of: office.registrar, by: .commandLine)
        #expect(!change.isDone && change.resealed == 20)
        gate.continuation.finish()
        let report = try await importing.value
        #expect(report.created == 30)
        #expect(try await settle(office))
        #expect(try await passwords(office.store, vault) == Self.expected(50))
        #expect(try await office.store.allDataKeys().map(\.key.id) == [change.new])
        await office.control.shutdown()
    }

    @Test func `E1 a database of another master key is refused before anything is served`() async throws {
        let (office, vault) = try await open()
        try await office.importLines(Office.lines(1))
        await office.control.shutdown()
        let store = try SQLiteStore(path: database)
        let stranger = Vault(master: .ephemeral())
        let error = await #expect(throws: ControlPlaneError.self) {
            try await ControlPlane(store: store, vault: stranger).start()
        }
        #expect(error?.message.contains("sealed under the master key \(vault.masterID)") == true)
        try await store.close()
    }

    @Test func `E1 a sealed value moved to another account, registrar or key is found by the check`() async throws {
        let (office, vault) = try await open()
        try await office.importLines(Office.lines(3))
        let store = office.store
        let all = try await store.sealedAccounts(of: nil, only: nil, after: 0, limit: 10)
        #expect(try await office.control.vault.verify(by: .commandLine).isSound)
        // The second account's value in the first one's row.
        #expect(
            try await store.reseal([ResealedAccount(position: all[0].position, old: all[0].secret, new: all[1].secret)])
                == 1)
        let report = try await office.control.vault.verify(by: .commandLine)
        #expect(report.problems == ["1 passwords do not open"])
        #expect(report.opened == 2)
        // The first account's own value, sealed under a key that says it is another.
        let key = try vault.unwrap(try #require(try await store.dataKey(of: office.registrar)))
        var bytes = try all[0].secret.encoded
        bytes[5] ^= 1
        let renamed = try SealedSecret(encoded: bytes)
        #expect(throws: VaultError.wrongKey) { try key.open(renamed, of: all[0].account) { _ in } }
        #expect(
            try await store.reseal([ResealedAccount(position: all[0].position, old: all[1].secret, new: renamed)]) == 1)
        #expect(
            try await office.control.vault.verify(by: .commandLine).problems == [
                "1 accounts are sealed under a key that is gone or another registrar's", "1 passwords do not open",
            ])
        await office.control.shutdown()
    }

    @Test func `E6 every change of a key is in the audit log, with no key in it`() async throws {
        let (office, vault) = try await open()
        try await office.importLines(Office.lines(2))
        let master = vault.masterID
        _ = try await office.control.vault.rotateMaster(by: .commandLine)
        _ = try await office.control.vault.rotateDataKey(of: office.registrar, by: .commandLine)
        let backup = try await office.control.vault.backUp(
            to: folder.appending(path: "backup").path, by: .commandLine)
        let entries = try await office.control.audit.entries(by: .commandLine).suffix(4)
        #expect(
            entries.map(\.action) == ["vault.rotate-master", "vault.rotate-data", "vault.remove-key", "vault.backup"])
        #expect(entries.first?.subject == "master key \(vault.masterID)")
        #expect(entries.first?.details == "1 data keys, from master key \(master)")
        #expect(backup.counts.first { $0.name == "accounts" }?.count == 2)
        // The backup ends before the entry that tells of it.
        let finding = try await office.control.audit.verify(head: backup.auditHead, by: .commandLine)
        #expect(finding.isIntact && finding.notedAt == backup.auditEntries)
        await office.control.shutdown()
    }

    @Test func `E5 a backup holds no password and no master key, and opens with the master key kept apart`()
        async throws
    {
        let (office, vault) = try await open()
        try await office.importLines(Office.lines(200))
        let place = folder.appending(path: "backup")
        let backup = try await office.control.vault.backUp(to: place.path, by: .commandLine)
        #expect(try FileManager.default.attributesOfItem(atPath: place.path)[.posixPermissions] as? Int == 0o700)
        #expect(try FileManager.default.contentsOfDirectory(atPath: place.path) == ["callmeter.sqlite"])
        let bytes = try Data(contentsOf: URL(filePath: backup.file))
        #expect(bytes.range(of: Data(Office.username(77).utf8)) != nil, "the search finds what is there")
        #expect(bytes.range(of: Data("canary-".utf8)) == nil)
        #expect(bytes.range(of: try Data(contentsOf: URL(filePath: keyFile))) == nil)
        await #expect(throws: ControlPlaneError.self) {
            try await office.control.vault.backUp(to: place.path, by: .commandLine)
        }
        let restored = try SQLiteStore(path: backup.file)
        let again = try Vault.open(.file(path: keyFile), naming: restored.masterKeyAtOpening(), alone: true)
        #expect(again.masterID == vault.masterID)
        #expect(try await passwords(restored, again) == Self.expected(200))
        try await restored.close()
        await office.control.shutdown()
    }

    @Test func `E1 only an admin of all projects sees or changes keys`() async throws {
        let (office, _) = try await open()
        for principal in [
            Principal(name: "editor", role: .editor),
            Principal(name: "project's", role: .admin, project: office.project),
        ] {
            let vault = office.control.vault
            await #expect(throws: ControlPlaneError.self) { try await vault.status(by: principal) }
            await #expect(throws: ControlPlaneError.self) { try await vault.verify(by: principal) }
            await #expect(throws: ControlPlaneError.self) { try await vault.rotateMaster(by: principal) }
            await #expect(throws: ControlPlaneError.self) {
                try await vault.rotateDataKey(of: office.registrar, by: principal)
            }
            await #expect(throws: ControlPlaneError.self) { try await vault.backUp(to: folder.path, by: principal) }
            await #expect(throws: ControlPlaneError.self) { try await office.control.audit.verify(by: principal) }
        }
        await office.control.shutdown()
    }
}
