// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import Domain

/// What the vault's keys need remembered: which master key there is, which data keys are on their way out, and every sealed
/// value for as long as it takes to seal it anew.
public protocol VaultStore: Sendable {
    /// The master key that all data keys are wrapped under; nil while there is none yet.
    func masterKey() async throws -> KeyID?
    /// Notes the master key where none is noted yet, and gives the one that is.
    @discardableResult
    func noteMasterKey(_ id: KeyID) async throws -> KeyID
    /// Wraps every data key anew and notes the new master key, in one transaction; gives how many keys there are.
    ///
    /// Throws `otherMasterKey` unless `old` is the one noted, and what `rewrap` throws; nothing is changed then. The old wrappings
    /// are in the write-ahead log until `forget`.
    func rewrapDataKeys(
        from old: KeyID, to new: KeyID, audit: @escaping @Sendable (Int) -> AuditEntry,
        _ rewrap: @escaping @Sendable (WrappedKey) throws -> WrappedKey
    ) async throws -> Int
    /// All data keys, those on their way out too, by registrar and age.
    func allDataKeys() async throws -> [DataKeyRecord]
    /// Makes `key` its registrar's data key and sends the earlier one on its way out, unless one is on its way already: then
    /// nothing changes. Gives whether it changed. Throws `notFound`, and `otherMasterKey` for a key under another master.
    func replaceDataKey(with key: WrappedKey, audit: @escaping @Sendable () -> AuditEntry) async throws -> Bool
    /// Sealed passwords by position, those of imports that are not published too; of all registrars when `registrar` is nil.
    /// `only` leaves out those that are not sealed under that key.
    func sealedAccounts(
        of registrar: RegistrarID?, only key: KeyID?, after position: Int64, limit: Int
    ) async throws -> [SealedAccount]
    /// How many accounts of a registrar are sealed under a key.
    func countAccounts(of registrar: RegistrarID, under key: KeyID) async throws -> Int
    /// Puts new sealed values in the place of old ones where they are still the same; gives how many.
    func reseal(_ changes: [ResealedAccount]) async throws -> Int
    /// Removes a data key on its way out, for good, when nothing is sealed under it and no import may still use it. Gives whether
    /// it is gone.
    func removeDataKey(_ id: KeyID, audit: @escaping @Sendable () -> AuditEntry) async throws -> Bool
    /// Takes what was overwritten out of the write-ahead log; see `SQLiteStore.afterForgetting`. Deleting operations do it
    /// themselves.
    func forget() async
    /// Checks the database against its own rules.
    func inspect() async throws -> StoreInspection
    /// Copies the whole database into a new file that its owner alone may read, as it is at one moment, while others go on
    /// reading and writing, and checks the copy. Throws `engine` when there is a file, or the copy is damaged.
    func backUp(to path: String) async throws -> StoreCopy
}

/// A data key with what becomes of it.
public struct DataKeyRecord: Hashable, Sendable {
    /// The key as it is kept.
    public var key: WrappedKey
    /// Whether another key has taken its place and it only waits to be used by nothing.
    public var isLeaving: Bool
}

/// An account's sealed password with its place.
public struct SealedAccount: Hashable, Sendable {
    /// The account's position.
    public var position: Int64
    /// The account.
    public var account: AccountID
    /// Its registrar.
    public var registrar: RegistrarID
    /// The sealed password.
    public var secret: SealedSecret
}

/// A sealed password and what is to take its place.
public struct ResealedAccount: Hashable, Sendable {
    /// The account's position.
    public var position: Int64
    /// What was read.
    public var old: SealedSecret
    /// What it is to be.
    public var new: SealedSecret

    /// A change from its parts.
    public init(position: Int64, old: SealedSecret, new: SealedSecret) {
        self.position = position
        self.old = old
        self.new = new
    }
}

/// A number with what it counts.
public struct NamedCount: Hashable, Sendable {
    /// What is counted, in the plural.
    public var name: String
    /// How many there are.
    public var count: Int
}

/// What a check of the database found.
public struct StoreInspection: Hashable, Sendable {
    /// What there is: projects, registrars, accounts and so on.
    public var counts: [NamedCount]
    /// What a process that ended left, and the next start clears away.
    public var leftovers: [NamedCount]
    /// What breaks a rule, one sentence each.
    public var problems: [String]
}

/// A copy of the database.
public struct StoreCopy: Hashable, Sendable {
    /// What it holds.
    public var counts: [NamedCount]
    /// The master key that opens it, which is not in it.
    public var masterKey: KeyID?
    /// Where its audit log ends.
    public var audit: AuditEnd
}
