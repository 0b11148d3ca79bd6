// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import Domain

/// Accounts of an import on their way to the store: their names and sealed passwords behind each other in one buffer, so
/// that a million of them cost no million allocations.
public struct StagedChunk: Sendable {
    /// One account by the lengths of its parts, which lie in this order in `bytes`.
    struct Row {
        var line: Int
        var id: AccountID
        var start: Int
        var username: UInt16
        /// 0 for none: neither may be empty.
        var realm: UInt16
        var extensionNumber: UInt16
        var secret: UInt32
    }

    private(set) var rows: [Row] = []
    private(set) var bytes: [UInt8] = []

    /// An empty chunk with room for so many accounts of the usual size.
    public init(capacity: Int = 0) {
        rows.reserveCapacity(capacity)
        bytes.reserveCapacity(capacity * 112)
    }

    /// How many accounts it holds.
    public var count: Int { rows.count }

    /// How many bytes of names and sealed passwords it holds.
    public var byteCount: Int { bytes.count }

    /// Adds an account from a line. All text is UTF-8 that `AccountRules` found acceptable; `seal` appends the sealed
    /// password's stored form, or nothing where the chunk only asks which usernames are known.
    public mutating func append<Failure: Error>(
        line: Int, id: AccountID, username: UnsafeRawBufferPointer, realm: UnsafeRawBufferPointer? = nil,
        extensionNumber: UnsafeRawBufferPointer? = nil, seal: (inout [UInt8]) throws(Failure) -> Void
    ) throws(Failure) {
        let start = bytes.count
        bytes.append(contentsOf: username)
        if let realm { bytes.append(contentsOf: realm) }
        if let extensionNumber { bytes.append(contentsOf: extensionNumber) }
        let secret = bytes.count
        do throws(Failure) {
            try seal(&bytes)
        } catch {
            bytes.removeLast(bytes.count - start)
            throw error
        }
        rows.append(
            Row(
                line: line, id: id, start: start, username: UInt16(username.count), realm: UInt16(realm?.count ?? 0),
                extensionNumber: UInt16(extensionNumber?.count ?? 0), secret: UInt32(bytes.count - secret)))
    }

    /// Adds an account that was put together before.
    public mutating func append(_ staged: StagedAccount) {
        let account = staged.account
        let realm = [UInt8]((account.realm ?? "").utf8)
        let extensionNumber = [UInt8]((account.extensionNumber ?? "").utf8)
        [UInt8](account.username.utf8).withUnsafeBytes { username in
            realm.withUnsafeBytes { realm in
                extensionNumber.withUnsafeBytes { extensionNumber in
                    append(
                        line: staged.line, id: account.id, username: username, realm: realm,
                        extensionNumber: extensionNumber
                    ) { $0.append(contentsOf: account.secret.encoded) }
                }
            }
        }
    }

    /// Forgets the accounts and keeps the room.
    public mutating func removeAll() {
        rows.removeAll(keepingCapacity: true)
        bytes.removeAll(keepingCapacity: true)
    }
}

/// What staging a chunk did, or would do.
public struct Staging: Hashable, Sendable {
    /// Accounts that are new to the registrar.
    public var created: Int
    /// Lines whose username the registrar has already.
    public var skipped: Int
    /// The first of those by line, at most `ImportReport.mostProblems`.
    public var firstSkipped: [SkippedLine]

    /// A result from its parts; without any, of nothing.
    public init(created: Int = 0, skipped: Int = 0, firstSkipped: [SkippedLine] = []) {
        self.created = created
        self.skipped = skipped
        self.firstSkipped = firstSkipped
    }

    /// Adds what the next chunk did.
    public mutating func add(_ next: Staging) {
        created += next.created
        skipped += next.skipped
        firstSkipped += next.firstSkipped.prefix(max(0, ImportReport.mostProblems - firstSkipped.count))
    }

    /// As the report takes it.
    public var published: PublishedImport {
        PublishedImport(created: created, skipped: skipped, firstSkipped: firstSkipped)
    }
}
