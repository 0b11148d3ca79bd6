// SPDX-License-Identifier: Apache-2.0

import GRDB
import Logging
import Synchronization

/// The end of what was deleted. Secure deletion overwrites it in the database, but the write-ahead log still holds the old
/// pages until its content is folded into the file and the log is cut to nothing.
extension SQLiteStore {
    /// How long one try waits for readers that still use the log, in milliseconds; the writer waits with it.
    private static let patience = 100
    /// Tries before whoever deleted goes on without it.
    private static let tries = 10
    /// Between tries, so that others can write.
    private static let pause = Duration.milliseconds(50)
    /// Between later tries, while a reader holds the log for long.
    private static let laterPause = Duration.seconds(5)

    /// See `VaultStore.forget`.
    public func forget() async { await afterForgetting() }

    /// Cuts the write-ahead log, so that what was deleted is in no file any more. To be called after every transaction that
    /// forgets a secret, outside of it.
    ///
    /// Readers may hold the log: after some tries this is noted in the log of the program and done later in the background.
    func afterForgetting() async {
        // In a task of its own: whoever deleted may be cancelled, and what is deleted goes all the same.
        await Task { await cutLogOrLater() }.value
    }

    private func cutLogOrLater() async {
        for attempt in 1...Self.tries {
            if await cutLog() { return }
            if attempt < Self.tries { try? await Task.sleep(for: Self.pause) }
        }
        logger.notice("deleted values are still in the write-ahead log, which a reader holds; they go when it ends")
        forgetLater()
    }

    /// One try; false while readers hold the log.
    private func cutLog() async -> Bool {
        let done = try? await writer.writeWithoutTransaction { database in
            try database.execute(sql: "PRAGMA busy_timeout = \(Self.patience)")
            defer { try? database.execute(sql: "PRAGMA busy_timeout = \(Int(Self.busyTimeout * 1_000))") }
            do {
                _ = try database.checkpoint(.truncate)
                return true
            } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
                return false
            }
        }
        // Nothing is to be done for a store that was closed: closing cut the log.
        return done ?? true
    }

    private func forgetLater() {
        guard isForgetting.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged else { return }
        Task { [weak self] in
            while let store = self {
                if await store.cutLog() {
                    store.isForgetting.store(false, ordering: .relaxed)
                    store.logger.notice("deleted values are out of the write-ahead log")
                    return
                }
                try? await Task.sleep(for: Self.laterPause)
            }
        }
    }
}
