// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bedrock
import ControlPlane
import Domain
import FoundationEssentials
import Glibc
import PBX
import Runtime
import SIP

/// `callmeter demo`: everything embedded, and real calls with audio.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Run everything in one process: SIP server, store, worker, page, and real calls with audio.")

    /// How long each call lasts.
    private static let seconds = 10
    /// The page's port when it is free.
    private static let usualPort = 8080

    @Flag(help: "Exit after the result.")
    var once = false

    @Option(help: ArgumentHelp("Simultaneous calls, 1 to 1000.", valueName: "n"))
    var calls = 10

    @Flag(help: "Print the summary as JSON on standard output.")
    var json = false

    func validate() throws {
        guard (1...1_000).contains(calls) else { throw ValidationError("--calls is 1 to 1000") }
    }

    mutating func run() async throws {
        Logs.quiet()
        let interrupts = Interrupts()
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let secrets = SecretArena()
        let accounts = DemoAccounts(count: 2 * calls, arena: secrets)
        let server = try await PBXServer(
            configuration: PBXConfiguration(), accounts: accounts.pbx, secrets: secrets,
            listen: TransportAddress(127, 0, 0, 1, port: 0))
        let data = try DataFolder(folder.path, .alone)
        let store = try data.store()
        let plant = try await Plant.start(store: store, vault: try data.vault(for: store))
        let ended: RunWatcher.Ended
        do {
            ended = try await play(plant, server, accounts, folder.path, interrupts)
        } catch {
            await plant.shutdown()
            await server.shutdown()
            throw error
        }
        await plant.shutdown()
        await server.shutdown()
        secrets.wipeAll()
        guard ended.status == .allWell else { throw CommandFailure(ended.status) }
    }

    /// Runs the test beside the page; returns once the page may go.
    private func play(
        _ plant: Plant, _ server: PBXServer, _ accounts: DemoAccounts, _ folder: String,
        _ interrupts: Interrupts
    ) async throws -> RunWatcher.Ended {
        let page = PageServer(plane: plant.plane, secureCookies: false)
        let (ports, announce) = AsyncStream.makeStream(of: Int.self)
        let (ending, end) = AsyncStream.makeStream(of: Void.self)
        let port = once || !Self.isFree(Self.usualPort) ? 0 : Self.usualPort
        return try await withThrowingTaskGroup(of: RunWatcher.Ended?.self) { tasks in
            tasks.addTask {
                try await page.run(host: "127.0.0.1", port: port, until: ending) { port, _ in announce.yield(port) }
                return nil
            }
            tasks.addTask {
                var iterator = ports.makeAsyncIterator()
                guard let port = await iterator.next() else { return nil }
                let place = "http://127.0.0.1:\(port)"
                let test = try await show(plant, server, accounts, folder, "\(place)/enter/\(page.link())")
                say("")
                let ended = try await RunWatcher(
                    plane: plant.plane, progress: ProgressLine(.current()), interrupts: interrupts
                ).run(test)
                let files = try OutputFiles.parse(json ? ["--json", "-"] : [])
                try await ResultOutput(terminal: .current(), files: files, isQuiet: false).print(ended, in: plant.plane)
                if !once, !ended.isInterrupted {
                    say("\nThe page stays up: \(place)/enter/\(page.link()) (the link works once). Ctrl-C ends it.")
                    for await _ in interrupts.stream() { break }
                }
                return ended
            }
            defer { tasks.cancelAll() }
            var ended: RunWatcher.Ended?
            while let result = try await tasks.next() {
                guard let result else { continue }
                ended = result
                end.finish()
            }
            if let ended { return ended }
            throw CommandFailure(.endpointsFailed, "the demo's page ended before its run")
        }
    }

    /// Imports the accounts and saves the test, by the use cases that page and API have.
    private func show(
        _ plant: Plant, _ server: PBXServer, _ accounts: DemoAccounts, _ folder: String, _ link: String
    ) async throws -> TestID {
        let plane = plant.plane
        let project = try await plane.projects.create(name: "demo", by: .commandLine)
        let registrar = try await plane.registrars.create(
            RegistrarDraft(name: "pbx", domain: "127.0.0.1", port: server.address.port), in: project.id,
            by: .commandLine)
        let report = try await accounts.importInto(registrar.id, of: plane)
        let test = try await plane.tests.create(definition(), in: project.id, by: .commandLine)
        say("CallMeter demo: everything in one process\n")
        var table = Table(["", ""])
        table.add(["  SIP server", "\(server.address), UDP, digest, \(2 * calls) users"])
        table.add(["  accounts", "\(report.created) imported, \(report.skipped) skipped, \(report.failed) failed"])
        table.add([
            "  test", "\(calls) callers, \(calls) callees, \(calls) calls of \(Self.seconds) s with G.711 audio",
        ])
        table.add(["  page", "\(link) (works once)"])
        table.add(["  data", "\(folder), removed at the end"])
        for line in table.lines() { say(line) }
        return test.record.id
    }

    private func definition() -> DocumentNode {
        func group(_ name: String, _ callee: DocumentNode) -> DocumentNode {
            .object([
                ("name", .text(name)), ("registrar", .text("pbx")), ("endpoints", .text("\(calls)")),
                ("callee", callee),
                ("audio", .object([("codec", .text("PCMA"))])),
            ])
        }
        return .object([
            ("name", .text("Demo")),
            (
                "groups",
                .list([group("callers", .object([("group", .text("callees"))])), group("callees", .text("receive"))])
            ),
            ("duration", .text("\(Self.seconds)s")),
            ("pacing", .object([("registrations", .text("100/s")), ("calls", .text("20/s"))])),
        ])
    }

    /// Words for people: on standard error when standard output is for JSON.
    private func say(_ text: String) { json ? Output.error(text) : Output.line(text) }

    private static func isFree(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
