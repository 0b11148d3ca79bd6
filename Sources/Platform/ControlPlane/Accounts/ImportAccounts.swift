// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Store
import Vault

/// Bulk import as one walk: page by page from the source, record by record through the rules, each password sealed inside
/// its record's visit, sealed rows to staging in chunks, one short transaction to publish them (B1–B7).
struct ImportAccounts: Sendable {
    /// What is read at once. One page, wiped after each round, so plaintext exists once.
    private static let pageBytes = 64 * 1024
    /// Rows per staging transaction: long enough to be cheap, short enough to let other writers in.
    private static let chunkRows = 2_000

    let services: Services

    /// Imports what `read` gives until it gives 0 bytes. `read` fills the buffer from its start and says how many bytes.
    ///
    /// The buffer is locked memory that `read` must not keep. Whatever fails, nothing of the import stays.
    func run(
        into registrar: RegistrarID, as format: ImportFormat, dryRun: Bool, by principal: Principal,
        reading read: (UnsafeMutableRawBufferPointer) async throws -> Int
    ) async throws(ControlPlaneError) -> ImportReport {
        let key = try await services.dataKey(of: registrar)
        return try await services.perform("import") {
            let id: ImportID = services.newID()
            let store = services.store
            try await store.beginImport(id, into: registrar, at: services.clock())
            do {
                let tally = try await stage(id, as: format, key: key, reading: read)
                if dryRun {
                    let preview = try await store.preview(id)
                    try await store.abandon(id)
                    return tally.report(preview)
                }
                let published = try await store.publish(id, at: services.clock())
                let report = tally.report(published)
                try await services.audit(
                    principal, "accounts.import", "registrar \(registrar)",
                    "\(report.created) created, \(report.skipped) skipped, \(report.failed) failed")
                return report
            } catch {
                // What cannot be abandoned now is swept at the next start.
                try? await store.abandon(id)
                throw error
            }
        }
    }

    private func stage(
        _ id: ImportID, as format: ImportFormat, key: DataKey,
        reading read: (UnsafeMutableRawBufferPointer) async throws -> Int
    ) async throws -> ImportTally {
        let page = LockedMemory(minimumCount: Self.pageBytes)
        // The page belongs to this function until it returns; the pointer is lent to `read` for one call at a time.
        let buffer = page.withMutableBytes { $0 }
        defer { page.wipe(0..<page.count) }
        var rules = ImportRules(format: format)
        var rows: [StagedAccount] = []
        rows.reserveCapacity(Self.chunkRows)
        while true {
            try Task.checkCancellation()
            let count = try await read(buffer)
            guard count > 0 else { break }
            precondition(count <= buffer.count, "the source of an import wrote past its page")
            defer { page.wipe(0..<count) }
            try rules.visit(UnsafeRawBufferPointer(rebasing: buffer[..<count])) { line in
                try seal(line, with: key, into: &rows)
            }
            if let refusal = rules.refusal { throw refusal }
            if rows.count >= Self.chunkRows {
                try await services.store.stage(rows, in: id)
                rows.removeAll(keepingCapacity: true)
            }
        }
        try rules.finish { line in try seal(line, with: key, into: &rows) }
        if let refusal = rules.refusal { throw refusal }
        if !rows.isEmpty { try await services.store.stage(rows, in: id) }
        return rules.tally
    }

    private func seal(_ line: ImportLine, with key: DataKey, into rows: inout [StagedAccount]) throws {
        guard case .account(let username, let password, let realm, let extensionNumber) = line.verdict else { return }
        let account: AccountID = services.newID()
        let secret = try key.seal(password, for: account)
        rows.append(
            StagedAccount(
                line: line.number,
                account: NewAccount(
                    id: account, username: String(decoding: username, as: UTF8.self),
                    realm: realm.map { String(decoding: $0, as: UTF8.self) },
                    extensionNumber: extensionNumber.map { String(decoding: $0, as: UTF8.self) }, secret: secret)))
    }
}
