// SPDX-License-Identifier: Apache-2.0

import API
import Bedrock
import ControlPlane
import Domain
import Foundation
import GRDB
import HTTPTypes
import RunMetrics
import Runtime
import Store
import Testing
import Vault

/// A whole installation for one test: a database file, the vault, the control plane, and the web routes before it.
struct Lab: Sendable {
    let folder: URL
    let office: Office
    let caller: Caller

    /// The registrar that is there from the start, as paths name it.
    var registrar: String { office.registrar.description }
    var project: String { office.project.description }
    /// The database file.
    var database: String { folder.appending(path: "callmeter.sqlite").path }
    /// The file with the master key.
    var masterKey: URL { folder.appending(path: "master.key") }

    /// Opens an installation whose registrar "pbx" lies at a port of loopback, lends it, and removes it.
    static func open(port: UInt16 = 5060, _ body: @Sendable @escaping (Lab) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "callmeter-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(at: folder) }
        let store = try SQLiteStore(
            path: folder.appending(path: "callmeter.sqlite").path, hash: Fingerprint.sha256)
        let vault = try Vault.open(
            .file(path: folder.appending(path: "master.key").path), naming: store.masterKeyAtOpening(), alone: true)
        // Whoever stands for a worker does not renew its leases; a busy machine must not end them.
        let leases = LeaseTerms(term: .seconds(600), grace: .seconds(15), orphanDrain: .milliseconds(20))
        let office = try await Office(store: store, vault: vault, port: port, leases: leases)
        try await Harness(over: office.control).test { caller in
            try await body(Lab(folder: folder, office: office, caller: caller))
        }
        await office.control.shutdown()
    }

    // MARK: - Accounts

    /// Adds one account by the API; every character of the fields is escaped, so that any may stand in them.
    func add(
        _ username: String, _ password: String, realm: String? = nil, extension number: String? = nil,
        to place: String? = nil
    ) async throws -> Caller.Answer {
        var fields = ["\"username\":\(Self.quoted(username))", "\"password\":\(Self.quoted(password))"]
        if let realm { fields.append("\"realm\":\(Self.quoted(realm))") }
        if let number { fields.append("\"extension\":\(Self.quoted(number))") }
        return try await caller.post(
            "/registrars/\(place ?? registrar)/accounts", "{\(fields.joined(separator: ","))}")
    }

    /// Imports text by the API.
    func bulk(
        _ text: String, into place: String? = nil, dryRun: Bool = false, type: String = "text/plain"
    ) async throws -> API.ImportReport {
        try await caller.send(
            .post, "/api/v1/registrars/\(place ?? registrar)/accounts/import?dryRun=\(dryRun)", text,
            headers: [.contentType: type]
        ).data()
    }

    /// One page of the accounts, as the API lists them.
    func accounts(_ query: String = "perPage=500", of place: String? = nil) async throws -> [API.Account] {
        try await caller.get("/registrars/\(place ?? registrar)/accounts?\(query)").data()
    }

    /// How the accounts stand against a number of endpoints.
    func usage(endpoints: Int = 1, of place: String? = nil) async throws -> API.AccountUsage {
        try await caller.get("/registrars/\(place ?? registrar)/accounts/usage?endpoints=\(endpoints)").data()
    }

    /// A second registrar of the project; its id.
    func secondRegistrar(_ name: String = "sbc", port: Int = 5060) async throws -> String {
        try await caller.post(
            "/projects/\(project)/registrars", #"{"name":"\#(name)","domain":"127.0.0.1","port":\#(port)}"#
        ).data(API.Registrar.self).id
    }

    // MARK: - Tests and runs

    /// A group as a test file says it.
    static func group(_ name: String, _ endpoints: Int, callee: String = "\"none\"", at registrar: String = "pbx")
        -> String
    {
        #"{"name":"\#(name)","registrar":"\#(registrar)","endpoints":\#(endpoints),"callee":\#(callee)}"#
    }

