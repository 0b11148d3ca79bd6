// SPDX-License-Identifier: Apache-2.0
//
// The folder Contract says what each operation promises.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

import Dispatch
import FoundationEssentials
import GRDB
import Glibc

extension SQLiteStore {
    public func backUp(to path: String) async throws -> StoreCopy {
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw StoreError.engine("the file \(path) cannot be made: \(String(cString: strerror(errno)))")
        }
        defer { Glibc.close(descriptor) }
        do {
            let writer = writer
            // GRDB reads on this queue's thread; a copy of a large database takes seconds, which no shared thread may.
            let copy = try await withCheckedThrowingContinuation {
                (done: CheckedContinuation<StoreCopy, any Error>) in
                Self.copies.async { done.resume(with: Result { try Self.copy(writer, to: path) }) }
            }
            let isOnDisk = fsync(descriptor) == 0
            guard isOnDisk else { throw StoreError.engine("the file \(path) could not be written to the disk") }
            return copy
        } catch {
            for ending in ["", "-wal", "-shm", "-journal"] { unlink(path + ending) }
            if let error = error as? DatabaseError { throw StoreError(error) }
            throw error
        }
    }

    /// SQLite's online backup within one view of a reader; then the copy is made one file, with no log beside it.
    private static func copy(_ writer: any DatabaseWriter, to path: String) throws -> StoreCopy {
        let queue = try DatabaseQueue(path: path)
        try writer.backup(to: queue)
        let copy = try queue.writeWithoutTransaction { database in
            _ = try String.fetchOne(database, sql: "PRAGMA journal_mode = DELETE")
            let check = try String.fetchAll(database, sql: "PRAGMA integrity_check(1)")
            guard check == ["ok"] else {
                throw StoreError.engine("the copy is damaged: \(check.first ?? "its check said nothing")")
            }
            return StoreCopy(
                counts: try count(in: database), masterKey: try masterKey(in: database),
                audit: try auditEnd(in: database))
        }
        try queue.close()
        return copy
    }
}
