// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import Dispatch
import FoundationEssentials
import GRDB
import Glibc
public import Logging
import Synchronization

/// The store in one SQLite file (write-ahead log, one writer, several readers), or in memory for runs without a server.
///
/// SQLite's blocking calls run on GRDB's own queues, never on Swift's cooperative threads.
public final class SQLiteStore: Store {
    /// SHA-256, handed in: 32 bytes of any number.
    public typealias Hash = @Sendable (UnsafeRawBufferPointer) -> [UInt8]

    /// How long to wait for another process that writes the same file, in seconds.
    static let busyTimeout = 10.0
    /// What the writer keeps of the file in memory.
    private static let writerCacheKiB = 16 * 1_024
    /// Copies run here, one after the other.
    static let copies = DispatchQueue(label: "callmeter.store.copies")
    /// The name of the handed-in hash in SQL.
    static let hashFunction = "callmeter_hash"

    let writer: any DatabaseWriter
    let logger: Logger
    /// Whether a task waits to cut the write-ahead log.
    let isForgetting = Atomic(false)
    /// The numbers of the imports that were begun by this store and are not over.
    let begunHere = Mutex<Set<Int64>>([])

    /// Opens or makes the file and brings its schema up to date. Only the owner may read a file made here.
    ///
    /// `hash` is SHA-256, which chains the audit log. Whether leases are over is judged by `clock` alone, inside the database.
    /// Throws `newerSchema` for a file of a newer version, `engine` for one that cannot be opened.
    public convenience init(
        path: String, hash: @escaping Hash, clock: @escaping @Sendable () -> UnixTime = SQLiteStore.systemClock,
        logger: Logger = Logger(label: "callmeter.store")
    ) throws {
        do {
            if !FileManager.default.fileExists(atPath: path) {
                // SQLite gives the log and its index the permissions of the main file.
                guard
                    FileManager.default.createFile(
                        atPath: path, contents: nil, attributes: [.posixPermissions: 0o600])
                else { throw StoreError.engine("the file \(path) cannot be made") }
            }
            try self.init(
                writer: DatabasePool(path: path, configuration: Self.configuration(hash, clock)), logger: logger)
        } catch let error as DatabaseError {
            throw StoreError(error)
        }
    }

    /// A store in memory; it is gone when the last reference is.
    public static func inMemory(
        hash: @escaping Hash, clock: @escaping @Sendable () -> UnixTime = SQLiteStore.systemClock
    ) throws -> SQLiteStore {
        do {
            return try SQLiteStore(
                writer: DatabaseQueue(configuration: configuration(hash, clock)),
                logger: Logger(label: "callmeter.store"))
        } catch let error as DatabaseError {
            throw StoreError(error)
        }
    }

    private init(writer: any DatabaseWriter, logger: Logger) throws {
        self.writer = writer
        self.logger = logger
        let migrator = SQLiteSchema.migrator
        if try writer.read({ try migrator.hasBeenSuperseded($0) }) { throw StoreError.newerSchema }
        try migrator.migrate(writer)
        try writer.writeWithoutTransaction { database in
            // Synchronised at checkpoints only (the pool of connections sets it for a file in WAL mode; here it is meant): a
            // process that dies loses nothing that was committed, for the log is the kernel's by then. A machine that loses
            // power may lose the last transactions, whole and from the end, and the file stays sound: an import not seen, or
            // accounts not lent, to be asked for again.
            try database.execute(sql: "PRAGMA synchronous = NORMAL")
            // The inner pages of a million accounts' indexes; the readers keep the usual two MiB.
            try database.execute(sql: "PRAGMA cache_size = -\(Self.writerCacheKiB)")
        }
    }

    /// The wall clock of the machine that the file is on.
    public static let systemClock: @Sendable () -> UnixTime = {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return UnixTime(nanoseconds: Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec))
    }

    /// What the store's clock says, in nanoseconds since 1970. SQL asks it by the same name, so that no caller's time decides.
    static func now(in database: Database) throws -> Int64 {
        guard let now = try Int64.fetchOne(database, sql: "SELECT callmeter_now()") else {
            throw StoreError.engine("the clock gave no time")
        }
        return now
    }

    private static func configuration(
        _ hash: @escaping Hash, _ clock: @escaping @Sendable () -> UnixTime
    ) -> Configuration {
        let clockFunction = DatabaseFunction("callmeter_now", argumentCount: 0) { _ in clock().nanoseconds }
        var configuration = Configuration()
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .timeout(busyTimeout)
        configuration.label = "callmeter.store"
        configuration.prepareDatabase { database in
            database.add(function: Self.function(of: hash))
            // What is deleted is overwritten, ciphertext as well.
            try database.execute(sql: "PRAGMA secure_delete = ON")
            // Sorting and temporary tables stay off the disk.
            try database.execute(sql: "PRAGMA temp_store = MEMORY")
            database.add(function: clockFunction)
        }
        return configuration
    }

    /// SQL knows the hash as a function, so that whatever appends to the audit log needs nothing but its transaction.
    private static func function(of hash: @escaping Hash) -> DatabaseFunction {
        DatabaseFunction(hashFunction, argumentCount: 1, pure: true) { values in
            guard let data = Data.fromDatabaseValue(values[0]) else { return nil }
            return Data(data.withUnsafeBytes(hash))
        }
    }

    /// Folds the log into the file and closes it; see `Store.close`.
    public func close() async throws {
        do {
            // GRDB closes its readers last, and those may not fold the log into the file: what was deleted would live on
            // in the log.
            try await writer.writeWithoutTransaction { database in
                do {
                    _ = try database.checkpoint(.truncate)
                } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
                    // Another process works on the same file; it has the log in its care.
                }
            }
            try writer.close()
        } catch let error as DatabaseError {
            throw StoreError(error)
        }
    }

    /// One transaction of the writer.
    func write<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        do {
            return try await writer.write(body)
        } catch let error as DatabaseError {
            throw StoreError(error)
        }
    }

    /// One consistent view of a reader.
    func read<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        do {
            return try await writer.read(body)
        } catch let error as DatabaseError {
            throw StoreError(error)
        }
    }
}

extension StoreError {
    /// SQLite's own words, which name tables and columns; never the statement's arguments.
    init(_ error: DatabaseError) {
        self = .engine(error.message ?? "error \(error.extendedResultCode.rawValue)")
    }
}
