// SPDX-License-Identifier: Apache-2.0

public import Domain
import Glibc

extension Vault {
    /// Where the key of a rotation waits beside the file it is going to replace.
    static func waitingPlace(of path: String) -> String { path + ".new" }

    /// Opens the vault of a database that names the master key it was sealed under, nil while it has none.
    ///
    /// A rotation that a crash cut short is completed or dropped, according to what the database names; unless `alone`, another
    /// process may be in the middle of one, so files are left as they are. Throws `otherMasterKey` for a key that is not the
    /// database's, and what reading the source throws. Only for a database without a key is a missing file made.
    public static func open(
        _ source: MasterKeySource, naming needed: KeyID?, alone: Bool
    ) throws(VaultError) -> Vault {
        try open(source, naming: needed, alone: alone, in: .process)
    }

    static func open(
        _ source: MasterKeySource, naming needed: KeyID?, alone: Bool, in environment: MasterKeySource.Environment
    ) throws(VaultError) -> Vault {
        switch source {
        case .file(let path):
            guard let needed else { return Vault(master: try .readOrCreate(path: path), source: source) }
            return Vault(master: try takeUp(path, needed: needed, alone: alone), source: source)
        case .environment:
            return Vault(master: try check(MasterKeySource.take(from: environment), needed, source), source: source)
        case .credential(let path):
            let key = try MasterKey.read(path: path, for: .serviceManager)
            return Vault(master: try check(key, needed, source), source: source)
        case .process:
            return Vault(master: try check(.ephemeral(), needed, source))
        }
    }

    private static func check(
        _ key: MasterKey, _ needed: KeyID?, _ source: MasterKeySource
    ) throws(VaultError) -> MasterKey {
        guard let needed, key.id != needed else { return key }
        throw .otherMasterKey(needed: needed, given: key.id, source: source.words)
    }

    /// The key of a file, or the one that waits to replace it, whichever the database names.
    private static func takeUp(_ path: String, needed: KeyID, alone: Bool) throws(VaultError) -> MasterKey {
        let waiting = waitingPlace(of: path)
        let held: MasterKey?
        do throws(VaultError) {
            held = try .read(path: path)
        } catch .masterKeyMissing {
            held = nil
        }
        if let held, held.id == needed {
            // The rotation's transaction never happened: its key has wrapped nothing.
            if alone {
                unlink(waiting)
                MasterKey.removeDrafts(of: path)
            }
            return held
        }
        let newer: MasterKey?
        do throws(VaultError) {
            newer = try .read(path: waiting)
        } catch .masterKeyMissing {
            newer = nil
        }
        if let newer, newer.id == needed {
            if alone { try MasterKey.replace(path, by: waiting) }
            return newer
        }
        guard let held else { throw .masterKeyMissing(path: path) }
        throw .otherMasterKey(needed: needed, given: held.id, source: MasterKeySource.file(path: path).words)
    }
}
