// SPDX-License-Identifier: Apache-2.0

public import Domain
import Glibc
import Synchronization

/// The master key that a rotation changes to, and the file it is in.
struct NextMasterKey: Sendable {
    let key: MasterKey
    /// Where it lies until it is the master; nil for a key of this process alone.
    let file: String?
    /// Whether the rotation made the file, and may take it away again.
    let isMade: Bool
}

/// The change of the master key, in steps that survive a crash between any two:
///
/// 1. `prepareRotation`: the new key is on disk, beside the old one. Nothing is wrapped under it.
/// 2. `rewrap` for every data key, in one transaction of the database, which then names the new key.
/// 3. `completeRotation`: the new key is the vault's, and its file takes the old one's place.
///
/// Whoever opens the vault after a crash asks the database which of the two it names (`open`).
extension Vault {
    /// Makes the next master key and puts it on disk.
    ///
    /// A key of a file is replaced in that file, so `newKeyFile` must be nil; for other sources it must say where the new key is
    /// to be written, from where its keeper takes it. A file that is there already holds the new key. Throws
    /// `rotationUnderWay`, `newKeyFileNeeded`, `newKeyFileNotNeeded`, and what files can throw.
    public func prepareRotation(newKeyFile: String? = nil) throws(VaultError) -> KeyID {
        let next = try makeNext(newKeyFile)
        let isFirst = ring.withLock { ring in
            guard ring.next == nil else { return false }
            ring.next = next
            return true
        }
        guard isFirst else { throw .rotationUnderWay }
        return next.key.id
    }

    private func makeNext(_ newKeyFile: String?) throws(VaultError) -> NextMasterKey {
        guard ring.withLock({ $0.next == nil }) else { throw .rotationUnderWay }
        switch (source, newKeyFile) {
        case (.process, nil): return NextMasterKey(key: .ephemeral(), file: nil, isMade: false)
        case (.file(let path), nil):
            let place = Self.waitingPlace(of: path)
            // Of an attempt before this one that changed nothing: the database would not name the key at hand.
            unlink(place)
            try MasterKey.write(.ephemeral(), path: place, as: .bytes)
            return NextMasterKey(key: try .read(path: place), file: place, isMade: true)
        case (.file(let path), .some): throw .newKeyFileNotNeeded(path: path)
        case (_, nil): throw .newKeyFileNeeded(source: source.words)
        case (_, let place?):
            var isMade = false
            if access(place, F_OK) != 0 {
                try MasterKey.write(.ephemeral(), path: place, as: .text)
                isMade = true
            }
            let key = try MasterKey.read(path: place)
            guard key.id != masterID else { throw .newKeyIsOld(path: place) }
            return NextMasterKey(key: key, file: place, isMade: isMade)
        }
    }

    /// Wraps a data key under the next master key instead of the current one.
    public func rewrap(_ wrapped: WrappedKey) throws(VaultError) -> WrappedKey {
        guard let next = ring.withLock({ $0.next?.key }) else { throw .wrongKey }
        let key = try unwrap(wrapped)
        return try key.withBytes { (bytes) throws(VaultError) in
            try Self.wrap(
                bytes, id: wrapped.id, registrar: wrapped.registrar, createdAt: wrapped.createdAt, under: next)
        }
    }

    /// Makes the next master key the current one; to be called when the database names it.
    ///
    /// Throws `rotationUnfinished` when its file cannot take the old one's place: the rotation is done all the same, and the
    /// next start tries again.
    public func completeRotation() throws(VaultError) {
        let next = ring.withLock { ring in
            let next = ring.next
            if let next { ring.current = next.key }
            ring.next = nil
            return next
        }
        if case .file(let path) = source, let place = next?.file { try MasterKey.replace(path, by: place) }
    }

    /// Forgets the next master key; to be called when the database does not name it.
    public func abandonRotation() {
        let next = ring.withLock { ring in
            defer { ring.next = nil }
            return ring.next
        }
        if let next, next.isMade, let file = next.file { unlink(file) }
    }
}
