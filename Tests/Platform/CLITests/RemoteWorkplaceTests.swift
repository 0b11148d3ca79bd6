// SPDX-License-Identifier: Apache-2.0

import API
import ControlPlane
import Domain
import FoundationEssentials
import Store
import Synchronization
import Testing
import Vault

@testable import callmeter

/// The data commands against a server over a live port: the page's own, in this process.
struct RemoteWorkplaceTests {
    private static func withServer(
        role: Role, _ body: @escaping @Sendable (RemoteWorkplace) async throws -> Void
    ) async throws {
        let plane = ControlPlane(
            store: try SQLiteStore.inMemory(hash: Fingerprint.sha256), vault: Vault(master: .ephemeral()))
        try await plane.start()
        let made = try await plane.access.createKey(name: "test", role: role, by: .commandLine)
        let key = made.key.withBytes { String(decoding: $0, as: UTF8.self) }
        let page = PageServer(plane: plane, secureCookies: false)
        let (ports, announce) = AsyncStream.makeStream(of: Int.self)
        let (ending, end) = AsyncStream.makeStream(of: Void.self)
        try await withThrowingTaskGroup { tasks in
            tasks.addTask {
                try await page.run(host: "127.0.0.1", port: 0, until: ending) { port, _ in announce.yield(port) }
            }
            tasks.addTask {
                defer { end.finish() }
                var iterator = ports.makeAsyncIterator()
                let port = try #require(await iterator.next())
                let remote = try RemoteWorkplace(url: "http://127.0.0.1:\(port)/", authorization: "Bearer \(key)")
                do {
                    try await body(remote)
                } catch {
                    try await remote.close()
                    throw error
                }
                try await remote.close()
            }
            try await tasks.waitForAll()
        }
    }

    @Test func `an accounts file is streamed, listed page by page and deleted`() async throws {
        try await Self.withServer(role: .admin) { remote in
            let folder = try TemporaryFolder()
            defer { folder.remove() }
            let count = 5_000
            // Over 100 KiB, so it takes several chunks, and lines are split over their edges.
            let text = (1...count).map { "user\($0):password-number-\($0)\r\n" }.joined() + "bad line"
            let path = folder.path + "/accounts.txt"
            try Data(text.utf8).write(to: URL(filePath: path))
            let project = try await remote.addProject(ProjectRequest(name: "lab"))
            let registrar = try await remote.addRegistrar(
                RegistrarRequest(name: "pbx", domain: "127.0.0.1", port: 5060), to: project.id)
            #expect(try await remote.registrar(named: nil, project: nil) == registrar)

            let read = Mutex(0)
            let dry = try await remote.importAccounts(
                SecretSource(path: path), as: .lines, into: registrar.id, dryRun: true
            ) { step in read.withLock { $0 = step.bytes } }
            #expect(read.withLock { $0 } == text.utf8.count)
            #expect(dry.created == count)
            let report = try await remote.importAccounts(
                SecretSource(path: path), as: .lines, into: registrar.id, dryRun: false
            ) { _ in }
            #expect(report.created == count)
            #expect(report.problems.map(\.line) == [count + 1])

            let page = try await remote.accounts(of: registrar.id, AccountFilter(), page: 10, perPage: 500)
            #expect(page.total == count)
            #expect(page.items.count == 500)
            #expect(page.items.last?.username == "user5000")
            let found = try await remote.accounts(
                of: registrar.id, AccountFilter(text: "user12&3 %"), page: 1, perPage: 500)
            #expect(found.total == 0)
            let last = try await remote.accounts(
                of: registrar.id, AccountFilter(text: "user499", inUse: false, sort: "-position"), page: 1, perPage: 2)
            #expect(last.items.map(\.username) == ["user4999", "user4998"] && last.total == 11)
            let usage = try await remote.accountUsage(of: registrar.id, endpoints: 6_000)
            #expect(usage.total == count && usage.missing == 1_000 && usage.holders == [])
            let names = try GeneratedNames(prefix: "user", from: "1", to: "5000")
            var random = SystemRandomNumberGenerator()
            let rotated = try await remote.rotateAccounts(
                SecretSource(GeneratedLines(GeneratedAccounts(names, random: &random))), as: .lines, of: registrar.id,
                dryRun: false
            ) { _ in }
            #expect(rotated.rotated == count && rotated.warnings == [])

            let deleted = try await remote.deleteAccounts(
                AccountDeletionRequest(all: true, expectedCount: count), of: registrar.id)
            #expect(deleted.deleted == count)
            _ = try await remote.deleteProject(project.id)
            #expect(try await remote.projects().isEmpty)
        }
    }

    @Test func `a refusal of the server is told in its words`() async throws {
        try await Self.withServer(role: .viewer) { remote in
            let failure = await #expect(throws: CommandFailure.self) {
                try await remote.addProject(ProjectRequest(name: "lab"))
            }
            #expect(failure?.status == .usage)
            #expect(failure?.message?.contains("this needs the role admin") == true)
        }
    }

    @Test func `a server that is not there is unreachable`() async throws {
        let remote = try RemoteWorkplace(url: "http://127.0.0.1:9", authorization: "Bearer x")
        let failure = await #expect(throws: CommandFailure.self) { try await remote.projects() }
        #expect(failure?.status == .unreachable)
        try await remote.close()
    }
}