    /// Saves a test of these groups by the API.
    func save(_ name: String, _ groups: [String], duration: String = "1s") async throws -> API.Test {
        let answer = try await caller.post(
            "/projects/\(project)/tests",
            #"{"name":"\#(name)","groups":[\#(groups.joined(separator: ","))],"duration":"\#(duration)","pacing":{"registrations":"500/s","calls":"100/s"}}"#
        )
        #expect(answer.status == .created, "\(answer.text)")
        return try answer.data()
    }

    /// Whether a run of a test could start now.
    func check(_ test: API.Test) async throws -> CheckReport {
        try await caller.post("/tests/\(test.id)/check").data()
    }

    /// Starts a test by the API.
    func start(_ test: API.Test) async throws -> API.Run {
        try await caller.post("/tests/\(test.id)/runs").data()
    }

    /// Waits until a run is over.
    @discardableResult
    func end(of run: API.Run) async throws -> RunView {
        try await office.control.runs.waitForEnd(of: #require(RunID(run.id)), by: .commandLine)
    }

    /// Registers the first accounts of the registrar with a real worker, and says how each ended.
    func register(_ count: Int, named name: String) async throws -> [String: EndpointOutcome] {
        let run = try await start(try await save(name, [Self.group("phones", count)], duration: "100ms"))
        let view = try await end(of: run)
        let records = try await office.control.runs.endpoints(
            of: view.record.id, EndpointQuery(page: PageRequest(page: 1, perPage: 500)), by: .commandLine)
        return Dictionary(uniqueKeysWithValues: records.items.map { ($0.result.username, $0.result.outcome) })
    }

    // MARK: - Behind the product's back

    /// Reads the database file with SQL of the test's own.
    func rows(_ sql: String, in path: String? = nil) throws -> [Row] {
        try DatabaseQueue(path: path ?? database).read { try Row.fetchAll($0, sql: sql) }
    }

    /// Changes the database file behind the product's back.
    func tamper(_ sql: String, inTransaction: Bool = true) throws {
        let queue = try DatabaseQueue(path: database)
        if inTransaction { return try queue.write { try $0.execute(sql: sql) } }
        try queue.writeWithoutTransaction { try $0.execute(sql: sql) }
    }

    /// Why the database itself refuses a statement; nil when it does not.
    func refusal(of sql: String) -> String? {
        do {
            try tamper(sql)
            return nil
        } catch {
            return (error as? DatabaseError)?.message ?? "\(error)"
        }
    }

    /// The files of the installation that hold one of the needles, without the key's own file.
    func files(holding needles: [[UInt8]]) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { name in
            guard name != "master.key" else { return false }
            let bytes = try Data(contentsOf: folder.appending(path: name))
            return needles.contains { bytes.firstRange(of: Data($0)) != nil }
        }
    }

    /// The audit log: what was done to what.
    func audit() async throws -> [AuditEntry] {
        try await office.control.audit.entries(by: .commandLine)
    }

    /// A string as JSON, with every scalar that is not a plain letter or digit escaped.
    static func quoted(_ text: String) -> String {
        var quoted = "\""
        for unit in text.utf16 {
            let isPlain = (0x30...0x39).contains(unit) || (0x41...0x5A).contains(unit) || (0x61...0x7A).contains(unit)
            quoted += isPlain ? String(UnicodeScalar(UInt8(unit))) : "\\u" + Self.hex(unit)
        }
        return quoted + "\""
    }

    private static func hex(_ unit: UInt16) -> String {
        let digits = String(unit, radix: 16)
        return String(repeating: "0", count: 4 - digits.count) + digits
    }
}

/// The built-in server with a lab whose registrar it is, and a real worker.
func withWire(
    _ subscribers: [PBXSubscriber], _ body: @Sendable @escaping (Lab, Exchange) async throws -> Void
) async throws {
    let exchange = try await Exchange(subscribers)
    try await Lab.open(port: exchange.server.address.port) { lab in
        let crew = await Crew(for: lab.office.control, logger: lab.office.log)
        try await body(lab, exchange)
        await crew.dismiss()
    }
    await exchange.server.shutdown()
}
