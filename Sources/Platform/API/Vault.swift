// SPDX-License-Identifier: Apache-2.0

/// The keys that seal the passwords, as `GET /vault` shows them: names of keys, never a key.
public struct VaultState: Codable, Sendable, Hashable {
    /// A registrar whose data key is being changed.
    public struct Rotation: Codable, Sendable, Hashable {
        /// The registrar.
        public var registrarId: String
        /// Accounts to be sealed anew; absent while nobody works on it.
        public var accounts: Int?
        /// Those that are.
        public var resealed: Int?

        /// A rotation from its parts.
        public init(registrarId: String, accounts: Int?, resealed: Int?) {
            self.registrarId = registrarId
            self.accounts = accounts
            self.resealed = resealed
        }
    }

    /// Names the master key that the database is under; absent while nothing was sealed yet.
    public var masterKey: String?
    /// Where the master key comes from: `file`, `environment`, `credential` or `process`.
    public var source: String
    /// The same in words, with the file's path.
    public var sourceText: String
    /// Whether the master key's page is locked in memory.
    public var memoryLocked: Bool
    /// How many data keys there are.
    public var dataKeys: Int
    /// Data keys that are being changed.
    public var rotations: [Rotation]
    /// The place of the newest entry of the audit log.
    public var auditEntries: Int64
    /// The newest entry's hash, 64 hexadecimal digits: worth noting elsewhere.
    public var auditHead: String

    /// A state from its parts.
    public init(
        masterKey: String?, source: String, sourceText: String, memoryLocked: Bool, dataKeys: Int,
        rotations: [Rotation], auditEntries: Int64, auditHead: String
    ) {
        self.masterKey = masterKey
        self.source = source
        self.sourceText = sourceText
        self.memoryLocked = memoryLocked
        self.dataKeys = dataKeys
        self.rotations = rotations
        self.auditEntries = auditEntries
        self.auditHead = auditHead
    }
}

/// Body of `POST /vault/master-key/rotate`; may be left away where the master key lies in a file.
public struct MasterKeyRequest: Codable, Sendable, Hashable {
    /// A file name in the data folder (of the server) for the new key, where the present one came from the environment or a
    /// systemd credential.
    public var newKeyFile: String?

    /// A request from its parts.
    public init(newKeyFile: String? = nil) { self.newKeyFile = newKeyFile }
}

/// A changed master key.
public struct MasterKeyChange: Codable, Sendable, Hashable {
    /// The key that was.
    public var oldKey: String
    /// The key that is.
    public var newKey: String
    /// How many data keys were wrapped anew.
    public var dataKeys: Int
    /// What is left to do on disk; absent when all is well.
    public var warning: String?

    /// A change from its parts.
    public init(oldKey: String, newKey: String, dataKeys: Int, warning: String?) {
        self.oldKey = oldKey
        self.newKey = newKey
        self.dataKeys = dataKeys
        self.warning = warning
    }
}

/// A changed data key of a registrar.
public struct DataKeyChange: Codable, Sendable, Hashable {
    /// The registrar.
    public var registrarId: String
    /// The keys that were.
    public var oldKeys: [String]
    /// The key that is.
    public var newKey: String
    /// How many accounts were sealed anew.
    public var resealed: Int
    /// Whether a change that was cut short earlier was finished, instead of making yet another key.
    public var takenUp: Bool
    /// Whether the old keys are gone; false while an import under them is open, after which the rest is done.
    public var done: Bool

    /// A change from its parts.
    public init(registrarId: String, oldKeys: [String], newKey: String, resealed: Int, takenUp: Bool, done: Bool) {
        self.registrarId = registrarId
        self.oldKeys = oldKeys
        self.newKey = newKey
        self.resealed = resealed
        self.takenUp = takenUp
        self.done = done
    }
}

/// What a check of database, keys, passwords and audit log found: counts and sentences.
public struct VaultCheck: Codable, Sendable, Hashable {
    /// Whether nothing is wrong.
    public var sound: Bool
    /// What there is, by kind.
    public var counts: [String: Int]
    /// What the next start clears away, or what is under way.
    public var leftovers: [String: Int]
    /// How many passwords opened.
    public var opened: Int
    /// Entries of the audit log whose chain holds.
    public var auditEntries: Int
    /// The hash of the last of them.
    public var auditHead: String
    /// What is wrong.
    public var problems: [String]

    /// A check's outcome from its parts.
    public init(
        sound: Bool, counts: [String: Int], leftovers: [String: Int], opened: Int, auditEntries: Int,
        auditHead: String, problems: [String]
    ) {
        self.sound = sound
        self.counts = counts
        self.leftovers = leftovers
        self.opened = opened
        self.auditEntries = auditEntries
        self.auditHead = auditHead
        self.problems = problems
    }
}

/// A copy of the database.
public struct BackupNote: Codable, Sendable, Hashable {
    /// The file.
    public var file: String
    /// What it holds, by kind.
    public var counts: [String: Int]
    /// Names the master key that opens it, which is not in it; absent while nothing was sealed yet.
    public var masterKey: String?
    /// The place of its newest entry of the audit log.
    public var auditEntries: Int64
    /// That entry's hash.
    public var auditHead: String

    /// A note from its parts.
    public init(file: String, counts: [String: Int], masterKey: String?, auditEntries: Int64, auditHead: String) {
        self.file = file
        self.counts = counts
        self.masterKey = masterKey
        self.auditEntries = auditEntries
        self.auditHead = auditHead
    }
}
