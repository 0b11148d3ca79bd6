// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Store
import Vault

/// Bulk import as one walk: page by page from the source, record by record through the rules, each password sealed inside
/// its record's visit, sealed rows to the store in chunks, one short transaction to publish them (B1–B7).
///
/// While the store writes one chunk the next is read and sealed, and no third is begun: a slow disk holds the source back.
struct ImportAccounts: Sendable {
    /// What is read at once. Locked pages, wiped after each round, so plaintext exists once.
    private static let pageBytes = 64 * 1024
    /// Rows per transaction: long enough to be cheap, short enough to let other writers in.
    private static let chunkRows = 2_000

    let services: Services

    /// Imports what `read` gives until it gives 0 bytes. `read` fills the buffer from its start and says how many bytes.
    ///
    /// The buffer is locked memory that `read` must not keep. Whatever fails, nothing of the import stays.
    func run(
        into registrar: RegistrarID, as format: ImportFormat, dryRun: Bool, by principal: Principal,
        progress: (@Sendable (ImportProgress) -> Void)? = nil,
        reading read: (UnsafeMutableRawBufferPointer) async throws -> Int
    ) async throws(ControlPlaneError) -> ImportReport {
        let store = services.store
        if dryRun {
            return try await services.perform("import") {
                try await walk(format, key: nil, progress, reading: read) { chunk in
                    try await store.preview(chunk, into: registrar)
                }.report
            }
        }
        return try await services.perform("import") {
            let id: ImportID = services.newID()
            try await store.beginImport(id, into: registrar, at: services.clock())
            do {
                // Asked for behind the beginning: should it be replaced from now on, the import may go on with it.
                let key = try await services.dataKey(of: registrar)
                let report = try await walk(format, key: key, progress, reading: read) { chunk in
                    try await store.stage(chunk, in: id)
                }.report
                let entry = AuditEntry(
                    at: services.clock(), who: principal.name, action: "accounts.import",
                    subject: "registrar \(registrar)",
                    details: "\(report.created) created, \(report.skipped) skipped, \(report.failed) failed")
                try await store.publish(id) { entry }
                return report
            } catch {
                // In a task of its own: a cancelled one is refused by the store. What cannot be removed now is at the
                // next start.
                await Task { try? await store.abandon(id) }.value
                throw error
            }
        }
    }

    /// What a list gave that was read to its end.
    struct ReadList: Sendable {
        /// What its records are.
        var tally: ImportTally
        /// Its optional columns.
        var columns: ImportColumns
        /// What writing its chunks did.
        var staging: Staging

        /// The report of an import.
        var report: ImportReport { tally.report(staging.published) }
    }

    /// Reads to the end and gives every chunk to `write`, one after the other.
    func walk(
        _ format: ImportFormat, key: DataKey?, _ progress: (@Sendable (ImportProgress) -> Void)?,
        reading read: (UnsafeMutableRawBufferPointer) async throws -> Int,
        writing write: @escaping @Sendable (StagedChunk) async throws -> Staging
    ) async throws -> ReadList {
        try await withThrowingTaskGroup(of: Staging.self) { group in
            let page = LockedMemory(minimumCount: Self.pageBytes)
            // The page belongs to this closure until it returns; the pointer is lent to `read` for one call at a time.
            let buffer = page.withMutableBytes { $0 }
            defer { page.wipe(0..<page.count) }
            var rules = ImportRules(format: format)
            var lines = ImportLines(services: services, key: key, capacity: Self.chunkRows)
            var staging = Staging()
            var bytes = 0
            while true {
                try Task.checkCancellation()
                let count = try await read(buffer)
                guard count > 0 else { break }
                precondition(count <= buffer.count, "the source of an import wrote past its page")
                defer { page.wipe(0..<count) }
                bytes += count
                try lines.take { take throws in
                    try rules.visit(UnsafeRawBufferPointer(rebasing: buffer[..<count])) { try take($0) }
                }
                if let refusal = rules.refusal { throw refusal }
                if lines.chunk.count >= Self.chunkRows {
                    if let written = try await group.next() { staging.add(written) }
                    let chunk = lines.handOver()
                    group.addTask { try await write(chunk) }
                    progress?(Self.progress(bytes, lines.last, staging, rules.tally))
                }
            }
            try lines.take { take throws in try rules.finish { try take($0) } }
            if let refusal = rules.refusal { throw refusal }
            if let written = try await group.next() { staging.add(written) }
            if lines.chunk.count > 0 { staging.add(try await write(lines.handOver())) }
            progress?(Self.progress(bytes, lines.last, staging, rules.tally))
            return ReadList(tally: rules.tally, columns: rules.columns, staging: staging)
        }
    }

    private static func progress(
        _ bytes: Int, _ lines: Int, _ staging: Staging, _ tally: ImportTally
    ) -> ImportProgress {
        ImportProgress(
            bytes: bytes, lines: lines, accounts: staging.created, skipped: staging.skipped, failed: tally.failed)
    }
}

/// The valid lines since the last chunk, sealed.
private struct ImportLines {
    private let services: Services
    /// Nil for a dry run, which seals nothing.
    private let key: DataKey?
    private let capacity: Int
    private(set) var chunk: StagedChunk
    /// The number of the last line.
    private(set) var last = 0
    private var lastID: AccountID?

    init(services: Services, key: DataKey?, capacity: Int) {
        self.services = services
        self.key = key
        self.capacity = capacity
        chunk = StagedChunk(capacity: capacity)
    }

    /// Takes the lines that `visit` gives to the function it gets; each password is sealed before its line's bytes are gone.
    mutating func take(_ visit: ((ImportLine) throws -> Void) throws -> Void) throws {
        guard let key else { return try visit { take($0) } }
        try key.sealMany { sealer in try visit { try take($0, &sealer) } }
    }

    private mutating func take(_ line: ImportLine) {
        last = line.number
        guard case .account(let username, _, _, _) = line.verdict else { return }
        chunk.append(line: line.number, id: AccountID(high: 0, low: 0), username: username) { _ in }
    }

    private mutating func take(_ line: ImportLine, _ sealer: inout BulkSealer) throws {
        last = line.number
        guard case .account(let username, let password, let realm, let extensionNumber) = line.verdict else { return }
        let account = nextID()
        try chunk.append(
            line: line.number, id: account, username: username, realm: realm, extensionNumber: extensionNumber
        ) { (bytes) throws(VaultError) in try sealer.seal(password, for: account, appendingTo: &bytes) }
    }

    /// Identifiers of a chunk follow each other from a random start, so that their index grows at its end.
    private mutating func nextID() -> AccountID {
        guard let id = lastID else {
            let first: AccountID = services.newID()
            lastID = first
            return first
        }
        let next = AccountID(high: id.high, low: id.low &+ 1)
        lastID = next
        return next
    }

    /// Gives the chunk away and begins the next.
    mutating func handOver() -> StagedChunk {
        defer {
            chunk = StagedChunk(capacity: capacity)
            lastID = nil
        }
        return chunk
    }
}
