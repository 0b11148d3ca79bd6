// SPDX-License-Identifier: Apache-2.0

import Bedrock
import ControlPlane
import Domain
import Logging
import RunMetrics
import Runtime
import SIP
import Store
import Synchronization
import Vault
import WorkerLink

/// A control plane over a real store and a real vault, with a project and a registrar.
struct Office {
    let control: ControlPlane
    let store: SQLiteStore
    let project: ProjectID
    let registrar: RegistrarID
    let log: CollectedLog

    /// The usual terms, but nobody waits seconds for a worker that a test lost.
    static let leases = LeaseTerms(term: .seconds(30), grace: .seconds(15), orphanDrain: .milliseconds(20))

    /// Opens the office on a store; what a project named "Lab" has already is taken up.
    init(
        store: SQLiteStore, master: MasterKey = .ephemeral(), vault: Vault? = nil, domain: String = "127.0.0.1",
        port: UInt16 = 5060, transport: RegistrarTransport = .udp, leases: LeaseTerms = Office.leases,
        starting: Bool = true
    ) async throws {
        self.store = store
        let log = CollectedLog()
        self.log = log
        control = ControlPlane(
            store: store, vault: vault ?? Vault(master: master), digestKeys: Self.digestKeys, leases: leases,
            logger: log.logger)
        if starting { try await control.start() }
        if let known = try await control.projects.find(named: "Lab", by: .commandLine) {
            project = known.id
        } else {
            project = try await control.projects.create(name: "Lab", by: .commandLine).id
        }
        if let known = try await control.registrars.find(named: "pbx", of: project, by: .commandLine) {
            registrar = known.id
        } else {
            registrar = try await control.registrars.create(
                RegistrarDraft(name: "pbx", domain: domain, port: port, transport: transport, expires: 300),
                in: project, by: .commandLine
            ).id
        }
    }

    /// libcrypto's functions, as the program hands them in.
    private static let digestKeys = DigestKeyHash(length: HashFunctions.digestKeysLength) {
        HashFunctions.libcrypto.writeDigestKeys(of: $0, into: $1)
    }

    /// Imports lines, some bytes at a time.
    @discardableResult
    func importLines(_ text: String, dryRun: Bool = false, atOnce: Int = 1_000) async throws -> ImportReport {
        var rest = Array(text.utf8)[...]
        return try await control.accounts.importLines(into: registrar, dryRun: dryRun, by: .commandLine) { page in
            let count = min(rest.count, atOnce, page.count)
            page.copyBytes(from: rest.prefix(count))
            rest = rest.dropFirst(count)
            return count
        }
    }

    /// Saves a test with one group that calls itself, or does what `callee` says.
    func intraTest(
        _ name: String = "Intra", endpoints: Int, duration: String = "1s", callee: String = "intra"
    ) async throws -> TestID {
        let document = DocumentNode.object([
            ("name", .text(name)),
            (
                "groups",
                .list([
                    .object([
                        ("name", .text("phones")), ("registrar", .text("pbx")),
                        ("endpoints", .text(String(endpoints))), ("callee", .text(callee)),
                    ])
                ])
            ), ("duration", .text(duration)),
            ("pacing", .object([("registrations", .text("500/s")), ("calls", .text("100/s"))])),
        ])
        return try await control.tests.create(document, in: project, by: .commandLine).record.id
    }

    /// `user-001:canary-…` lines; the passwords are canaries that must never be seen again.
    static func lines(_ count: Int) -> String {
        (1...count).map { "\(username($0)):\(password($0))\n" }.joined()
    }

    static func username(_ number: Int) -> String { "user-\(String(1_000 + number).dropFirst())" }
    static func password(_ number: Int) -> String { "canary-\(7_919 * number)-Qz" }
}

/// Everything that was logged, at every level.
final class CollectedLog: Sendable {
    private let lines = Mutex<[String]>([])

    var text: String { lines.withLock { $0.joined(separator: "\n") } }

    var logger: Logger {
        var logger = Logger(label: "test") { _ in Handler(log: self) }
        logger.logLevel = .trace
        return logger
    }

    private struct Handler: LogHandler {
        let log: CollectedLog
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            log.lines.withLock { $0.append("\(event.level) \(event.message) \(event.metadata ?? [:])") }
        }
    }
}

/// A worker that says what a test tells it to: for the faults a real one never shows.
struct ScriptedWorker {
    let link = InProcessLink()
    let key = SessionKey()

    func attach(to control: ControlPlane, capacity: Int = 1_000) async {
        var random = SystemRandomNumberGenerator()
        link.up.put(
            .hello(
                WorkerHello(
                    id: WorkerID(at: UnixTime(nanoseconds: 0), random: &random), name: "scripted", capacity: capacity,
                    sessionKey: key.publicKey)))
        await control.attach(link)
    }

    /// Answers each frame as the test says, until the link ends.
    func answer(_ body: @escaping @Sendable (ControllerFrame, InProcessLink) -> Void) -> Task<Void, Never> {
        let link = link
        return Task { await link.down.forEach { body($0, link) } }
    }

    /// A result of each endpoint of an assignment: all well.
    static func successes(_ assignment: SegmentAssignment) -> [EndpointResult] {
        assignment.endpoints.map {
            var result = EndpointResult(index: $0.index, group: "phones", username: $0.username)
            result.phase = .closed
            result.registration.attempts = 1
            result.registration.finalStatus = SIPStatus(code: 200, reason: "OK")
            return result
        }
    }
}
