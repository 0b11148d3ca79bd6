// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import Glibc
import Store
import Vault

/// The folder that holds database and master key, for one process at a time.
final class DataFolder: Sendable {
    /// What a process may do beside a server that holds the folder.
    enum Hold {
        /// Nothing else may hold it: whoever runs tests or changes accounts.
        case alone
        /// Short transactions on keys, which the database keeps apart.
        case shared
    }

    /// Opened by `open`.
    let path: String
    private let hold: Hold
    private let lock: Int32

    /// Opens or makes the folder, readable by its owner only.
    init(_ path: String, _ hold: Hold) throws(CommandFailure) {
        self.path = path
        self.hold = hold
        if mkdir(path, 0o700) != 0, errno != EEXIST {
            throw .usage("the data folder '\(path)' cannot be made: \(String(cString: strerror(errno)))")
        }
        guard hold == .alone else {
            lock = -1
            return
        }
        lock = Glibc.open(path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else {
            throw .usage("the data folder '\(path)' cannot be used: \(String(cString: strerror(errno)))")
        }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw .usage(
                "the data folder '\(path)' is held by another callmeter, probably 'serve'; "
                    + "use --server URL with a key in CALLMETER_API_KEY, or end that process")
        }
    }

    deinit {
        if lock >= 0 { close(lock) }
    }

    /// The database.
    func store() throws -> SQLiteStore {
        do {
            return try SQLiteStore(path: path + "/callmeter.sqlite", hash: Fingerprint.sha256)
        } catch let error as StoreError {
            throw CommandFailure.usage("\(path): \(error)")
        }
    }

    /// The vault that belongs to the folder's database: under the key of the file given, of the environment, of systemd's
    /// credentials, or of the folder's own file, which is made where there is none and nothing is sealed yet.
    func vault(for store: SQLiteStore, keyFile: String? = nil) throws -> Vault {
        do {
            let source = try MasterKeySource.choose(file: keyFile, usual: path + "/master.key")
            return try Vault.open(source, naming: try store.masterKeyAtOpening(), alone: hold == .alone)
        } catch let error as VaultError {
            throw CommandFailure.usage(error.description)
        } catch let error as StoreError {
            throw CommandFailure.usage("\(path): \(error)")
        }
    }
}
